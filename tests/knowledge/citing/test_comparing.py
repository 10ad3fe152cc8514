"""Comparisons are supported by two values that differ that way, and by nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from yukawa.knowledge.citing import check


@dataclass(frozen=True)
class Text:
    text: str
    url: str | None = None


PASSAGES = [
    Text("The mass of the Z boson (Z) is 91.1879 ± 0.0020 GeV (PDG fit)."),
    Text("The mass of the W boson (W) is 80.3625 ± 0.0078 GeV (PDG average)."),
    Text("The lifetime (mean life) of the muon (μ, mu) is (2.1969811 ± 0.0000022) × 10⁻⁶ s (PDG average)."),
    Text("The lifetime (mean life) of the neutron (n) is 878.4 ± 0.5 s (PDG average)."),
    Text("The full width of the Z boson (Z) is 2.4955 ± 0.0023 GeV."),
    Text("The mass of the K* meson is less than 900 MeV."), Text("The muon is heavier than the electron."),
    Text("The mass of the proton is 938.3 MeV."),
    Text("The mass of the neutron is 938 ± 3 MeV."),
    Text("The mass of the electron is 0.511 MeV."), Text("The mass of the K+ is 493.677 MeV."),
]  # fmt: skip


@pytest.mark.parametrize("answer", [
    "The Z is heavier than the W [1][2].", "The W boson is lighter than the Z boson [1][2].",
    "The neutron lives longer than the muon [3][4].",
    "The Z has a larger mass than the W [1][2].", "The muon is heavier than the electron [7].",
    "The positron is lighter than the proton [8][10].", "The charged kaon is heavier than the electron [10][11].",
])  # fmt: skip
def test_supported(answer: str) -> None:
    assert check(answer, PASSAGES) == ()


@pytest.mark.parametrize("answer", [
    "The W is heavier than the Z [1][2].", "The Z is lighter than the W [1][2].", "The muon lives longer than the neutron [3][4].",
    "The Z has a smaller mass than the W [1][2].", "The Z is not heavier than the W [1][2].", "The Z is heavier than the W [1].",
    "The Z is wider than the W [1][2][5].",
    "The Z is heavier than the K* [1][6].", "The electron is heavier than the muon [7].", "The proton is heavier than the neutron [8][9].",
    "The Z is much stranger and heavier than the W [1][2].", "The muon is larger than the electron [7].",
    "The antiproton is heavier than the electron [8][10].",
])  # fmt: skip
def test_not_supported(answer: str) -> None:
    assert check(answer, PASSAGES)
