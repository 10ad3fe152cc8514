from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch

from yukawa.core.errors import InputError, StoreError
from yukawa.runs.checkpoints import (
    PARTIAL,
    STATE,
    check_shapes,
    checkpoints,
    last_checkpoint,
    read_best,
    read_progress,
    save_best,
    step_of,
    tidy,
    write_progress,
    written_whole,
)


def write(folder, step, content="{}", fault=None):
    with written_whole(folder, first=True) as partial:
        made = partial / f"checkpoint-{step}"
        (made / "inner").mkdir(parents=True)
        (made / "inner" / "weights").write_text(content)
        (made / STATE).write_text(content)
        if fault is not None:
            raise fault


def test_checkpoints_come_in_the_order_of_their_steps(tmp_path):
    for step in (100, 20, 3):
        write(tmp_path, step)
    (tmp_path / "checkpoint-7").mkdir()  # nothing in it: not one
    (tmp_path / "checkpoint-best").mkdir()
    assert [step_of(path) for path in checkpoints(tmp_path)] == [3, 20, 100]
    assert checkpoints(tmp_path / "none") == []


def test_a_checkpoint_is_whole_or_not_there(tmp_path):
    write(tmp_path, 1)
    unfinished = written_whole(tmp_path, first=True)
    made = unfinished.__enter__() / "checkpoint-2"  # and the process ends before the block does
    made.mkdir()
    (made / STATE).write_text("{}")
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-1"]
    write(tmp_path, 2)
    assert [path.name for path in checkpoints(tmp_path)] == ["checkpoint-1", "checkpoint-2"]
    assert not (tmp_path / PARTIAL).exists()


def test_a_full_disk_leaves_the_one_before(tmp_path):
    write(tmp_path, 1)
    with pytest.raises(
        StoreError, match=r"the disk is full.*free some space and type the same command with --resume"
    ):
        write(tmp_path, 2, fault=OSError(errno.ENOSPC, "No space left on device"))
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-1"]


def test_ctrl_c_leaves_nothing_half_written(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, 2, fault=KeyboardInterrupt())
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_of_the_same_step_is_replaced(tmp_path):
    write(tmp_path, 1, "old")
    write(tmp_path, 1, "new")
    assert (tmp_path / "checkpoint-1" / "inner" / "weights").read_text() == "new"


def test_only_the_last_ones_stay(tmp_path):
    for step in (1, 2, 10, 11):
        write(tmp_path, step)
    tidy(tmp_path, 2)
    assert [step_of(path) for path in checkpoints(tmp_path)] == [10, 11]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), RuntimeError("failed\nwriting")])
def test_what_the_disk_refuses_is_one_line(tmp_path, error):
    message = r"cannot be written: (the disk is full|failed).*resume"
    with pytest.raises(StoreError, match=message) as caught, written_whole(tmp_path, first=True):
        raise error
    assert "\n" not in str(caught.value)
    assert not (tmp_path / ".partial").exists()


def test_only_the_first_process_cleans_and_moves(tmp_path):
    with written_whole(tmp_path, first=False) as partial:
        partial.mkdir()
        (partial / "checkpoint-1").mkdir()
    assert (partial / "checkpoint-1").exists()


WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}


def write_whole(folder: Path, step: int, best: int | None = None) -> Path:
    with written_whole(folder, first=True) as partial:
        made = partial / f"checkpoint-{step}"
        made.mkdir()
        (made / STATE).write_text("{}")
        write_progress(made, {"best_step": best})
    return folder / made.name


def test_the_best_weights_come_back(tmp_path: Path) -> None:
    save_best(tmp_path, 12, WEIGHTS)
    found = read_best(tmp_path, 12)
    assert all(torch.equal(found[name], WEIGHTS[name]) for name in WEIGHTS)
    with pytest.raises(StoreError, match="cannot be read"):
        read_best(tmp_path, 13)


def test_only_the_last_checkpoints_stay_and_the_weights_that_they_name(tmp_path: Path) -> None:
    for step, best in ((1, 1), (2, 2), (3, 2), (4, 4), (5, 4)):
        if step == best:
            save_best(tmp_path, step, WEIGHTS)
        write_whole(tmp_path, step, best)
    save_best(tmp_path, 6, WEIGHTS)
    tidy(tmp_path, keep=3, best=6)
    assert [step_of(path) for path in checkpoints(tmp_path)] == [3, 4, 5]
    assert sorted(int(path.stem[5:]) for path in tmp_path.glob("best-*")) == [2, 4, 6]
    tidy(tmp_path, keep=1, best=None)
    assert [step_of(path) for path in checkpoints(tmp_path)] == [5]
    assert sorted(int(path.stem[5:]) for path in tmp_path.glob("best-*")) == [4]


def test_a_damaged_progress_file_is_one_line(tmp_path: Path) -> None:
    (write_whole(tmp_path, 1) / "progress.json").write_text("{")
    with pytest.raises(
        StoreError, match=r"progress\.json is not valid JSON.*remove .*checkpoint-1 and resume"
    ):
        read_progress(tmp_path / "checkpoint-1")


@pytest.mark.parametrize(
    ("expected", "message"),
    [
        (WEIGHTS | {"b": torch.ones(3)}, r"b is \[2\] in it and \[3\] in the recipe's"),
        (WEIGHTS | {"c": torch.ones(3)}, r"c is absent in it and \[3\] in the recipe's"),
        ({"a": WEIGHTS["a"]}, r"b is \[2\] in it and absent in the recipe's"),
    ],
)
def test_weights_of_another_network_are_refused(
    tmp_path: Path, expected: dict[str, torch.Tensor], message: str
) -> None:
    save_best(tmp_path, 1, WEIGHTS)
    (tmp_path / "best-000000001.safetensors").rename(tmp_path / "model.safetensors")
    check_shapes(tmp_path, WEIGHTS)
    with pytest.raises(InputError, match=message):
        check_shapes(tmp_path, expected)
    (tmp_path / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(StoreError, match="cannot be read"):
        check_shapes(tmp_path, expected)


def test_the_last_checkpoint_is_the_one_to_resume_from(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    assert step_of(None) == 0
    for step in (2, 10):
        write(tmp_path, step)
    found = last_checkpoint(tmp_path)
    assert found is not None
    assert found.name == "checkpoint-10"
