"""Papers are found and read, each file accounted for: as a paper, as a part of one, or with the reason why it is not read."""

import json
import time
from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.knowledge.documents.papers import PaperText, find_papers, open_papers, paper_item, unarxive_paper
from yukawa.knowledge.items import blocks_of

ROW = {
    "paper_id": "2212.11867", "metadata": {"title": "Zeros of\n things", "license": "http://creativecommons.org/licenses/by/4.0/",
                                           "categories": "hep-th math.PR"},
    "abstract": {"text": "We study $x$."}, "bib_entries": {"abc": {}},
    "body_text": [
        {"section": "Introduction", "sec_number": "1", "text": "Let {{formula:1a}} be\n{{formula:2b}} \nas in {{cite:abc}} ."},
        {"section": "Introduction", "sec_number": "1", "text": "Broken {{formula:3c}} prose."},
    ],
    "ref_entries": {"1a": {"latex": "\\mu ", "type": "formula"}, "2b": {"latex": "E = m", "type": "formula"},
                    "3c": {"latex": "that puts a point mass", "type": "formula"}, "4d": {"type": "figure", "caption": "A curve."}},
}  # fmt: skip


def test_a_row_of_unarxive() -> None:
    paper = unarxive_paper(ROW, "x:1")
    assert paper.text == (
        "# Zeros of things\n\n## Abstract\n\nWe study $x$."
        "\n\n## Introduction\n\nLet $\\mu$ be\n\n$$E = m$$\n\nas in [1].\n\nFigure: A curve."
    )
    assert (paper.name, paper.licence, paper.categories) == (
        "2212.11867",
        "http://creativecommons.org/licenses/by/4.0/",
        ("hep-th", "math.PR"),
    )
    assert paper.missing == ("1 paragraphs whose formulas hold prose",)


@pytest.mark.parametrize(
    "row",
    [
        {},
        {"body_text": "x", "ref_entries": {}},
        {"body_text": [], "ref_entries": {}},
        {"body_text": [1], "ref_entries": {}},
    ],
)
def test_what_is_no_row_is_said(row: dict[str, object]) -> None:
    with pytest.raises(InputError):
        unarxive_paper(row, "x:1")


def test_every_file_of_a_folder_is_a_paper_or_a_part(tmp_path: Path) -> None:
    (tmp_path / "a.tex").write_text("\\documentclass{x}\\begin{document}\\input{b} A\\end{document}")
    (tmp_path / "b.tex").write_text("B")
    (tmp_path / "c.html").write_text("<p>C</p>")
    (tmp_path / "d.jsonl").write_text(json.dumps(ROW) + "\n{}\n")
    (tmp_path / ".hidden.tex").write_text("no")
    found = find_papers([tmp_path])
    assert [p.name for p in found.papers] == ["a.tex", "c.html", "d.jsonl"]
    assert [p.name for p in found.parts] == ["b.tex"]
    assert find_papers([tmp_path / "c.html", tmp_path, tmp_path / "a.tex"]) == find_papers([tmp_path])
    read = [one for path in found.papers for one in open_papers(path)]
    assert [one.name if isinstance(one, PaperText) else "wrong" for one in read] == [
        "a.tex",
        "c.html",
        "2212.11867",
        "wrong",
    ]


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        find_papers([tmp_path / "no.tex"])
    with pytest.raises(InputError, match="holds no papers"):
        find_papers([tmp_path])
    for name, data in (
        ("x.tex", b"\xf6"),
        ("y.tex", b"\0"),
        ("z.pdf", b"%PDF-1.4 broken"),
        ("e.tex", b""),
        ("j.jsonl", b"{"),
        ("t.tar.gz", b"no"),
    ):
        (tmp_path / name).write_bytes(data)
        found = list(open_papers(tmp_path / name))
        assert len(found) == 1, name
        assert isinstance(found[0], InputError), name
        assert "\n" not in str(found[0])


def test_the_item_of_a_paper_cites_sections(tmp_path: Path) -> None:
    (tmp_path / "2212.11867v2.tex").write_text(
        "\\section{Results} The mass of the \\textbf{W} is large. " + "word " * 150
    )
    (paper,) = open_papers(tmp_path / "2212.11867v2.tex")
    assert isinstance(paper, PaperText)
    assert paper.url == "https://arxiv.org/abs/2212.11867"
    item = paper_item(paper, licence=None, author="ada")
    assert item.attributes["format"] == "latex"
    assert [place[0] for place in item.attributes["places"]] == [["Results"]] * len(item.passages)
    assert item.provenance.url == paper.url
    assert blocks_of(item.text, "latex") == blocks_of(paper.text, "latex")


def test_a_row_of_many_holes_takes_linear_time() -> None:
    def seconds(many: int) -> float:
        began = time.process_time()
        row = ROW | {"body_text": [{"section": "A", "text": "{{formula:1a}}      " * many}]}
        assert unarxive_paper(row, "x:1").text.count("$\\mu$") == many
        return time.process_time() - began

    seconds(1_000)
    assert seconds(80_000) < 12 * seconds(20_000)
