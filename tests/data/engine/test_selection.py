"""Papers ranked by citations within fields and years, from every kind of metadata; hostile rows and files are one line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.core.files import read_jsonl
from yukawa.data.engine.selection import (
    check_list,
    check_years,
    licence_name,
    paper_id,
    select_papers,
    write_list,
    year_of,
)

BY = "http://creativecommons.org/licenses/by/4.0/"
SNAPSHOT = [
    {"id": f"{year:02}01.{n:05}", "title": f"On\n {n}", "categories": "hep-ph hep-ex", "license": BY, "abstract": "x"}
    for year in (15, 16) for n in range(1, 6)
] + [
    {"id": "hep-th/9901001", "title": "Old", "categories": "hep-th"}, {"id": "1501.09999", "title": "Life", "categories": "q-bio.NC"},
]  # fmt: skip
CITED = [(row["id"], int(row["id"][-1]) * 10) for row in SNAPSHOT]


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    path = tmp_path / "snapshot.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in SNAPSHOT))
    return path


def inspire(name: str, count: Any) -> dict[str, Any]:
    return {"metadata": {"arxiv_eprints": [{"value": name, "categories": ["hep-ph"]}], "citation_count": count,
                         "titles": [{"title": "T"}], "preprint_date": f"{year_of(name)}-02-03", "license": [{"url": BY}]}}  # fmt: skip


def citations(tmp_path: Path, kind: str) -> Path:
    """The same numbers of citations in every kind of file."""
    path = tmp_path / f"cited.{kind}"
    if kind == "csv":
        path.write_text("arxiv_id,Citation_Count\n" + "".join(f"arXiv:{i}v2,{n}\n" for i, n in CITED))
    elif kind == "parquet":
        pq.write_table(pa.table({"id": [i for i, _ in CITED], "citations": [n for _, n in CITED]}), path)
    elif kind == "json":
        hits = [inspire(i, n) for i, n in CITED]
        path.write_text(json.dumps([{"hits": {"hits": hits}}]))
    elif kind == "jsonl.gz":
        path.write_bytes(gzip.compress("".join(json.dumps(inspire(i, n)) + "\n" for i, n in CITED).encode()))
    else:
        path.write_text(
            "".join(
                json.dumps({"id": f"https://arxiv.org/abs/{i}", "citations": str(n)}) + "\n" for i, n in CITED
            )
        )
    return path


@pytest.mark.parametrize("kind", ["csv", "parquet", "json", "jsonl", "jsonl.gz"])
def test_the_most_cited_of_each_field_and_year(kind: str, snapshot: Path, tmp_path: Path) -> None:
    made = select_papers([snapshot, citations(tmp_path, kind)], per=2)
    assert [(p.field, p.year, p.rank, p.id, p.citations) for p in made.papers] == [
        ("particle physics", 2015, 1, "1501.00005", 50), ("particle physics", 2015, 2, "1501.00004", 40),
        ("particle physics", 2016, 1, "1601.00005", 50), ("particle physics", 2016, 2, "1601.00004", 40),
        ("theoretical physics", 1999, 1, "hep-th/9901001", 10),
    ]  # fmt: skip
    assert made.papers[0].licence == "CC-BY-4.0"
    assert made.papers[0].title in ("On 5", "T")
    assert sum(made.dropped.values()) + made.bad >= 1


def test_a_list_is_written_and_read_again(snapshot: Path, tmp_path: Path) -> None:
    made = select_papers([snapshot, citations(tmp_path, "csv")], fields=["theoretical physics"])
    assert write_list(tmp_path / "list.jsonl", made.papers) == 1
    (row,) = read_jsonl(tmp_path / "list.jsonl")
    assert (row["id"], row["citations"], row["rank"]) == ("hep-th/9901001", 10, 1)
    assert check_list(tmp_path / "list.jsonl")[0].id == "hep-th/9901001"
    with pytest.raises(InputError, match=r"must end in \.jsonl"):
        write_list(tmp_path / "list.csv", made.papers)


def test_years_and_what_is_left_out(snapshot: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.csv"
    more.write_text("id,categories\n2001.00001,hep-ph\nno id,hep-ph\n")
    made = select_papers([snapshot, citations(tmp_path, "csv"), more], years=(2016, 2016))
    assert {p.year for p in made.papers} == {2016}
    assert made.dropped == {
        "of other years": 6,
        "of none of these fields": 1,
        "without a number of citations": 1,
    }
    assert made.bad == 1
    with pytest.raises(InputError, match="none of 12 papers remains: 11 of other years, 1 of none"):
        select_papers([snapshot, citations(tmp_path, "csv")], years=(1901, 1902))


@given(st.permutations(CITED))
@settings(max_examples=25)
def test_the_order_of_rows_changes_nothing(order: list[tuple[str, int]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.jsonl"
        path.write_text(
            "".join(
                json.dumps({"id": i, "citations": n % 30, "categories": "hep-ph"}) + "\n" for i, n in order
            )
        )
        found = [p.id for p in select_papers([path], per=3).papers]
        path.write_text(
            "".join(
                json.dumps({"id": i, "citations": n % 30, "categories": "hep-ph"}) + "\n" for i, n in CITED
            )
        )
        assert found == [p.id for p in select_papers([path], per=3).papers]


@pytest.mark.parametrize(("text", "said"), [
    ("", "names no paper of arXiv|holds no rows|is empty"), ("[]", "names no paper"), ('{"id": "x"}\n', "names no paper"),
    ("[1, null, {}]", "names no paper"), ("{no", "a.json"), ('{"id": "2001.00001"}\n', "no file has a number of citations"),
    ('{"id": "2001.00001", "citations": "many"}\n', "no file has a number of citations"),
    ('{"id": "2001.00001", "citations": true}\n', "no file has a number of citations"),
    ('{"id": "2001.00001", "citations": -3}\n', "no file has a number of citations"),
    ('{"id": "2001.00001", "citations": 1e999}\n', "no file has|a.json"),
    ('{"id": "2001.00001", "citations": 3, "categories": {"a": 1}}\n', "none of 1 papers remains"),
    ('{"hits": {"hits": [3, {"metadata": {"arxiv_eprints": [7]}}]}}\n', "names no paper"),
])  # fmt: skip
def test_metadata_that_are_none(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError, match=said) as error:
        select_papers([path])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("data", [b"id\n\xff\n", b"id\n" + b"x" * (2 << 20), b"\0\0\n\0"])
def test_a_table_that_is_none(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"a\.csv"):
        select_papers([path])


@pytest.mark.parametrize(("said", "name"), [
    ("2301.00001", "2301.00001"), ("arXiv:2301.00001v3", "2301.00001"), ("https://arxiv.org/abs/hep-th/9901001v1", "hep-th/9901001"),
    ("https://arxiv.org/pdf/2301.00001.pdf", "2301.00001"), ("math.AG/0101001", "math.AG/0101001"), (" 0704.0001 ", "0704.0001"),
    ("../../etc/passwd", None), ("2301.00001/../x", None), ("http://evil.org/2301.00001", None), ("hep-th/99", None), ("", None),
    (None, None), (["2301.00001"], None), ("2301.00001?x=1", None), ("2301.0000١", None),
])  # fmt: skip
def test_ids(said: object, name: str | None) -> None:
    assert paper_id(said) == name


@pytest.mark.parametrize(("said", "name"), [
    (BY, "CC-BY-4.0"), ("http://creativecommons.org/licenses/by-nc-sa/3.0/", "CC-BY-NC-SA-3.0"), ("CC BY-SA 4.0", "CC-BY-SA-4.0"),
    ("http://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
    ("http://creativecommons.org/licenses/publicdomain/", "PUBLIC-DOMAIN"),
    ("http://arxiv.org/licenses/nonexclusive-distrib/1.0/", "arXiv"), ("", None), (None, None), ("MIT", "MIT"), ("CC-BY-4.0", "CC-BY-4.0"),
])  # fmt: skip
def test_licences(said: object, name: str | None) -> None:
    assert licence_name(said) == name


def test_years() -> None:
    assert [year_of(name) for name in ("2301.00001", "0704.0001", "hep-th/9201001", "hep-th/0001001")] == [
        2023,
        2007,
        1992,
        2000,
    ]
    assert (check_years("1995-2020"), check_years("2012")) == ((1995, 2020), (2012, 2012))
    for text in ("2020-1995", "x", "95", "1995-"):
        with pytest.raises(InputError, match="expected years"):
            check_years(text)


@pytest.mark.parametrize("text", ["[]", "[3]", '[{"id": "../x"}]', '[{"title": "x"}]'])
def test_a_list_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(InputError, match="yukawa data select METADATA"):
        check_list(tmp_path / "a.json")
