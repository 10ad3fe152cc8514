"""Rules: which operation a sentence asks for."""

from __future__ import annotations

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.clauses import Context, sentences
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.plan import Goal
from yukawa.knowledge.parsing.rules import goals_of
from yukawa.knowledge.parsing.tokens import source, tokenise


def goals(text: str, context: Context | None = None) -> list[Goal]:
    read = source(text)
    (clause,) = sentences(read.plain, tokenise(read.plain))
    return goals_of(clause, context or Context())


@pytest.mark.parametrize(
    ("text", "operation"),
    [
        ("mass of the Z", "value"), ("the Z", "overview"), ("list the decays of the tau", "list"),
        ("what are the leptons", "list"),
        ("how many leptons are there", "count"), ("which is heavier, the Z or the W", "which"),
        ("is the Z heavier than the W", "is"),
        ("is the eta a pseudoscalar", "is"), ("ratio of the Z mass to the W mass", "ratio"),
        ("sum of the masses of the Z and the W", "sum"),
        ("lifetime of the D0 reduced by the lifetime of the B0", "difference"), ("twice the mass of the tau", "multiple"),
        ("how many K+ masses make a B0 mass", "how-many"), ("which mesons decay to mu+ mu-", "reverse"),
        ("particle 443", "reverse"),
        ("who measured the mass of the tau", "measurements"), ("mass of the W measured by CDF", "measurements"),
        ("which is the most recent result on the neutron lifetime", "measurements"),
        ("latest result for the neutron lifetime", "value"),
    ],
)  # fmt: skip
def test_operations(text: str, operation: str) -> None:
    assert [g.operation for g in goals(text)] == [operation]


def test_who_is_first_decides_the_direction() -> None:
    (heavier,), (lighter,) = (
        goals("how much heavier is the Z than the W"),
        goals("how much lighter is the W than the Z"),
    )
    assert heavier.operands[0].thing.names == lighter.operands[0].thing.names == ("Z0",)
    (longest,) = goals("which lepton lives longest")
    assert longest.order == ("lifetime", "descending")
    assert longest.most == 1


def test_conditions_and_thresholds() -> None:
    (goal,) = goals("decays of the tau above 10 %")
    assert [(f.relation, f.amount.value, f.amount.unit) for f in goal.filters] == [(">", 10.0, "%")]  # type: ignore[union-attr]
    (goal,) = goals("is the mass of the W below 81 GeV")
    assert goal.relation == "<"


def test_a_property_of_decays_needs_a_decay() -> None:
    assert goals("momentum of the muon") == []
    assert [g.operation for g in goals("branching fractions of the tau")] == ["list"]


def test_what_was_said_before_is_meant() -> None:
    before = Context(goals("mass of the tau"))
    (width,) = goals("and its width", before)
    assert (width.operands[0].property, width.operands[0].thing.names) == (
        "width",
        before.goals[0].operands[0].thing.names,
    )
    (muon,) = goals("what about the muon", before)
    assert muon.operands[0].property == "mass"
    (difference,) = goals("by how much", Context(goals("which is heavier, the Z or the W")))
    assert difference.operation == "difference"


def test_nothing_is_used_where_no_rule_applies() -> None:
    read = source("mass of the zorblon")
    (clause,) = sentences(read.plain, tokenise(read.plain))
    assert goals_of(clause, Context()) == []
    assert clause.used == set()


def test_what_decays_mostly_to_products_does_so_in_more_than_half_of_the_cases() -> None:
    (mostly,), (at_all,) = (
        goals("which mesons decay mostly to two photons"),
        goals("which mesons decay to two photons"),
    )
    (condition,) = mostly.filters
    assert (condition.property, condition.relation) == ("branching-fraction", ">")
    assert not at_all.filters


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("put these in order of mass, lightest first: eta, muon, proton", ("mass", "ascending")),
        ("sort the D+, D0 and B0 by lifetime", ("lifetime", "descending")),
        ("rank the muon, the tau and the electron by mass, ascending", ("mass", "ascending")),
    ],
)
def test_things_named_are_put_in_order(text: str, order: tuple[str, str]) -> None:
    (found,) = goals(text)
    assert len(found.operands) == 3
    assert found.order == order


def test_of_a_constant_and_its_inverse_both_are_wanted() -> None:
    assert [g.power for g in goals("the fine structure constant and its inverse")] == [1.0, -1.0]
    assert [g.power for g in goals("the inverse of the Z mass")] == [-1.0]


def test_charge_states_are_counted_apart_from_what_else_is_wanted() -> None:
    counted, other = goals("how many charge states has the Delta(1232), and its isospin")
    assert counted.operation == "count"
    assert len(counted.operands[0].thing.names) == 4
    assert other.operands[0].property == "isospin"


@pytest.mark.parametrize(
    ("text", "operation", "conditions"),
    [
        ("which neutral baryon has a mass of about 1116 MeV", "reverse", ["neutral"]),
        ("list the charged mesons", "list", ["charged"]),
        ("which charged mesons decay to mu+ nu_mu", "reverse", ["charged"]),
    ],
)
def test_a_charge_before_a_class_is_a_condition(text: str, operation: str, conditions: list[str]) -> None:
    (found,) = goals(text)
    assert found.operation == operation
    assert [f.amount for f in found.filters] == conditions


def test_the_top_three_are_three() -> None:
    assert [g.most for g in goals("top 3 decay modes of the eta")] == [3]
    assert [g.most for g in goals("top three decay modes of the eta")] == [3]


def test_a_difference_may_be_asserted() -> None:
    (found,) = goals("do the Sigma+ and the Sigma- differ in mass by 8 MeV")
    assert (found.operation, found.asserted is not None) == ("is", True)


def test_zero_is_an_amount_in_a_question_of_yes_or_no() -> None:
    (found,) = goals("is the mass of the photon zero")
    assert (found.operation, getattr(found.asserted, "value", None)) == ("is", 0.0)


OF_ALL = [
    ("Which vector mesons are heavier than 3 GeV and narrower than 1 MeV?",
     "list class(class:vector meson) where mass > 3 GeV where width < 1 MeV"),
    ("What is the total branching fraction for K_S to two pions?",
     "sum branching-fraction(K(S)0 → pi+/pi-/… pi+/pi-/…)"),
    ("One in how many K_L decays goes to mu+ mu-?", "value branching-fraction(K(L)0 → mu+ mu-) power -1"),
    ("What fraction of Higgs bosons does not decay to b quarks?", "value other-decays(H → b/bbar b/bbar)"),
    ("What percentage of Z decays is not hadronic?", "value other-decays(Z0 → hadrons)"),
    ("Of 1000 K_S, how many decay to two neutral pions?", "value branching-fraction(K(S)0 → pi0 pi0)"),
    ("What particle decays into mu+ nu_mu 63.6 % of the time?",
     "reverse branching-fraction(class:particle → mu+ nu_mu) where branching-fraction = 63.6 %"),
    ("List the leptonic decay modes of the W.", "list decays(W+|W-) where decays = leptonic by branching-fraction descending"),
    ("How often does the tau decay leptonically?", "sum decays(tau-|tau+) where decays = leptonic"),
    ("Which gauge bosons are their own antiparticles?", "reverse antiparticle(class:gauge boson) = itself"),
    ("Which baryons contain three strange quarks?", "reverse quark-content(class:baryon) >= s s s"),
    ("There is a neutral baryon of about 1.1157 GeV. Which one is it?",
     "reverse mass(class:baryon) = 1.1157 GeV where charge = neutral"),
    ("What do CDF and ATLAS get for the W mass?",
     "measurements mass(W+|W-) experiment=CDF; measurements mass(W+|W-) experiment=ATLAS"),
    ("By how many sigma do the CDF and ATLAS W mass measurements differ?",
     "measurements mass(W+|W-) experiment=CDF, mass(W+|W-) experiment=ATLAS != by precision descending"),
]  # fmt: skip
NOT_OF_ALL = [
    "One in how many people has seen a K_L decay to mu+ mu-?",
    "What fraction of K+ decays to mu+ nu, not counting pi0 mu+ nu?",
    "How often does the tau decay semileptonically?",
    "By how many sigma do the CDF and ATLAS W masses differ in the year of the dog?",
]


@pytest.mark.parametrize(("question", "read"), OF_ALL)
def test_what_is_asked_of_all_decays_or_members(question: str, read: str) -> None:
    assert reading(plan(question)) == read


@pytest.mark.parametrize("question", NOT_OF_ALL)
def test_what_is_not_asked_of_all_is_refused(question: str) -> None:
    assert not plan(question).complete


EARLIER = [
    ("A stationary pi+ decays into an antimuon and a neutrino. What is the energy release (Q) of this decay?",
     "value energy-release(pi+ → mu+ nu_e/nu_mu/…)"),
    ("Is the phi meson heavier than two charged kaons? How much energy is left over?",
     "is mass(phi(1020)0), 2 mass(K+|K-) >; difference mass(phi(1020)0), 2 mass(K+|K-)"),
    ("The phi(1020) is barely above two kaons. How much energy is left over in phi → K+ K−?",
     "value energy-release(phi(1020)0 → K+ K-)"),
    ("In percent, how often does the tau decay to an electron and how often to a muon (plus neutrinos)?",
     "value branching-fraction(tau-|tau+ → e+/e- nu_e/nu_mu/… nu_e/nu_mu/…) in percent; "
     "value branching-fraction(tau-|tau+ → mu+/mu- nu_e/nu_mu/… nu_e/nu_mu/…) in percent"),
    ("What share of Z decays is invisible, i.e. goes into neutrinos?", "value branching-fraction(Z0 → invisible)"),
    ("Top 5 lightest mesons?", "which mass(class:meson) by mass ascending first 5"),
    ("List the three heaviest elementary particles of the SM with their masses.",
     "which mass(class:elementary particle) by mass descending first 3"),
    ("What is the only stable baryon?", "list class(class:baryon) where lifetime = stable"),
    ("How far does a D+ go in one lifetime at the speed of light?", "value decay-length(D+)"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "read"), EARLIER)
def test_what_sentences_and_brackets_beside_say_is_used(question: str, read: str) -> None:
    assert reading(plan(question)) == read


def test_a_statement_of_another_thing_is_not_dropped() -> None:
    assert not plan("The neutron is bound in a nucleus. How long does the tau live?").complete
    assert not plan("There is a muon in water. What is the lifetime of the muon?").complete
    assert not plan("A kaon at 5 GeV is shot. What is the lifetime of the tau?").complete
