"""Reports: the same bytes for the same content."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import StoreError
from yukawa.core.reports import (
    Bullets,
    Heading,
    Page,
    Paragraph,
    Picture,
    Table,
    facts,
    in_columns,
    markdown_table,
    plain,
)

EVIL = "<script>alert(1)</script> | `x` *y* & [z](w)"


class Text(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text: list[str] = []
        self.sources: list[str] = []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.sources += [value for name, value in attributes if name in ("src", "href")]

    def handle_data(self, data):
        self.text.append(data)


def page(folder: Path) -> Page:
    (folder / "plots").mkdir()
    for suffix in ("png", "svg"):
        (folder / "plots" / f"a.{suffix}").write_text("<svg/>")
    made = Page("Title")
    made.add(Heading("Part"), Paragraph(EVIL), Table(["a", "b"], [["1", EVIL]]), Bullets([EVIL]))
    made.add(Picture(folder / "plots" / "a.png", "caption"))
    return made


def test_html_is_whole_and_inert(tmp_path):
    read = Text()
    read.feed(page(tmp_path).html())
    assert "script" not in read.tags
    assert read.text.count(EVIL) == 3
    assert [source[:26] for source in read.sources] == ["data:image/svg+xml;base64,"]


def test_markdown(tmp_path):
    text = page(tmp_path).markdown(tmp_path)
    assert text.startswith("# Title\n\n## Part\n\n")
    assert "![caption](plots/a.png)" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert table[:2] == ["| a | b |", "| --- | --- |"]
    assert all(line.replace("\\|", "").count("|") == 3 for line in table)
    assert "\\<script>" in text
    assert "[z\\](w)" in text
    assert Page("p < 1 [0, 2]").markdown(tmp_path) == "# p < 1 [0, 2]\n"


def test_the_three_files(tmp_path):
    made = page(tmp_path)
    made.write(tmp_path, {"a": math.nan, "b": [1.5]})
    assert json.loads((tmp_path / "report.json").read_text()) == {"a": None, "b": [1.5]}
    assert (tmp_path / "report.md").read_text() == made.markdown(tmp_path)
    assert (tmp_path / "report.html").read_text() == made.html()
    with pytest.raises(StoreError):
        made.write(tmp_path / "absent", {})


def test_plain_values():
    @dataclass
    class Pair:
        first: float
        second: tuple[int, ...]

    found = plain(
        {"a": math.inf, 3: Pair(math.nan, (1, 2)), "c": np.array([[1.0, np.nan]]), "d": np.int64(4)}
    )
    assert found == {"a": None, "3": {"first": None, "second": [1, 2]}, "c": [[1.0, None]], "d": 4}


def test_a_wide_table_continues_below():
    table = Table(["name", "first", "second"], [["a", "1" * 8, "2"], ["bb", "3", "4"]])
    assert in_columns(table, 80) == ["name  first     second", "a     11111111  2", "bb    3         4"]
    assert in_columns(table, 15) == [
        "name  first", "a     11111111", "bb    3", "", "name  second", "a     2", "bb    4",
    ]  # fmt: skip
    assert in_columns(Table(["only"], []), 2) == ["only"]


def test_each_fact_is_a_row():
    assert facts({"steps": "7 of 4", "seed": 1}) == "|  |  |\n| --- | --- |\n| steps | 7 of 4 |\n| seed | 1 |"
    assert markdown_table(["`a`"], []) == "| `a` |\n| --- |"


@given(st.dictionaries(st.text("ab|", min_size=1), st.text("ab|"), max_size=4))
def test_a_bar_divides_no_cell(rows):
    lines = facts(rows).splitlines()[2:]
    found = [line.replace("\\|", "\0")[2:-2].split(" | ") for line in lines]
    assert [[cell.replace("\0", "|") for cell in cells] for cells in found] == [
        list(row) for row in rows.items()
    ]
