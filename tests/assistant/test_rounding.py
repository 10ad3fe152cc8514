"""Values as text: the PDG's rule of rounding, powers of ten, units."""

from __future__ import annotations

import pytest

from yukawa.assistant import algebra
from yukawa.assistant.algebra import Measured
from yukawa.assistant.rounding import text

TAU = Measured(1776.93246513409, "MeV", {"S035M": (0.0849, -0.0876)})
MUON = Measured(105.6583755, "MeV", {"S004M": (2.3e-6, -2.3e-6)})
LIFETIME = Measured(2.902908481725749e-13, "s", {"S035T": (5.25e-16, -5.25e-16)})
HIGGS = Measured(3.035493483037885, "MeV", {"S126W": (1.452973690017683, -0.7150119194099107)})
LIMIT = Measured(4.2e-8, "", {}, "upper")


@pytest.mark.parametrize(("found", "shown"), [
    (algebra.ratio(TAU, MUON), "16.8177 ± 0.0008"), (algebra.difference(TAU, MUON), "1671.27 ± 0.09 MeV"),
    (algebra.multiple(TAU, 2), "3553.86 ± 0.17 MeV"), (algebra.convert(TAU, "kg"), "(3.16767 ± 0.00015) × 10⁻²⁷ kg"),
    (algebra.convert(LIFETIME, "fs"), "290.3 ± 0.5 fs"), (algebra.width_of(LIFETIME)[0], "0.002267 ± 0.000004 eV"),
    (algebra.lifetime_of(HIGGS)[0], "(2.2 +0.5 −1.0) × 10⁻²² s"),
    (algebra.decay_length_of(LIFETIME)[0], "(8.703 ± 0.016) × 10⁻⁵ m"),
    (algebra.half_life_of(Measured(878.347, "s", {"n": (0.43, -0.43)}))[0], "608.82 ± 0.30 s"),
    (algebra.energy_release_of(TAU, [MUON]), "1671.27 ± 0.09 MeV"),
    (Measured(17.823, "%", {"a": (0.04, -0.04)}), "(17.82 ± 0.04) %"),
    (LIMIT, "less than 4.2 × 10⁻⁸"), (Measured(475.0, "MeV", {}, "range", 400.0, 550.0), "between 400 MeV and 550 MeV"),
    (algebra.lifetime_of(Measured(117.0, "MeV", {}, "range", 114.0, 120.0, nominal=True))[0],
     "between 5.485 × 10⁻²⁴ s and 5.774 × 10⁻²⁴ s (about 5.63 × 10⁻²⁴ s)"),
    (Measured(0.0, "e"), "0 e"), (Measured(-1.0, "e"), "−1 e"), (Measured(1e30, "years", {}, "lower"), "greater than 1 × 10³⁰ yr"),
    (Measured(299792458.0, "m/s"), "2.99792458 × 10⁸ m/s"), (Measured(1.2345e-4, "", {"a": (9.6e-5, -9.6e-5)}),
    "(1.2 ± 1.0) × 10⁻⁴"),
])  # fmt: skip
def test_values_are_rounded_as_the_pdg_does(found: Measured, shown: str) -> None:
    assert text(found) == shown


@pytest.mark.parametrize(("error", "shown"), [
    (0.0994, "1.23 ± 0.10"), (0.0949, "1.23 ± 0.09"), (0.0354, "1.235 ± 0.035"), (0.0356, "1.23 ± 0.04"), (0.100, "1.23 ± 0.10"),
    (0.354, "1.23 ± 0.35"), (0.355, "1.2 ± 0.4"), (3.0, "1.2 ± 3.0"),
])  # fmt: skip
def test_the_three_leading_digits_of_the_error_decide(error: float, shown: str) -> None:
    assert text(Measured(1.2346, "", {"a": (error, -error)})) == shown


def test_an_exact_number_that_was_converted_keeps_ten_digits() -> None:
    assert text(Measured(4.135667696923859e-15, "eV s", exact=True)) == "4.135667697 × 10⁻¹⁵ eV s"
    assert text(Measured(4.135667696923859e-15, "eV s")) == "4.136 × 10⁻¹⁵ eV s"
