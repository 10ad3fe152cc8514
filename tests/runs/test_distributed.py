from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.runs.distributed import (
    Machine,
    check_machine,
    first_process_first,
    is_first_process,
    number_of_processes,
    this_machine,
)
from yukawa.runs.recipe import RunSettings

SETTINGS = RunSettings(steps=1, batch=12, device="cpu")


def test_a_process_knows_its_place(monkeypatch):
    assert this_machine(SETTINGS) == Machine(gpu=False, rank=0, world=1, local_rank=0)
    assert (is_first_process(), number_of_processes()) == (True, 1)
    for name, value in (("RANK", "3"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    machine = this_machine(SETTINGS)
    assert machine == Machine(gpu=False, rank=3, world=4, local_rank=1)
    assert (machine.first, machine.device) == (False, "cpu")
    assert Machine(gpu=True, local_rank=1).device == "cuda:1"
    assert (is_first_process(), number_of_processes()) == (False, 4)


@pytest.mark.parametrize(
    ("changes", "machine", "said"),
    [
        ({"device": "cuda"}, Machine(), r"training.device=cuda needs a GPU.*type: training.device=cpu"),
        ({"precision": "fp16"}, Machine(), r"training.precision=fp16 needs a GPU.*training.precision=bf16"),
        (
            {},
            Machine(world=5),
            r"training.batch=12 cannot be shared by 5 processes \(make .* a multiple of 5\)",
        ),
    ],
)
def test_what_a_machine_cannot_do_is_refused(changes, machine, said):
    with pytest.raises(InputError, match=said):
        check_machine(SETTINGS.model_copy(update=changes), machine)
    check_machine(SETTINGS, Machine(world=4))


def test_needs_of_one_kind_of_training_are_answered_together():
    settings = SETTINGS.model_copy(update={"precision": "fp16"})
    said = r"training.seed=0 needs a GPU.*type: training.seed=1 training.precision=bf16"
    with pytest.raises(InputError, match=said):
        check_machine(settings, Machine(), {"seed": (True, "1")})
    check_machine(SETTINGS, Machine(gpu=True), {"seed": (True, "1")})


def test_the_passes_of_a_process_count_too():
    check_machine(SETTINGS, Machine(world=2), accumulation=3)
    with pytest.raises(InputError, match="in 4 passes each"):
        check_machine(SETTINGS, Machine(world=2), accumulation=4)


def test_a_single_process_goes_first_at_once():
    with first_process_first(Machine()):
        pass
