"""Runs command lines in this process, on small bases that need no building."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from yukawa.cli.main import main
from yukawa.knowledge import KnowledgeBase

FACTS = (
    "The BEPCII storage ring has a circumference of 237.5 m.",
    "The drift chamber of BESIII has 43 sense wire layers.",
    "The CSNS target station uses tungsten.",
)


class Done(NamedTuple):
    """What a command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout, which holds one JSON document and nothing else."""
        return json.loads(self.out)

    def failed(self, code: int) -> str:
        """The one line of an error: right exit code, nothing on stdout, one line on stderr."""
        assert self.code == code, self
        assert self.out == ""
        assert self.err.startswith("error: ")
        assert self.err.count("\n") == 1
        return self.err


Yukawa = Callable[..., Done]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a base that counts as built, holds three facts, and embeds without a model."""
    folder = tmp_path / "home"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YUKAWA_HOME", str(folder))
    monkeypatch.setenv("YUKAWA_KNOWLEDGE__EMBEDDING", "hash")
    with KnowledgeBase.open(folder / "knowledge", embedding="hash") as base:
        base.set_meta("pdg", "test")
        for fact in FACTS:
            base.teach(fact, source="IHEP handbook", author="ada", url="https://example.org/handbook")
    return folder


@pytest.fixture
def base(home: Path) -> Iterator[KnowledgeBase]:
    """The base that the command line works on, to look behind it."""
    with KnowledgeBase.open(home / "knowledge", embedding="hash") as opened:
        yield opened


@pytest.fixture
def yukawa(home: Path, capsys: pytest.CaptureFixture[str]) -> Yukawa:
    """Runs a command line: `yukawa("ask", "…").out`."""

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of ten jets of each class, as the command line makes it."""
    folder = tmp_path_factory.mktemp("jets") / "set"
    assert main(["jets", "simulate", "--out", str(folder), "--jets-per-class", "10", "--json"]) == 0
    return folder


ABSTRACTS = (
    "The Higgs boson decays. Its width is small.",
    "Black holes radiate. They are hot. We compute the rate.",
    "A note on τ leptons.",
    "Strings vibrate and their spectrum is computed here. " * 4,
)


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A base and an adapter of it, over bytes."""
    import torch
    from peft import LoraConfig, get_peft_model
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.set_num_threads(1)
    base, adapter = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("adapter")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>").save_pretrained(base)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=258, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=128, bos_token_id=256, eos_token_id=257, initializer_range=0.2,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.save_pretrained(base)
    lora = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    model.name_or_path = str(base)
    get_peft_model(model, lora).save_pretrained(adapter)
    return {"base": base, "adapter": adapter}


@pytest.fixture
def data(home: Path) -> Path:
    """A data set of four documents in the working folder."""
    from yukawa.data.dataset import write_dataset
    from yukawa.data.rows import Document

    kinds = ("hep-ph", "gr-qc", "hep-ph", "cs.LG")
    rows = [
        Document(id=f"d{k}", text=text.strip(), source="test", categories=(kinds[k],))
        for k, text in enumerate(ABSTRACTS)
    ]
    write_dataset(Path("set"), {"test": rows}, Document, title="t", made={}, suffix=".jsonl")
    return Path("set")
