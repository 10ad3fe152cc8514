"""A model written as GGUF is the same model in llama.cpp: its tokens, its numbers, and the words it would say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from yukawa.core.errors import InputError
from yukawa.core.files import read_object
from yukawa.core.reports import write_json
from yukawa.llm.llamacpp import LlamaCppModel
from yukawa.llm.loading import load_tokenizer
from yukawa.training.gguf_export import (
    _LLAMA3,
    KINDS,
    check_family,
    export_gguf,
    interleaved,
    llama3_factors,
    read_tokens,
    write_gguf,
)

PROBES = [
    "The mass of the Z", "p_T > 25 GeV in 2019, at 13 TeV!", "Ωμέγα é 中文 \U0001f600", "\n\n  x  y\t", "It's, we'll: don't", "<|end|>",
]  # fmt: skip
LONG = "The pion has a mass of 100 MeV, spin 0, and decays into electrons with probability 3 %. " * 12
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 500_000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip


@contextmanager
def served(path: Path) -> Iterator[Any]:
    """llama.cpp with a file: a function that posts to it."""
    pytest.importorskip("xllamacpp", reason="llama.cpp is not installed: pip install xllamacpp")
    model = LlamaCppModel(str(path), name="g", context_length=1024, threads=1)
    model._start()
    address, secret = model.base_url.removesuffix("/v1"), {"Authorization": f"Bearer {model._secret}"}
    try:
        yield lambda verb, body: httpx.post(f"{address}/{verb}", json=body, headers=secret, timeout=60).json()
    finally:
        asyncio.run(model.aclose())


def words(post: Any, ids: list[int], count: int = 24) -> list[int]:
    """What llama.cpp says, each time the likeliest token."""
    body = {"prompt": ids, "n_predict": count, "temperature": 0, "samplers": ["temperature"], "ignore_eos": True,
            "return_tokens": True, "cache_prompt": False}  # fmt: skip
    return list(post("completion", body)["tokens"])


def missed(model: Any, ids: list[int], said: list[int]) -> float:
    """By how much, at most, a token that was said is less likely for transformers than the likeliest, in nats.

    llama.cpp keeps keys and values in 16 bits, which may exchange two tokens that are nearly as likely.
    """
    with torch.no_grad():
        scores = model(torch.tensor([[*ids, *said]])).logits[0, len(ids) - 1 : -1].log_softmax(-1)
    chosen = scores.gather(1, torch.tensor(said)[:, None])[:, 0]
    return float((scores.amax(1) - chosen).max())


def made_llama(folder: Path, tokenizer: Any, **network: Any) -> Path:
    sizes = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4,
             "num_key_value_heads": 2, "max_position_embeddings": 1024, "initializer_range": 0.3}  # fmt: skip
    torch.manual_seed(7)
    config = LlamaConfig(vocab_size=len(tokenizer) + 3, bos_token_id=tokenizer.bos_token_id,
                         eos_token_id=tokenizer.eos_token_id, **(sizes | network))  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def byte_level(*before: Any, **model: Any) -> PreTrainedTokenizerFast:
    core = Tokenizer(models.BPE(**model))
    core.pre_tokenizer = pre_tokenizers.Sequence(list(before)) if len(before) > 1 else before[0]
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator([LONG, *PROBES], trainers.BpeTrainer(
        vocab_size=400, special_tokens=["<|begin|>", "<|end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    ))  # fmt: skip
    return PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<|begin|>", eos_token="<|end|>")


def sentence_pieces(*, whole: bool = True) -> PreTrainedTokenizerFast:
    """A tokenizer as that of Llama 2: pieces with spaces inside, bytes for what they lack, and all merges of the pieces."""
    special = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    spaces = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    learned = Tokenizer(models.BPE())
    learned.normalizer = spaces
    learned.train_from_iterator(LONG.split(".")[:3], trainers.BpeTrainer(
        vocab_size=350, initial_alphabet=[*map(chr, range(33, 127)), "▁"], show_progress=False,
    ))  # fmt: skip
    pieces = [*special, *sorted(learned.get_vocab(), key=learned.get_vocab().get)]
    vocabulary = {piece: number for number, piece in enumerate(pieces)}
    pairs = [
        (piece[:middle], piece[middle:])
        for piece in pieces[len(special) :]
        for middle in range(1, len(piece))
        if piece[:middle] in vocabulary and piece[middle:] in vocabulary
    ]
    core = Tokenizer(models.BPE(
        vocabulary, pairs if whole else pairs[:-1], byte_fallback=True, unk_token="<unk>", fuse_unk=True,
    ))  # fmt: skip
    core.normalizer = spaces
    core.decoder = decoders.Sequence([
        decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)
    ])  # fmt: skip
    core.add_special_tokens([AddedToken(word, normalized=False) for word in special[:3]])
    core.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


@given(st.integers(0, 5), st.integers(1, 3), st.sampled_from([4, 8, 24]))
def test_heads_turn_alike_in_either_order(place: int, heads: int, size: int) -> None:
    """Rotation of neighbours after reordering is the reordering of transformers' rotation of halves."""
    rng = np.random.default_rng(place + 7 * heads + size)
    x = rng.normal(size=(heads * size,))
    angles = place * 100.0 ** (-np.arange(0, size, 2) / size)
    whole = torch.tensor(np.concatenate([angles, angles]))[None, None]
    halves = torch.tensor(x.reshape(1, heads, 1, size))
    turned, _ = apply_rotary_pos_emb(halves, halves, whole.cos(), whole.sin())
    pairs = interleaved(x, heads).reshape(heads, -1, 2)
    first, second = pairs[..., 0], pairs[..., 1]
    neighbours = np.stack(
        [first * np.cos(angles) - second * np.sin(angles), first * np.sin(angles) + second * np.cos(angles)],
        -1,
    )
    np.testing.assert_allclose(
        interleaved(turned.numpy().reshape(-1), heads), neighbours.reshape(-1), atol=1e-12
    )


@pytest.mark.parametrize("old", [64, 8192])
def test_long_contexts_stretch_frequencies_as_transformers_does(old: int) -> None:
    rope = LLAMA3 | {"original_max_position_embeddings": old}
    config = LlamaConfig(hidden_size=256, num_attention_heads=2, rope_parameters=rope)
    stretched, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
    plain = 500_000.0 ** -(np.arange(0, 128, 2) / 128)
    factors = llama3_factors({**rope, "theta": 500_000.0}, 128)
    np.testing.assert_allclose(plain / factors, stretched.numpy(), rtol=1e-5)
    assert factors.min() == 1
    assert factors.max() == 8


@pytest.mark.parametrize(
    "network",
    [
        {},
        {"tie_word_embeddings": True, "head_dim": 32},
        {"rope_parameters": LLAMA3, "attention_bias": True},
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}},
    ],
    ids=["plain", "tied", "llama3", "linear"],
)
def test_llama_cpp_says_what_transformers_says(network: dict[str, Any], tmp_path: Path) -> None:
    folder = made_llama(
        tmp_path / "m", byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False)), **network
    )
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    if network.get("attention_bias"):
        for name, weight in model.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(weight)
        model.save_pretrained(folder)
    write_gguf(folder, tmp_path / "m.gguf", "f32")
    tokenizer = load_tokenizer(folder)
    with served(tmp_path / "m.gguf") as post:
        for text in [*PROBES[:3], LONG]:
            ids = tokenizer(text)["input_ids"]
            assert missed(model, ids, words(post, ids)) < 0.02


TOKENIZERS = {
    "gpt-2": lambda: byte_level(pre_tokenizers.ByteLevel(add_prefix_space=False)),
    "smollm": lambda: byte_level(
        pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    ),
    "llama-bpe": lambda: byte_level(
        pre_tokenizers.Split(Regex(_LLAMA3), "isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False), ignore_merges=True,
    ),
    "llama": sentence_pieces,
}  # fmt: skip


@pytest.mark.parametrize("name", TOKENIZERS)
def test_llama_cpp_reads_the_tokens_that_transformers_reads(name: str, tmp_path: Path) -> None:
    folder = made_llama(tmp_path / "m", TOKENIZERS[name](), num_hidden_layers=1)
    tokens = write_gguf(folder, tmp_path / "m.gguf", "q8_0")
    assert name in (tokens.model, tokens.splitting)
    tokenizer = load_tokenizer(folder)
    with served(tmp_path / "m.gguf") as post:
        for text in [*PROBES, LONG]:
            found = post("tokenize", {"content": text, "add_special": True, "parse_special": True})["tokens"]
            assert found == tokenizer(text)["input_ids"], text


def test_fewer_bits_differ_the_more_the_fewer(tmp_path: Path) -> None:
    import gguf

    folder = made_llama(tmp_path / "m", TOKENIZERS["gpt-2"](), num_hidden_layers=1)
    weight = (
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).model.layers[0].mlp.up_proj.weight
    )
    errors, sizes = [], []
    for kind in KINDS:
        write_gguf(folder, tmp_path / f"{kind}.gguf", kind)
        reader = gguf.GGUFReader(tmp_path / f"{kind}.gguf")
        stored = next(one for one in reader.tensors if one.name == "blk.0.ffn_up.weight")
        numbers = gguf.quants.dequantize(stored.data, stored.tensor_type)
        errors.append(float(np.abs(numbers - weight.detach().numpy()).mean()))
        sizes.append((tmp_path / f"{kind}.gguf").stat().st_size)
    assert errors[0] == 0
    assert errors[1] < errors[2] < errors[3] < errors[4] < errors[6]
    assert sizes == sorted(sizes, reverse=True)
    assert errors[-1] < 0.05


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"architectures": ["Qwen2ForCausalLM"]}, "this model is a Qwen2ForCausalLM"),
        ({"architectures": []}, "an unnamed architecture"),
        ({"sliding_window": 4096}, "a Llama with sliding_window: 4096"),
        ({"hidden_act": "gelu"}, "hidden_act: gelu"),
        ({"mlp_bias": True}, "mlp_bias: True"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 2}}, "rope_type: yarn"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
    ],
)
def test_what_llama_cpp_would_compute_otherwise_is_refused(changes: dict[str, Any], said: str) -> None:
    sound = {"architectures": ["LlamaForCausalLM"], "hidden_act": "silu"}
    check_family(sound)
    with pytest.raises(InputError, match=said):
        check_family(sound | changes)


def test_a_tokenizer_that_llama_cpp_would_read_otherwise_is_refused(tmp_path: Path) -> None:
    folder = made_llama(tmp_path / "m", TOKENIZERS["gpt-2"](), num_hidden_layers=1)
    core = read_object(folder / "tokenizer.json")

    def refused(said: str, rows: int = 9999, **changes: Any) -> None:
        write_json(folder / "tokenizer.json", core | changes)
        with pytest.raises(InputError, match=said):
            read_tokens(folder, rows)

    refused("is not known here", pre_tokenizer={"type": "Whitespace"})
    refused("is not known here", normalizer={"type": "NFC"})
    refused("of the kind BPE, and this is WordPiece", model=core["model"] | {"type": "WordPiece"})
    made_llama(tmp_path / "two", sentence_pieces(whole=False), num_hidden_layers=1)
    with pytest.raises(InputError, match="stay apart"):
        read_tokens(tmp_path / "two", 9999)
    refused(r"ids up to \d+, and the table of tokens has 9 rows", rows=9)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match=r"has no tokenizer\.json"):
        write_gguf(folder, tmp_path / "no.gguf")
    assert not list(tmp_path.glob("*.gguf")) + list(tmp_path.glob(".*.part"))


def test_a_file_and_a_modelfile_are_written_and_nothing_is_written_over(tiny: Path, tmp_path: Path) -> None:
    done = export_gguf(tiny, tmp_path / "out", "q8_0")
    assert done.path == tmp_path / "out" / "tiny-q8_0.gguf"
    assert done.modelfile is not None
    said = done.modelfile.read_text()
    assert said.startswith("FROM ./tiny-q8_0.gguf\n")
    assert 'PARAMETER stop "<|end|>"' in said
    with pytest.raises(InputError, match="is there already"):
        export_gguf(tiny, tmp_path / "out", "q8_0")
    with pytest.raises(InputError, match="is not a model"):
        export_gguf(tmp_path / "out")
    with pytest.raises(InputError, match="q8_9"):
        export_gguf(tiny, tmp_path / "other", "q8_9")
