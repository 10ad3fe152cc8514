"""The judge of papers in LaTeX finds what was planted in a text, and misses what a reader leaves out."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from yukawa.knowledge.documents.blocks import Block

TEXT = r"""\newcommand{\jpsi}{J/\psi}\newcommand{\m}[2][x]{m_{#1}^{#2}}
\newcommand{\be}{\begin{equation}}\newcommand{\ee}{\end{equation}}
\begin{document}
A $\jpsi$ and \(\m[y]{2} \) of 5\$. % $no$
\be\label{a} E = \m 3 \ee \[ b \] $$c$$
\begin{tabular}{l|c} Mode & \num{3} \\ \hline \multicolumn{2}{c}{none} \\ \end{tabular}
\begin{tikzpicture} $no$ \end{tikzpicture}
\end{document} $no$
"""


@pytest.fixture(scope="module")
def judge(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("data_papers")


def test_what_a_text_holds(judge: ModuleType) -> None:
    displayed, inline, cells = judge.judged(TEXT)
    assert displayed == ["E=m_{x}^{3}", "b", "c"]
    assert inline == [r"J/\psi", "m_{y}^{2}"]
    assert [key for key in map(judge.letters, cells) if key] == ["Mode", "none"]


def test_what_is_left_out_is_missed(judge: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    found = judge.measured({"a": TEXT}, None)
    assert (found["displayed missing"], found["inline missing"], found["cells missing"], found["lost"]) == (
        0,
        0,
        0,
        [],
    )
    monkeypatch.setattr(
        judge, "latex_blocks", lambda text: [Block("text", (), 0, 1, "A $J/\\psi$ and $m_{y}^{3}$.")]
    )
    found = judge.measured({"a": TEXT}, None)
    assert (found["displayed missing"], found["inline missing"], found["cells missing"]) == (3, 1, 2)
    monkeypatch.setattr(judge, "latex_blocks", lambda text: [])
    assert judge.measured({"a": TEXT}, None)["lost"] == ["a: no blocks"]
