"""ParsedFile arXiv's metadata: both formats, plain and packed, in constant memory, and no line is lost in silence."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from yukawa.core.errors import InputError
from yukawa.data.arxiv import LONGEST, SHOWN, Paper, SnapshotRecord, read_papers

KAGGLE: dict[str, Any] = {
    "id": "0704.0001",
    "submitter": "Pavel Nadolsky",
    "authors": "C. Bal\\'azs, E. L. Berger",
    "title": "Calculation of prompt diphoton production cross sections at Tevatron and\n  LHC energies",
    "comments": "37 pages, 15 figures; published version",
    "journal-ref": "Phys.Rev.D76:013009,2007",
    "doi": "10.1103/PhysRevD.76.013009",
    "report-no": None,
    "categories": "hep-ph hep-ex",
    "license": None,
    "abstract": "  A fully differential calculation in perturbative quantum chromodynamics is\npresented.\n",
    "versions": [
        {"version": "v1", "created": "Mon, 2 Apr 2007 19:18:42 GMT"},
        {"version": "v2", "created": "Tue, 24 Jul 2007 20:10:27 GMT"},
    ],
    "update_date": "2008-11-26",
    "authors_parsed": [["Balázs", "C.", ""], ["Berger", "E. L.", ""]],
}
SHARED: dict[str, Any] = {
    "id": "hep-th/9110025",
    "title": "Coadjoint orbits",
    "abstract": "We develop two coadjoint orbit constructions.",
    "categories": ["hep-th", "math.QA"],
    "primary": "hep-th",
    "created": "1991-10-09",
}


def written(path: Path, rows: list[Any], pack: bool = False) -> Path:
    lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
    content = b"".join(line + b"\n" for line in lines)
    path.write_bytes(gzip.compress(content) if pack else content)
    return path


def plain(papers: Any) -> list[tuple[Any, ...]]:
    return [(paper.id, paper.primary, paper.abstract, paper.title, paper.date()) for paper in papers]


@pytest.mark.parametrize("pack", [False, True])
def test_both_formats_are_read(tmp_path: Path, pack: bool):
    # By content, not by name: Kaggle's file ends in .json, packed or not.
    path = written(tmp_path / "snapshot.json", [KAGGLE, SHARED], pack)
    record = SnapshotRecord(path.name)
    assert plain(read_papers(path, record)) == [
        ("0704.0001", "hep-ph", KAGGLE["abstract"], KAGGLE["title"], datetime.date(2007, 4, 2)),
        ("hep-th/9110025", "hep-th", SHARED["abstract"], SHARED["title"], datetime.date(1991, 10, 9)),
    ]
    assert (record.lines, record.papers, record.damaged.count, record.without_abstract.count) == (2, 2, 0, 0)
    assert record.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_packed_members_line_ends_and_byte_order_marks_change_nothing(tmp_path: Path):
    line = json.dumps(SHARED).encode()
    expected = plain([*read_papers(written(tmp_path / "a", [SHARED, SHARED]))])
    for content in (
        line + b"\r\n\n  \n" + line,
        b"\xef\xbb\xbf" + line + b"\n" + line,
        gzip.compress(line + b"\n") + gzip.compress(line),
        gzip.compress(b"\xef\xbb\xbf" + line + b"\n" + line),
    ):
        (tmp_path / "b").write_bytes(content)
        record = SnapshotRecord("b")
        assert plain(read_papers(tmp_path / "b", record)) == expected
        assert record.lines == 2


def test_every_line_is_given_or_counted(tmp_path: Path):
    rows: list[Any] = [
        SHARED,
        b"{'id': 1}",
        b'{"id": "a", "categories": "hep-th", "abstract": "x"',
        SHARED | {"id": "empty", "abstract": ""},
        SHARED | {"id": "blank", "abstract": " \n"},
        {key: value for key, value in SHARED.items() if key != "abstract"} | {"id": "none"},
        SHARED | {"abstract": None},
        b"",
        b"[1, 2]",
        b"\xff\xfe",
        {"id": "no-category", "abstract": "x"},
        SHARED | {"id": 3},
        SHARED | {"id": " "},
        b'{"id": "half", "categories": "hep-th", "abstract": "\\ud800 "}',
        b"[" * 100_000,
        KAGGLE,
    ]
    record = SnapshotRecord("rows")
    papers = list(read_papers(written(tmp_path / "rows", rows), record))
    assert [paper.id for paper in papers] == [SHARED["id"], KAGGLE["id"]]
    assert (
        record.lines == len(rows) - 1 == record.papers + record.damaged.count + record.without_abstract.count
    )
    assert [text.partition(":")[0] for text in record.damaged.first] == [
        f"line {number}" for number in (2, 3, 9, 10, 11, 12, 13, 14, 15)
    ]
    assert record.without_abstract.first == [
        "line 4: empty",
        "line 5: blank",
        "line 6: none",
        f"line 7: {SHARED['id']}",
    ]


def test_many_faults_are_counted_and_the_first_told(tmp_path: Path):
    record = SnapshotRecord("rows")
    assert len(list(read_papers(written(tmp_path / "rows", [SHARED] + [b"{"] * 100), record))) == 1
    assert record.damaged.count == 100
    assert len(record.damaged.first) == SHOWN


def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    def peak(count: int) -> int:
        path = written(tmp_path / str(count), [KAGGLE | {"abstract": "word " * 200}] * count, pack=True)
        tracemalloc.start()
        assert sum(1 for _ in read_papers(path, SnapshotRecord("x"))) == count
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(5000) < peak(500) + 100_000  # the larger file has 8 MB


def test_progress_is_told_in_bytes(tmp_path: Path):
    path = written(tmp_path / "rows", [SHARED] * 9000)
    told: list[int] = []
    list(read_papers(path, progress=told.append))
    assert len(told) == 3
    assert told == sorted(told)
    assert told[-1] == path.stat().st_size


@pytest.mark.parametrize(
    "row",
    [
        {"versions": []},
        {"versions": [{"version": "v1"}]},
        {"versions": [{"version": "v1", "created": "once upon a time"}]},
        {"created": "spring 1991"},
        {"created": "1991-13-01"},
    ],
)
def test_a_date_that_is_none_is_unknown(row: dict[str, Any], tmp_path: Path):
    rest = {"id": "a", "categories": "hep-th", "abstract": "x"}
    (paper,) = read_papers(written(tmp_path / "rows", [rest | row]))
    assert paper.date() is None


@pytest.mark.parametrize(
    ("categories", "primary"),
    [("cs.LG stat.ML", "cs.LG"), ("hep-th", "hep-th"), ([], ""), ("", ""), (["a", "b"], "a")],
)
def test_the_first_category_is_the_primary_one(categories: Any, primary: str):
    assert Paper(id="1", categories=categories).primary == primary


def test_what_is_no_snapshot_is_refused_in_one_line(tmp_path: Path):
    cases = {
        "empty": (b"", "is empty"),
        "blank": (b"\n \n", "is empty"),
        "text": (b"Dear reader\nof papers\n", "holds no papers; line 1: JSON is malformed"),
        "array": (json.dumps([SHARED], indent=1).encode(), "holds no papers; line 1"),
        "other": (b'{"question": "?"}\n' * 3, "holds no papers; line 1: .*missing required field"),
        "zip": (b"PK\x03\x04rest", "is a ZIP archive"),
        "cut": (gzip.compress(json.dumps(SHARED).encode() * 99)[:-12], ":1 is truncated or damaged"),
        "unread": (json.dumps(SHARED | {"abstract": None}).encode(), "holds no abstract in 1 lines"),
    }
    for name, (content, reason) in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=f"{name}.*{reason}"):
            list(read_papers(tmp_path / name))
    for path, reason in ((tmp_path, "it is a folder"), (tmp_path / "missing", "No such file")):
        with pytest.raises(InputError, match=reason):
            list(read_papers(path))


def test_a_file_without_lines_is_not_read_to_its_end(tmp_path: Path):
    with open(tmp_path / "huge", "wb") as handle:
        handle.truncate(1 << 40)  # a hole, which takes no space
    with pytest.raises(InputError, match=f"huge:1 exceeds {LONGEST:,} bytes"):
        list(read_papers(tmp_path / "huge"))


def test_the_real_abstracts_are_read_whole(real_data: Path):
    for name, rows in (("hep_1991_2019", 35126), ("qbio", 9000), ("cs", 15000), ("other", 9000)):
        record = SnapshotRecord(name)
        assert sum(1 for _ in read_papers(real_data / "arxiv" / f"{name}.jsonl.gz", record)) == rows
        assert record.lines == rows
