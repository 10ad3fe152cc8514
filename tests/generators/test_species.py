"""Names, numbers, and what follows from them; conjugation is its own inverse."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from yukawa.generators.species import (
    SpeciesNames,
    baryon_number,
    by_number,
    header_species,
    known_species,
    lepton_numbers,
    read_particle_table,
)

NAMES = SpeciesNames()


def test_the_antiparticle_of_the_antiparticle():
    for species in known_species().values():
        other = NAMES.get(NAMES.antiparticle(species))
        if other.number != species.number and abs(species.number) not in range(
            40, 102
        ):  # those are of programs
            assert other.number == -species.number
            assert other.charge3 == -species.charge3, species.name
            assert tuple(-number for number in other.sums[1:]) == species.sums[1:]
            if ")(" not in species.name + other.name:  # BesEvtGen has other numbers of some
                assert other.spin2 == species.spin2


def test_spin_and_statistics_agree_with_baryon_and_lepton_number():
    for species in known_species().values():
        if species.spin2 is not None and not species.is_parton and abs(species.number) < 1_000_000:
            fermion = bool(sum(map(abs, species.sums[1:])))
            if fermion:
                assert species.spin2 % 2 == 1, species.name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("p+", 1), ("anti-Lambda0", -1), ("N(1440)+", 1), ("J/psi", 0), ("x(1835)", 0), ("f_0(1790)", 0), ("deuteron", 2),
        ("X_1(3872)", 0), ("Xi_cc++", 1),
    ],
)  # fmt: skip
def test_baryon_numbers(name, expected):
    assert baryon_number(NAMES.get(name).number) == expected


def test_lepton_numbers():
    assert lepton_numbers(NAMES.get("mu+").number) == (0, -1, 0)
    assert lepton_numbers(NAMES.get("nu_tau").number) == (0, 0, 1)


@pytest.mark.parametrize(
    "name", ["vpho", "psi(4260)", "X_1(3872)", "f_0(980)", "Xi_cc++", "K*BL", "B0sig", "f_0(500)"]
)
def test_names_that_other_tables_lack(name):
    assert NAMES.get(name) is not None


def test_every_name_of_the_public_tables_is_known():
    file = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data")) / "decay" / "evtgen_names.tsv"
    if not file.exists():
        pytest.skip("the names of the test data are absent")
    rows = list(csv.DictReader(file.open(encoding="utf-8"), delimiter="\t"))
    for row in rows:
        species = NAMES.get(row["name"])
        assert species is not None
        assert species.charge3 == int(row["charge_x3"])


def test_aliases_have_the_properties_of_their_particle_and_their_own_name():
    names = SpeciesNames()
    names.alias("MyD0", names.get("D0"))
    assert names.get("MyD0").base == "D0"
    assert names.conjugate("MyD0") == ""
    names.conjugates["MyD0"] = "MyD0bar"
    assert names.conjugate("MyD0") == "MyD0bar"
    assert names.conjugate("B0sig") == "anti-B0sig"
    assert names.conjugate("K*BL") == "K*L"
    assert names.conjugate("nothing") == ""


def test_masses_at_which_a_particle_is_generated():
    rho, b0 = NAMES.get("rho0"), NAMES.get("B0")
    assert rho.lightest == 0
    assert rho.heaviest == pytest.approx(2 * rho.mass)
    assert b0.lightest == pytest.approx(b0.heaviest)
    assert NAMES.get("Xsu").heaviest == float("inf")


def test_a_table_of_the_user(tmp_path):
    table = tmp_path / "evt.pdl"
    table.write_text("* a comment\nadd  p Particle  rho0  113  0.77  0.15  0.4  0  2  0  113\nend\n")
    rho = read_particle_table(table)["rho0"]
    assert (rho.mass, rho.cut, rho.lightest, rho.parity) == (0.77, 0.4, pytest.approx(0.37), "-")
    assert by_number({"rho0": rho}) == {113: ["rho0"]}


HEADER = [
    "# EventType: 1",
    '# ParticleValue: "MyHNL 89 9900014 0.0 2.5 1.0e-10 A0 9900014 0.0", "X_1(3872) 1016 9120443 0.0',
    '#   3.8719 -0.001 X_1(3872) 9120443 0.001"',
    "#",
    '# "not 1 2 3 4 5 6 7 8"',
    "Decay B0",
]


def test_values_over_several_lines():
    found = {each.name: each for each in header_species(HEADER)}
    assert found.keys() == {"A0", "X_1(3872)"}
    assert found["A0"].mass == 2.5
    assert found["X_1(3872)"].width == 0.001
    assert found["X_1(3872)"].redefined
    assert found["X_1(3872)"].spin2 == 2


def test_lines_that_are_no_header():
    assert not header_species(['# ParticleValue: "too short"', '# ParticleValue: "a b c d e f g h i"', "# x"])


def test_a_redefined_particle_exempts_its_modes(codes):
    card = "Decay B+\n1.0 mu+ A0 PHSP;\nEnddecay\nEnd"
    assert ("E-SPIN", 2) in codes(card)
    assert not codes("\n".join(HEADER[:3]) + "\n" + card)
