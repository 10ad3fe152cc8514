"""What benchmarks/rows.py takes for the truth: flavours by Monte Carlo number, papers, and its marks."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def rows() -> ModuleType:
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location("yukawa_rows_benchmark", FOLDER / "rows.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FOLDER))
    return module


@pytest.mark.parametrize(("number", "changed"), [
    (321, {"strangeness": 1}), (-321, {"strangeness": -1}), (311, {"strangeness": 1}), (411, {"charm": 1}), (431, {"charm": 1,
    "strangeness": 1}), (511, {"bottomness": 1}), (531, {"bottomness": 1, "strangeness": -1}), (3122, {"baryon-number": 1,
    "strangeness": -1}), (-2212, {"baryon-number": -1}), (211, {}), (443, {}), (11, {"lepton-number": 1}), (-12, {"lepton-number": -1}),
    (4, {"baryon-number": 1 / 3, "charm": 1}), (24, {}),
])  # fmt: skip
def test_flavours_by_monte_carlo_number(rows: ModuleType, number: int, changed: dict[str, float]) -> None:
    assert {k: v for k, v in rows.flavours(number).items() if v} == pytest.approx(changed)


def test_numbers_that_do_not_say(rows: ModuleType) -> None:
    assert [rows.flavours(number) for number in (130, 310, 99000410)] == [None, None, None]


def test_papers(rows: ModuleType) -> None:
    data = rows.package()
    assert rows.documents(data, {"identifier": "S043M", "pick": "most precise"}) == {"AALTONEN 2022"}
    assert rows.documents(data, {"identifier": "S043M", "pick": "oldest"}) == {"ARNISON 1983", "BANNER 1983B"}
    assert rows.documents(data, {"identifier": "S043M", "technique": ["LHCB"]}) == {"AAIJ 2022C"}
    data.close()


def test_every_question_on_measurements_has_its_papers(rows: ModuleType) -> None:
    data = rows.package()
    lines = (FOLDER / "questions" / "measurements.jsonl").read_text("utf-8").splitlines()
    asked = [json.loads(line) for line in lines]
    assert len(asked) == len({row["question"] for row in asked}) == 60
    assert all("refuse" in row or rows.documents(data, row["find"]) for row in asked)
    data.close()


def test_marks(rows: ModuleType) -> None:
    def answer(value: float, subject: str) -> SimpleNamespace:
        row = SimpleNamespace(value=SimpleNamespace(value=value), subject=subject)
        return SimpleNamespace(abstained=False, results=[SimpleNamespace(rows=[row])])

    mark = rows.number("K-", -1.0)
    assert [mark(answer(*said)) for said in ((-1.0, "K-"), (1.0, "K-"), (-1.0, "K+"))] == [
        "right",
        "wrong",
        "wrong",
    ]
    assert mark(SimpleNamespace(abstained=True, results=[])) == "refused"
