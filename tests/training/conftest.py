"""A tiny Llama with its tokenizer, and a few rows of each kind."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

import yukawa.training.train  # noqa: F401 -- patched below
from yukawa.data import Conversation, Document, Preference, Turn, write_rows
from yukawa.runs.run import environment
from yukawa.training.recipe import parse_recipe
from yukawa.training.tiny_model import make_llama

TEXTS = [
    f"The {name} has a mass of {mass} MeV, spin {mass % 2}, and decays into {other} with probability {mass % 97} %."
    for name, mass, other in zip(
        "pion kaon muon tau charm bottom rho omega phi eta lambda sigma".split() * 4,
        range(100, 5000, 101),
        "electrons photons neutrinos quarks gluons jets".split() * 8,
        strict=False,
    )
]


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


_environment = cache(environment)


def _drawn(rows, path, unit):
    assert list(rows)
    for target in (path, path.with_suffix(".svg")):
        target.write_text(unit * 99)


@pytest.fixture(autouse=True)
def _cheap_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run writes beside training is tested elsewhere: pictures in test_curves, the whole by the command."""
    monkeypatch.setattr("yukawa.runs.run.environment", _environment)
    # The package names the function `train`, which hides the module from a dotted path.
    monkeypatch.setattr(sys.modules["yukawa.training.train"], "learning_curves", _drawn)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a Llama of two layers, hidden size 32, vocabulary below 512."""
    folder = tmp_path_factory.mktemp("base") / "tiny"
    sizes = {"hidden_size": 32, "intermediate_size": 64, "max_position_embeddings": 256}
    return make_llama(folder, TEXTS, vocabulary=512, **sizes)


@pytest.fixture
def tokenizer(tiny):
    return AutoTokenizer.from_pretrained(tiny)


def documents(count=48):
    return [Document(id=f"d{n}", text=text, source="test") for n, text in enumerate(TEXTS[:count])]


def conversations(count=24):
    return [
        Conversation(
            id=f"c{n}",
            messages=(
                Turn(role="user", content=f"What is heavier than {n} MeV?"),
                Turn(role="assistant", content=TEXTS[n]),
            ),
            source="test",
        )
        for n in range(count)
    ]


def preferences(count=16):
    return [
        Preference(
            id=f"p{n}",
            prompt=(Turn(role="user", content=f"Name particle {n}."),),
            chosen=TEXTS[n],
            rejected="I do not know.",
            source="test",
        )
        for n in range(count)
    ]


@pytest.fixture
def rows(tmp_path):
    """Files of rows by kind of training."""
    made = {"pretrain": documents(), "sft": conversations(), "preference": preferences()}
    files = {}
    for kind, values in made.items():
        files[kind] = tmp_path / f"{kind}.jsonl"
        write_rows(files[kind], values, type(values[0]))
    return files


@pytest.fixture
def recipe(tiny, rows):
    """Makes a recipe of a few steps: `recipe("sft", adapter={"kind": "full"}, steps=4)`."""

    def make(kind="pretrain", *, adapter=None, data=None, dtype=None, **training):
        return parse_recipe({
            "model": {"base": str(tiny), "dtype": dtype},
            "data": {"path": str(rows[kind]), **(data or {})},
            "adapter": {"kind": "lora", "rank": 4, "alpha": 8, "dropout": 0.1, **(adapter or {})},
            "training": {
                "kind": kind, "batch": 4, "length": 64, "learning_rate": 5e-3, "precision": "fp32", "device": "cpu",
                **({} if "epochs" in training else {"steps": 6}), **training,
            },
        })  # fmt: skip

    return make
