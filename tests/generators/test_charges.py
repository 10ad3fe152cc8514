"""Charges that a sentence leaves open follow from the laws and from the flavour of heavy quarks."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.charges import is_possible, resolved_steps
from yukawa.generators.plans import DecayClause, NamedParticle

PION, KAON, TAU = ("pi+", "pi-", "pi0"), ("K+", "K-", "K0", "anti-K0"), ("tau+", "tau-")


def particle(options: tuple[str, ...]) -> NamedParticle:
    return NamedParticle(options, options[0])


def clause(parent: str, *daughters: tuple[str, ...], searched: bool = False) -> DecayClause:
    return DecayClause(particle((parent,)), list(map(particle, daughters)), searched=searched)


@pytest.mark.parametrize(
    ("parent", "daughters", "steps"),
    [
        ("D0", (KAON, PION), ["D0 -> K- pi+"]),
        ("anti-D0", (KAON, PION), ["anti-D0 -> K+ pi-"]),
        ("B+", (("anti-D0", "D0"), PION), ["B+ -> anti-D0 pi+"]),
        ("J/psi", (PION, PION, PION), ["J/psi -> pi+ pi- pi0"]),
        ("B_s0", (("D_s+", "D_s-"), KAON), ["B_s0 -> D_s+ K-", "B_s0 -> D_s- K+"]),
        ("B_s0", (("D_s+", "D_s-"), PION), ["B_s0 -> D_s- pi+"]),
        ("B_s0", (("D_s*+", "D_s*-"), ("mu+", "mu-"), ("nu_mu", "anti-nu_mu")), ["B_s0 -> D_s*- mu+ nu_mu"]),
        (
            "anti-B_s0",
            (("D_s*+", "D_s*-"), ("e+", "e-"), ("nu_e", "anti-nu_e")),
            ["anti-B_s0 -> D_s*+ e- anti-nu_e"],
        ),
        ("B0", (("D*+", "D*-"), ("D+", "D-")), ["B0 -> D*+ D-", "B0 -> D*- D+"]),
        ("B0", (("D+", "D-"), KAON), ["B0 -> D- K+"]),
    ],
)
def test_charges(parent, daughters, steps):
    found, _ = resolved_steps([clause(parent, *daughters)])
    assert [str(each) for each in found] == steps


def test_a_conjugate_is_taken_where_the_antiparticle_is_produced():
    steps, notes = resolved_steps([
        clause("B+", ("anti-D0",), ("pi+",)), clause("D0", ("K-",), ("pi+",)),
    ])  # fmt: skip
    assert str(steps[1]) == "anti-D0 -> K+ pi-"
    assert notes[0].startswith("the antiparticle is produced")


def test_both_of_a_pair_decay_alike_where_no_charge_is_given_but_not_in_a_search():
    pair = clause("B_s0", ("tau+",), ("tau-",))
    steps, notes = resolved_steps(
        [pair, DecayClause(particle(TAU), [particle(PION), particle(("nu_tau", "anti-nu_tau"))])]
    )
    assert [str(each) for each in steps[1:]] == ["tau+ -> pi+ anti-nu_tau", "tau- -> pi- nu_tau"]
    assert "tau+ and tau- both decay so" in notes[0]
    with pytest.raises(InputError, match=r"can be tau\+ or tau-"):
        resolved_steps([pair, DecayClause(particle(TAU), [particle(("mu+", "mu-")), particle(("gamma",))])])


def test_what_is_searched_for_may_break_a_law_that_searches_test():
    forbidden = ("K_S0",), ("K_S0",)
    with pytest.raises(InputError, match=r'two identical bosons.*for a search for it, write "search"'):
        resolved_steps([clause("J/psi", *forbidden)])
    assert len(resolved_steps([clause("J/psi", *forbidden, searched=True)])[0]) == 1
    with pytest.raises(InputError, match="impossible: charge"):
        resolved_steps([clause("J/psi", ("pi+",), ("pi+",), searched=True)])


def test_a_missing_neutrino_is_named():
    with pytest.raises(InputError, match=r'a neutrino is missing: write "B0 -> D- mu\+ nu_mu"'):
        resolved_steps([clause("B0", ("D-",), ("mu+",))])


def test_flavours_of_no_decay_of_one_b_quark_are_noted():
    _, notes = resolved_steps([clause("B+", ("D0",), ("tau+",), ("nu_tau",))])
    assert notes == ["B+ -> D0 tau+ nu_tau: the flavours are those of no decay of one b quark"]
    for daughters in ("anti-D0 tau+ nu_tau", "D0 K+", "anti-D0 K+", "K+ mu+ mu-", "J/psi K+", "D_s+ pi0"):
        assert resolved_steps([clause("B+", *((name,) for name in daughters.split()))])[1] == []


def test_possible_decays():
    assert is_possible(particle(("phi",)), [particle(KAON), particle(KAON)])
    assert not is_possible(particle(("phi",)), [particle(("mu+",)), particle(("K-",))])
