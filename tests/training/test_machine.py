from __future__ import annotations

import importlib.util

import pytest

from yukawa.errors import InputError, MissingPackage
from yukawa.training.machine import Machine, check_machine, this_machine
from yukawa.training.recipe import TrainingRecipe

CPU, GPU = Machine(gpu=False), Machine(gpu=True)


def how(**values):
    return TrainingRecipe(steps=1, **values)


def test_what_any_machine_can_do_passes():
    check_machine(how(), CPU)
    check_machine(how(distributed="ddp"), Machine(gpu=False, world=2))
    check_machine(how(tf32=True, device="cuda", optimiser="adamw-8bit"), GPU)
    check_machine(how(distributed="fsdp2", offload=True, device="cuda"), Machine(gpu=True, world=4))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"device": "cuda"},
            "training.device=cuda needs a GPU, and there is none here .*type: training.device=cpu",
        ),
        ({"tf32": True}, "training.tf32=true needs a GPU.*training.tf32=false"),
        ({"optimiser": "adamw-8bit"}, "adamw-8bit needs a GPU.*training.optimiser=adamw"),
        (
            {"distributed": "fsdp2", "offload": True},
            "training.distributed=ddp training.offload=false",
        ),
        (
            {"device": "cuda", "tf32": True},
            "training.device=cpu training.tf32=false",
        ),
    ],
)
def test_a_recipe_for_a_gpu_says_how_to_run_without(values, said):
    with pytest.raises(InputError, match=said):
        check_machine(how(**values), CPU)


@pytest.mark.parametrize(
    ("values", "machine", "said"),
    [
        ({}, Machine(gpu=False, world=2), "2 processes were started.*distributed=ddp"),
        ({"distributed": "fsdp2"}, GPU, "this is a single one.*torchrun"),
        ({"batch": 10, "accumulation": 4}, CPU, "training.batch=10 cannot be shared .* multiple of 4"),
        ({"batch": 3, "distributed": "ddp"}, Machine(gpu=False, world=2), "multiple of 2"),
    ],
)
def test_processes_and_batch_must_fit(values, machine, said):
    with pytest.raises(InputError, match=said):
        check_machine(how(**values), machine)


def test_a_missing_deepspeed_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match="pip install deepspeed"):
        check_machine(how(distributed="deepspeed-zero2"), GPU)


def test_torchrun_is_noticed(monkeypatch):
    for name, value in (("RANK", "3"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    machine = this_machine(how(device="cpu"))
    assert machine == Machine(gpu=False, rank=3, world=4, local_rank=1)
    assert machine.device == "cpu"
    assert Machine(gpu=True, local_rank=1).device == "cuda:1"
