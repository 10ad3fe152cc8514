"""The assistant end to end: plans executed, refusals that say why, corrections beside data, the past, models by domain."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from yukawa.assistant import Answer, Assistant, model_for
from yukawa.core.errors import InputError, NotFound
from yukawa.core.settings import ModelSettings, Settings
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.parsing.kinds import kind_of
from yukawa.knowledge.records import DOMAINS

MASS = "What is the mass of the tau?"
KICKER = "What is the voltage of the kicker?"


def ids(answer: Answer) -> list[str]:
    return [s.id for s in answer.sources]


# ---- facts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("question", "item", "part"), [
    (MASS, "pdg:S035M", "1776.93 ± 0.09 MeV [1]"), (r"How heavy is the $\tau$?", "pdg:S035M", "1776.93 ± 0.09 MeV [1]"),
    ("τ lifetime", "pdg:S035T", "(290.3 ± 0.5) × 10⁻¹⁵ s [1]"), ("width of the J/ψ", "pdg:M070W", "92.6 ± 1.7 keV [1]"),
    ("Jpsi -> mu+ mu-", "pdg:M070.2", "(5.961 ± 0.033) % [1]"), ("tau lifetime in femtoseconds", "pdg:S035T", "290.3 ± 0.5 fs"),
    ("mass of the tau divided by the mass of the muon", "pdg:S004M", "16.8177 ± 0.0008 (derived, not quoted)"),
    ("Is the W heavier than the tau?", "pdg:S043M", "Yes (they differ by"),
    ("charge of the tau+", "pdg:S035#quantum-numbers:tau-", "is +1 e [1]"),
    ("width of the tau in eV", "pdg:S035T", "0.002267 ± 0.000004 eV (derived"),
])  # fmt: skip
def test_a_question_gets_value_error_and_source(
    assistant: Assistant, base: KnowledgeBase, question: str, item: str, part: str
) -> None:
    answer = assistant.ask(question)
    assert not answer.abstained
    assert part in answer.text
    assert item in ids(answer)
    assert all(s.label.startswith("PDG") and str(s.url).startswith("https://") for s in answer.sources)
    assert all(s.quote == base.show(s.id).text for s in answer.sources)
    assert all(c.passed for c in answer.checks)
    assert (answer.model, answer.domain, answer.kind) == ("plan", "particle physics", kind_of(answer.plan))
    assert answer.domain_probability == 1
    assert set(answer.timings) == {"plan", "execute", "write"}


@pytest.mark.parametrize(("question", "said"), [
    ("mass of the tau in 2018", "2018"), ("mass of the tau in seconds", "cannot be given in s"),
    ("pole mass of the tau", "no pole mass"),
    ("predicted mass of the tau", "predicted"), ("tau- → mu+ gamma", "does not conserve electric charge"),
    ("mass of the tau plus the lifetime of the muon", "cannot be"), ("What is the mass of the zorblon?", "zorblon"),
    ("mass of the tau sneutrino", "sneutrino"),
])  # fmt: skip
def test_a_refusal_names_what_stands_in_the_way(assistant: Assistant, question: str, said: str) -> None:
    answer = assistant.ask(question)
    assert answer.abstained
    assert said in answer.text
    assert "1776" not in answer.text or "it has" in answer.text or "it holds" in answer.text
    assert answer.sources == ()


@pytest.mark.parametrize(
    "question",
    ["Who wrote Hamlet?", "What is the price of gold?", "mass of the psi(7770)", "lifetime of X(9173)"],
)
def test_what_nothing_supports_is_declined_without_noise(assistant: Assistant, question: str) -> None:
    answer = assistant.ask(question)
    assert answer.abstained
    assert answer.sources == ()


def test_plan_results_and_sources_are_in_the_json(assistant: Assistant) -> None:
    made = json.loads(json.dumps(assistant.ask("mass of the tau divided by the mass of the muon").as_json()))
    (goal,) = made["plan"]["goals"]
    assert goal["operation"] == "ratio"
    (row,) = made["results"][0]["rows"]
    assert row["derivation"]["formula"] == "m(τ⁻) / m(μ⁻)"
    assert [i["sources"] for i in row["derivation"]["inputs"]] == [["pdg:S035M"], ["pdg:S004M"]]
    assert {s["kind"] for s in made["sources"]} == {"data"}
    assert {s["author"] for s in made["sources"]} == {"Particle Data Group"}


# ---- what was taught --------------------------------------------------------------------------------


def test_taught_statements_answer_too(assistant: Assistant) -> None:
    answer = assistant.ask("What is the circumference of the CEPC ring?")
    assert "100 km" in answer.text
    assert [(s.label, s.author, s.kind) for s in answer.sources][:1] == [("handbook", "Li", "statement")]


def test_teach_ask_unload_ask(assistant: Assistant, base: KnowledgeBase) -> None:
    assert assistant.ask(KICKER).abstained
    item = base.teach("The voltage of the kicker is 20 kV.", source="log")
    found = assistant.ask(KICKER)
    assert (found.abstained, ids(found), "20 kV" in found.text) == (False, [item.id], True)
    base.update(item.id, "The voltage of the kicker is 25 kV.")
    assert "25 kV" in assistant.ask(KICKER).text
    assert "20 kV" not in assistant.ask(KICKER).text
    base.unload(item.id)
    after = assistant.ask(KICKER)
    assert after.abstained
    assert item.id not in ids(after)


# ---- the past, conflicts, corrections ---------------------------------------------------------------


def test_as_of_answers_from_the_past(assistant: Assistant, base: KnowledgeBase) -> None:
    item = base.teach("The voltage of the kicker is 20 kV.")
    then = base.show(item.id).valid_from
    base.update(item.id, "The voltage of the kicker is 25 kV.")
    later = base.show(item.id).valid_from
    base.unload(item.id)
    question = "What is the voltage of the kicker?"
    assert "20 kV" in assistant.ask(question, as_of=then.isoformat()).text
    assert "25 kV" in assistant.ask(question, as_of=later.isoformat()).text
    assert assistant.ask(question).abstained
    for moment in ("1990-01-01", "2990-01-01", "gestern"):
        with pytest.raises(InputError):
            assistant.ask(question, as_of=moment)


def test_a_value_that_contradicts_data_stands_beside_it_with_its_author(
    assistant: Assistant, base: KnowledgeBase
) -> None:
    assert assistant.ask(MASS).conflicts == ()
    item = base.teach("The mass of the tau is 1790 ± 1 MeV.", source="my notebook", author="Wang")
    answer = assistant.ask(MASS)
    first, second = answer.text.splitlines()
    assert "1776.93 ± 0.09 MeV [1]" in first
    assert second.startswith("Wang taught (statement, ")
    assert "1790 ± 1 MeV [2]" in second.replace("1790.0 ± 1.0", "1790 ± 1")
    assert "open conflict" in second
    assert ids(answer) == ["pdg:S035M", item.id]
    (line,) = [c for c in answer.conflicts if "pdg:S035M" in c]
    assert "my notebook" in line


def test_a_reviewed_correction_prevails_with_the_data_beside_it_and_no_other(
    assistant: Assistant, base: KnowledgeBase
) -> None:
    item = base.teach("The mass of the tau is 1790 ± 1 MeV.", author="Wang")
    assert "The mass of the tau lepton (τ⁻) is 1776.93" in assistant.ask(MASS).text
    base.review(item.id, actor="Marie")
    first, second = assistant.ask(MASS).text.splitlines()
    assert first == "Wang taught (statement, reviewed): The mass of the tau lepton (τ⁻) is 1790 ± 1 MeV [1]."
    assert second.startswith(
        "Particle Data Group states: mass of the tau lepton (τ⁻) 1776.93 ± 0.09 MeV [2], which differs"
    )
    assert second.endswith("an open conflict.")
    ratio = assistant.ask("mass of the tau divided by the mass of the muon").text
    assert "1790 ± 1 MeV [1] (taught by Wang, reviewed)" in " ".join(ratio.split())
    (conflict,) = base.conflicts()
    base.resolve(conflict.id, keep=item.id, actor="Marie")
    settled = assistant.ask(MASS)
    assert settled.text.splitlines()[1].endswith("a reviewer has settled it.")
    assert [s.trust for s in settled.sources] == ["reviewed", "built source"]
    base.review(item.id, actor="Marie", agree=False)
    assert "The mass of the tau lepton (τ⁻) is 1776.93" in assistant.ask(MASS).text


def test_a_past_answer_has_the_reviews_and_conflicts_of_its_time(
    assistant: Assistant, base: KnowledgeBase
) -> None:
    item = base.teach("The mass of the tau is 1790 ± 1 MeV.", author="Wang")
    base.review(item.id, actor="Marie")
    base.resolve(base.conflicts()[0].id, keep=item.id, actor="Marie")
    taught, reviewed, resolved = (event.time.isoformat() for event in base.history(item.id)[1])
    first, second = assistant.ask(MASS, as_of=taught).text.splitlines()
    assert "1776.93" in first
    assert second.startswith("Wang taught (statement, not reviewed)")
    for then, settled in ((reviewed, False), (resolved, True), (None, True)):
        answer = assistant.ask(MASS, as_of=then)
        assert answer.text.startswith("Wang taught (statement, reviewed)")
        assert answer.text.endswith("a reviewer has settled it." if settled else "an open conflict.")
        assert bool(answer.conflicts) != settled


def test_a_passage_that_data_contradict_is_quoted_with_the_data(
    assistant: Assistant, base: KnowledgeBase
) -> None:
    base.teach(
        "The mass of the tau is 1790 ± 1 MeV (PDG average).", author="Wang", domain="accelerator physics"
    )
    answer = assistant.ask(MASS, domain="accelerator physics")
    assert "1790" in answer.text
    assert "This contradicts 'The mass of the tau lepton (τ, tau) is 1776.93 ± 0.09 MeV" in answer.text
    assert [s.trust for s in answer.sources] == ["taught"]


def test_thanks_end_no_conversation(assistant: Assistant) -> None:
    answer = assistant.ask("and its lifetime?", history=[MASS, "thanks!"])
    assert "mean lifetime of the tau" in answer.text


def test_a_reviewed_value_that_agrees_takes_no_place(assistant: Assistant, base: KnowledgeBase) -> None:
    item = base.teach("The mass of the tau is 1.8 GeV.", author="Wang")
    base.review(item.id, actor="Marie")
    first, second = assistant.ask(MASS).text.splitlines()
    assert "1776.93 ± 0.09 MeV [1]" in first
    assert second.endswith("1.8 GeV [2], which agrees.")


def test_a_taught_value_does_not_take_the_place_of_a_derived_one(
    assistant: Assistant, base: KnowledgeBase
) -> None:
    question = "What is the lifetime of the J/psi?"
    derived = assistant.ask(question).text
    assert "derived, not quoted" in derived
    item = base.teach("The lifetime of the J/psi is 1 s.", author="Wang")
    assert item.conflicts
    text = assistant.ask(question).text
    assert text.startswith(derived)
    assert text.splitlines()[-1].startswith("Wang taught (statement, not reviewed)")
    assert text.endswith("an open conflict.")
    base.review(item.id, actor="Marie")
    assert assistant.ask(question).text.startswith("Wang taught (statement, reviewed): ")


@pytest.mark.parametrize(
    "question", ["mass of the tau at two loops", "mass of the tau in GeV^2", "mass of the tau sneutrino"]
)
def test_a_half_read_question_is_not_answered_from_what_someone_taught(
    assistant: Assistant, base: KnowledgeBase, question: str
) -> None:
    base.teach("The mass of the tau is 2.0 ± 0.1 GeV.", author="a stranger")
    answer = assistant.ask(question)
    assert answer.abstained
    assert "2.0" not in answer.text


def test_a_correction_is_used_at_once_and_what_it_corrects_no_longer(
    assistant: Assistant, base: KnowledgeBase
) -> None:
    old = base.teach("The voltage of the kicker is 20 kV.", source="log")
    question = "What is the voltage of the kicker?"
    first = assistant.ask(question)
    assert ids(first) == [old.id]
    fixed = base.teach(
        "The voltage of the kicker is 25 kV.", corrects=first.id, source="expert", author="Wang"
    )
    assert (fixed.kind, fixed.question) == ("correction", question)
    again = assistant.ask(question)
    assert ids(again) == [fixed.id]
    assert "25 kV" in again.text
    assert "20 kV" not in again.text
    base.unload(fixed.id)
    assert "20 kV" in assistant.ask(question).text


def test_a_correction_of_a_pdg_answer_stands_beside_the_pdg(
    assistant: Assistant, base: KnowledgeBase
) -> None:
    first = assistant.ask(MASS)
    fixed = base.teach(
        "The mass of the tau lepton is 1776.99 ± 0.05 MeV.",
        corrects=first.id,
        source="new paper",
        author="Wang",
    )
    for question in (MASS, "How heavy is the τ lepton?", "tau mass"):
        again = assistant.ask(question)
        assert ids(again) == ["pdg:S035M", fixed.id]
        assert "1776.93" in again.text
        assert "Wang taught (correction, " in again.text
        assert "1776.99" in again.text


def test_answers_are_kept_and_can_be_left_unkept(assistant: Assistant, base: KnowledgeBase) -> None:
    answer = assistant.ask(MASS)
    kept = base.answer(answer.id)
    assert kept["question"] == MASS
    assert kept["answer"] == answer.as_json()
    unkept = assistant.ask(MASS, keep=False)
    with pytest.raises(NotFound):
        base.answer(unkept.id)


# ---- conversation -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "follow", ["And its lifetime?", "what is its lifetime", "lifetime?", "How long does it live?"]
)
def test_a_question_may_refer_to_those_before_it(assistant: Assistant, follow: str) -> None:
    answer = assistant.ask(follow, history=[MASS])
    assert "290.3" in answer.text
    assert "pdg:S035T" in ids(answer)


def test_units_and_things_carry_over(assistant: Assistant) -> None:
    assert "1.77693 ± 0.00009 GeV" in assistant.ask("in GeV?", history=[MASS]).text
    assert "105.65" in assistant.ask("What about the muon?", history=[MASS]).text
    assert "pdg:S004T" in ids(assistant.ask("And its lifetime?", history=[MASS, "And the mass of the muon?"]))


def test_the_assistant_remembers_nothing_by_itself(assistant: Assistant) -> None:
    assistant.ask(MASS)
    for question in ("And its lifetime?", "What is the mass?"):
        assert assistant.ask(question).abstained


# ---- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize("question", ["", "  \n", "a\x00b", "x" * 4001, "y" * 10_000_000])
def test_questions_that_are_none_are_refused(assistant: Assistant, question: str) -> None:
    with pytest.raises(InputError) as caught:
        assistant.ask(question)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize("question", [
    "?", "'; DROP TABLE items; --", "<script>alert(1)</script>",
    "((((" * 900, "K_S^0 " * 600, "τ" * 4000, "A" * 3999 + "_", "\u202e\u0304", "SELECT * FROM *",
])  # fmt: skip
def test_odd_questions_are_answered_quickly(assistant: Assistant, base: KnowledgeBase, question: str) -> None:
    start = time.process_time()
    answer = assistant.ask(question)
    assert time.process_time() - start < 3
    assert answer.text
    assert base.verify().clean


def test_the_domain_filter_looks_only_there(assistant: Assistant) -> None:
    assert assistant.ask(MASS, domain="computer science").abstained
    assert not assistant.ask(MASS, domain="particle physics").abstained


# ---- which model ----


def with_models(settings: Settings, **domains: tuple[str, ...]) -> Settings:
    rows = {n: ModelSettings(name=n, backend="scripted", domains=d) for n, d in domains.items()}
    return settings.model_copy(update={"models": {**settings.models, **rows}})


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_model_good_at_a_domain_answers_it(domain: str, settings: Settings) -> None:
    rows = with_models(settings, **{f"m{i}": (d,) for i, d in enumerate(DOMAINS)})
    assert model_for(domain, rows).domains == (domain,)
    assert model_for(domain, rows, "quote").name == "quote"


def test_the_default_answers_what_no_model_is_good_at(settings: Settings) -> None:
    rows = with_models(settings, coder=("computer science",), second=("computer science",))
    assert model_for("particle physics", rows).name == rows.default_model == "quote"
    assert model_for("computer science", rows).name == "coder"


def test_an_unknown_model_is_refused_with_the_nearest_name(settings: Settings) -> None:
    rows = with_models(settings, llama=())
    with pytest.raises(InputError, match=r"unknown model 'lama'.*did you mean 'llama'.*quote, llama"):
        model_for("particle physics", rows, "lama")
    with pytest.raises(InputError, match=r"unknown model 'zzz'.*quote, llama"):
        model_for("particle physics", rows, "zzz")
    with pytest.raises(InputError):
        model_for("particle physics", rows, "")


@pytest.mark.parametrize(("domain", "kind", "name"), [
    ("neutron science", "value", "neutrons"), ("neutron science", "explanation", "neutron-teacher"),
    ("particle physics", "explanation", "teacher"), ("particle physics", "other", "quote"),
    ("unknown", "method", "teacher"), ("unknown", "value", "quote"),
])  # fmt: skip
def test_the_kind_of_a_question_chooses_too_and_both_together_win(
    domain: str, kind: str, name: str, settings: Settings
) -> None:
    lists: dict[str, dict[str, Any]] = {
        "neutrons": {"domains": ("neutron science",)},
        "teacher": {"kinds": ("explanation", "method")},
        "neutron-teacher": {"domains": ("neutron science",), "kinds": ("explanation",)},
    }
    rows = {n: ModelSettings(name=n, backend="scripted", **given) for n, given in lists.items()}
    assert (
        model_for(domain, settings.model_copy(update={"models": rows | settings.models}), None, kind).name
        == name
    )


@pytest.mark.parametrize(("question", "domain"), [
    ("What is the mass of the tau?", "particle physics"), ("Which beamline of HEPS does tomography?", "synchrotron radiation"),
    ("How do I compile the software in Python?", "computer science"), ("Where can I buy cheap shoes?", "unknown"),
])  # fmt: skip
def test_domains_of_questions(assistant: Assistant, question: str, domain: str) -> None:
    assert assistant.ask(question).domain == domain


def test_a_question_of_facts_needs_no_numpy() -> None:
    code = (
        "import sys\n"
        "from yukawa.assistant.assistant import Assistant\n"
        "from yukawa.knowledge.base import KnowledgeBase\n"
        "sys.exit('numpy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# ---- many at once -----------------------------------------------------------------------------------


def test_threads_that_ask_at_once_get_what_one_gets(assistant: Assistant) -> None:
    dialogues = [
        (MASS, "and its lifetime?"), ("mass of the W", "and its width?"), ("muon lifetime", "in ns?"),
        ("What is the circumference of the CEPC ring?", "mass of the tau in 2018"), (KICKER, "width of the J/ψ in eV"),
    ]  # fmt: skip

    def follow(dialogue: tuple[str, str]) -> list[str]:
        return [assistant.ask(dialogue[0]).text, assistant.ask(dialogue[1], history=dialogue[:1]).text]

    alone = [follow(dialogue) for dialogue in dialogues]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(follow, dialogues * 8)) == alone * 8


def test_who_follows_hears_of_each_step_as_it_begins(assistant: Assistant) -> None:
    steps: list[str] = []
    assistant.ask(MASS, follow=steps.append)
    assert steps == ["plan", "execute", "write"]
    steps.clear()
    assistant.ask(KICKER, follow=steps.append)
    assert steps == ["plan", "passages"]
