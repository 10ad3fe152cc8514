"""Quantities of siunitx are read as they are printed, in text and in formulas."""

import pytest

from yukawa.knowledge.documents.latex import latex_blocks


def said(source: str) -> str:
    return latex_blocks(f"x {source}")[0].text.removeprefix("x ")


@pytest.mark.parametrize(("source", "text"), [
    (r"\SI{13}{\tera\electronvolt}", "13 TeV"),
    (r"\qty{1.2e-3}{\metre\per\second}", "1.2×10⁻³ m s⁻¹"),
    (r"\num{3.14 +- 0.02 e5}", "(3.14 ± 0.02)×10⁵"),
    (r"\num{1.23(4)}", "1.23(4)"),
    (r"\num{.5}", "0.5"),
    (r"\num{e4}", "10⁴"),
    (r"\si{\per\femto\barn}", "fb⁻¹"),
    (r"\SI[per-mode=symbol]{139}{\per\femto\barn}", "139 fb⁻¹"),
    (r"\SI{2}{\square\metre}", "2 m²"),
    (r"\SI{2}{\metre\squared}", "2 m²"),
    (r"\SI{2}{\metre\tothe{5}}", "2 m⁵"),
    (r"\SI{5}{GeV/c^2}", "5 GeV/c²"),
    (r"\SI{5}{kg.m}", "5 kg m"),
    (r"\ang{45}", "45°"),
    (r"\ang{1;2;3}", "1°2′3″"),
    (r"\SI{20}{\celsius}", "20 °C"),
    (r"\SIrange{1}{5}{\GeV}", "1 to 5 GeV"),
    (r"\SIlist{1;2}{\GeV}", "1, 2 GeV"),
    (r"$m = \SI{3.1e2}{\GeV}$", r"$m = 3.1\times 10^{2}\,\mathrm{GeV}$"),
    (r"$\num{1 \pm 2}$", r"$1\pm 2$"),
    (r"\qty", r"\qty"),
])  # fmt: skip
def test_a_quantity(source: str, text: str) -> None:
    assert said(source) == text


def test_qty_of_another_package_is_left_as_it_is() -> None:
    assert said(r"$\qty(a)$") == r"$\qty(a)$"
    assert said(r"$\qty{a}+b$") == r"$\qty{a}+b$"


def test_units_that_the_paper_defines() -> None:
    text = latex_blocks(r"\newcommand{\unitx}{\giga\electronvolt} x \SI{2}{\unitx}")[-1].text
    assert text == "x 2 GeV"
