"""arXiv's metadata: what is read and refused, which papers are selected, and how abstracts are cleaned."""

from __future__ import annotations

import datetime
import gzip
import hashlib
import json
import tracemalloc
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.data.arxiv import (
    FEYNTUNE,
    LONGEST,
    METHODS,
    OTHER_ARCHIVE,
    SHOWN,
    STRICT,
    WITHDRAWN,
    Paper,
    SnapshotRecord,
    clean_newlines,
    clean_spaces,
    contains_archive,
    find_method,
    in_archive,
    is_withdrawn,
    mentions_withdrawal,
    read_papers,
    select,
)

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


TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from(" \n\t\r\u00a0\u0301eÅ"), max_size=60)


def paper(
    abstract: str = "We study strings.", categories: str = "hep-th", comments: str | None = None
) -> Paper:
    return Paper(id="1", categories=categories, abstract=abstract, comments=comments)


@given(TEXT)
@pytest.mark.parametrize("clean", [clean_newlines, clean_spaces])
def test_cleaning_twice_is_cleaning_once(clean, text: str):
    once = clean(text)
    assert clean(once) == once
    assert "\n" not in once
    assert once == once.strip()


@given(TEXT)
def test_cleaning_touches_white_space_alone(text: str):
    assert "".join(clean_newlines(text).split()) == "".join(text.split())


def test_the_snapshot_is_cleaned():
    text = "  A fully differential calculation in QCD is\npresented.\n  New paragraph,  two spaces.\n"
    assert (
        clean_newlines(text)
        == "A fully differential calculation in QCD is presented. New paragraph,  two spaces."
    )
    assert (
        clean_spaces(text)
        == "A fully differential calculation in QCD is presented. New paragraph, two spaces."
    )
    assert clean_spaces("Poincare\u0301\u00a0group") == "Poincaré group"


@pytest.mark.parametrize(
    ("primary", "archive", "strict", "feyntune"),
    [
        ("cs.LG", "cs", True, True),
        ("physics.optics", "cs", False, True),  # the substring `cs.`
        ("physics.optics", "physics", True, True),
        ("hep-th", "hep-th", True, True),
        ("q-bio.NC", "q-bio", True, True),
        ("math-ph", "math", False, True),
        ("cs.LG", "cs.LG", True, True),
        ("cs.LG", "cs.L", False, True),
        ("gr-qc", "hep-th", False, False),
    ],
)
def test_archives_match_whole_or_as_a_substring(primary: str, archive: str, strict: bool, feyntune: bool):
    assert in_archive(primary, archive) is strict
    assert contains_archive(primary, archive) is feyntune


@pytest.mark.parametrize(
    ("abstract", "comments", "strict", "feyntune"),
    [
        ("This paper has been withdrawn by the author(s).", None, True, True),
        ("Withdrawn. We thank J. T. Liu for bringing this to our attention.", None, True, True),
        ("(Withdrawn) Collaborative security initiatives are on the rise.", None, True, True),
        ("This comment is hereby withdrawn, because the paper by D. S. is right.", None, True, True),
        ("WITHDRAWN", None, True, False),
        ("I have withdrawn the paper, after having incorporated it in another.", None, True, True),
        ("As the magnet is withdrawn, the liquid recovers its quasi-static state.", None, False, True),
        ("His theory was withdrawn from physics in the early twenties.", None, False, True),
        ("We study strings.", "This paper was WITHDRAWN", True, True),
        ("We study strings.", "notwithdrawnyet", False, True),
        ("We study strings.", "12 pages", False, False),
        ("We study strings.", None, False, False),
    ],
)
def test_withdrawn_papers(abstract: str, comments: str | None, strict: bool, feyntune: bool):
    assert is_withdrawn(paper(abstract, comments=comments)) is strict
    assert mentions_withdrawal(paper(abstract, comments=comments)) is feyntune


def test_of_the_real_abstracts_the_strict_rule_keeps_what_only_has_the_word(real_data: Path):
    papers = [p for file in (real_data / "arxiv").glob("*.gz") for p in read_papers(file)]
    named = [p for p in papers if mentions_withdrawal(p)]
    notices = [p for p in papers if is_withdrawn(p)]
    assert set(map(id, notices)) <= set(map(id, named))
    assert 20 <= len(notices) < len(named)
    # Whoever is kept says the word of something else, at length; whoever goes is short but for a few.
    short = [p for p in named if len(p.abstract or "") < 200]
    assert sum(is_withdrawn(p) for p in short) >= 0.95 * len(short)


def test_selected_and_dropped_are_all():
    papers = [paper(), paper(categories="cs.LG"), paper("Withdrawn."), paper(categories="hep-th cs.LG")]
    for method in METHODS.values():
        dropped: Counter[str] = Counter()
        documents = list(select(papers, method, ["hep-th"], dropped))
        assert dropped == {OTHER_ARCHIVE: 1, WITHDRAWN: 1}
        assert [document.categories for document in documents] == [("hep-th",), ("hep-th", "cs.LG")]
        assert len(list(select(papers, method, None, Counter()))) == 3


def test_a_document_knows_where_it_came_from():
    one = Paper(
        id="a/1", categories=["gr-qc", "hep-th"], abstract=" x\n y ", title="On\n  x", created="1997-11-27"
    )
    (document,) = select([one], FEYNTUNE, None, Counter())
    assert (document.id, document.text, document.title) == ("a/1", "x y", "On x")
    assert (document.source, document.licence, str(document.created)) == (
        "arXiv metadata",
        "CC0-1.0",
        "1997-11-27",
    )


def test_feyntune_is_its_notebook_in_pandas(real_data: Path):
    import pandas as pd

    file = real_data / "arxiv" / "hep_1991_2019.jsonl.gz"
    frame = pd.read_json(file, lines=True, dtype=False)
    frame["abstract"] = "  " + frame["abstract"].str.replace(". ", ".\n  ", regex=False) + "\n"
    kept = frame[frame["categories"].str[0].str.contains("hep-th", regex=False)]
    kept = kept[~kept["abstract"].str.contains("withdrawn") & ~kept["abstract"].str.contains("Withdrawn")]
    texts = kept["abstract"].str.replace(r"\n\s*", " ", regex=True).str.strip()
    papers = list(read_papers(file))
    for one in papers:
        one.abstract = "  " + (one.abstract or "").replace(". ", ".\n  ") + "\n"
    ours = list(select(papers, FEYNTUNE, ["hep-th"], Counter()))
    assert [document.id for document in ours] == kept["id"].tolist()
    assert [document.text for document in ours] == texts.tolist()
    assert len(ours) == 8413


def test_methods_are_found_by_name():
    assert find_method("strict") is STRICT
    with pytest.raises(InputError, match=r"'feyntun'.*did you mean 'feyntune'.*feyntune, strict"):
        find_method("feyntun")
    assert replace(FEYNTUNE, drop_repeats=True).matches("cs.LG", "cs")  # a method is made of another
