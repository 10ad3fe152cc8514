"""Reports as Markdown and HTML: what was said is shown as it was said."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

from yukawa.core.reports import Heading, Page, Paragraph, Picture, Table

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
    made.add(Heading("Part"), Paragraph(EVIL), Table(["a", "b"], [["1", EVIL]]))
    made.add(Picture(folder / "plots" / "a.png", "caption"))
    return made


def test_html_is_whole_and_inert(tmp_path):
    read = Text()
    read.feed(page(tmp_path).html())
    assert "script" not in read.tags
    assert read.text.count(EVIL) == 2
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
