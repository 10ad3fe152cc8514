"""An erased item is gone from tables, answers and files, and fragments of it are found wherever they are."""

from __future__ import annotations

import contextlib
import json
import random
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError, NotFound, StoreError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store import erasure, schema
from yukawa.knowledge.store.erasure import LENGTH, SHORTEST, Fragments, text_blocks

TEXT = 'The τ lepton\'s lifetime is 290.3 ± 0.5 fs, as measured by "four" groups\nin 1989 and in 2014 again.'


@given(st.integers(0, len(TEXT.encode()) - 2 * LENGTH + 1), st.binary(max_size=40), st.binary(max_size=40))
def test_any_63_bytes_in_a_row_give_a_text_away(start: int, before: bytes, after: bytes) -> None:
    part = TEXT.encode()[start : start + 2 * LENGTH - 1]
    assert Fragments([TEXT]).found_in([before + part + after])


@given(st.text(min_size=SHORTEST), st.binary(max_size=30))
def test_a_whole_text_is_found_raw_and_as_json(text: str, before: bytes) -> None:
    fragments = Fragments([text])
    for form in (text, json.dumps(text), json.dumps(text, ensure_ascii=False)):
        assert fragments.found_in([before + form.encode("utf-8", "surrogatepass")])


@given(st.binary(max_size=500), st.lists(st.text("abc ", min_size=SHORTEST, max_size=50)))
def test_what_is_found_is_there_and_what_is_there_is_found(block: bytes, texts: list[str]) -> None:
    block += b"".join(text.encode() for text in texts[::2])
    fragments = Fragments(texts)
    found = fragments.found_in([block])
    assert all(fragment in block for fragment in found)
    for text in texts[::2]:
        assert text.encode()[:LENGTH] in found


def test_nothing_is_found_where_nothing_is() -> None:
    assert not Fragments([TEXT]).found_in([b"", b"The", TEXT.upper().encode(), bytes(10_000)])
    assert not Fragments([]).found_in([TEXT.encode()])


def test_short_texts_are_not_looked_for() -> None:
    assert not Fragments(["x" * (SHORTEST - 1)]).found_in([b"x" * 100])
    assert Fragments(["x" * SHORTEST]).found_in([b"x" * 100])


def test_texts_in_blocks_do_not_run_together() -> None:
    assert not Fragments(["one two three four"]).found_in(text_blocks(["one two ", None, "", "three four"]))
    assert Fragments(["one two three four"]).found_in(text_blocks(["x", "one two three four"]))


SECRET = "Zorblax detector gains drifted by 4.72 percent during Quuxember"


def words(count: int, seed: int) -> str:
    """Text in which no two neighbouring words are found anywhere else."""
    generator = random.Random(seed)
    return " ".join("".join(generator.choices("bcdfghklmnprstvwz", k=7)) for _ in range(count))


def bytes_of(folder: Path) -> bytes:
    return b"\0".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def fragments(text: str, length: int = 24) -> list[bytes]:
    data = text.encode()
    return [data[i : i + length] for i in range(0, len(data) - length + 1, max(7, len(data) // 400))]


@pytest.fixture
def local(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase.open(tmp_path / "base", embedding="hash")


def test_no_byte_is_left_of_an_item_updated_many_times(local: KnowledgeBase, tmp_path: Path) -> None:
    texts = [f"{SECRET}, run {words(12, seed)}." for seed in range(30)]
    item = local.teach(
        texts[0], question="How far did Zorblax gains drift in Quuxember?", author="A", source="S"
    )
    for i, text in enumerate(texts[1:]):
        local.update(item.id, text)
        local.teach(f"Harmless {words(20, 100 + i)}")
    local.search("zorblax gains")
    local.save_index()
    before = bytes_of(tmp_path)
    assert b"Quuxember" in before
    assert (tmp_path / "base" / "knowledge.index").is_file()

    local.purge(item.id, actor="B", reason="asked for")

    after = bytes_of(tmp_path)
    assert not [f for text in [SECRET, *texts] for f in fragments(text) if f in after]
    assert b"Quuxember" not in after
    assert b"zorblax" not in after
    assert local.verify().clean
    assert len(local.list()) == 29
    local.close()
    assert b"Quuxember" not in bytes_of(tmp_path)


def test_no_byte_is_left_of_a_long_document(local: KnowledgeBase, tmp_path: Path) -> None:
    for i in range(40):
        local.teach(f"Harmless {words(30, 500 + i)}")
    text = "\n\n".join(f"# Section {i}\n\n{words(400, i)}." for i in range(40))
    assert len(text) > 20 * 4096
    item = local.teach(text)
    assert fragments(text)[100] in bytes_of(tmp_path)
    local.update(item.id, text + " " + words(50, 99))
    local.unload(item.id)
    local.restore(item.id)
    local.purge(item.id)
    after = bytes_of(tmp_path)
    assert not [f for f in fragments(text) if f in after]
    assert local.verify().clean
    assert len(local.list()) == 40


def test_rows_are_gone_and_the_ledger_tells_who_erased(base: KnowledgeBase) -> None:
    base.teach("Something else about the Zorblax magnet.")
    item = base.teach(SECRET, question="What drifted in Quuxember?")
    base.update(item.id, SECRET + " again")
    base.purge(item.id, actor="Marie", reason="withdrawn")
    versions, events = base.history(item.id)
    assert versions == []
    assert [(e.verb, e.version) for e in events] == [
        ("teach", 1),
        ("update", 2),
        ("purge", None),
        ("cleaned", None),
    ]
    assert (events[-2].actor, events[-2].reason) == ("Marie", "withdrawn")
    assert base.verify().clean
    assert item.id not in {hit.item_id for hit in base.search(SECRET, k=20)}
    assert item.id not in {hit.item_id for hit in base.search(SECRET, k=20, as_of=events[0].time)}
    with base.store.read() as connection:
        for table in (schema.versions, schema.passages, schema.facts, schema.vectors, schema.postings):
            said = str(connection.execute(sa.select(table)).mappings().all())
            assert "Quuxember" not in said
            assert "drifted" not in said


def everything_about_an_item(base: KnowledgeBase) -> tuple[str, set[str]]:
    """An item with its own word in each place where something can be written about it, and these words."""
    base.teach("A harmless magnet was measured.", author="Benign", reason="a harmless reason")
    base.keep_answer("a-first", "Qaquestion drift?", {"answer": "none", "sources": []})
    item = base.teach(
        "The Qatext ring drifted by 4.72 percent.", question="Qaquestion drift?", source="Qasource", author="Qaauthor", corrects="a-first",
        url="https://example.org/qaurl", licence="Qalicence", actor="Qaactor", reason="said Qareason", attributes={"note": ["Qanote"]},
    )  # fmt: skip
    base.update(
        item.id,
        "The mass of the tau is 1776.9 MeV.",
        question="What is the mass of the tau?",
        source="Qaupdate",
        author="Qaupdater",
        reason="the text was Qaold",
    )
    base.review(item.id, actor="Marie", reason="Qareview")
    base.review(item.id, actor="Chen", agree=False, reason="Qaretract")
    other = base.teach("The mass of the tau is 1500 MeV.", author="Benign", reason="B")
    (conflict,) = base.conflicts()
    base.resolve(conflict.id, keep=other.id, actor="Benign", reason="Qaresolve")
    base.restore(item.id, actor="Qarestorer", reason="Qarestored")
    base.unload(item.id, actor="Qaunloader", reason="Qaunloaded")
    base.update(
        other.id,
        "The mass of the tau is 1501 MeV.",
        reason="it said: The Qatext ring drifted by 4.72 percent.",
    )
    base.keep_answer("a-names", "Qaasked?", {"answer": "Qaanswer", "sources": [{"id": item.id}]})
    words = "text question source author url licence actor reason note update updater old review retract resolve restorer restored"
    return item.id, {f"qa{word}" for word in f"{words} unloader unloaded asked answer".split()}


def test_no_word_that_belonged_to_an_item_alone_is_left(base: KnowledgeBase, tmp_path: Path) -> None:
    item_id, words = everything_about_an_item(base)
    base.search("drift")
    base.save_index()

    def left() -> set[str]:
        """Words in the files of a base or, of a server's, in what any table says."""
        with base.store.read() as connection:
            rows = [connection.execute(sa.select(table)).all() for table in schema.metadata.sorted_tables]
        said = (bytes_of(tmp_path) if base.store.file else str(rows).encode()).lower()
        return {word for word in words if word.encode() in said}

    assert left() == words
    base.purge(item_id, actor="Eraser", reason="asked for by its author")
    assert left() == set()
    assert base.verify().clean
    versions, events = base.history(item_id)
    assert versions == []
    assert {(e.actor, e.reason) for e in events[:-2]} == {("", "")}
    assert [(e.verb, e.actor, e.reason) for e in events[-2:]] == [
        ("purge", "Eraser", "asked for by its author"), ("cleaned", "Eraser", "")
    ]  # fmt: skip
    (other,) = base.list(author="Benign", kind="statement", limit=1)
    assert {e.actor for e in base.history(other.id)[1]} == {"Benign"}
    assert [e.reason for e in base.history(other.id)[1]] == ["B", "", ""]
    assert base.verify().clean
    base.export(tmp_path / "export.jsonl")
    with KnowledgeBase.open(tmp_path / "copy", embedding="hash") as copy:
        copy.import_(tmp_path / "export.jsonl")
        assert copy.verify().clean
        assert copy.history(item_id)[1] == events


def test_a_reason_that_quotes_what_it_erases_is_refused(base: KnowledgeBase) -> None:
    item = base.teach(SECRET)
    with pytest.raises(InputError, match="quotes what is to be erased"):
        base.purge(item.id, reason=f"it said: {SECRET}")
    assert base.show(item.id).text == SECRET


def test_a_text_that_the_tables_themselves_have_can_be_erased(base: KnowledgeBase) -> None:
    base.purge(base.teach("the ledger is append-only").id)
    assert base.verify().clean


def test_an_unknown_or_erased_item_cannot_be_erased(base: KnowledgeBase) -> None:
    item = base.teach(SECRET)
    with pytest.raises(NotFound, match=f"did you mean {item.id}"):
        base.purge(item.id[:-1] + ("y" if item.id.endswith("x") else "x"))
    base.purge(item.id)
    with pytest.raises(NotFound, match="was erased"):
        base.purge(item.id)
    assert base.verify().events == 3


def test_numbers_of_erased_rows_do_not_come_back(
    base: KnowledgeBase, open_again: Callable[[], KnowledgeBase]
) -> None:
    other = open_again()
    base.teach("The first statement.")
    item = base.teach(SECRET)
    (hit,) = [h for h in other.search(SECRET) if h.item_id == item.id]
    base.purge(item.id)
    again = base.teach("A statement taught after the erasure.")
    (new,) = [h for h in base.search("taught after the erasure") if h.item_id == again.id]
    assert new.passage_id > hit.passage_id
    # An index that was in memory before does not take the new passage for the old one.
    assert again.id in {h.item_id for h in other.search("taught after the erasure")}
    assert item.id not in {h.item_id for h in other.search(SECRET)}
    assert other.verify().clean


def test_answers_that_cite_or_quote_go_and_others_stay(base: KnowledgeBase) -> None:
    item = base.teach(SECRET)
    base.teach("The harmless truth about magnets is that they attract iron filings of any size.")
    kept = {
        "answer": "The harmless truth about magnets is that they attract iron filings of any size.",
        "sources": [],
    }
    base.keep_answer("a-cites", "?", {"answer": "4.72", "sources": [{"id": item.id, "quote": "…"}]})
    base.keep_answer("a-quotes", "?", {"answer": f'It says: "{SECRET[5:]}"\n', "sources": []})
    base.keep_answer("a-asks", f"Is it so that {SECRET}", {"answer": "yes"})
    base.keep_answer("a-near-id", "?", {"answer": f"see {item.id}x", "sources": []})
    base.keep_answer("a-harmless", "Zorblax?", kept)
    base.purge(item.id)
    for gone in ("a-cites", "a-quotes", "a-asks"):
        with pytest.raises(NotFound):
            base.answer(gone)
    assert base.answer("a-harmless")["answer"] == kept
    assert base.answer("a-near-id")


def test_nothing_that_was_read_before_an_erasure_is_written_after_it(
    base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when another process erases an item between the reading and the writing of a change to it, or of an answer."""
    real = base._serving.embedded

    def meanwhile(groups: object) -> object:
        base.purge(item.id)
        return real(groups)  # type: ignore[arg-type]

    for verb in ("update", "restore"):
        item = base.teach(f"{SECRET}, before {verb}", question="What drifted in Quuxember?")
        if verb == "restore":
            base.unload(item.id)
        with monkeypatch.context() as patch:
            patch.setattr(base._serving, "embedded", meanwhile)
            with pytest.raises(NotFound, match="was erased"):
                base.update(item.id, "It did not.") if verb == "update" else base.restore(item.id)
        assert base.history(item.id)[0] == []
    base.keep_answer("late", "?", {"answer": SECRET, "sources": [{"id": item.id}]})
    with pytest.raises(NotFound):
        base.answer("late")


def test_what_another_item_says_too_may_stay(base: KnowledgeBase) -> None:
    shared = "Everybody knows that the beam energy was raised in the spring of that year."
    item = base.teach(f"{shared} {SECRET}")
    other = base.teach(f"{shared} Nothing else happened.")
    base.keep_answer("a", "?", {"answer": shared})
    base.purge(item.id)
    assert base.show(other.id).text.startswith(shared)
    assert base.answer("a")["answer"] == {"answer": shared}


def test_conflicts_with_an_erased_item_are_gone(base: KnowledgeBase) -> None:
    first = base.teach("The mass of the tau is 1776.9 MeV.")
    second = base.teach("The mass of the tau is 1500.1 MeV.")
    assert second.conflicts
    base.purge(second.id)
    assert base.conflicts() == []
    assert base.show(first.id).conflicts == ()


def test_fragments_that_remain_are_reported(local: KnowledgeBase, tmp_path: Path) -> None:
    item = local.teach(SECRET)
    stray = tmp_path / "base" / "knowledge.sqlite-journal"
    stray.write_bytes(b"old pages: " + SECRET.encode())
    with pytest.raises(StoreError, match=r"knowledge\.sqlite-journal"):
        local.purge(item.id)
    assert local.history(item.id)[0] == []
    assert local.verify().clean


def test_free_space_that_was_never_cleaned_is_cleaned_now(local: KnowledgeBase, tmp_path: Path) -> None:
    """A text left in free pages, as other programs may leave it, makes the base be written anew."""
    item = local.teach(SECRET)
    with sqlite3.connect(tmp_path / "base" / "knowledge.sqlite") as other:
        other.execute("PRAGMA secure_delete=OFF")
        other.execute("CREATE TABLE scratch (text)")
        other.executemany("INSERT INTO scratch VALUES (?)", [(SECRET,)] * 1000)
        other.execute("DROP TABLE scratch")
    other.close()
    assert bytes_of(tmp_path).count(SECRET.encode()) > 500
    local.purge(item.id)
    assert SECRET.encode() not in bytes_of(tmp_path)


def test_an_index_half_written_by_another_process_is_removed(local: KnowledgeBase, tmp_path: Path) -> None:
    item = local.teach(SECRET)
    half = tmp_path / "base" / "knowledge.index.4711.new"
    half.write_text("quuxember")
    old = tmp_path / "base" / "knowledge.index"  # a folder, as earlier versions kept it
    old.mkdir()
    (old / "vocabulary.txt").write_text("quuxember")
    local.purge(item.id)
    assert not half.exists()
    assert not old.exists()


def test_a_failing_erasure_changes_nothing(base: KnowledgeBase, monkeypatch: pytest.MonkeyPatch) -> None:
    item = base.teach(SECRET)

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(erasure, "_delete_answers", fail)
    with pytest.raises(StoreError):
        base.purge(item.id)
    assert base.show(item.id).text == SECRET
    assert base.verify().clean


def files_of_server_with(folder: Path, word: bytes) -> set[str]:
    """Parts of a server's folder whose files hold a word, in whatever case."""
    found = set()
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # a folder, a socket, or what the server has just removed
            if word in path.read_bytes().lower():
                found.add(path.relative_to(folder).parts[0])
    return found


@pytest.mark.slow
def test_a_server_holds_an_erased_text_in_its_log_alone_and_there_until_that_is_written_over(
    postgres: Callable[[], str],
) -> None:
    import psycopg

    url, secret = postgres(), "Xylobrak magnet"
    guide = (Path(__file__).parents[3] / "docs" / "knowledge.md").read_text(encoding="utf-8")
    command = (
        guide.partition("<!-- test: write-ahead log -->")[2].partition("```sql\n")[2].partition("```")[0]
    )
    with (
        psycopg.connect(url, autocommit=True) as administrator,
        KnowledgeBase.open(url, embedding="hash") as base,
    ):
        folder = Path(administrator.execute("SHOW data_directory").fetchone()[0])  # type: ignore[index]
        items = [
            base.teach(f"The {secret} {number} was cooled. " + words(300, number)) for number in range(3)
        ]
        base.teach(
            "The harmless mass of the tau is 1776.9 MeV."
        )  # statistics of an empty table are not made anew
        base.keep_answer("a", "Which?", {"answer": f"The {secret} 1 was cooled."})
        administrator.execute("ANALYZE")
        administrator.execute("CHECKPOINT")
        assert files_of_server_with(folder, b"xylobrak") == {"base", "pg_wal"}
        for item in items:
            base.purge(item.id)
        administrator.execute("CHECKPOINT")
        assert files_of_server_with(folder, b"xylobrak") == {"pg_wal"}
        for statement in re.findall(r"(?s)DO \$\$.*?\$\$|[A-Z][^;]+", command):
            administrator.execute(statement)
        assert files_of_server_with(folder, b"xylobrak") == set()
        assert base.verify().clean
