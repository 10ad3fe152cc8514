"""From snapshot to data set: same bytes for the same papers, nothing in two splits, and every paper accounted for."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from yukawa.core.errors import InputError, StoreError
from yukawa.core.manifest import SPLITS
from yukawa.data import abstracts as module
from yukawa.data.abstracts import CUT, SAME_ID, SAME_WORDS, build_abstracts, build_mixture
from yukawa.data.arxiv import FEYNTUNE, METHODS, OTHER_ARCHIVE, STRICT, WITHDRAWN, Method, read_papers, select
from yukawa.data.dataset import check_manifest, read_split
from yukawa.data.mixtures import read_mixtures
from yukawa.data.rows import Document
from yukawa.data.spool import letters_digest

ARCHIVES = ("hep-th", "hep-ph", "gr-qc", "cs.LG", "physics.optics", "q-bio.NC")
Made = Callable[..., Path]


def papers(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Papers of six archives; some are withdrawn, some are there twice by id or, in other archives, by text."""
    generator = random.Random(seed)
    rows: list[dict[str, Any]] = []
    for number in range(count):
        row = {
            "id": f"{seed}.{number}",
            "categories": generator.choice(ARCHIVES) + " math-ph",
            "title": f"Title {number}",
            "comments": "withdrawn" if generator.random() < 0.05 else None,
            "abstract": f"  We study {generator.random()} strings\nof kind {number}.\n",
            "versions": [
                {"version": "v1", "created": f"Mon, {generator.randint(1, 28)} Apr 2007 19:18:42 GMT"}
            ],
        }
        if rows and generator.random() < 0.1:
            row["abstract"] = generator.choice(rows)["abstract"].upper() + " "
        if rows and generator.random() < 0.05:
            row["id"] = generator.choice(rows)["id"]
        rows.append(row)
    return rows


@pytest.fixture
def snapshot(tmp_path: Path) -> Made:
    """Writes a file of rows."""

    def write(name: str, rows: Iterable[dict[str, Any]]) -> Path:
        path = tmp_path / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return write


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def splits(folder: Path) -> dict[str, list[Document]]:
    return {split: list(read_split(folder, split, Document)) for split in SPLITS}


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
@pytest.mark.parametrize("mixture", [None, "s4"])
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_order_of_files_changes_no_byte(
    method: Method, mixture: str | None, suffix: str, snapshot: Made, tmp_path
):
    first, second = (
        snapshot("a.json", papers(300, 1)),
        snapshot("b.json", papers(300, 1)[::-1] + papers(100, 2)),
    )
    for name, paths in (("one", (first, second)), ("two", (second, first))):
        build_abstracts(paths, tmp_path / name, mixture=mixture, method=method, suffix=suffix)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    check_manifest(tmp_path / "one")


def test_another_seed_is_another_split(snapshot: Made, tmp_path: Path):
    path = snapshot("a.json", papers(300))
    for seed in (42, 43):
        build_abstracts([path], tmp_path / str(seed), seed=seed)
    one, other = splits(tmp_path / "42"), splits(tmp_path / "43")
    assert one["train"] != other["train"]
    assert sorted(row.id for rows in one.values() for row in rows) == sorted(
        row.id for rows in other.values() for row in rows
    )


@pytest.mark.parametrize("mixture", [None, "s3", "s10"])
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_nothing_stands_in_two_splits(method: Method, mixture: str | None, snapshot: Made, tmp_path: Path):
    rows = papers(500)
    made = build_abstracts([snapshot("a.json", rows)], tmp_path / "set", mixture=mixture, method=method)
    found = splits(tmp_path / "set")
    for key in (lambda row: row.id, lambda row: letters_digest(row.text)):
        sets = [{key(row) for row in documents} for documents in found.values()]
        assert sum(map(len, sets)) == len(set.union(*sets))
    assert sum(map(len, found.values())) == made.manifest.rows == len(rows) - sum(made.dropped.values())
    assert made.dropped[SAME_ID] > 0
    assert made.dropped[WITHDRAWN] > 0
    assert (SAME_WORDS in made.dropped) is method.drop_repeats


def test_a_text_in_two_archives_stays_in_one_split(snapshot: Made, tmp_path: Path):
    rows = [
        {"id": f"{archive}{number}", "categories": archive, "abstract": f"Text {number}."}
        for number in range(200)
        for archive in ("hep-th", "gr-qc")
    ] + [{"id": f"x{number}", "categories": "gr-qc", "abstract": f"Other {number}."} for number in range(150)]
    build_abstracts([snapshot("a.json", rows)], tmp_path / "set", method=FEYNTUNE)
    homes = {row.id: split for split, documents in splits(tmp_path / "set").items() for row in documents}
    assert all(homes[f"hep-th{number}"] == homes[f"gr-qc{number}"] for number in range(200))
    assert len(homes) == len(rows)


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_the_test_set_of_a_mixture_is_trained_on_in_no_other(method: Method, real_data: Path):
    papers = read_papers(real_data / "arxiv" / "hep_1991_2019.jsonl.gz")
    documents = list(select(papers, method, ["hep-th", "hep-ph", "gr-qc"], Counter()))
    found = {
        name: {
            split: {row.id for row in rows}
            for split, rows in build_mixture(name, documents, method=method).items()
        }
        for name in ("s1", "s4", "s3")
    }
    for one in found.values():
        for other in found.values():
            assert not one["train"] & (other["test"] | other["validation"])
    assert found["s1"]["test"] < found["s3"]["test"]
    assert found["s4"]["test"] < found["s3"]["test"]
    if method is FEYNTUNE:
        assert [len(found["s1"][split]) for split in SPLITS] == [5889, 1262, 1262]


def test_a_later_snapshot_leaves_a_strict_split_as_it_was(snapshot: Made, tmp_path: Path):
    rows = list({row["id"]: row for row in papers(400) if not row["comments"]}.values())
    build_abstracts([snapshot("old.json", rows[:200])], tmp_path / "old")
    build_abstracts([snapshot("new.json", rows)], tmp_path / "new")
    homes = {
        letters_digest(row.text): split for split, found in splits(tmp_path / "new").items() for row in found
    }
    for split, documents in splits(tmp_path / "old").items():
        assert documents
        assert all(homes[letters_digest(row.text)] == split for row in documents)


def test_a_mixture_of_documents_is_that_of_the_files(snapshot: Made, tmp_path: Path):
    path = snapshot("a.json", papers(500))
    build_abstracts([path], tmp_path / "s3", mixture="s3")
    build_abstracts([path], tmp_path / "s4", mixture="s4")
    documents = [row for rows in splits(tmp_path / "s3").values() for row in rows]
    mixed = build_mixture("s4", reversed(documents))
    assert mixed == splits(tmp_path / "s4")
    assert mixed == build_mixture("s4", documents, 42)
    assert mixed != build_mixture("s4", documents, 7)


def test_feyntune_counts_physics_as_computer_science(snapshot: Made, tmp_path: Path):
    table = tmp_path / "mine.yaml"
    table.write_text("computing: {parts: [cs]}")
    path = snapshot("a.json", papers(300))
    kept = {}
    for name, method in METHODS.items():
        made = build_abstracts(
            [path], tmp_path / name, mixture="computing", method=method, table=read_mixtures(table)
        )
        kept[name] = {category for split in made.manifest.splits for category in split.categories}
    assert kept == {"strict": {"cs.LG"}, "feyntune": {"cs.LG", "physics.optics"}}


class Odd:
    """Drops documents whose text has an odd length."""

    settings = {"filter": "odd", "about": "odd texts are left out."}  # noqa: RUF012

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()

    def keeps(self, documents: Iterable[Document]) -> Iterator[bool]:
        for document in documents:
            odd = len(document.text) % 2
            if odd:
                self.dropped["of odd length"] += 1
            yield not odd


def test_filters_drop_and_count(snapshot: Made, tmp_path: Path):
    path = snapshot("a.json", papers(300))
    whole = build_abstracts([path], tmp_path / "whole", mixture="s3")
    first, second = Odd(), Odd()
    made = build_abstracts([path], tmp_path / "set", mixture="s3", filters=[first, second])
    kept = [row for rows in splits(tmp_path / "set").values() for row in rows]
    every = [row for rows in splits(tmp_path / "whole").values() for row in rows]
    assert {row.id for row in kept} == {row.id for row in every if len(row.text) % 2 == 0}
    assert made.dropped == whole.dropped | {"of odd length": len(every) - len(kept)}
    assert not second.dropped
    assert made.manifest.made["filters"] == [Odd.settings] * 2
    assert "* Filter: odd texts are left out.\n" in (tmp_path / "set" / "card.md").read_text()


def test_the_manifest_says_how_it_was_made(snapshot: Made, tmp_path: Path):
    rows = [*papers(300), {"id": "bare", "categories": "hep-th"}]
    path = snapshot("a.json", rows)
    path.write_bytes(path.read_bytes() + b"{")
    made = build_abstracts([path], tmp_path / "set", mixture="s4", method=FEYNTUNE, seed=7)
    told = check_manifest(tmp_path / "set").made
    assert told["seed"] == 7
    assert told["method"]["name"] == "feyntune"
    assert told["mixture"]["sure"] is False
    assert told["mixture"]["parts"] == {"hep-th": 0.7, "gr-qc": 0.15, "hep-ph": 0.15}
    assert told["dropped"] == made.dropped
    assert set(made.dropped) >= {OTHER_ARCHIVE, WITHDRAWN, CUT}
    (source,) = told["inputs"]
    assert (source["name"], source["lines"], source["papers"]) == ("a.json", 302, 300)
    assert source["without_abstract"] == {"count": 1, "first": ["line 301: bare"]}
    assert source["damaged"]["count"] == 1
    for split in SPLITS:
        taken = told["mixture"]["taken"][split]
        assert sum(taken.values()) == made.manifest.split(split).rows
    assert "but not that its name is s4" in made.notes[0]
    card = (tmp_path / "set" / "card.md").read_text()
    assert "70 % hep-th + 15 % gr-qc + 15 % hep-ph" in card
    assert "but not that its name is s4" in card
    assert made.manifest.versions.keys() >= {"yukawa", "python", "msgspec", "numpy", "pyarrow"}
    assert all(split.licences == {"CC0-1.0": split.rows} for split in made.manifest.splits)


def test_texts_are_not_held_in_memory(snapshot: Made, tmp_path: Path):
    def peak(count: int) -> int:
        rows = ({"id": str(n), "categories": "hep-th", "abstract": f"{n} " * 1000} for n in range(count))
        path = snapshot(f"{count}.json", rows)
        tracemalloc.start()
        build_abstracts([path], tmp_path / str(count), suffix=".jsonl")
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(10)
    assert peak(600) < peak(100) + 500_000  # the texts of the 500 more have 2 MB


def test_progress_covers_all_files(snapshot: Made, tmp_path: Path):
    paths = [snapshot("a.json", papers(50, 1)), snapshot("b.json", papers(50, 2))]
    told: list[tuple[int, int]] = []
    build_abstracts(paths, tmp_path / "set", progress=lambda done, total: told.append((done, total)))
    total = sum(path.stat().st_size for path in paths)
    assert told == [(paths[0].stat().st_size, total), (total, total)]


def test_bad_input_leaves_nothing_behind(snapshot: Made, tmp_path: Path):
    good = snapshot("a.json", papers(100))
    only = snapshot("b.json", [row for row in papers(100) if row["categories"].startswith("hep-th")])
    gone = snapshot("c.json", [row | {"comments": "withdrawn"} for row in papers(20)])
    before = set(tmp_path.iterdir())
    cases: list[tuple[list[Path], dict[str, Any], str]] = [
        ([tmp_path / "missing.json"], {}, "No such file"),
        ([good, tmp_path / "missing.json"], {}, "No such file"),
        ([good], {"mixture": "s11"}, "did you mean 's1'"),
        ([only], {"mixture": "s3"}, "s3 needs documents of hep-ph, gr-qc"),
        ([gone], {}, "none of 20 papers remains: 20 withdrawn"),
        ([good], {"suffix": ".csv"}, "unknown suffix of row files"),
    ]
    for paths, options, reason in cases:
        with pytest.raises(InputError, match=reason):
            build_abstracts(paths, tmp_path / "set", **options)
        assert set(tmp_path.iterdir()) == before


@pytest.mark.parametrize("error", [KeyboardInterrupt, StoreError("the disk is full")])
def test_a_broken_run_leaves_nothing_behind(snapshot: Made, tmp_path: Path, monkeypatch, error):
    path = snapshot("a.json", papers(100))

    def broken(*arguments: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(module, "write_dataset", broken)
    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        build_abstracts([path], tmp_path / "set")
    assert list(tmp_path.iterdir()) == [path]


def test_a_data_set_that_is_there_stays(snapshot: Made, tmp_path: Path):
    path = snapshot("a.json", papers(100))
    build_abstracts([path], tmp_path / "set", method=STRICT)
    before = contents(tmp_path / "set")
    with pytest.raises(InputError, match="holds files already"):
        build_abstracts([path], tmp_path / "set", method=FEYNTUNE)
    assert contents(tmp_path / "set") == before
