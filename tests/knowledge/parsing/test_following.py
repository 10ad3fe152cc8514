"""Dialogues: each question is read after those before it; nothing but the history carries what was said."""

import pytest
from tests.knowledge.parsing.readings import reading

from yukawa.knowledge.parsing.following import following, last_goals
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.plan import Plan
from yukawa.knowledge.parsing.reading import read_question

# Questions in their order, and what is read in the last of them.
DIALOGUES = (
    ('mass of the Z | and its width? | in MeV? | what about the W?', 'value width(W+|W-) in MeV'),
    ('mass of the muon | in kg?', 'value mass(mu-|mu+) in kg'),
    ('lifetime of the muon | thanks | and of the tau?', 'value lifetime(tau-|tau+)'),
    ('Is the muon heavier than the pi+? | by how much?', 'difference mass-difference(mu-|mu+, pi+)'),
    ('which is heavier, the proton or the neutron? | by how much?', 'difference mass-difference(p, n)'),
    ('branching fraction of Z -> mu+ mu- | and e+ e-? | and to tau+ tau-?', 'value branching-fraction(Z0 → tau+ tau-)'),
    ('mass of the muon | are you sure?', 'value mass(mu-|mu+)'),
    ('mass of the W | who measured it?', 'measurements mass(W+|W-)'),
    ('mass of the top quark | who measured it? | and its width?', 'value width(t)'),
    ("charge of the Sigma+ | what is its antiparticle's?", 'value charge(Sigmabar-)'),
    ('charge of the Sigma+ | and of its antiparticle?', 'value charge(Sigmabar-)'),
    ('mass of the tau | list the main decays of the K+ | only the ones above 10 %',
     'list decays(K+) where branching-fraction > 10 % by branching-fraction descending'),
    ('lifetime of the K+ | Which is the heaviest quark? | and the lightest?', 'which mass(class:quark) by mass ascending first 1'),
    ('mass of the Z | hello | and its width?', 'value width(Z0)'),
    ('mass of the Z | /help | and its width?', 'value width(Z0)'),
    ('what is the spin of the Delta++ | and its isospin?', 'value isospin(Delta(1232)++)'),
    ('mass of the proton | the neutron? ', 'value mass(n)'),
    ('mass of the proton | and neutron?', 'value mass(n)'),
    ('mass of the proton | how about the neutron?', 'value mass(n)'),
    ('mass of the proton | same for the neutron', 'value mass(n)'),
    ('mass of the proton | now the neutron please', 'value mass(n)'),
    ('mass of the neutron | how long does it live?', 'value lifetime(n)'),
    ('mass of the neutron | how long does it live? | in minutes?', 'value lifetime(n) in minutes'),
    ('what does the tau decay to? | which is the most likely one?', 'list decays(tau-|tau+) by branching-fraction descending first 1'),
    ('how heavy is the Higgs | and how wide | how much is that in kg', 'value width(H) in kg'),
    ('what is the lifetime of the B0 | and the B+? | and the ratio of the two?', 'ratio lifetime(B0), lifetime(B+)'),
    ('mass of the W | and the Z? | what is the difference?', 'difference mass(W+|W-), mass(Z0)'),
    ('mass of the muon | in MeV please', 'value mass(mu-|mu+) in MeV'),
    ('mass of the muon | can you give me that in kg?', 'value mass(mu-|mu+) in kg'),
    ('mass of the muon | error?', 'value mass(mu-|mu+)'),
    ('mass of the muon | how precise is that?', 'value mass(mu-|mu+)'),
    ('mass of the muon | source?', 'value mass(mu-|mu+)'),
    ('mass of the muon | where does that come from?', 'value mass(mu-|mu+)'),
    ('mass of the muon | sorry, I meant the tau', 'value mass(tau-|tau+)'),
    ('mass of the muon | what else do you know about it?', 'overview overview(mu-|mu+)'),
    ('mass of the muon | tell me more', 'overview overview(mu-|mu+)'),
    ('mass of the pi0 | what does it decay into?', 'list decays(pi0) by branching-fraction descending'),
    ('Wie schwer ist das Myon? | und seine Lebensdauer?', 'value lifetime(mu-|mu+)'),
    ('Quelle est la masse du muon ? | et sa durée de vie ?', 'value lifetime(mu-|mu+)'),
    ('μ子的质量是多少? | 它的寿命呢?', 'value lifetime(mu-|mu+)'),
    ('ミューオンの質量は? | 寿命は?', 'value lifetime(mu-|mu+)'),
    ("mass of the W | twice that?", "multiple 2 mass(W+|W-)"),
    ("mass of the muon | no, of the tau", "value mass(tau-|tau+)"),
    ("mass of the muon | why?", "? why"),
    ("mass of the muon | and what is the capital of France?", "? capital, France"),
    ("width of the Z | convert that to seconds", "! a full width cannot be given in seconds"),
)  # fmt: skip


def dialogue(text: str) -> list[Plan]:
    plans: list[Plan] = []
    for question in text.split(" | "):
        plans.append(plan(question, plans[-4:]))
    return plans


@pytest.mark.parametrize(("questions", "expected"), DIALOGUES)
def test_dialogues(questions: str, expected: str) -> None:
    assert reading(dialogue(questions)[-1]) == expected


@pytest.mark.parametrize(
    "question", ["are you sure?", "twice that?", "what is the difference?", "tell me more"]
)
def test_without_history_nothing_is_carried_on(question: str) -> None:
    assert not plan(question).complete
    assert following(read_question(question).clauses, []) == []


def test_thanks_and_commands_do_not_change_the_subject() -> None:
    plans = dialogue("mass of the Z | thanks | /help")
    assert [found.kind for found in plans] == ["facts", "small-talk", "command"]
    assert last_goals(plans)[0].operands[0].thing.names == ("Z0",)


def test_a_plan_does_not_keep_what_was_said() -> None:
    first = plan("and its width?", [plan("mass of the Z")])
    assert reading(first) == "value width(Z0)"
    assert not plan("and its width?").complete
