"""What every test stands on: no settings of the person who runs it, the same random examples each time."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.sources.loader import build_pdg
from yukawa.knowledge.sources.pdg.facts import Statement, statements

# Started in the background by a shell, this process would hand on to its children that they do not hear Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("yukawa", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("yukawa")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_mine() -> Iterator[None]:
    """Hide YUKAWA_* variables and point the home at an empty folder, for child processes too."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as home:
        for variable in list(os.environ):
            if variable.startswith("YUKAWA_") and not variable.startswith("YUKAWA_TEST_"):
                patch.delenv(variable)
        patch.setenv("YUKAWA_HOME", home)
        yield


@pytest.fixture(scope="session")
def pdg_statements() -> list[Statement]:
    """Every statement of the installed `pdg` package."""
    return list(statements())


@pytest.fixture(scope="session")
def _pdg_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Built once for all processes of a test run: it takes seconds."""
    root = tmp_path_factory.getbasetemp()
    folder = (root if worker_id == "master" else root.parent) / "pdg-base"
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").exists():
            with KnowledgeBase.open(folder / "base", embedding="hash") as base:
                build_pdg(base)
            (folder / "done").touch()
    return folder / "base"


@pytest.fixture
def pdg_base(_pdg_folder: Path, tmp_path: Path) -> Path:
    """The folder of a knowledge base of the whole PDG with the hash embedder: a copy that a test may change."""
    return Path(shutil.copytree(_pdg_folder, tmp_path / "pdg"))


CONTEXT = 192  # tokens that the tiny Llamas over bytes hold


def save_tokenizer(folder: Path, *, adds_bos: bool = True) -> None:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    if adds_bos:
        core.add_special_tokens(["<s>", "</s>"])
        bos = ("<s>", core.token_to_id("<s>"))
        core.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single="<s> $A", special_tokens=[bos]),
        ])  # fmt: skip
    ends = {"bos_token": "<s>", "eos_token": "</s>"} if adds_bos else {}
    PreTrainedTokenizerFast(tokenizer_object=core, **ends).save_pretrained(folder)


def save_model(folder: Path, *, seed: int = 1, hidden: int = 32, adds_bos: bool = True) -> Path:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    save_tokenizer(folder, adds_bos=adds_bos)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=258, hidden_size=hidden, intermediate_size=hidden, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=CONTEXT, initializer_range=0.3, bos_token_id=256, eos_token_id=257,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


def save_adapter(base: Path, folder: Path, *, seed: int = 2, scale: float = 1.0) -> Path:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaForCausalLM

    torch.manual_seed(seed)
    lora = LoraConfig(
        r=4, lora_alpha=int(4 * scale), target_modules=["q_proj", "v_proj"], init_lora_weights=False,
        task_type="CAUSAL_LM",
    )  # fmt: skip
    get_peft_model(LlamaForCausalLM.from_pretrained(base), lora).save_pretrained(folder)
    return folder


class Made:
    """What tests can ask for more of."""

    context = CONTEXT
    model: Callable[..., Path] = staticmethod(save_model)
    adapter: Callable[..., Path] = staticmethod(save_adapter)


@pytest.fixture(scope="session")
def made() -> type[Made]:
    import torch

    torch.set_num_threads(1)
    return Made


@pytest.fixture(scope="session")
def base_folder(made: type[Made], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def adapter_folder(made: type[Made], base_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made.adapter(base_folder, tmp_path_factory.mktemp("adapter"))
