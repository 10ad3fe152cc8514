"""Who asks: roles, keys that are kept as hashes, sessions of browsers, and the one function that reads credentials."""

import hmac
import re
import secrets
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import sqlalchemy as sa
from starlette.requests import Request

from yukawa.core.errors import InputError, NotFound, check_name
from yukawa.knowledge.store.writer import new_id
from yukawa.knowledge.texts import check_legible, checked_text
from yukawa.knowledge.trust import NOBODY
from yukawa.server.problems import Refusal
from yukawa.server.tables import ServerTables, digest, keys, now, sessions

Role = Literal["reader", "asker", "teacher", "reviewer", "admin", "rater"]
ROLES: tuple[Role, ...] = get_args(Role)
_RANKS: dict[Role, int] = {
    role: rank for rank, role in enumerate(ROLES) if role != "rater"
}  # each may what those before it may

PREFIX = "yk-"
COOKIE = "yukawa_session"
SESSION_S = 12 * 3600
_SHOWN = 9  # letters of a key that lists show
_SECOND = 10**6
_USED_EVERY = 60 * _SECOND
_DURATION = re.compile(r"([1-9]\d{0,4})([hdwy])")
_HOURS = {"h": 1, "d": 24, "w": 7 * 24, "y": 365 * 24}


def allows(role: Role, needed: Role) -> bool:
    """Whether who has `role` may do what needs `needed`; raters judge and do nothing else, and only admins beside them."""
    if "rater" in (role, needed):
        return needed == "rater" and role in ("rater", "admin")
    return _RANKS[role] >= _RANKS[needed]


@dataclass(frozen=True, slots=True)
class Person:
    """Who sends a request.

    Attributes:
        name: of the person, as the history of the base has it.
        role: what the person may do.
        key_id: of the key used; '' on the loopback interface without keys.
        csrf: the token that a browser's session must send along; '' where a program sent a key.
    """

    name: str
    role: Role
    key_id: str = ""
    csrf: str = ""


class Keys:
    """The keys and sessions of a server.

    Args:
        tables: where they are kept.
        local: who asks without a key; None if a key is needed.
    """

    def __init__(self, tables: ServerTables, local: Person | None = None) -> None:
        self._tables, self.local = tables, local

    # ---- keys -------------------------------------------------------------------------------------

    def add(self, name: str, role: str, *, expires: str = "", actor: str) -> tuple[str, dict[str, Any]]:
        """A new key of a person: the key itself, which is shown this once and kept nowhere, and its row.

        Args:
            name: of the person; several keys may be of one, all of one role.
            role: one of `ROLES`.
            expires: after which time it ends, such as '12h', '30d', '8w' or '1y'; never by default.
            actor: who adds it.

        Raises:
            InputError: the name, the role or the duration cannot be used.
        """
        name = " ".join(checked_text(name, "the name").split())
        check_legible(name, "the name")
        if len(name) > 80 or name in NOBODY:
            raise InputError(
                f"the name {name[:80]!r} cannot be used",
                hint="give the name of a person, of 80 letters at most",
            )
        check_name("role", role, ROLES)
        end = now() + _duration(expires) if expires else None
        key = PREFIX + secrets.token_urlsafe(32)
        row = {
            "id": new_id(), "name": name, "role": role, "hash": digest(key), "prefix": key[:_SHOWN], "created": now(),
            "expires": end, "last_used": None, "revoked": None,
        }  # fmt: skip
        with self._tables.write() as connection:
            others = (
                connection.execute(sa.select(keys.c.role).where(keys.c.name == name, _valid()))
                .scalars()
                .all()
            )
            if any(other != role for other in others):
                raise InputError(
                    f"{name} has a key of the role {others[0]!r}, and a person has one role",
                    hint="revoke that key first",
                )
            connection.execute(sa.insert(keys), row)
            self._tables.note(actor, "add key", f"{row['id']} {role} {name}", connection)
        return key, _shown(row)

    def all(self) -> list[dict[str, Any]]:
        """Every key without its secret part, newest first."""
        with self._tables.read() as connection:
            rows = connection.execute(sa.select(keys).order_by(keys.c.created.desc())).mappings().all()
        return [_shown(dict(row)) for row in rows]

    def revoke(self, name: str, *, actor: str) -> int:
        """End the key of this id, or all keys of the person of this name, with their sessions; returns how many ended.

        Raises:
            NotFound: there is no valid key of that id or name.
        """
        with self._tables.write() as connection:
            which = ((keys.c.id == name) | (keys.c.name == name)) & _valid()
            ids = connection.execute(sa.select(keys.c.id).where(which)).scalars().all()
            if not ids:
                raise NotFound(
                    f"there is no valid key of the name or id {name!r}", hint="type: yukawa serve keys list"
                )
            connection.execute(sa.update(keys).where(keys.c.id.in_(ids)).values(revoked=now()))
            connection.execute(sa.delete(sessions).where(sessions.c.key_id.in_(ids)))
            self._tables.note(actor, "revoke keys", " ".join(ids), connection)
        return len(ids)

    def holder(self, key: str) -> Person | None:
        """The person of a valid key."""
        with self._tables.read() as connection:
            row = connection.execute(sa.select(keys).where(keys.c.hash == digest(key), _valid())).first()
        if row is None or not hmac.compare_digest(row.hash, digest(key)):
            return None
        if (row.last_used or 0) < now() - _USED_EVERY:
            with self._tables.write() as connection:
                connection.execute(sa.update(keys).where(keys.c.id == row.id).values(last_used=now()))
        return Person(row.name, row.role, row.id)

    def still_valid(self, person: Person) -> bool:
        """Whether the key of a person has neither ended nor been revoked since."""
        if not person.key_id:
            return True
        with self._tables.read() as connection:
            return (
                connection.execute(sa.select(keys.c.id).where(keys.c.id == person.key_id, _valid())).first()
                is not None
            )

    # ---- sessions ---------------------------------------------------------------------------------

    def open_session(self, key: str | None) -> tuple[str, Person] | None:
        """A new session of a browser for the holder of a key, or without one for who needs none; None if the key is not valid.

        Returns:
            The value of the cookie, and the person with the token that its forms must carry.
        """
        person = self.local if key is None else self.holder(key)
        if person is None:
            return None
        value, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        row = {
            "hash": digest(value), "key_id": person.key_id or None, "csrf": csrf, "created": now(),
            "expires": now() + SESSION_S * _SECOND,
        }  # fmt: skip
        with self._tables.write() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.expires < now()))
            connection.execute(sa.insert(sessions), row)
        return value, Person(person.name, person.role, person.key_id, csrf)

    def close_session(self, value: str) -> None:
        """End a session; nothing if there is none."""
        with self._tables.write() as connection:
            connection.execute(sa.delete(sessions).where(sessions.c.hash == digest(value)))

    def visitor(self, value: str) -> Person | None:
        """The person of a session that has not ended."""
        query = sa.select(sessions.c.csrf, sessions.c.key_id, keys.c.name, keys.c.role).where(
            sessions.c.hash == digest(value),
            sessions.c.expires > now(),
            sessions.c.key_id.is_(None) | _valid(),
        )
        with self._tables.read() as connection:
            row = connection.execute(
                query.select_from(sessions.outerjoin(keys, keys.c.id == sessions.c.key_id))
            ).first()
        if row is None:
            return None
        if row.key_id is None:
            return self.local and Person(self.local.name, self.local.role, "", row.csrf)
        return Person(row.name, row.role, row.key_id, row.csrf)

    # ---- credentials ------------------------------------------------------------------------------

    def read_credentials(self, request: Request) -> Person | None:
        """Who sends a request, by what it carries; nothing else in the program looks at headers for that.

        A key comes as `Authorization: Bearer KEY`, and a browser's session as a cookie, which counts only without such a
        header. Where no key is needed, anything that does not look like one of ours is ignored: many clients insist on sending
        some key.

        Returns:
            The person; None where nothing was sent and a key is needed.

        Raises:
            Refusal: what was sent is not valid.
        """
        sent = request.headers.getlist("authorization")
        if sent:
            scheme, _, key = sent[0].strip().partition(" ")
            key = key.strip()
            ours = key.startswith(PREFIX)
            if self.local is not None and not ours:
                return self.local
            person = self.holder(key) if len(sent) == 1 and scheme.lower() == "bearer" and ours else None
            if person is None:
                raise unauthorized("this key is not valid")
            return person
        value = request.cookies.get(COOKIE)
        if value and (visitor := self.visitor(value)) is not None:
            return visitor
        return self.local


def unauthorized(reason: str) -> Refusal:
    """The one reply to a key that is missing, wrong, expired or revoked."""
    return Refusal(
        401,
        f"{reason}; send Authorization: Bearer KEY",
        code="invalid_api_key",
        headers={"www-authenticate": "Bearer"},
    )


class KeyReviewers(Collection[str]):
    """The people who may review: those whose valid key says so, and those that the settings name where no key is needed."""

    def __init__(self, tables: ServerTables, named: Collection[str] = ()) -> None:
        self._tables, self._named = tables, frozenset(named)

    def _names(self) -> set[str]:
        query = sa.select(keys.c.name).where(keys.c.role.in_(("reviewer", "admin")), _valid())
        with self._tables.read() as connection:
            return {*self._named, *connection.execute(query).scalars()}

    def __contains__(self, name: object) -> bool:
        return name in self._names()

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())


def _valid() -> sa.ColumnElement[bool]:
    return keys.c.revoked.is_(None) & (keys.c.expires.is_(None) | (keys.c.expires > now()))


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    ended = row["revoked"] is not None or (row["expires"] is not None and row["expires"] <= now())
    return {name: value for name, value in row.items() if name != "hash"} | {"valid": not ended}


def _duration(text: str) -> int:
    """Microseconds of '30d'.

    Raises:
        InputError: it is not such a text.
    """
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise InputError(f"{text!r} is not a duration", hint="type for instance 12h, 30d, 8w or 1y")
    return int(found[1]) * _HOURS[found[2]] * 3600 * _SECOND
