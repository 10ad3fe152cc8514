"""Which facts meet a final state: antiparticles, conditions, steps, virtual bosons, charge."""

from __future__ import annotations

import pytest

from yukawa.assistant.algebra import Unanswerable
from yukawa.assistant.matching import (
    as_particle,
    check_charge,
    decays,
    definite,
    has,
    meets,
    preference,
    with_flavour,
    with_neutrinos,
    worded,
)
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.parsing.particles import particle_table
from yukawa.knowledge.parsing.plan import Channel
from yukawa.knowledge.records import FoundFact, Provenance


def channel(text: str, **more: object) -> Channel:
    return Channel(tuple(tuple(p.split("|")) for p in text.split()), **more)  # type: ignore[arg-type]


def fact(products: str, **qualifiers: str) -> Fact:
    return Fact(
        "x",
        ("B0",),
        "branching-fraction",
        "",
        1.0,
        channel=tuple(sorted(products.split())),
        qualifiers=qualifiers,
    )


@pytest.mark.parametrize("state", ["tau+", "pbar", "K-", "Bbar0", "Kbar^*(892)0", "nubar_mu"])
def test_an_antiparticle_is_looked_up_as_its_particle_with_all_products_conjugated(state: str) -> None:
    table = particle_table().particles
    particle, turned = as_particle(state, channel("K- pi+|pi0 gamma hadrons"))
    assert particle == table[state].conjugate
    assert not table[particle].is_antiparticle
    assert turned is not None
    assert turned.products == (("K+",), ("pi-", "pi0"), ("gamma",), ("hadrons",))
    assert as_particle(particle, turned) == (particle, turned)


def test_what_is_no_particle_stays() -> None:
    assert as_particle("constant:fermi coupling constant") == ("constant:fermi coupling constant", None)


@pytest.mark.parametrize(("stored", "wanted", "met"), [
    (fact("K+ pi-"), channel("pi- K+"), True), (fact("K+ pi-"), channel("K- pi+"), False),
    (fact("K+ pi-"), channel("K+ pi- pi0"), False),
    (fact("K+ pi-"), channel("K+ pi+|pi-|pi0"), True), (fact("Z0 Z*"), channel("Z0 Z0"), True),
    (fact("W* W+-"), channel("W+|W- W+|W-"), True),
    (fact("K+ pi-", condition="nonresonant"), channel("K+ pi-"), False),
    (fact("K+ pi-", condition="nonresonant"), channel("K+ pi-", conditions=("nonresonant",)), True),
    (fact("K+ pi-", condition="c.c."), channel("K+ pi-"), True), (fact("K+ pi-"), channel("K+ pi-", conditions=("c.c.",)), True),
    (fact("K^*(892)0", steps="K^*(892)0 → K+ pi-"), channel("K+ pi-"), False),
    (fact("J/psi(1S) anything"), channel("J/psi(1S) anything", inclusive=True), True),
    (fact("J/psi(1S) K0"), channel("J/psi(1S)", inclusive=True), False), (fact(""), channel("K+ pi-"), False),
])  # fmt: skip
def test_final_states(stored: Fact, wanted: Channel, met: bool) -> None:
    assert meets(stored, wanted) is met


def test_a_chain_meets_the_fact_by_its_steps() -> None:
    chain = channel("K^*(892)0 gamma", steps=(("K^*(892)0", (("K+",), ("pi-",))),))
    assert meets(fact("K^*(892)0 gamma", steps="K^*(892)0 → K+ pi-"), chain)
    assert not meets(fact("K^*(892)0 gamma"), chain)
    assert not meets(fact("K_0^*(1430)0 gamma", steps="K_0^*(1430)0 → K+ pi-"), chain)


def test_neutral_kaons_of_definite_lifetime_are_also_looked_for_by_flavour() -> None:
    assert with_flavour(channel("J/psi(1S) K(S)0")) == channel("J/psi(1S) K0|Kbar0")
    assert with_flavour(channel("J/psi(1S) K+")) is None


def test_what_is_listed_of_an_antiparticle_is_met_as_written_and_the_rest_conjugated() -> None:
    def found(subject: str, products: tuple[str, ...]) -> FoundFact:
        row = Fact("x", (subject,), "partial-lifetime", "", 1.0, channel=products)
        return FoundFact(row, "pdg:x", "", "data", Provenance("", "", None, None, ""), 1)

    own, other = found("pbar", ("e-", "pi0")), found("p", ("e+", "pi0"))
    assert decays([own], "pbar", channel("pi0 e-")) == [own]
    assert decays([own], "pbar", channel("pi0 e+")) == []
    assert decays([other], "pbar", channel("pi0 e-")) == [other]
    assert decays([other], "p", channel("pi0 e+")) == [other]


@pytest.mark.parametrize(
    ("modes", "wanted", "met"),
    [
        ({"mu- nubar_mu nu_tau": 0.17, "mu- gamma nubar_mu nu_tau": 0.004}, "mu+|mu-", ["mu- nubar_mu nu_tau"]),
        ({"mu+ nu_mu": 0.64, "pi0 mu+ nu_mu": 0.03}, "mu+|mu-", []), ({"e- nubar_e nu_tau": 0.18, "e- e- e+ nubar_e nu_tau": 3e-5},
        "e+|e-", ["e- nubar_e nu_tau"]), ({"pi- nu_tau": 0.1}, "pi-", []), ({"mu- nubar_mu nu_tau": 0.17}, "mu- gamma", []),
    ],
)  # fmt: skip
def test_a_lepton_alone_comes_with_neutrinos_where_nothing_else_gives_it(
    modes: dict[str, float], wanted: str, met: list[str]
) -> None:
    def found(products: str, part: float) -> FoundFact:
        row = Fact(
            "x", ("a",), "branching-fraction", "", part, channel=tuple(products.split()), preferred=True
        )
        return FoundFact(row, "pdg:x", "", "data", Provenance("", "", None, None, ""), 1)

    facts = [found(products, part) for products, part in modes.items()]
    assert [" ".join(f.fact.channel) for f in with_neutrinos(facts, channel(wanted))] == met


def test_charge_is_conserved() -> None:
    check_charge(("B0",), channel("K+ pi-"))
    check_charge(("B0",), channel("K+ pi+", inclusive=True))
    check_charge(("B0",), channel("K+ hadrons"))
    check_charge(("tau-", "tau+"), channel("pi+ nubar_tau"))
    with pytest.raises(Unanswerable, match="does not conserve electric charge"):
        check_charge(("B0",), channel("K+ pi+"))


@pytest.mark.parametrize(
    ("state", "products", "names"),
    [
        ("pi+", "mu+ nu", ("mu+", "nu_mu")), ("pi-", "e- nu", ("e-", "nubar_e")), ("n", "p e-|e+ nu", ("p", "e-", "nubar_e")),
        ("tau-", "pi-|pi+ nu", ("pi-", "nu_tau")), ("mu-", "e- nu nu", ("e-", "nu_mu", "nubar_e")),
    ],
)  # fmt: skip
def test_a_neutrino_has_the_flavour_that_is_conserved(
    state: str, products: str, names: tuple[str, ...]
) -> None:
    wanted = channel(products.replace("nu", "nu_e|nu_mu|nu_tau"))
    assert definite((state,), wanted) == (state, names)


def test_limits_are_told_from_values() -> None:
    limit, value = Fact("x", ("e-",), "mass", "m", 1.0, bound="upper"), Fact("x", ("e-",), "mass", "m", 1.0)
    assert [has(limit, "bound", kind) for kind in ("upper", "lower", "any")] == [True, False, True]
    assert not has(value, "bound", "any")


def test_qualifiers_are_met_or_not() -> None:
    row = Fact(
        "x",
        ("t",),
        "mass",
        "t mass (Direct)",
        1.0,
        qualifiers={"scheme": "MSbar", "method": "from tau decays"},
        edition="2026",
    )
    assert has(row, "scheme", "msbar")
    assert has(row, "method", "tau")
    assert has(row, "edition", "2026")
    assert not has(row, "edition", "2018")
    assert not has(row, "scheme", "pole")
    assert not has(row, "experiment", "ATLAS")
    assert not has(row, "predicted", "yes")


def test_preferred_values_of_few_states_come_first() -> None:
    class Found:
        def __init__(self, fact: Fact) -> None:
            self.fact = fact

    rows = [
        Fact("c", ("a", "b"), "mass", "", 1.0, preferred=True), Fact("d", ("a",), "mass", "", 1.0),
        Fact("b", ("a",), "mass", "", 1.0, preferred=True, qualifiers={"method": "x"}), Fact("a", ("a",), "mass", "", 1.0,
        preferred=True),
    ]  # fmt: skip
    ranked = sorted(map(Found, rows), key=preference)  # type: ignore[arg-type]
    assert [f.fact.identifier for f in ranked] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("words", "name", "subject"),
    [
        ("electric polarisability", "p ELECTRIC POLARIZABILITY alpha(p)", "p"),
        ("decay parameter alpha p π⁻", "alpha(-) FOR Lambda --> p pi-", "Lambda"),
        ("asymmetry parameter p pi-", "alpha(-) FOR Lambda --> p pi-", "Lambda"),
        ("rho parameter", "rho PARAMETER", "mu-"),
        ("electron asymmetry parameter", "e- ASYMMETRY PARAMETER A", "n"),
    ],
)
def test_words_of_a_description(words: str, name: str, subject: str) -> None:
    assert worded(words, name, subject)


@pytest.mark.parametrize(
    ("words", "name", "subject"),
    [
        ("polarizability", "p ELECTRIC POLARIZABILITY alpha(p)", "p"),
        ("electric polarizability in water", "p ELECTRIC POLARIZABILITY alpha(p)", "p"),
        ("beta", "beta/A", "mu-"),
        ("CP asymmetry p pi-", "alpha(-) FOR Lambda --> p pi-", "Lambda"),
        ("parameter", "rho PARAMETER", "mu-"),
    ],
)
def test_words_that_do_not_describe_it(words: str, name: str, subject: str) -> None:
    assert not worded(words, name, subject)
