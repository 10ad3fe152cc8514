"""Kinds, domains and the choice of a model."""

from __future__ import annotations

import pytest

from yukawa.assistant.routing import domain_of, kind_of, model_for
from yukawa.core.errors import InputError
from yukawa.core.settings import ModelSettings, Settings
from yukawa.knowledge.domains import DOMAINS
from yukawa.knowledge.parsing import read


def with_models(settings: Settings, **domains: tuple[str, ...]) -> Settings:
    rows = {n: ModelSettings(name=n, backend="scripted", domains=d) for n, d in domains.items()}
    return settings.model_copy(update={"models": {**settings.models, **rows}})


@pytest.mark.parametrize(("question", "kind"), [
    ("What is the mass of the tau?", "value"), ("B(J/psi → e+ e-)", "value"), ("τ lifetime", "value"),
    ("How does the tau decay?", "decays"),
    ("main decay modes of the J/psi", "decays"), ("tau", "overview"), ("What is the tau lepton?", "overview"), ("J/ψ", "overview"),
    ("Write a Python script that plots a histogram.", "code"), ("Why is the sky blue?", "explanation"),
    ("Explain the booster.", "explanation"),
    ("Who built the ring?", "fact"), ("When does the shift begin?", "fact"),
])  # fmt: skip
def test_kinds(question: str, kind: str) -> None:
    assert kind_of(question, read(question)) == kind


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
    with pytest.raises(InputError, match=r"no model 'lama'.*did you mean 'llama'.*quote, llama"):
        model_for("particle physics", rows, "lama")
    with pytest.raises(InputError, match=r"no model 'zzz'.*quote, llama"):
        model_for("particle physics", rows, "zzz")
    with pytest.raises(InputError):
        model_for("particle physics", rows, "")


def test_domains_of_questions() -> None:
    for question, domain in (
        ("What is the mass of the tau?", "particle physics"), ("Which beamline of HEPS does tomography?", "synchrotron radiation"),
        ("How do I compile the software?", "computer science"),
    ):  # fmt: skip
        assert domain_of(question, read(question)) == domain
