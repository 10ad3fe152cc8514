"""What was made from an erased item is named: files that hold its text or its id, and runs that were trained on them."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import pytest

from yukawa.core.files import read_jsonl, write_jsonl
from yukawa.data.engine import FissionRecipe, compose_set, run_fission
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store.schema import TAKEN
from yukawa.knowledge.store.traces import Tracer, Traces, note, noted
from yukawa.runs.run import Run

TEXT = "The full width of the Zorblax resonance is 2.495 GeV, as nobody remembers."
OTHER = "The mass of the tau is 1776.9 MeV."


@pytest.fixture
def base(tmp_path: Path) -> KnowledgeBase:
    """A base with two items."""
    opened = KnowledgeBase.open(tmp_path / "base", embedding="none")
    opened.teach(OTHER, source="handbook")
    return opened


def purged(base: KnowledgeBase, item_id: str, *folders: Path) -> Traces:
    """What is left after an erasure."""
    tracer = Tracer(base.store, item_id)
    base.purge(item_id)
    return tracer.find(folders)


@pytest.mark.parametrize(
    ("name", "content", "holds"),
    [
        ("notes.md", TEXT, True),
        ("rows.jsonl", json.dumps({"text": TEXT}), True),
        ("rows.jsonl.gz", TEXT, True),
        ("deep/er/evidence.jsonl", '{"source_id": "ID"}', True),
        ("long.txt", "x" * (4 << 20) + TEXT, True),
        ("cut.txt", "x" * ((4 << 20) - 20) + TEXT[:32], True),
        ("id.txt", f"xID {OTHER}", False),
        ("others.txt", OTHER, False),
        ("empty.txt", "", False),
        ("model.safetensors", TEXT, False),
        ("damaged.gz", "\x1f\x8bno", False),
    ],
)
def test_files_that_hold_it_are_named(
    base: KnowledgeBase, tmp_path: Path, name: str, content: str, holds: bool
) -> None:
    item = base.teach(TEXT, source="s")
    file = tmp_path / "runs" / name
    file.parent.mkdir(parents=True)
    data = content.replace("ID", item.id).encode("latin-1")
    file.write_bytes(gzip.compress(data) if name == "rows.jsonl.gz" else data)
    left = purged(base, item.id, tmp_path / "runs", tmp_path / "none")
    assert left == Traces((file,) if holds else ())
    assert len(left.lines()) == holds


def test_what_there_was_no_time_for_is_counted(base: KnowledgeBase, tmp_path: Path) -> None:
    item = base.teach(TEXT, source="s")
    (tmp_path / "runs").mkdir()
    for number in range(3):
        (tmp_path / "runs" / f"{number}.md").write_text(TEXT)
    tracer = Tracer(base.store, item.id)
    base.purge(item.id)
    left = tracer.find([tmp_path / "runs"], seconds=-1)
    assert left == Traces((), (), 3)
    assert left.lines() == ["3 more files could not be searched in time"]
    assert len(tracer.find([tmp_path / "runs"]).files) == 3


def test_a_packed_file_without_end_takes_no_more_time_than_there_is(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    item = base.teach(TEXT, source="s")
    member = gzip.compress(bytes(16 << 20))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "rows.jsonl.gz").write_bytes(member * 2000)  # 32 GB, packed in 32 MB
    tracer = Tracer(base.store, item.id)
    base.purge(item.id)
    began = time.process_time()
    assert tracer.find([tmp_path / "runs"], seconds=0.5) == Traces((), (), 1)
    assert time.process_time() - began < 5


def test_what_another_item_says_too_is_not_of_this_one(base: KnowledgeBase, tmp_path: Path) -> None:
    item = base.teach(TEXT, source="s")
    base.teach(f"{TEXT} Or so it was said.", source="s")
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "notes.md").write_text(TEXT)
    assert purged(base, item.id, tmp_path / "runs") == Traces()


def test_a_run_that_took_from_the_base_a_set_composed_of_it_and_what_was_trained_on_that(
    base: KnowledgeBase, tmp_path: Path
) -> None:
    """The base itself knows of the run, wherever it lies; of the rest the folders that are given tell."""
    item = base.teach("The full width of the Z boson is 2.495 GeV.", source="lecture")
    out, runs = tmp_path / "elsewhere" / "fission", tmp_path / "runs"
    run_fission(out, FissionRecipe(seeds=("particle physics",), pairs=2), base)
    compose_set([out], tmp_path / "sets" / "all", embedding="none")
    inputs = list((tmp_path / "sets" / "all").glob("*.parquet"))
    assert inputs
    Run.create(runs / "mine", {"a": 1}, inputs)
    write_jsonl(tmp_path / "other.jsonl", [{"text": OTHER}])
    Run.create(runs / "other", {"a": 1}, [tmp_path / "other.jsonl"])
    (runs / "broken").mkdir()
    (runs / "broken" / "data.json").write_text("{")
    left = purged(base, item.id, runs, tmp_path / "sets")
    assert {file.parent for file in left.files} >= {out, tmp_path / "sets" / "all"}
    assert left.trained == (runs / "mine",)
    assert any("train it anew" in line for line in left.lines())
    assert not any(item.id in row.get("source_id", "") for row in read_jsonl(tmp_path / "other.jsonl"))


def test_folders_are_noted_once_while_they_are_there(base: KnowledgeBase, tmp_path: Path) -> None:
    for name in ("a", "b", "a"):
        (tmp_path / name).mkdir(exist_ok=True)
        note(base.store, tmp_path / name)
    with base.store.read() as connection:
        assert noted(connection) == [tmp_path / "a", tmp_path / "b"]
    (tmp_path / "a").rmdir()
    (tmp_path / "c").mkdir()
    note(base.store, tmp_path / "c")
    with base.store.read() as connection:
        assert noted(connection) == [tmp_path / "b", tmp_path / "c"]
    base.export(tmp_path / "export.jsonl")
    assert TAKEN not in [row.get("key") for row in read_jsonl(tmp_path / "export.jsonl")]


@pytest.mark.parametrize("damaged", ["", "{", "{}", "[1]", "null", '["/"]'])
def test_a_damaged_note_names_nothing(base: KnowledgeBase, tmp_path: Path, damaged: str) -> None:
    base.set_meta(TAKEN, damaged)
    with base.store.read() as connection:
        assert noted(connection) == ([Path("/")] if "/" in damaged else [])
    item = base.teach(TEXT, source="s")
    assert purged(base, item.id) == Traces()
    note(base.store, tmp_path)
    with base.store.read() as connection:
        assert noted(connection)[-1] == tmp_path
