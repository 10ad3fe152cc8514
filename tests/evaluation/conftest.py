"""Tiny Llamas over bytes, made on the spot, and a few abstracts to measure them on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from yukawa.data.rows import Document

# Nothing here may look for a hub, even by mistake.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"

CONTEXT = 192
TEXTS = (
    "We study the decay of the Higgs boson. Its width is small. The rate to muons is measured.",
    "Black holes radiate. We compute the entropy of an extremal one and compare it with string theory.",
    "A note on α_s and the τ lepton.",
    "The mass of the W boson is measured in e+e- collisions. Systematic errors are discussed. They are small.",
    "Abelian words are counted. " * 12,
)


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


@pytest.fixture(scope="session")
def base_model(base_folder: Path):
    from yukawa.llm.loading import open_language_model

    return open_language_model(base_folder, name="base", device="cpu")


@pytest.fixture(scope="session")
def documents() -> list[Document]:
    kinds = (("hep-ph",), ("hep-th", "gr-qc"), ("hep-ph",), ("hep-ex",), ("math.CO", "cs.FL"))
    return [
        Document(id=f"2101.0000{k}", text=text.strip(), source="test", categories=kinds[k])
        for k, text in enumerate(TEXTS)
    ]
