"""Seed fission without a model and with a scripted one: laws of a run, resuming, a server that misbehaves, bad input."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from yukawa.core.errors import InputError
from yukawa.core.settings import ModelSettings
from yukawa.data.engine import Budget, FissionRecipe, FissionResult, WorkStore, run_fission
from yukawa.data.engine.likeness import features
from yukawa.data.engine.tables import calls, candidates, evidence, pairs
from yukawa.knowledge import KnowledgeBase
from yukawa.llm.openai import OpenAIModel

SEED = "particle physics"


def rows(folder: Path, table: sa.Table) -> list[Any]:
    store = WorkStore(folder)
    with store.read() as connection:
        found = list(connection.execute(sa.select(table).order_by(table.c.id)).mappings())
    store.close()
    return found


def accepted(folder: Path) -> list[tuple[str, str]]:
    return [(row["question"], row["answer"]) for row in rows(folder, pairs) if row["state"] == "accepted"]


def with_server(folder: Path, base: KnowledgeBase, url: str, **more: Any) -> FissionResult:
    settings = ModelSettings(
        name="scripted", backend="openai", model="scripted", base_url="http://127.0.0.1:1/v1"
    )
    model = OpenAIModel("scripted", name="scripted", base_url=url, retries=0, timeout_s=20)
    recipe = FissionRecipe(seeds=(SEED,), pairs=more.pop("pairs", 5), embedding="none", concurrency=4)
    return run_fission(folder, recipe, base, row=settings, model=model, **more)


@pytest.fixture(scope="module")
def quoted(small: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "quoted"
    result = run_fission(folder, FissionRecipe(seeds=(SEED,), pairs=12, embedding="none"), small)
    assert (result.ended, result.accepted) == ("done", {SEED: 12})
    return folder


# ---- without a model -------------------------------------------------------------------------------


def test_each_sentence_of_an_accepted_answer_is_a_verbatim_quotation(
    quoted: Path, small: KnowledgeBase
) -> None:
    answers = {row["id"]: row["answer"] for row in rows(quoted, pairs)}
    quotes = rows(quoted, evidence)
    assert {row["pair_id"] for row in quotes} == set(answers)
    for row in quotes:
        assert small.show(row["source_id"]).text[row["start"] : row["end"]] == row["quote"]
        assert row["quote"] in answers[row["pair_id"]]


def test_no_two_accepted_questions_ask_the_same(quoted: Path) -> None:
    keys = [key for question, _ in accepted(quoted) for key in features(question).keys]
    assert len(keys) == len(set(keys)) >= 12


def test_every_candidate_is_kept_with_its_fate(quoted: Path) -> None:
    found = rows(quoted, candidates)
    raised = sum(len(row["raised"]) for row in found if row["raised"])
    assert len(found) == raised + 1  # and the seed
    assert all(
        row["reason"]
        for row in found
        if row["state"] in ("duplicate", "unanswerable", "rejected", "off-topic")
    )
    assert {row["parent_id"] for row in found} <= {None, *(row["id"] for row in found)}


def test_a_second_run_makes_the_same(quoted: Path, small: KnowledgeBase, tmp_path: Path) -> None:
    run_fission(tmp_path / "again", FissionRecipe(seeds=(SEED,), pairs=12, embedding="none"), small)
    assert accepted(tmp_path / "again") == accepted(quoted)


def test_a_run_is_continued_with_more_pairs(small: KnowledgeBase, quoted: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    for pairs_wanted, resume in ((5, False), (12, True)):
        recipe = FissionRecipe(seeds=(SEED,), pairs=pairs_wanted, embedding="none")
        run_fission(folder, recipe, small, resume=resume)
    assert accepted(folder)[:5] == accepted(quoted)[:5]
    assert len(accepted(folder)) == 12


def test_a_seed_that_nothing_supports_is_named(small: KnowledgeBase, tmp_path: Path) -> None:
    recipe = FissionRecipe(seeds=("pizza in Beijing", "Z boson"), pairs=2, embedding="none")
    result = run_fission(tmp_path / "run", recipe, small)
    assert result.unsupported == ("pizza in Beijing",)
    assert result.accepted["Z boson"] == 2
    assert result.ended == "nothing left"


def test_a_seed_of_which_nothing_is_known_yet_or_only_bad_answers_is_not_called_unsupported(
    small: KnowledgeBase, serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = with_server(tmp_path / "begun", small, serve(), budget=Budget(calls=1))
    assert (result.ended, result.unsupported) == ("budget", ())
    monkeypatch.setattr("yukawa.data.engine.calls._PAUSE_S", 0.0)
    result = with_server(
        tmp_path / "lies", small, serve("--faults", "wrong quote", "--share", "1"), budget=Budget(calls=60)
    )
    assert result.accepted == {SEED: 0}
    assert result.unsupported == ()


# ---- with a model ----------------------------------------------------------------------------------


def test_a_model_asks_and_answers(small: KnowledgeBase, serve: Any, tmp_path: Path) -> None:
    result = with_server(tmp_path / "run", small, serve())
    assert result.ended == "done"
    assert result.accepted[SEED] >= 5
    made = rows(tmp_path / "run", calls)
    assert {row["state"] for row in made} == {"done"}
    assert {row["role"] for row in made} == {"newbie", "expert"}
    assert all(row["sent"] == 1 for row in made)


def test_a_server_that_misbehaves_loses_nothing_and_lies_to_nobody(
    small: KnowledgeBase, serve: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("yukawa.data.engine.calls._PAUSE_S", 0.001)
    faults = ("429", "500", "cut", "garbage", "wrong quote", "wrong exponent", "silence")
    result = with_server(tmp_path / "run", small, serve("--faults", *faults, "--share", "0.1"))
    assert result.ended in ("done", "nothing left")
    made = rows(tmp_path / "run", calls)
    states = [row["state"] for row in made]
    assert set(states) == {"done", "failed", "refused"}
    assert all(row["error"] for row in made if row["state"] != "done")
    for question, answer in accepted(tmp_path / "run"):
        hit = small.search(question, k=1)[0]
        assert answer == hit.text  # the scripted model repeats its passage, or a fault was accepted


def test_a_budget_of_calls_stops_the_run_and_a_larger_one_continues_it(
    small: KnowledgeBase, serve: Any, tmp_path: Path
) -> None:
    url = serve()
    result = with_server(tmp_path / "run", small, url, budget=Budget(calls=6))
    assert result.ended == "budget"
    assert len(rows(tmp_path / "run", calls)) == 6
    assert with_server(tmp_path / "run", small, url, resume=True).ended == "done"
    with_server(tmp_path / "whole", small, url)
    assert accepted(tmp_path / "run") == accepted(tmp_path / "whole")


WORK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from yukawa.knowledge import KnowledgeBase
from test_fission import with_server
with KnowledgeBase.open(sys.argv[1], embedding="none") as base:
    print("begins", flush=True)
    with_server(Path(sys.argv[2]), base, sys.argv[3], resume=(Path(sys.argv[2]) / "recipe.yaml").exists())
"""


@pytest.mark.slow
def test_a_run_killed_at_any_moment_comes_to_the_same_pairs(
    small: KnowledgeBase, taught: Path, serve: Any, tmp_path: Path
) -> None:
    """The server counts: what was under way is sent again, and nothing else is."""
    url = serve("--log", str(tmp_path / "log"), "--delay", "0.03")
    with_server(tmp_path / "whole", small, url)
    once = (tmp_path / "log").read_text().split()
    (tmp_path / "log").unlink()
    words = [str(taught / "knowledge"), str(tmp_path / "run"), url, str(Path(__file__).parent)]
    child = subprocess.Popen(
        [sys.executable, "-c", WORK, *words], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "begins\n"
    time.sleep(0.4)
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with_server(tmp_path / "run", small, url, resume=(tmp_path / "run" / "recipe.yaml").exists())
    assert accepted(tmp_path / "run") == accepted(tmp_path / "whole")
    sent = (tmp_path / "log").read_text().split()
    assert set(sent) == set(once)
    assert len(sent) - len(once) <= 4  # as many as were under way


# ---- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "complaint"), [("", "empty"), (" \n", "empty"), ("a " * 5000, "5,000 words")]
)
def test_a_seed_that_is_no_topic_is_refused(
    seed: str, complaint: str, small: KnowledgeBase, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=complaint):
        run_fission(tmp_path / "run", FissionRecipe(seeds=(seed,)), small)
    assert not (tmp_path / "run").exists()


def test_a_run_is_not_resumed_with_another_seed(quoted: Path, small: KnowledgeBase) -> None:
    with pytest.raises(InputError, match="was begun with seeds"):
        run_fission(
            quoted, FissionRecipe(seeds=("neutrino physics",), pairs=12, embedding="none"), small, resume=True
        )


def test_two_processes_do_not_work_on_one_run(quoted: Path, small: KnowledgeBase) -> None:
    store = WorkStore(quoted)
    with store.alone(), pytest.raises(InputError, match="another process"):
        run_fission(quoted, FissionRecipe(seeds=(SEED,), pairs=13, embedding="none"), small, resume=True)
    store.close()
