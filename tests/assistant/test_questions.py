"""A part of the development questions against the whole PDG: right values with errors and sources, or none."""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from yukawa.assistant import Assistant
from yukawa.core.settings import load_settings
from yukawa.knowledge import KnowledgeBase

QUESTIONS = Path(__file__).parents[2] / "benchmarks" / "questions"


def rows(kind: str) -> list[dict[str, Any]]:
    lines = (QUESTIONS / f"dev_{kind}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def pdg(pdg_base: Path, tmp_path: Path) -> Iterator[Assistant]:
    with KnowledgeBase.open(pdg_base) as base:
        yield Assistant(base, load_settings(tmp_path))


@pytest.fixture(scope="module")
def score() -> Any:
    spec = importlib.util.spec_from_file_location("tested_question_score", QUESTIONS / "score.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_answerable_questions_are_answered_right(pdg: Assistant, score: Any) -> None:
    asked = rows("answerable")[:40]
    wrong = []
    for row in asked:
        answer = pdg.ask(row["question"], keep=False)
        if answer.abstained or not score.right(row, answer.text, [s.id for s in answer.sources]):
            wrong.append((row["id"], row["question"], answer.text[:150]))
    assert len(asked) == 40
    assert len(wrong) <= 4, wrong


def test_unanswerable_questions_are_declined(pdg: Assistant) -> None:
    asked = rows("unanswerable")[::5][:20]
    answered = [
        (row["question"], a.text[:150])
        for row in asked
        if not (a := pdg.ask(row["question"], keep=False)).abstained
    ]
    assert len(asked) == 20
    assert len(answered) <= 2, answered


# ---- derived values -------------------------------------------------------------------------------

HBAR_MEV, LIGHT = 6.582119569e-22, 299792458.0  # MeV s, exact since 2019; m/s


@pytest.fixture(scope="module")
def api() -> Any:
    return pytest.importorskip("pdg").connect()


def _mass(api: Any, name: str) -> tuple[float, float]:
    """Mass and its error in MeV, by the package."""
    found = api.get_particle_by_name(name)
    return found.mass * 1e3, found.mass_error * 1e3


def _lifetime(api: Any, name: str) -> tuple[float, float]:
    found = api.get_particle_by_name(name)
    return found.lifetime, found.lifetime_error


def _both(one: float, other: float) -> float:
    return math.hypot(one, other)


DERIVED: list[tuple[str, Callable[[Any], tuple[float, float]]]] = [
    # question, and from the package's numbers value and error by hand
    ("sum of the masses of the K+ and the pi0 in MeV",
     lambda a: ((k := _mass(a, "K+"))[0] + (p := _mass(a, "pi0"))[0], _both(k[1], p[1]))),
    ("mass of the B0 minus the mass of the D0 in MeV",
     lambda a: ((b := _mass(a, "B0"))[0] - (d := _mass(a, "D0"))[0], _both(b[1], d[1]))),
    ("ratio of the Z mass to the W mass",
     lambda a: ((r := (z := _mass(a, "Z0"))[0] / (w := _mass(a, "W+"))[0]), r * _both(z[1] / z[0], w[1] / w[0]))),
    ("tau mass in muon masses",
     lambda a: ((r := (t := _mass(a, "tau-"))[0] / (m := _mass(a, "mu-"))[0]), r * _both(t[1] / t[0], m[1] / m[0]))),
    ("twice the K+ mass in MeV", lambda a: (2 * (k := _mass(a, "K+"))[0], 2 * k[1])),
    ("average of the K+ and K0 masses in MeV",
     lambda a: (((k := _mass(a, "K+"))[0] + (z := _mass(a, "K0"))[0]) / 2, _both(k[1], z[1]) / 2)),
    ("square of the Z mass", lambda a: ((z := _mass(a, "Z0"))[0] ** 2 / 1e6, 2 * z[0] * z[1] / 1e6)),
    ("product of the W and Z masses",
     lambda a: ((w := _mass(a, "W+"))[0] * (z := _mass(a, "Z0"))[0] / 1e6, _both(w[0] * z[1], z[0] * w[1]) / 1e6)),
    ("phi mass minus K+ mass minus K- mass in MeV",  # the masses of K+ and K- are one measurement
     lambda a: ((f := _mass(a, "phi(1020)"))[0] - 2 * (k := _mass(a, "K+"))[0], _both(f[1], 2 * k[1]))),
    ("Q value of K+ -> pi+ pi0 in MeV",
     lambda a: ((k := _mass(a, "K+"))[0] - (p := _mass(a, "pi+"))[0] - (z := _mass(a, "pi0"))[0], math.hypot(k[1], p[1], z[1]))),
    # from the measured difference 1.2933325(4) MeV, known better than the two masses
    ("Q value of n -> p e- nubar_e in MeV", lambda a: (1.2933325 - (e := _mass(a, "e-"))[0], math.hypot(3.8e-7, e[1]))),
    ("half-life of the muon", lambda a: (math.log(2) * (t := _lifetime(a, "mu-"))[0], math.log(2) * t[1])),
    ("c tau of the B0 in mm", lambda a: ((t := _lifetime(a, "B0"))[0] * LIGHT * 1e3, t[1] * LIGHT * 1e3)),
    ("width of the tau in MeV", lambda a: ((w := HBAR_MEV / (t := _lifetime(a, "tau-"))[0]), w * t[1] / t[0])),
    ("ratio of the tau lifetime to the muon lifetime",
     lambda a: ((r := (p := _lifetime(a, "tau-"))[0] / (z := _lifetime(a, "mu-"))[0]), r * _both(p[1] / p[0], z[1] / z[0]))),
]  # fmt: skip


def test_derived_values_agree_with_the_pdg_package_and_with_errors_by_hand(pdg: Assistant, api: Any) -> None:
    for question, by_hand in DERIVED:
        value, error = by_hand(api)
        (result,) = pdg.ask(question, keep=False).results
        found = result.rows[0].number
        # It starts from the values that the Review prints, whose rounding is a small part of their errors.
        assert found.value == pytest.approx(value, abs=0.25 * error), question
        assert ((found.plus or 0.0) + (found.minus or 0.0)) / 2 == pytest.approx(error, rel=2e-2), question


def test_asymmetrical_errors_swap_sides_and_limits_turn(pdg: Assistant, api: Any) -> None:
    width = pdg.ask("width of the Higgs in MeV", keep=False).results[0].rows[0].number
    (lifetime,) = (r.rows[0].number for r in pdg.ask("lifetime of the Higgs", keep=False).results)
    assert lifetime.value == pytest.approx(HBAR_MEV / width.value)
    assert lifetime.value == pytest.approx(
        api.get_particle_by_name("H").lifetime, rel=2e-2
    )  # 3.0 MeV is printed
    assert lifetime.plus == pytest.approx(lifetime.value * (width.minus or 0.0) / width.value)
    assert lifetime.minus == pytest.approx(lifetime.value * (width.plus or 0.0) / width.value)
    for question, bound in (
        ("ratio of the Z mass to the photon mass", "lower"), ("ratio of the photon mass to the Z mass", "upper"),
        ("twice the photon mass", "upper"), ("ratio of the muon lifetime to the electron lifetime", "upper"),
        ("mass of the Z minus the mass of the photon", "lower"),
    ):  # fmt: skip
        assert pdg.ask(question, keep=False).results[0].rows[0].number.bound == bound, question
    refused = pdg.ask("B(mu -> e gamma) / B(tau -> mu gamma)", keep=False)
    assert refused.abstained
    assert "limits that leave it open" in refused.text


STRANGERS = {
    "A_CP of B0s -> K- pi+": "0.224",
    "A_CP(B_s -> K- pi+)": "0.224",
    "direct CP asymmetry of B0 -> K+ pi-": "0.083",
    "CP-Asymmetrie von B+ -> K+ pi0": "0.027",
    "Is the CP asymmetry of B_s -> K- pi+ zero?": "No.",
    "Is the branching fraction of D0 -> K+ K- zero?": "No.",
    "What is the branching fraction of D0 -> K+ pi- (the doubly Cabibbo suppressed one)?": "10⁻⁴",
    "Q-value of neutron beta decay n -> p e- nubar": "0.7823",
    "Upper limit on B0 -> mu+ mu-, at which CL?": "90 %",
    "spin of the chi_c1(3872) aka X(3872)": "J = 1",
    "オメガ・マイナスの質量は？": "1672.4",
    "Delta m_s for the Bs in ps^-1": "17.76",
}


def test_questions_of_a_stranger(pdg: Assistant) -> None:
    answers = {question: pdg.ask(question, keep=False) for question in STRANGERS}
    wrong = {q: a.text for q, a in answers.items() if a.abstained or STRANGERS[q] not in a.text}
    assert not wrong
