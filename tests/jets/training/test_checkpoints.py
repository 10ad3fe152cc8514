from __future__ import annotations

from pathlib import Path

import pytest
import torch

from yukawa.core.errors import InputError, StoreError
from yukawa.jets.training.checkpoints import (
    check_shapes,
    read_best,
    read_progress,
    save_best,
    tidy,
    write_progress,
)
from yukawa.runs.checkpoints import STATE, checkpoints, step_of, written_whole

WEIGHTS = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.ones(2)}


def write(folder: Path, step: int, best: int | None = None) -> Path:
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
        write(tmp_path, step, best)
    save_best(tmp_path, 6, WEIGHTS)
    tidy(tmp_path, keep=3, best=6)
    assert [step_of(path) for path in checkpoints(tmp_path)] == [3, 4, 5]
    assert sorted(int(path.stem[5:]) for path in tmp_path.glob("best-*")) == [2, 4, 6]
    tidy(tmp_path, keep=1, best=None)
    assert [step_of(path) for path in checkpoints(tmp_path)] == [5]
    assert sorted(int(path.stem[5:]) for path in tmp_path.glob("best-*")) == [4]


def test_a_damaged_progress_file_is_one_line(tmp_path: Path) -> None:
    (write(tmp_path, 1) / "progress.json").write_text("{")
    with pytest.raises(StoreError, match=r"progress\.json cannot be read.*remove .*checkpoint-1 and resume"):
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
