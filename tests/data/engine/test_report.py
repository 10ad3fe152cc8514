"""The report of a run counts what its tables hold, and draws the tree of questions."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from yukawa.core.errors import NotFound
from yukawa.core.files import read_object
from yukawa.data.engine import FissionRecipe, run_fission, write_report
from yukawa.data.engine.report import tree
from yukawa.data.engine.tables import WorkStore, candidates
from yukawa.knowledge import KnowledgeBase


@pytest.fixture(scope="module")
def run(small: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    run_fission(folder, FissionRecipe(seeds=("particle physics",), pairs=6, embedding="none"), small)
    return folder


def test_the_figures_are_those_of_the_run(run: Path) -> None:
    data = write_report(run)
    assert data == read_object(run / "report.json")
    assert data["pairs"] == {"accepted": 6}
    assert data["domains"] == {"particle physics": 6}
    assert data["candidates"]["answered"] == 6
    assert data["calls"] == {}
    assert (data["read"], data["quotations"]) == (6, 6)
    assert "## Funnel" in (run / "report.md").read_text(encoding="utf-8")


def test_the_tree_begins_with_the_seed_and_holds_each_question_once(run: Path) -> None:
    store = WorkStore(run)
    lines = tree(store)
    assert lines[0].startswith("particle physics (")
    assert len(lines) == len(set(lines)) == 7
    assert all(line.startswith("· ") for line in lines[1:])
    assert tree(store, most=3)[-1] == "and 4 more"
    store.close()


def test_a_tree_of_any_depth_is_drawn(tmp_path: Path) -> None:
    store = WorkStore(tmp_path, new=True)
    row = {
        "domain": "d",
        "seed": "s",
        "frame": "",
        "depth": 0,
        "topic": 0,
        "state": "answered",
        "reason": "",
        "support": 0.0,
        "about": {},
    }
    rows = [row | {"question": f"Q{n}?", "parent_id": n - 1 or None, "round": n} for n in range(1, 2001)]
    with store.write() as connection:
        connection.execute(sa.insert(candidates), rows)
    assert tree(store, most=2000)[-1] == "· · · · Q2000?"
    store.close()


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"work\.db"):
        write_report(tmp_path)
