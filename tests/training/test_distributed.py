"""Two processes that share the work give what one gives."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import torch
import yaml
from safetensors.torch import load_file

from yukawa.training.run import train

WORKER = textwrap.dedent("""
    import sys
    from pathlib import Path

    import torch
    from torch.distributed.fsdp import fully_shard
    from transformers import AutoModelForCausalLM

    from yukawa.interruption import Interruption
    from yukawa.training.conductor import Conductor, Plan
    from yukawa.training.recipe import load_recipe
    from yukawa.training.run import train

    torch.set_num_threads(1)
    folder, base = map(Path, sys.argv[1:])
    train(load_recipe(folder / "recipe.yaml"), folder / "two")

    # The trainer does not divide weights on a processor; torch itself does.
    torch.manual_seed(0)
    rank, device_mesh = torch.distributed.get_rank(), torch.distributed.device_mesh.init_device_mesh("cpu", (2,))
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    for layer in model.model.layers:
        fully_shard(layer, mesh=device_mesh)
    fully_shard(model, mesh=device_mesh)
    conductor = Conductor(Plan(1, 1, None, 1, 1), None, None, Interruption(), sharded=True)

    class Arguments:
        world_size = 1

    class State:
        global_step = 1

    conductor.on_train_begin(Arguments, State, None, model=model)  # which asks whether they are divided
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for ids in torch.load(folder / "batches.pt"):
        mine = ids[rank::2]
        model(input_ids=mine, labels=mine).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    whole = {name: p.full_tensor() for name, p in model.named_parameters()}
    if rank == 0:
        torch.save(whole, folder / "sharded.pt")
    torch.distributed.barrier()
    torch.distributed.destroy_process_group()
""")


def start(tmp_path, tiny):
    """Run the worker in two processes; what they say if one fails."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "worker.py").write_text(WORKER)
    workers = []
    for rank in range(2):
        names = {
            "RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "LOCAL_WORLD_SIZE": 2,
            "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "OMP_NUM_THREADS": 1,
        }  # fmt: skip
        environment = os.environ | {name: str(value) for name, value in names.items()}
        command = [sys.executable, str(tmp_path / "worker.py"), str(tmp_path), str(tiny)]
        workers.append(
            subprocess.Popen(
                command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
        )
    said = [worker.communicate(timeout=240)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0], "\n".join(said)


def plain_steps(tiny: Path, batches):
    """The same steps in one process."""
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(tiny, dtype=torch.float32)
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for ids in batches:
        model(input_ids=ids, labels=ids).loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return dict(model.named_parameters())


def test_two_processes_equal_one(recipe, tiny, rows, tmp_path):
    chosen = recipe(
        "sft", adapter={"dropout": 0.0}, data={"validation": str(rows["sft"])}, distributed="ddp", steps=4,
        length=96, evaluate_every=2, log_every=1, learning_rate=2e-3, dtype="fp32",
    )  # fmt: skip
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(chosen.plain()))
    batches = torch.randint(3, 200, (3, 4, 16), generator=torch.Generator().manual_seed(0))
    torch.save(batches, tmp_path / "batches.pt")
    one = train(chosen, tmp_path / "one")
    start(tmp_path, tiny)

    name = "model/adapter_model.safetensors"
    alone, shared = load_file(tmp_path / "one" / name), load_file(tmp_path / "two" / name)
    assert all(torch.allclose(alone[key], shared[key], rtol=0, atol=1e-5) for key in alone)
    from yukawa.runs import Run

    first, second = (Run.open(tmp_path / folder).metrics() for folder in ("one", "two"))
    for figure in ("loss", "validation_loss", "tokens"):
        pairs = zip(
            (row[figure] for row in first if figure in row),
            (row[figure] for row in second if figure in row),
            strict=True,
        )
        assert all(abs(a - b) < 1e-5 for a, b in pairs), figure
    assert one.steps == 4

    sharded, plain = torch.load(tmp_path / "sharded.pt"), plain_steps(tiny, batches)
    assert all(torch.allclose(plain[key], sharded[key], rtol=0, atol=1e-5) for key in plain)
