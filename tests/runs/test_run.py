"""Runs: the folder's shape, a log that survives crashes, and the refusal of other data."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import yukawa
from yukawa.core.errors import DISTRIBUTION, InputError, NotFound, StoreError
from yukawa.core.files import hash_file
from yukawa.runs.run import Run, environment, git_commit

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text("abcé π:#'\"\n-0")
RECIPES = st.dictionaries(
    st.text("abc_", min_size=1),
    st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xy"), inner)),
    max_size=4,
)


@pytest.fixture
def inputs(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "data" / name for name in ("train.jsonl", "test.jsonl")]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_text(f'{{"name": "{path.name}"}}\n')
    return paths


@pytest.fixture
def run(tmp_path: Path, inputs: list[Path]) -> Run:
    return Run.create(tmp_path / "run", {"seed": 1}, inputs)


# Laws


@pytest.mark.slow
@settings(max_examples=30)  # each example waits for the disk
@given(recipe=RECIPES)
def test_a_recipe_comes_back_as_it_went(
    recipe: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("law") / "run"
    created = Run.create(folder, recipe, [])
    assert created.recipe == recipe
    assert Run.open(folder).recipe == recipe


@pytest.mark.slow
@settings(max_examples=30)
@given(cut=st.integers(min_value=0), later=st.integers())
def test_a_log_cut_anywhere_loses_at_most_the_torn_line_and_goes_on(
    cut: int, later: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = Run.create(tmp_path_factory.mktemp("law") / "run", {}, [])
    rows = [{"step": step, "loss": 1 / (step + 1), "note": "π\n{}"} for step in range(4)]
    for row in rows:
        run.log(**row)
    path = run.folder / "metrics.jsonl"
    content = path.read_bytes()
    kept = content[: cut % (len(content) + 1)]
    path.write_bytes(kept)

    whole = kept.count(b"\n") + (kept.rpartition(b"\n")[2].endswith(b'{}"}'))
    assert run.metrics() == rows[:whole]
    run.log(step=4, later=later)
    run.log(step=5)
    assert run.metrics() == [*rows[:whole], {"step": 4, "later": later}, {"step": 5}]
    assert path.read_bytes().endswith(b"\n")


def test_data_that_did_not_change_pass_and_may_have_moved(run: Run, inputs: list[Path]) -> None:
    run.check_inputs(inputs)
    moved = [path.rename(path.with_name("moved-" + path.name)) for path in inputs]
    Run.open(run.folder).check_inputs(moved)


@settings(max_examples=30)
@given(begun=RECIPES, asked=RECIPES)
def test_a_run_goes_on_with_its_own_recipe_alone(
    begun: dict[str, Any], asked: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("law")
    assert Run.find(folder, begun, resume=False) is None
    (folder / "recipe.yaml").write_text(yaml.safe_dump(begun, allow_unicode=True))
    found = Run.find(folder, begun, resume=True)
    assert found is not None
    assert found.recipe == begun
    free = Run.find(folder, asked, resume=True, free=["*"])
    assert free is not None
    assert free.recipe == begun
    before, after = ({k: v for k, v in one.items() if v is not None} for one in (begun, asked))
    if before != after and not any(isinstance(value, dict) for value in (before | after).values()):
        with pytest.raises(InputError, match="was begun with"):
            Run.find(folder, asked, resume=True)


@settings(max_examples=30)  # each figure waits for the disk
@given(steps=st.lists(st.integers(0, 9), max_size=5).map(sorted), last=st.integers(0, 9))
def test_what_is_forgotten_is_what_came_later(
    steps: list[int], last: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run = Run(tmp_path_factory.mktemp("law"), {})
    for step in steps:
        run.log(step=step)
    run.forget_after(last)
    assert [row["step"] for row in run.metrics()] == [step for step in steps if step <= last]


# Examples


def test_of_a_list_the_element_that_differs_is_named_and_a_free_list_may_differ(tmp_path: Path) -> None:
    Run.create(tmp_path / "run", {"report_to": ["a", "b"]}, [])
    other = {"report_to": ["a", "c"]}
    assert Run.find(tmp_path / "run", other, resume=True, free=("report_to",)) is not None
    with pytest.raises(InputError, match=r"was begun with report_to\[1\] 'b', not 'c'"):
        Run.find(tmp_path / "run", other, resume=True)


def test_the_recipe_of_a_run_may_differ_where_it_is_free(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    recipe = {"data": {"path": "a", "seed": 1}, "mixture": {"one": {"path": "b"}, "two": {"path": "c"}}}
    Run.create(folder, recipe, [])
    moved = {"data": {"path": "x", "seed": 1}, "mixture": {"one": {"path": "y"}, "two": {"path": "c"}}}
    free = ("data.path", "mixture.*.path")
    assert Run.find(folder, moved, resume=True, free=free) is not None
    with pytest.raises(InputError, match=r"was begun with data.path 'a', not 'x'"):
        Run.find(folder, moved, resume=True, free=free[1:])
    more = {**recipe, "model": 3}
    with pytest.raises(InputError, match=r"was begun with model None, not 3"):
        Run.find(folder, more, resume=True, free=free)
    with pytest.raises(InputError, match=r"already holds a run .*--resume"):
        Run.find(folder, recipe, resume=False)
    with pytest.raises(NotFound):
        Run.find(tmp_path / "none", recipe, resume=True)


def test_the_latest_metrics_are_the_latest_of_each(run: Run) -> None:
    assert run.latest_metrics() == {}
    run.forget_after(0)  # there is nothing to forget
    run.log(step=1, epoch=0.5, loss=2.0, rate=1.0)
    run.log(step=2, epoch=1.0, loss=math.nan, validation_loss=3.0)
    assert run.latest_metrics() == {"loss": 2.0, "rate": 1.0, "validation_loss": 3.0}


def test_a_run_is_a_folder_of_three_files(run: Run, inputs: list[Path]) -> None:
    assert sorted(os.listdir(run.folder)) == ["data.json", "environment.json", "recipe.yaml"]
    assert yaml.safe_load((run.folder / "recipe.yaml").read_text()) == {"seed": 1}
    data = json.loads((run.folder / "data.json").read_text())
    assert data == {"inputs": [{"path": str(path), "sha256": hash_file(path)} for path in inputs]}
    found = json.loads((run.folder / "environment.json").read_text())
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert found["packages"]["numpy"] == np.__version__
    assert found["packages"][DISTRIBUTION] == yukawa.__version__
    assert found == environment()


def test_the_log_takes_scalars_of_numpy_and_writes_strict_json(run: Run) -> None:
    run.log(step=np.int64(3), loss=np.float32(0.5), n=np.int32(2), ok=np.bool_(True), note="x", none=None)
    run.log(step=4, loss=math.nan, rate=np.float64("inf"), array=np.array(1.5))
    assert run.metrics() == [
        {"step": 3, "loss": 0.5, "n": 2, "ok": True, "note": "x", "none": None},
        {"step": 4, "loss": None, "rate": None, "array": 1.5},
    ]
    assert "NaN" not in (run.folder / "metrics.jsonl").read_text()


def test_a_killed_process_leaves_every_logged_line(run: Run) -> None:
    code = (
        "import os, sys; from pathlib import Path; from yukawa.runs.run import Run\n"
        "run = Run.open(Path(sys.argv[1]))\n"
        "for step in range(50): run.log(step=step)\n"
        "os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(run.folder)], check=False)
    assert done.returncode == -9
    assert [row["step"] for row in run.metrics()] == list(range(50))


def test_a_run_without_figures_has_none(run: Run) -> None:
    assert run.metrics() == []


def test_the_commit_is_of_the_checkout_that_tracks_the_code(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=n", "-c", "user.email=e@x", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    tracked, stranger = tmp_path / "code.py", tmp_path / "installed.py"
    tracked.write_text("1")
    assert git_commit(tracked) is None
    git("init", "-q")
    git("add", "code.py")
    git("commit", "-q", "-m", "one")
    stranger.write_text("1")
    assert git_commit(tracked) == git("rev-parse", "HEAD")
    assert git_commit(stranger) is None, "an installed package inside a foreign checkout has no commit"
    tracked.write_text("2")
    assert git_commit(tracked) == git("rev-parse", "HEAD") + "-dirty"


def test_without_git_there_is_no_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert "commit" not in environment()


# Bad input


def test_other_data_are_refused_by_name(run: Run, inputs: list[Path], tmp_path: Path) -> None:
    train, test = inputs
    extra = tmp_path / "extra.jsonl"
    extra.write_text("")
    cases = [
        ([train], f"{test} is missing"),
        ([train, test, extra], f"{extra} is new"),
        ([test, train], f"{test} differs from {train}"),
    ]
    for given_inputs, says in cases:
        with pytest.raises(InputError) as caught:
            run.check_inputs(given_inputs)
        assert says in str(caught.value)
        assert "\n" not in str(caught.value)
    test.write_text(test.read_text() + "\n")
    with pytest.raises(InputError, match=r"test\.jsonl differs from"):
        run.check_inputs(inputs)


def test_a_folder_holds_one_run(run: Run, inputs: list[Path]) -> None:
    before = {path.name: path.read_bytes() for path in run.folder.iterdir()}
    with pytest.raises(InputError, match="already holds a run"):
        Run.create(run.folder, {"seed": 2}, inputs)
    assert {path.name: path.read_bytes() for path in run.folder.iterdir()} == before


def test_a_missing_input_begins_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.jsonl cannot be read"):
        Run.create(tmp_path / "run", {}, [tmp_path / "absent.jsonl"])
    assert not (tmp_path / "run").exists()


def test_a_recipe_of_other_things_than_plain_values_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the recipe holds what YAML cannot"):
        Run.create(tmp_path / "run", {"path": Path("x")}, [])
    assert not (tmp_path / "run").exists()


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be written"):
        Run.create(tmp_path / "file" / "run", {}, [])


def test_no_run_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"is not a run: recipe\.yaml is missing|does not exist"):
        Run.open(tmp_path)


@pytest.mark.parametrize("content", [b"a: [1", b"- 1", b"\xff\xff", b"a: !!python/object/apply:os.getcwd []"])
def test_a_damaged_recipe_is_said_and_never_executed(content: bytes, run: Run) -> None:
    (run.folder / "recipe.yaml").write_bytes(content)
    with pytest.raises(StoreError, match=r"is damaged: .*recipe\.yaml") as caught:
        Run.open(run.folder)
    assert "\n" not in str(caught.value)


def test_damage_before_the_last_line_is_named(run: Run) -> None:
    run.log(step=1)
    with open(run.folder / "metrics.jsonl", "ab") as handle:
        handle.write(b'{"step"\n{"step": 3}\n')
    with pytest.raises(StoreError, match=r"metrics\.jsonl:2 is not valid JSON"):
        run.metrics()


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"inputs": [1]}', None])
def test_a_damaged_data_file_is_said(content: bytes | None, run: Run, inputs: list[Path]) -> None:
    path = run.folder / "data.json"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(
        StoreError, match=r"data\.json (is not valid JSON|is damaged|holds list|cannot be read)"
    ):
        run.check_inputs(inputs)


@pytest.mark.parametrize("figure", [np.zeros(2), [1.0], {"a": 1}, b"x"])
def test_a_figure_that_is_no_number_is_refused(figure: object, run: Run) -> None:
    run.log(step=1, loss=0.5)
    with pytest.raises(InputError, match="the metric 'loss' is a"):
        run.log(step=2, loss=figure)
    assert run.metrics() == [{"step": 1, "loss": 0.5}]
