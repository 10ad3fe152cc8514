"""The words of LaTeX as a reader sees them: accents, quotation marks, references; formulas keep every sign."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.knowledge.documents.latex import latex_blocks
from yukawa.knowledge.documents.tex import TokenStream, tokens
from yukawa.knowledge.documents.tex_text import plain

SIGNS = [
    r"\alpha",
    "x",
    "_{i}",
    "^{2}",
    "+",
    r"\frac{a}{b}",
    r"\sqrt{s}",
    r"\text{ at }",
    r"\,",
    "(",
    ")",
    r"\bar{\nu}",
    "&",
    r"\\",
    "~",
]


def said(source: str) -> str:
    return plain(TokenStream([]), tokens(source))


@pytest.mark.parametrize(("source", "text"), [
    (r"Schr\"odinger, Poincar\'{e}, \v{C}erenkov, Erd\H{o}s, na\"{\i}ve", "Schrödinger, Poincaré, Čerenkov, Erdős, naïve"),
    (r"``quoted'' 1--2---3 50\% A\&B", "“quoted” 1–2—3 50% A&B"),
    (r"\emph{very} \textbf{bold \textit{both}}", "very bold both"),
    (r"see Eq.~\eqref{eq:m} and \cite{Aad:2012, CMS:2012}", "see Eq. (eq:m) and [Aad:2012, CMS:2012]"),
    (r"\href{https://a.org}{here}, \url{https://b.org/~x}", "here (https://a.org), https://b.org/~x"),
    (r"10\textsuperscript{-3}", "10⁻³"),
    (r"\textcolor{red}{warm} \vspace{2cm}\includegraphics[width=3cm]{f.png}", "warm"),
    (r"text\footnote{A note.} goes on", "text (A note) goes on"),
    (r"the \ttbar cross section, \ttbar{} too", r"the \ttbar cross section, \ttbar too"),
    (r"$a$ and \(b\) and \ensuremath{c}", "$a$ and $b$ and $c$"),
    (r"a \\[2pt] b", "a b"),
    (r"costs \$5, an odd $ sign", "costs $5, an odd $ sign"),
])  # fmt: skip
def test_text(source: str, text: str) -> None:
    assert said(source).replace("\\ttbar{}", "\\ttbar") == text


@given(st.lists(st.sampled_from(SIGNS), min_size=1, max_size=12), st.sampled_from(["$%s$", r"\(%s\)", r"\[%s\]", "$$%s$$",
       r"\begin{equation}%s\end{equation}", r"\begin{align*}%s\end{align*}",
       r"\begin{gather}\label{eq:x}%s\nonumber\end{gather}"]))  # fmt: skip
def test_a_formula_keeps_every_sign(signs: list[str], around: str) -> None:
    formula = " ".join(signs)
    text = " ".join(block.text for block in latex_blocks(f"Before {around % formula} after."))
    assert formula.replace(" ", "") in text.replace(" ", "")
    assert text.startswith("Before ")
    assert text.endswith("after.")


def test_a_formula_that_nothing_closes_is_text() -> None:
    blocks = latex_blocks("A $x without end.\n\nNext \\begin{equation} y\n\n\\section{S} more")
    text = " ".join(block.text for block in blocks)
    assert all(word in text for word in ("without end.", "Next", "y", "more"))
    assert [block.text for block in blocks if block.kind == "heading"] == ["S"]


@pytest.mark.parametrize(("source", "text"), [
    (r"\ensuremath{\(x\)} a", "$x$ a"),
    (r"\ensuremath{$x$}", "$x$"),
    (r"\ensuremath{a\text{ if $b$}}", r"$a\text{ if $b$}$"),
    (r"\newcommand{\m}{\(x\)}\ensuremath{\m}", "$x$"),
    (r"\ensuremath{x \section{y}} a", "x y a"),
    (r"\ensuremath a", "$a$"),
])  # fmt: skip
def test_what_ensures_a_formula_within_one(source: str, text: str) -> None:
    assert said(source) == text
    assert [block.text for block in latex_blocks(source) if block.kind == "text"] == (
        [text] if "section" not in source else ["x", "a"]
    )


@pytest.mark.parametrize(
    "command", [r"\cite", r"\footnote", r"\caption", r"\item", r"\section", r"\\", r"\parbox", r"\num", r"\x"]
)
def test_an_option_that_nothing_closes_loses_no_word(command: str) -> None:
    found = latex_blocks(f"before {command}[never closed behind\n\nafter")
    words = " ".join(block.text for block in found)
    for word in ("before", "closed", "behind", "after"):
        assert word in words
