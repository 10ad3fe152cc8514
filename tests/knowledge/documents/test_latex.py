"""LaTeX as blocks: nothing is lost, places are true, and what people send by mistake or malice is read in bounded time."""

import re
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.knowledge.documents.latex import latex_blocks

PAPER = r"""\documentclass{article}
\newcommand{\jpsi}{\ensuremath{J/\psi}}
\newenvironment{eq}{\begin{equation}}{\end{equation}}
\title{Mass of the \jpsi}
\author{A. Author}
\begin{document}
\maketitle
\begin{abstract}
We measure the \jpsi\ mass.
\end{abstract}
\section{Method} % a remark
The detector \cite{det} is described.
\begin{eq}\label{eq:m} m^2 = E^2 - p^2, \end{eq}
where $E$ is the energy.
\begin{table}\caption{Yields}\begin{tabular}{l|c}\hline
Mode & Yield \\ \hline
$\mu\mu$ & \num{12} \\
\multicolumn{2}{c}{none} \\
\end{tabular}\end{table}
\begin{tikzpicture}\node{no};\end{tikzpicture}
\begin{itemize}\item one \item[b)] two\end{itemize}
\begin{verbatim}
$ run
\end{verbatim}
\begin{thebibliography}{9}\bibitem{det} A detector.\end{thebibliography}
\end{document}
not read
"""
PIECES = [
    "word ", "\n\n", r"\section{A} ", "$x^2$", r"\begin{equation} E \end{equation}", r"\textbf{b}", r"\begin{itemize}", r"\item ",
    r"\end{itemize}", r"\begin{tabular}{cc}", "a & b \\\\", r"\end{tabular}", "{", "}", "$", "%c\n", r"\caption{c}", r"\begin{abstract}",
    r"\end{abstract}", r"\footnote{f}", r"\cite{k}", r"\begin{figure}", r"\end{figure}", r"\newcommand{\x}{macro}", r"\x ", r"\[ y \]",
    r"\begin{verbatim}v\end{verbatim}", r"\unknown", r"\end{document}", r"\begin{document}", r"\title{t}", "[", "]", r"\\", "&", "#",
]  # fmt: skip


def test_the_blocks_of_a_paper() -> None:
    found = [(b.kind, b.headings[1:], b.text) for b in latex_blocks(PAPER) if b.kind != "comment"]
    assert found == [
        ("heading", (), r"Mass of the $J/\psi$"),
        ("heading", (), "Abstract"),
        ("abstract", ("Abstract",), r"We measure the $J/\psi$ mass."),
        ("heading", (), "Method"),
        ("text", ("Method",), "The detector [det] is described."),
        ("equation", ("Method",), "$$m^2 = E^2 - p^2,$$ (eq:m)"),
        ("text", ("Method",), "where $E$ is the energy."),
        ("caption", ("Method",), "Yields"),
        ("row", ("Method",), r"Mode: $\mu\mu$; Yield: 12"),
        ("row", ("Method",), "Mode: none"),
        ("item", ("Method",), "- one"),
        ("item", ("Method",), "- b) two"),
        ("code", ("Method",), "$ run"),
        ("heading", (), "References"),
        ("reference", ("References",), "[det] A detector."),
    ]


def test_places_are_those_of_the_words() -> None:
    for block in latex_blocks(PAPER):
        if block.kind in ("text", "caption", "item", "reference", "equation"):
            source = PAPER[block.start : block.end]
            for word in re.findall(r"[a-z]{3,}", re.sub(r"\$[^$]*\$|\([^)]*\)|\[[^]]*\]", "", block.text)):
                assert word in source
    headings = [PAPER[b.start : b.end] for b in latex_blocks(PAPER) if b.kind == "heading"]
    assert r"\section{Method}" in headings


@given(st.lists(st.sampled_from(PIECES), max_size=25).map("".join))
def test_anything_is_read_with_places_inside_it(source: str) -> None:
    for block in latex_blocks(source):
        assert 0 <= block.start <= block.end <= len(source)
        assert (block.kind == "comment") == (not block.text)
    assert latex_blocks(source) == latex_blocks(source)


@given(
    st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta"]), min_size=1, max_size=8), st.integers(0, 7)
)
def test_every_word_of_running_text_is_kept_in_order(words: list[str], cut: int) -> None:
    source = " ".join(words[:cut]) + "\n\n\\section{S}\n" + r" \emph{" + " ".join(words[cut:]) + "}"
    text = " ".join(b.text for b in latex_blocks(source) if b.kind != "heading")
    assert text.split() == words


def test_a_table_keeps_its_cells_under_their_columns() -> None:
    table = r"\begin{longtable}{lll} Particle & Mass & Width \\ \toprule Z & 91.2 & 2.5 \\[2pt] W & 80.4 & \\ \end{longtable}"
    assert [b.text for b in latex_blocks(table)] == [
        "Particle: Z; Mass: 91.2; Width: 2.5",
        "Particle: W; Mass: 80.4",
    ]
    assert [b.text for b in latex_blocks(r"\begin{tabular}{cc} a & b \end{tabular}")] == ["a; b"]
    assert latex_blocks(r"\begin{tabular}{cc} A & B \\ 1 & \\ \end{tabular}")[0].text == "A; B"


def test_an_entry_of_a_glossary() -> None:
    source = (
        r"\newglossaryentry{LHC}{long=Large Hadron Collider, name={LHC}, description={A ring of $27$ km}}"
    )
    source += r"\newacronym{sm}{SM}{Standard Model}"
    assert [b.text for b in latex_blocks(source)] == [
        "- Large Hadron Collider: A ring of $27$ km",
        "- sm: SM: Standard Model",
    ]


N = 20_000
HOSTILE = [
    "{" * N, "}" * N, "$" * N, "$x" * N, "$$x" * N, r"\[" * N, r"\(x" * N, r"\({" * N, "${" * N,
    r"\begin{equation}" * N, r"\begin{align}\begin{gather}" * N,
    r"\begin{tabular}{c}" * N, r"\section{" * N, r"\footnote{" * N, r"\cite[" * N, r"\foo[" * N, r"\newcommand{" * N, r"\def" * N,
    r"\let" * N, r"\iffalse" * N, r"\begin{verbatim}" * N, r"\verb|x" * N, r"\SI{" * N, r"\qty{1" * N, r"\begin{itemize}\item x" * N,
    r"\end{x}" * N, "%" * N, r"\begin{tikzpicture}" * N, r"\newglossaryentry{" * N, r"\href{" * N, r"\'" * N, "a" * 10_000_000,
    r"\begin{tabular}{c}" + r"a&b\\" * N, "\n\n" * N, "~" * N, "#1" * N, "\\", "\\begin{", r"\begin{frame}[t]{x}" * N, r"\caption{" * N,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("source", HOSTILE, ids=lambda source: source[:20])
def test_hostile_text_takes_time_by_its_length(source: str) -> None:
    began = time.monotonic()
    with suppress(InputError):
        latex_blocks(source)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize(("source", "kept"), [
    (r"A. \iffalse hidden $a\iff b$ \fi Kept.", "A. Kept."), (r"A. \iffalse not ended. Kept.", "A. not ended. Kept."),
    (r"A. \iffalse hidden \ifx\a\b c\fi d \else Kept.", "A. Kept."), (r"\iffalse a \ifbool{x}{y}{z} \fi Kept.", "Kept."),
])  # fmt: skip
def test_a_branch_is_left_out_up_to_its_own_end_and_nothing_else(source: str, kept: str) -> None:
    assert [" ".join(block.text.split()) for block in latex_blocks(source)] == [kept]


def test_a_macro_of_many_characters_is_counted_by_them() -> None:
    with pytest.raises(InputError, match="macros expand without end"):
        latex_blocks(r"\def\x{" + "a" * 100_000 + "}" + r"\x" * 1_000)


def test_an_environment_that_begins_itself_is_refused() -> None:
    with pytest.raises(InputError, match="macros expand without end"):
        latex_blocks(r"\newenvironment{a}{\begin{a}}{}\begin{a}")


@pytest.mark.parametrize("gap", ["\n\n", " \n\n", "\n \n", "\t\n \t\n\n ", "% remark\n\n"])
def test_a_blank_line_ends_a_paragraph_whatever_spaces_are_around_it(gap: str) -> None:
    assert [block.text for block in latex_blocks(f"one{gap}two")] == ["one", "two"]
