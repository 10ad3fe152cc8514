"""Kinematics: conservation laws over many decays, special relativity over many boosts, values known by heart, refusals."""

from __future__ import annotations

import math

import pytest
from tests.assistant.conftest import Memory
from tests.assistant.test_execution import answer, goal, thing, want

from yukawa.assistant.execution import execute
from yukawa.assistant.results import Facts, Row
from yukawa.knowledge.parsing.plan import Channel, Plan, Thing, Wanted
from yukawa.knowledge.parsing.units import find_unit
from yukawa.knowledge.records import FoundFact, Provenance
from yukawa.knowledge.sources.pdg.facts import Statement

_PDG = Provenance(
    "Particle Data Group", "PDG 2026", "https://pdglive.lbl.gov", "CC BY 4.0", "particle physics"
)
_NEEDED = ("mass", "lifetime", "width", "branching-fraction")


@pytest.fixture(scope="module")
def facts(pdg_statements: list[Statement]) -> Memory:
    """Masses, lifetimes, widths and branching fractions of the particles that the cases name."""
    states = {state for state, to in DECAYS for state in (state, *to.split())} | {
        "mu-",
        "e-",
        "n",
        "B0",
        "K0",
        "J/psi(1S)",
        "Z0",
    }
    found = [
        FoundFact(fact, f"{statement.id}:{n}", statement.text, "data", _PDG, 1)
        for statement in pdg_statements
        for n, fact in enumerate(statement.facts)
        if fact.property in _NEEDED and states & set(fact.subjects)
    ]
    return Memory(found)


DECAYS = [
    ("pi+", "mu+ nu_mu"), ("K+", "mu+ nu_mu"), ("K+", "pi+ pi0"), ("Lambda0", "p pi-"), ("pi0", "gamma gamma"), ("D0", "K- pi+"),
    ("tau-", "pi- nu_tau"), ("phi(1020)0", "K+ K-"), ("Xi-", "Lambda0 pi-"), ("H", "tau+ tau-"), ("Sigma0", "Lambda0 gamma"),
]  # fmt: skip
BOOSTS = ["momentum 10 GeV", "energy 250 GeV", "kinetic-energy 1 MeV", "speed 0.9 c", "lorentz-factor 12"]


def rows(facts: Facts, wanted: Wanted) -> list[Row]:
    (result,) = execute(Plan("q", (goal("value", wanted),)), facts)
    assert not result.problem, result.problem
    return list(result.rows)


def in_base(row: Row) -> float:
    """The value in eV, m and s."""
    unit = find_unit(row.number.unit)
    assert unit is not None
    return row.number.value * unit.size


def product(facts: Facts, state: str, to: str, name: str, of: str) -> float:
    wanted = want(state, name, to, other=thing(of), qualifiers={"given": "rest"})
    return in_base(rows(facts, wanted)[0])


@pytest.mark.parametrize(("state", "to"), DECAYS)
def test_energy_and_momentum_are_conserved(facts: Facts, state: str, to: str) -> None:
    one, other = to.split()
    mass = in_base(rows(facts, want(state))[0])
    energies = [product(facts, state, to, "energy", of) for of in (one, other)]
    momenta = [product(facts, state, to, "momentum", of) for of in (one, other)]
    assert sum(energies) == pytest.approx(mass, rel=1e-12)
    assert momenta[0] == pytest.approx(momenta[1], rel=1e-12)
    kinetic = sum(product(facts, state, to, "kinetic-energy", of) for of in (one, other))
    assert kinetic == pytest.approx(in_base(rows(facts, want(state, "energy-release", to))[0]), rel=1e-6)


@pytest.mark.parametrize("given", BOOSTS)
@pytest.mark.parametrize("state", ["mu-", "pi+", "B0", "Lambda0"])
def test_one_boost_gives_all_of_special_relativity(facts: Facts, state: str, given: str) -> None:
    def value(name: str) -> float:
        kind, _, amount = given.partition(" ")
        if name == kind:
            unit = find_unit(amount.partition(" ")[2])
            assert unit is not None
            return float(amount.partition(" ")[0]) * unit.size
        return in_base(rows(facts, want(state, name, qualifiers={"given": given}))[0])

    mass, life = (in_base(rows(facts, want(state, name))[0]) for name in ("mass", "lifetime"))
    energy, momentum = value("energy"), value("momentum")
    assert energy**2 == pytest.approx(momentum**2 + mass**2, rel=1e-9)
    assert value("kinetic-energy") == pytest.approx(energy - mass, rel=1e-6)
    assert value("lorentz-factor") == pytest.approx(energy / mass, rel=1e-9)
    assert value("speed") == pytest.approx(299792458 * momentum / energy, rel=1e-9)
    assert value("lifetime") == pytest.approx(life * energy / mass, rel=1e-9)
    assert value("decay-length") == pytest.approx(value("speed") * value("lifetime"), rel=1e-9)


def test_errors_are_those_of_the_inputs(facts: Facts) -> None:
    row = rows(facts, want("B0", "decay-length", qualifiers={"given": "momentum 30 GeV"}))[0]
    mass, life = (rows(facts, want("B0", name))[0].number for name in ("mass", "lifetime"))
    relative = math.hypot((mass.plus or 0) / mass.value, (life.plus or 0) / life.value)
    assert row.number.plus == pytest.approx(row.number.value * relative, rel=1e-4)


def reaction(pair: str, to: str, name: str) -> Wanted:
    return Wanted(
        Thing(tuple(pair.split()), pair, (0, 0), True), name, Channel(tuple((p,) for p in to.split()))
    )


def test_a_threshold_leaves_the_products_at_rest_in_their_centre_of_mass(facts: Facts) -> None:
    for pair, to in (
        ("p p", "p p pi0"),
        ("pi- p", "K0 Lambda0"),
        ("gamma p", "pi+ n"),
        ("p p", "p p p pbar"),
    ):
        energy = in_base(rows(facts, reaction(pair, to, "threshold-energy"))[-1])
        root = in_base(rows(facts, reaction(pair, to, "threshold-cm"))[0])
        beam, target = pair.split()
        own = 0.0 if beam == "gamma" else in_base(rows(facts, want(beam))[0])
        rest = in_base(rows(facts, want(target))[0])
        assert own**2 + rest**2 + 2 * energy * rest == pytest.approx(root**2, rel=1e-9)


KNOWN = [
    (want("pi+", "momentum", "mu+ nu_mu", other=thing("mu+"), qualifiers={"given": "rest"}), "is 29.79214 ± 0.00014 MeV"),
    (want("pi0", "energy", "gamma gamma", qualifiers={"given": "rest"}), "is 67.48840 ± 0.00024 MeV"),
    (want("mu-", "energy", "e- nubar_e nu_mu", other=thing("e-"), qualifiers={"given": "most"}), "is 52.8304234 ± 0.0000011 MeV"),
    (want("mu-", "energy", "e- nubar_e nu_mu", other=thing("e-"), qualifiers={"given": "rest"}), "share the energy in many ways"),
    (want("mu-", "speed", qualifiers={"given": "energy 100 TeV"}), "is (1 − 5.58e-13) c"),
    (want("mu-", "speed", qualifiers={"given": "energy 1 MeV"}), "no particle of this mass has such an energy"),
    (want("p", "lorentz-factor", qualifiers={"given": "bare-energy 1 GeV"}), "at E = 1 GeV is 1.0657889"),
    (want("p", "lorentz-factor", qualifiers={"given": "bare-energy 1 GeV"}), "at E_kin = 1 GeV is 2.0657889"),
    (want("gamma", "wavelength", qualifiers={"given": "energy 1 MeV"}), "is 1.24 × 10⁻¹² m"),
    (want("gamma", "lifetime", qualifiers={"given": "energy 1 MeV"}), "a photon has no mean lifetime"),
    (reaction("p p", "p p p pbar", "threshold-energy"), "is 5629.6325366 ± 0.0000017 MeV"),
    (reaction("p p", "p p", "threshold-energy"), "has no threshold"),
    (want("mu-", "compton-wavelength"), "is (1.173444110 ± 0.000000026) × 10⁻¹⁴ m"),
    (want("mu-", "fraction-left", qualifiers={"given": "2 lifetimes"}), "is 0.1353"),
    (want("n", "fraction-decayed", qualifiers={"given": "10 minutes"}), "is 0.49497 ± 0.00017"),
    (want("pi+", "fraction-left", qualifiers={"given": "lorentz-factor 10; 50 m"}), "is 0.52525 ± 0.00007"),
    (want("amount:1 eV", "conversion", qualifiers={"unit": "Hz"}), "is 2.417989242 × 10¹⁴ Hz"),
    (want("amount:300 K", "conversion", qualifiers={"unit": "eV"}), "is 0.02585199979 eV"),
    (want("amount:1 u", "conversion", qualifiers={"unit": "MeV"}), "is 931.49410372 MeV"),
    (want("amount:1 GeV^-1", "conversion", qualifiers={"unit": "fm"}), "is 0.1973269805 fm"),
    (want("amount:2.5 GeV", "conversion", qualifiers={"unit": "lifetime"}), "is 2.633 × 10⁻²⁵ s"),
    (want("amount:1 GeV", "conversion", qualifiers={"unit": "mol"}), "cannot be given in mol"),
    (want("Z0", "other-decays", "hadrons"), "is (30.09 ± 0.06) %"),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "text"), KNOWN)
def test_values_known_by_heart_and_refusals(facts: Facts, wanted: Wanted, text: str) -> None:
    assert text in answer(facts, goal("value", wanted))
