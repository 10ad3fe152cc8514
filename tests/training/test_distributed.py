"""Two processes that share the work give what one gives."""

from __future__ import annotations

import importlib.util
import json
import os
import socket
import subprocess
import sys
import textwrap

import pytest
import yaml
from safetensors.torch import load_file

from yukawa.runs.run import Run
from yukawa.training import trainer
from yukawa.training.text_task import train

WORKER = textwrap.dedent("""
    import os
    import signal
    import sys
    from pathlib import Path

    import torch
    from accelerate import state
    from accelerate.utils import DistributedType

    from yukawa.training import prepare, trainer
    from yukawa.training.recipe import TextRecipe
    from yukawa.training.text_task import train

    torch.set_num_threads(1)
    folder, way = Path(sys.argv[1]), sys.argv[2]

    if way != "ddp":  # as on GPUs
        prepare.check_training_machine = lambda settings, machine: None
        trainer.attend_within_texts = trainer.add_summed_loss = lambda model: False
    if way == "fsdp2":  # accelerate would not divide weights on a processor
        create = state.AcceleratorState.__init__

        def divide(self, *args, **kwargs):
            create(self, *args, **kwargs)
            if kwargs.get("fsdp_plugin") is not None and self.distributed_type == DistributedType.MULTI_CPU:
                self.distributed_type = DistributedType.FSDP
                state.PartialState._shared_state["distributed_type"] = DistributedType.FSDP
                self.fsdp_plugin = kwargs["fsdp_plugin"]

        state.AcceleratorState.__init__ = divide

    def stop(done, total, figures):
        if done == 2:
            os.kill(os.getpid(), signal.SIGINT)

    for path in sorted(folder.glob("*.yaml")):
        recipe = TextRecipe.load(path, [f"training.distributed={way}"])
        train(recipe, folder / way / path.stem)
        if path.stem in ("full", "lora") and way != "ddp":
            stopped = train(recipe, folder / "resumed" / path.stem, progress=stop)
            assert stopped.interrupted and stopped.steps == 3
            train(recipe, folder / "resumed" / path.stem, resume=True)
    torch.distributed.destroy_process_group()
""")


def start(folder, way):
    """Run the worker in two processes; what they say if one fails."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "worker.py").write_text(WORKER)
    workers = []
    for rank in range(2):
        names = {
            "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2,
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1, "DS_ACCELERATOR": "cpu",
        }  # fmt: skip
        environment = os.environ | {name: str(value) for name, value in names.items()}
        command = [sys.executable, str(folder / "worker.py"), str(folder), way]
        workers.append(
            subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        )
    said = [worker.communicate(timeout=240)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(said)


def weights(run):
    (path,) = (run / "model").glob("*.safetensors")
    return load_file(path)


def most(one, two):
    """The largest difference between the weights of two runs."""
    first, second = weights(one), weights(two)
    assert first.keys() == second.keys()
    assert first
    return max((first[name] - second[name]).abs().max().item() for name in first)


@pytest.fixture
def recipes(recipe, rows, tmp_path):
    """Every kind of training, for more than an epoch, of rows that two processes cannot divide."""

    def make(kind, adapter, **training):
        validation = {"validation": str(rows[kind])}
        return recipe(
            kind, adapter={"dropout": 0.0, **adapter}, data=validation, dtype="fp32",
            learning_rate=2e-3, evaluate_every=3, checkpoint_every=3, log_every=1, steps=4, **training,
        )  # fmt: skip

    made = {
        "full": make("pretrain", {"kind": "full"}, batch=10, gradient_checkpointing=True),
        "lora": make("sft", {}, batch=10, length=96, gradient_checkpointing=True),
        "dpo": make("preference", {}, batch=6, accumulation=3, length=96),
    }
    for name, chosen in made.items():
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(chosen.plain()))
    return made


needs_deepspeed = pytest.mark.skipif(
    importlib.util.find_spec("deepspeed") is None,
    reason="DeepSpeed is not installed: pip install deepspeed ninja (it compiles a part of itself)",
)


@pytest.mark.slow
@pytest.mark.parametrize(
    "way",
    [
        "ddp",
        "fsdp2",
        pytest.param("deepspeed-zero2", marks=needs_deepspeed),
        pytest.param("deepspeed-zero3", marks=needs_deepspeed),
    ],
)
def test_two_processes_equal_one(recipes, tmp_path, way, monkeypatch):
    if way != "ddp":
        monkeypatch.setattr(trainer, "attend_within_texts", lambda model: False)
        monkeypatch.setattr(trainer, "add_summed_loss", lambda model: False)
    start(tmp_path, way)
    for name, chosen in recipes.items():
        one, two = tmp_path / "one" / name, tmp_path / way / name
        train(chosen, one)
        batch = chosen.training.batch
        counts = json.loads((one / "counts.json").read_text())
        assert chosen.training.steps * batch > counts["train"]["sequences"], name
        assert counts["train"]["sequences"] % batch, name
        assert most(one, two) < 1e-5, name

        first, second = (Run.open(run).metrics() for run in (one, two))
        assert [row["step"] for row in first] == [row["step"] for row in second]
        for mine, other in zip(first, second, strict=True):
            same = {key for key in mine if not key.endswith("_per_second")}
            assert {key: mine[key] for key in same} == pytest.approx(
                {key: other[key] for key in same}, 1e-5, 1e-5
            )
        if (tmp_path / "resumed" / name).exists():
            assert most(two, tmp_path / "resumed" / name) == 0
    assert way == "ddp" or len(list((tmp_path / "resumed").iterdir())) == 2
