"""What the database itself does as rows are written: it guards the ledger and keeps totals, and nothing else.

A trigger, a rule, a view or a policy of somebody else would change or show other rows than we write, whatever their checksums say.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from yukawa.knowledge.store.schema import metadata

IN_FILE = {
    f"events_no_{verb.lower()}": f"CREATE TRIGGER events_no_{verb.lower()} BEFORE {verb} ON events"
    " BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    for verb in ("UPDATE", "DELETE")
}
"""The triggers of a file, by name: nobody, not even this program by mistake, can change what the ledger holds."""

# Ranking needs the number of passages and of their terms at every search; the server keeps both up to date itself.
_FUNCTIONS = {
    "events_append_only": "BEGIN RAISE EXCEPTION 'the ledger is append-only'; END",
    "passages_totals": """
    BEGIN
        INSERT INTO meta AS m (key, value)
        SELECT t.key, t.value FROM (
            SELECT count(*) AS number, coalesce(sum(cardinality(string_to_array(terms, ' '))), 0) AS length FROM changed
        ) c, LATERAL (VALUES ('passage_count', CAST(c.number * CAST(TG_ARGV[0] AS int) AS text)),
                             ('passage_length', CAST(c.length * CAST(TG_ARGV[0] AS int) AS text))) AS t (key, value)
        ON CONFLICT (key) DO UPDATE SET value = CAST(CAST(m.value AS bigint) + CAST(excluded.value AS bigint) AS text);
        RETURN NULL;
    END""",
}
# As `pg_get_triggerdef` writes them.
_TRIGGERS = {
    "CREATE TRIGGER events_append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON events"
    " FOR EACH STATEMENT EXECUTE FUNCTION events_append_only()": "events_append_only",
    "CREATE TRIGGER passages_totals_insert AFTER INSERT ON passages REFERENCING NEW TABLE AS changed"
    " FOR EACH STATEMENT EXECUTE FUNCTION passages_totals('1')": "passages_totals",
    "CREATE TRIGGER passages_totals_delete AFTER DELETE ON passages REFERENCING OLD TABLE AS changed"
    " FOR EACH STATEMENT EXECUTE FUNCTION passages_totals('-1')": "passages_totals",
}
ON_SERVER = [
    *(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$"
        for name, body in _FUNCTIONS.items()
    ),
    *_TRIGGERS,
]
"""What makes the triggers of a server, in this order."""

_OURS = "(SELECT to_regclass(name) AS oid FROM unnest(CAST(:names AS text[])) AS n(name))"
_SERVERS = f"""
    SELECT pg_get_triggerdef(t.oid, true) AS sql, t.tgname AS name, t.tgenabled = 'O' AS enabled, p.prosrc AS body
    FROM {_OURS} ours JOIN pg_trigger t ON t.tgrelid = ours.oid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE NOT t.tgisinternal ORDER BY 1
"""  # noqa: S608 -- no text of others
# Views that extensions bring, such as pg_stat_statements, are theirs; other schemas than the base's are not looked at.
_FOREIGN = f"""
    SELECT r.rulename AS name, 'a rule' AS what
    FROM {_OURS} ours JOIN pg_rewrite r ON r.ev_class = ours.oid WHERE r.rulename <> '_RETURN'
    UNION ALL SELECT c.relname, 'a view' FROM pg_class c
    WHERE c.relkind IN ('v', 'm') AND c.relnamespace IN
        (SELECT o.relnamespace FROM {_OURS} ours JOIN pg_class o ON o.oid = ours.oid) AND NOT EXISTS
        (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    UNION ALL SELECT c.relname, 'a table of another kind'
    FROM {_OURS} ours JOIN pg_class c ON c.oid = ours.oid WHERE c.relkind NOT IN ('r', 'v', 'm')
    UNION ALL SELECT c.relname, 'under a policy' FROM {_OURS} ours JOIN pg_class c ON c.oid = ours.oid WHERE c.relrowsecurity
    UNION ALL SELECT c.relname, 'a child table'
    FROM {_OURS} ours JOIN pg_inherits i ON i.inhparent = ours.oid JOIN pg_class c ON c.oid = i.inhrelid
    ORDER BY 2, 1
"""  # noqa: S608 -- no text of others


def problems(connection: sa.Connection) -> Iterator[str]:
    """Triggers of ours that are missing or were changed, and what else acts on the tables or shows other rows."""
    on_server = connection.dialect.name == "postgresql"
    yield from _of_server(connection) if on_server else _of_file(connection)


def notes(connection: sa.Connection) -> Iterator[str]:
    """Settings of a server with which what was said to be kept may be lost when its machine stops."""
    if connection.dialect.name == "postgresql":
        query = "SELECT name FROM pg_settings WHERE name IN ('synchronous_commit', 'full_page_writes') AND setting = 'off'"
        for name in connection.execute(sa.text(f"{query} ORDER BY 1")).scalars():
            yield f"server: {name} is off: the last changes may be lost when its machine stops; set it to on"


def _of_file(connection: sa.Connection) -> Iterator[str]:
    query = "SELECT name, type, sql FROM sqlite_master WHERE type IN ('trigger', 'view')"
    found = {row.name: row for row in connection.exec_driver_sql(query)}
    for name, sql in IN_FILE.items():
        if name not in found or found.pop(name).sql != sql:
            yield _lost(name)
    yield from (_foreign(row.name, f"a {row.type}") for row in found.values())


def _of_server(connection: sa.Connection) -> Iterator[str]:
    names = {"names": [*metadata.tables]}
    found = {row.sql: row for row in connection.execute(sa.text(_SERVERS), names)}
    for sql, function in _TRIGGERS.items():
        row = found.pop(sql, None)
        if row is None or not row.enabled or row.body.split() != _FUNCTIONS[function].split():
            yield _lost(sql.split()[2])
    yield from (_foreign(row.name, "a trigger") for row in found.values())
    yield from (_foreign(row.name, row.what) for row in connection.execute(sa.text(_FOREIGN), names))


def _lost(name: str) -> str:
    return f"database: the trigger {name}, which guards the tables, is missing or was changed"


def _foreign(name: str, what: str) -> str:
    return f"database: {name!r:.60} is {what} that is not ours: remove it"
