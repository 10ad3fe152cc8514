"""Papers as training rows: every file is a paper, a part, or named; no word is lost, places are true, and a training takes the set."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from yukawa.core.errors import InputError
from yukawa.core.files import read_jsonl
from yukawa.data import make_filters, open_rows
from yukawa.data.engine.papers import BLOCKS, FETCHED, build_papers, load_engine, section_text
from yukawa.data.fields import FieldFilter
from yukawa.knowledge.documents.blocks import Block

LATEX = r"""\documentclass{article}\newcommand{\jpsi}{J/\psi}
\title{Mass of the $\jpsi$ %d}
\begin{document}
\section{Method} We fit $\jpsi\to\mu\mu$ in \input{part}
\begin{equation}\label{e} m^2 = E^2 - p^2 \end{equation}
\section{Result}
\begin{tabular}{l|c} Mode & Yield \\ $\mu\mu$ & 12 \\ $ee$ & 7 \\ \end{tabular}
\begin{thebibliography}{9}\bibitem{a} A reference.\end{thebibliography}
\end{document}"""
ROW = {
    "paper_id": "2212.11867", "metadata": {"title": "Zeros", "license": "CC-BY-4.0", "categories": "hep-th math.PR"},
    "abstract": {"text": "We study zeros."}, "bib_entries": {}, "ref_entries": {}, "body_text": [{"section": "Intro", "text": "Let us."}],
}  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Papers of every kind, a part, and what cannot be read."""
    papers = tmp_path / "papers"
    papers.mkdir()
    (papers / "a.tex").write_text(LATEX % 1)
    (papers / "part.tex").write_text("two channels.")
    (papers / "b.html").write_text("<h1>On jets</h1><p>They are <math alttext='k_T'></math> clustered.</p>")
    (papers / "c.jsonl").write_text(json.dumps(ROW) + "\n{}\n")
    (papers / "d.tex").write_bytes(b"\xf6")
    (papers / "e.tar.gz").write_bytes(b"\x1f\x8b no")
    (papers / "f.tex").write_text(LATEX % 1)
    (papers / "g.tex").write_text("% nothing")
    (papers / "h.gz").write_bytes(gzip.compress(b"\\section{A} Alone \\def\\x{\\x\\x}\\x"))
    return papers


def rows(out: Path) -> list[Any]:
    return list(open_rows(out))


def test_every_file_is_a_paper_a_part_or_named(folder: Path, tmp_path: Path) -> None:
    made = build_papers([folder], tmp_path / "set", suffix=".jsonl")
    assert (made.papers, made.parts) == (3, ("part.tex",))
    assert made.dropped == {"with the same text as another": 1}
    assert len(made.unread) == 5
    for name in ("c.jsonl:2", "d.tex", "e.tar.gz", "g.tex", "h.gz"):
        assert [line for line in made.unread if name in line], name
    assert all("\n" not in line for line in made.unread)
    assert list(made.unread) == made.manifest.made["unread"]
    by_id = {row.id: row for row in rows(tmp_path / "set")}
    assert by_id["a.tex#1"].text == (
        "# Mass of the $J/\\psi$ 1\n\n## Method\n\nWe fit $J/\\psi\\to\\mu\\mu$ in two channels.\n\n$$m^2 = E^2 - p^2$$ (e)"
    )
    assert by_id["a.tex#2"].text.endswith("Mode: $\\mu\\mu$; Yield: 12\nMode: $ee$; Yield: 7")
    assert by_id["b.html#1"].text == "# On jets\n\nThey are $k_T$ clustered."
    row = by_id["2212.11867#2"]
    assert (row.source, row.licence, row.categories, row.title) == (
        "arXiv",
        "CC-BY-4.0",
        ("hep-th", "math.PR"),
        "Zeros",
    )
    assert not [row for row in by_id.values() if "A reference" in row.text]


def test_blocks_name_their_kind_section_and_characters(folder: Path, tmp_path: Path) -> None:
    build_papers([folder], tmp_path / "set", suffix=".jsonl")
    text = (LATEX % 1).replace(r"\input{part}", "two channels.")
    ids = {row.id for row in rows(tmp_path / "set")}
    blocks = [block for block in read_jsonl(tmp_path / "set" / BLOCKS) if block["paper"] == "a.tex"]
    found = {block["kind"]: block for block in blocks}
    equation = found["equation"]
    assert text[equation["start"] : equation["end"]].startswith(r"\begin{equation}")
    assert text[equation["start"] : equation["end"]].endswith(r"\end{equation}")
    assert (equation["section"], equation["row"], equation["exact"]) == (
        ["Mass of the $J/\\psi$ 1", "Method"],
        "a.tex#1",
        True,
    )
    assert found["reference"]["row"] is None
    assert {block["row"] for block in blocks} - {None} <= ids


def test_equal_papers_give_equal_bytes_and_no_paper_is_in_two_splits(tmp_path: Path) -> None:
    for n in range(20):
        (tmp_path / f"p{n}.tex").write_text((LATEX % n).replace(r"\input{part}", ""))
    shares = {"train": 0.6, "validation": 0.2, "test": 0.2}
    for name in ("one", "two"):
        build_papers(
            sorted(tmp_path.glob("*.tex"), reverse=name == "two"),
            tmp_path / name,
            shares=shares,
            suffix=".jsonl",
        )
    one, two = ({p.name: p.read_bytes() for p in (tmp_path / name).iterdir()} for name in ("one", "two"))
    assert one == two
    papers = {name: {row.id.split("#")[0] for row in open_rows(tmp_path / "one", name)} for name in shares}
    assert {name: len(found) for name, found in papers.items()} == {"train": 12, "validation": 4, "test": 4}
    assert not papers["train"] & papers["test"]


def test_one_paper_is_trained_on(tmp_path: Path) -> None:
    (tmp_path / "a.tex").write_text("A text.")
    assert [split.name for split in build_papers([tmp_path / "a.tex"], tmp_path / "set").manifest.splits] == [
        "train"
    ]


def test_what_was_fetched_keeps_its_licence(tmp_path: Path) -> None:
    (tmp_path / "hep-th_9901001.tex").write_text("A text.")
    about = {"file": "hep-th_9901001.tex", "id": "hep-th/9901001", "title": "T", "licence": "CC-BY-4.0", "categories": ["hep-th"],
             "url": "https://arxiv.org/abs/hep-th/9901001"}  # fmt: skip
    (tmp_path / FETCHED).write_text(json.dumps(about) + "\n")
    build_papers([tmp_path], tmp_path / "set", suffix=".jsonl", licence="other")
    row = rows(tmp_path / "set")[0]
    assert (row.id, row.title, row.licence, row.categories, row.source) == (
        "hep-th/9901001#1", "T", "CC-BY-4.0", ("hep-th",), "arXiv"
    )  # fmt: skip


ENGINES = {
    "good": "# Masses\n\nThe mass is $m_Z = 91.19$ GeV.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "blank": "  ", "wrong": 3, "failing": ValueError("no\nmodel"), "binary": "a\0b",
}  # fmt: skip


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_reads_pdfs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "scripted_engine.py").write_text("def read(path):\n    raise NotImplementedError\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    load_engine("scripted_engine:read")
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.4 scanned")
    (tmp_path / "b.tex").write_text("A text.")

    def read(path: str) -> Any:
        assert path == str(tmp_path / "a.pdf")
        if isinstance(ENGINES[name], Exception):
            raise ENGINES[name]  # type: ignore[misc]
        return ENGINES[name]

    made = build_papers(
        [tmp_path / "a.pdf", tmp_path / "b.tex"], tmp_path / "set", engine=read, suffix=".jsonl"
    )
    if name == "good":
        assert made.papers == 2
        assert (
            "The mass is $m_Z = 91.19$ GeV."
            in rows(tmp_path / "set")[0].text + rows(tmp_path / "set")[-1].text
        )
        assert {b["exact"] for b in read_jsonl(tmp_path / "set" / BLOCKS) if b["file"] == "a.pdf"} == {False}
    else:
        assert made.papers == 1
        assert len(made.unread) == 1
        assert "a.pdf" in made.unread[0]
        assert "\n" not in made.unread[0]


@pytest.mark.parametrize(
    "name", ["", "nothing", "no.module:f", "json:nothing", "json:__name__", ":", "..x:y"]
)
def test_an_engine_that_is_none(name: str) -> None:
    with pytest.raises(InputError, match="the engine"):
        load_engine(name)


def test_nothing_to_read_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.tex").write_bytes(b"\xf6")
    with pytest.raises(InputError, match=r"none of 1 files could be read: .*a\.tex is neither UTF-8"):
        build_papers([tmp_path / "a.tex"], tmp_path / "set")
    assert not (tmp_path / "set").exists()
    assert not list(tmp_path.glob(".*"))


def test_the_text_of_a_section() -> None:
    def block(kind: str, text: str) -> Block:
        return Block(kind, ("A", "B"), 0, 1, text)

    blocks = [
        block("text", "x"),
        block("row", "r"),
        block("row", "s"),
        block("code", "c"),
        block("metadata", "m"),
        block("comment", ""),
    ]
    assert section_text(blocks) == "# A\n\n## B\n\nx\n\nr\ns\n\n```\nc\n```"
    assert section_text([block("heading", "C"), block("reference", "r")]) == ""


def test_filters_come_before_the_split_and_blocks_say_what_is_gone(tmp_path: Path) -> None:
    for n, words in enumerate(
        ["The same long words about one magnet of the old ring. " * 9] * 2 + ["Others."]
    ):
        (tmp_path / f"p{n}.tex").write_text(f"{words} Paper {n}.")
    filters = make_filters(near_duplicates=0.8)
    shares = {"train": 0.34, "validation": 0.33, "test": 0.33}
    made = build_papers([tmp_path], tmp_path / "set", filters=filters, shares=shares, suffix=".jsonl")
    assert (made.papers, made.manifest.rows) == (2, 2)
    assert sum(made.manifest.made["filtered"].values()) == 1
    ids = {row.id for row in rows(tmp_path / "set")}
    assert {block["row"] for block in read_jsonl(tmp_path / "set" / BLOCKS)} - {None} == ids
    with pytest.raises(InputError, match="none of 3 sections remains"):
        build_papers(
            [tmp_path / f"p{n}.tex" for n in range(3)],
            tmp_path / "b",
            filters=[FieldFilter(["particle physics"])],
        )
