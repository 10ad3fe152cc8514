"""The scorer of the question sets: right answers in every notation, wrong ones in every way."""

from __future__ import annotations

import importlib.util
import json
import sys
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks" / "questions"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


score = load("score")


def row(pdgid: str, value: str, errors: list[str], **rest: Any) -> dict[str, Any]:
    accept = {"pdgid": pdgid, "value": value, "errors": errors, "power": 0, "unit": "", "percent": False}
    return {"accept": [accept | {"limit": None} | rest]}


TAU_LIFE = row("S035T", "290.3", ["0.5"], power=-15, unit="s")
TAU_MASS = row("S035M", "1776.93", ["0.09"], unit="MeV")
TAU_MU = row("S035.1", "17.37", ["0.04"], percent=True)
TOP_WIDTH = row("Q007W", "1.42", ["0.19", "0.15"], unit="GeV")
MU_E_GAMMA = row("S004.5", "1.5", [], power=-13, limit="upper")
PROTON = row("S016T", "9", [], power=29, unit="years", limit="lower")
NEUTRON = row("S017MM", "-1.9130428", ["0.0000005"], unit="mu(N)")
DELTA_M = row("S013D", "0.5293", ["0.0009"], power=10, unit="hbar s**-1")
ROPER = row("B061M", "1440", [], unit="MeV", limit="range", range=["1410", "1470"])
SPIN = {"accept": [{"pdgid": "S035", "quantum": {"J": "1/2"}}]}
JPC = {"accept": [{"pdgid": "M176", "quantum": {"J": "1", "P": "+", "C": "+"}}]}


@pytest.mark.parametrize(
    ("question", "answer", "source"),
    [
        (TAU_LIFE, "The mean life is (290.3 ± 0.5) × 10⁻¹⁵ s.", "pdg:S035T"),
        (TAU_LIFE, "290.3+-0.5 fs", "pdg:S035T"),
        (TAU_LIFE, r"$\tau = (2.903 \pm 0.005)\times10^{-13}$ s", "tau MEAN LIFE (S035T)"),
        (TAU_LIFE, "(2.903+-0.005)E-13 s", "https://pdglive.lbl.gov/DataBlock.action?node=S035T"),
        (TAU_LIFE, "2.903e-13 ± 0.005e-13 s", "pdg:S035T"),
        (TAU_MASS, "m = 1776.93 ± 0.09 MeV [1]", "pdg:S035M"),
        (TAU_MASS, "1.77693 ± 0.00009 GeV/c²", "pdg:S035M/2026"),
        (TAU_MASS, "1776.93(9) MeV", "pdg:S035M"),
        (TAU_MASS, "mass (in MeV): 1776.93+-0.09", "pdg:S035M"),
        (TAU_MU, "B = (17.37 ± 0.04)%", "pdg:S035.1"),
        (TAU_MU, "0.1737 +/- 0.0004", "pdg:S035.1"),
        (TAU_MU, "(17.37 ± 0.04) × 10^-2 as a fit", "pdg:S035.1"),
        (TAU_MU, "17.37 ± 0.04 percent", "pdg:S035.1"),
        (TOP_WIDTH, "1.42 +0.19 −0.15 GeV", "pdg:Q007W"),
        (TOP_WIDTH, r"$1.42^{+0.19}_{-0.15}$ GeV", "pdg:Q007W"),
        (TOP_WIDTH, "1.42 (+0.19, -0.15) GeV", "pdg:Q007W"),
        (TOP_WIDTH, "1.42+0.19-0.15 GeV", "pdg:Q007W"),
        (MU_E_GAMMA, "The branching fraction is < 1.5 × 10⁻¹³ at 90% CL.", "pdg:S004.5"),
        (MU_E_GAMMA, "it is less than 1.5e-13", "pdg:S004.5"),
        (MU_E_GAMMA, "1.5E-13 (upper limit, CL 90%)", "pdg:S004.5"),
        (PROTON, "> 9 × 10²⁹ years", "pdg:S016T"),
        (NEUTRON, "μ = −1.9130428 ± 0.0000005 μ_N", "pdg:S017MM"),
        (DELTA_M, "(0.5293 ± 0.0009) × 10^10 ħ s⁻¹", "pdg:S013D"),
        (ROPER, "1410 to 1470 (≈ 1440) MeV", "pdg:B061M"),
        (SPIN, "J = 1/2", "pdg:S035#quantum-numbers"),
        (SPIN, "The tau has spin 1/2.", "(S035)"),
        (JPC, "I^G(J^PC) = 0^+(1^++)", "pdg:M176"),
        (JPC, "J^{PC} = 1^{++}", "pdg:M176"),
        (JPC, "It is a 1⁺⁺ state.", "pdg:M176"),
        (JPC, "J = 1, P = +, C = +", "pdg:M176"),
    ],
)
def test_right_answers(question: dict[str, Any], answer: str, source: str) -> None:
    assert score.right(question, answer, ["pdg:S008M", source])


@pytest.mark.parametrize(
    ("question", "answer", "source"),
    [
        (TAU_LIFE, "290.3 ± 0.5 s", "pdg:S035T"),  # power of ten lost
        (TAU_LIFE, "(290.3 ± 0.5) × 10^-14 s", "pdg:S035T"),
        (TAU_LIFE, "290.3 ± 0.5 ps", "pdg:S035T"),
        (TAU_LIFE, "(290.3 ± 0.5) × 10^-15", "pdg:S035T"),  # no unit anywhere
        (TAU_MASS, "1776.93 ± 0.12 MeV", "pdg:S035M"),
        (TAU_MASS, "1776.93 MeV", "pdg:S035M"),  # no error
        (TAU_MASS, "11776.93 ± 0.09 MeV", "pdg:S035M"),
        (TAU_MASS, "1776.931 ± 0.09 MeV", "pdg:S035M"),
        (TAU_MASS, "1776.93 ± 0.091 MeV", "pdg:S035M"),
        (TAU_MASS, "1776.93 ± 0.09 GeV", "pdg:S035M"),
        (TAU_MASS, "1776.9 ± 0.1 MeV", "pdg:S035M"),  # not the PDG's rounding
        (TAU_MASS, "1776.93 ± 0.09 MeV", "pdg:S035MDF"),
        (TAU_MASS, "1776.93 ± 0.09 MeV", "pdg:S035"),
        (TAU_MU, "17.37 ± 0.04", "pdg:S035.1"),  # percent lost
        (TAU_MU, "(17.37 ± 0.04)%", "pdg:S035.12"),
        (TOP_WIDTH, "1.42 +0.15 -0.19 GeV", "pdg:Q007W"),  # swapped
        (TOP_WIDTH, "1.42 ± 0.19 GeV", "pdg:Q007W"),
        (MU_E_GAMMA, "1.5e-13", "pdg:S004.5"),  # not said to be a limit
        (MU_E_GAMMA, "> 1.5e-13", "pdg:S004.5"),
        (MU_E_GAMMA, "< 1.5e-12", "pdg:S004.5"),
        (PROTON, "less than 9e29 years", "pdg:S016T"),
        (NEUTRON, "1.9130428 ± 0.0000005 mu(N)", "pdg:S017MM"),  # sign lost
        (ROPER, "1410 to 1440 MeV", "pdg:B061M"),
        (SPIN, "J = 3/2", "pdg:S035"),
        (SPIN, "J = 1/2", "pdg:S035M"),
        (JPC, "1^{+-}", "pdg:M176"),
        (JPC, "J^P = 1^+", "pdg:M176"),  # C was asked too
    ],
)
def test_wrong_answers(question: dict[str, Any], answer: str, source: str) -> None:
    assert not score.right(question, answer, [source])


def test_one_of_several_accepted_values_is_enough() -> None:
    either = {"accept": TAU_MASS["accept"] + TOP_WIDTH["accept"]}
    assert score.right(either, "1.42 +0.19 -0.15 GeV", ["Q007W"])
    assert not score.right(either, "1.42 +0.19 -0.15 GeV", ["S035M"])  # value and source belong together


def written(accept: dict[str, Any], style: str) -> str:
    """An accepted value as an answer would write it."""
    if "quantum" in accept:
        words = {
            "J": "spin",
            "P": "parity",
            "C": "C-parity",
            "I": "isospin",
            "G": "G-parity",
            "charge": "charge",
        }
        return ", ".join(f"{words[name]} = {value}" for name, value in accept["quantum"].items())
    power = accept["power"] - 2 * accept["percent"]
    if accept["limit"] == "range":
        return f"{accept['range'][0]} to {accept['range'][1]} ({accept['value']}) {accept['unit']}"
    sign = {"upper": "<", "lower": ">", None: ""}[accept["limit"]]
    errors = accept["errors"]
    if style == "unicode":
        error = f" ± {errors[0]}" if len(errors) == 1 else f" +{errors[0]} −{errors[1]}" if errors else ""
        shown = f"({accept['value']}{error})" if error else accept["value"]
        raised = str(power).translate(str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻"))
        return f"{sign} {shown} × 10{raised} {accept['unit']}"
    numbers = [f"{Decimal(n).scaleb(power):f}" for n in (accept["value"], *errors)]
    error = f"+-{numbers[1]}" if len(errors) == 1 else f"+{numbers[1]}-{numbers[2]}" if errors else ""
    return f"{sign} {numbers[0]}{error} {accept['unit']}"


@pytest.mark.parametrize("name", ["dev", "test"])
def test_every_row_is_answered_right_by_its_own_value_and_wrong_by_its_neighbour(name: str) -> None:
    rows = [
        json.loads(line) for line in (FOLDER / f"{name}_answerable.jsonl").read_text("utf-8").splitlines()
    ]
    for one, other in zip(rows, rows[1:] + rows[:1], strict=True):
        accept, wrong = one["accept"][0], other["accept"][0]
        styles = ["words"] if "quantum" in accept or accept["limit"] == "range" else ["unicode", "plain"]
        for style in styles:
            if accept.get("power", 0) > 0 and style == "plain":
                continue  # trailing zeros written out would claim digits
            assert score.right(one, written(accept, style), [accept["pdgid"]]), (one, written(accept, style))
        if wrong["pdgid"] not in {a["pdgid"] for a in one["accept"]}:
            assert not score.right(one, written(accept, styles[0]), [wrong["pdgid"]])
            assert not score.right(one, written(wrong, "words"), [wrong["pdgid"]])


def test_dev_and_test_share_no_pair_and_no_template() -> None:
    sets = []
    for name in ("dev", "test"):
        lines = (FOLDER / f"{name}_answerable.jsonl").read_text("utf-8").splitlines()
        sets.append([json.loads(line) for line in lines])
    dev, test = sets
    assert len(dev) >= 300
    assert len(test) >= 400
    assert not {r["template"] for r in dev} & {r["template"] for r in test}
    assert not {r["question"] for r in dev} & {r["question"] for r in test}
    pairs = [{(a["pdgid"], r["property"]) for r in rows for a in r["accept"]} for rows in sets]
    assert not pairs[0] & pairs[1]


def test_unanswerable_sets_are_large_and_disjoint() -> None:
    sets = []
    for name, least in (("dev", 120), ("test", 150)):
        rows = [
            json.loads(s) for s in (FOLDER / f"{name}_unanswerable.jsonl").read_text("utf-8").splitlines()
        ]
        assert len(rows) >= least
        assert all(r["kind"] and r["why"] for r in rows)
        assert len({r["question"] for r in rows}) == len(rows)
        sets.append({r["question"] for r in rows})
    assert not sets[0] & sets[1]
