"""The forward pass against one written anew, plainly and in float64, from the same weights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from yukawa.core.errors import ModelError
from yukawa.embedding.bert import Bert, gelu, read_safetensors
from yukawa.embedding.minilm import MiniLM

Weights = Mapping[str, NDArray[np.float32]]

WORDS, WIDTH, HEADS, LAYERS, WINDOW = 50, 24, 3, 2, 48


def naive(
    weights: Weights, ids: Sequence[int], heads: int, scores_seen: list[float] | None = None
) -> NDArray:
    """One text at a time, one formula a line (Devlin et al. 2019), in float64."""

    def get(name: str) -> NDArray:
        return weights[name].astype(np.float64)

    def linear(x: NDArray, name: str) -> NDArray:
        return x @ get(name + ".weight").T + get(name + ".bias")

    def norm(x: NDArray, name: str) -> NDArray:
        centred = x - x.mean(axis=1, keepdims=True)
        return centred / np.sqrt(x.var(axis=1, keepdims=True) + 1e-12) * get(name + ".weight") + get(
            name + ".bias"
        )

    x = weights["embeddings.word_embeddings.weight"][np.array(ids)].astype(np.float64)
    x = x + get("embeddings.position_embeddings.weight")[: len(ids)]
    x = norm(x + get("embeddings.token_type_embeddings.weight")[0], "embeddings.LayerNorm")
    layer = 0
    while f"encoder.layer.{layer}.output.dense.weight" in weights:
        p = f"encoder.layer.{layer}."
        q, k, v = (linear(x, f"{p}attention.self.{name}") for name in ("query", "key", "value"))
        size = q.shape[1] // heads
        context = np.empty_like(q)
        for h in range(heads):
            own = slice(h * size, (h + 1) * size)
            scores = q[:, own] @ k[:, own].T / math.sqrt(size)
            if scores_seen is not None:
                scores_seen.append(float(np.abs(scores).max()))
            weight = np.exp(scores - scores.max(axis=1, keepdims=True))
            context[:, own] = weight / weight.sum(axis=1, keepdims=True) @ v[:, own]
        x = norm(x + linear(context, p + "attention.output.dense"), p + "attention.output.LayerNorm")
        inner = linear(x, p + "intermediate.dense")
        inner = 0.5 * inner * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        x = norm(x + linear(inner, p + "output.dense"), p + "output.LayerNorm")
        layer += 1
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


def random_weights(seed: int, attention: float = 1.0) -> dict[str, NDArray[np.float32]]:
    """A small BERT with every bias and norm at work; `attention` scales queries and keys."""
    rng = np.random.default_rng(seed)
    shapes = {
        "embeddings.word_embeddings.weight": (WORDS, WIDTH),
        "embeddings.position_embeddings.weight": (WINDOW, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for i in range(LAYERS):
        p = f"encoder.layer.{i}."
        linears = {f"attention.self.{name}": (WIDTH, WIDTH) for name in ("query", "key", "value")}
        linears |= {"attention.output.dense": (WIDTH, WIDTH)}
        linears |= {"intermediate.dense": (4 * WIDTH, WIDTH), "output.dense": (WIDTH, 4 * WIDTH)}
        for name, shape in linears.items():
            shapes |= {f"{p}{name}.weight": shape, f"{p}{name}.bias": shape[:1]}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{p}{name}.weight": (WIDTH,), f"{p}{name}.bias": (WIDTH,)}
    weights = {name: rng.normal(scale=0.4, size=shape).astype(np.float32) for name, shape in shapes.items()}
    for name in weights:
        if ".self.query." in name or ".self.key." in name:
            weights[name] *= np.float32(attention)
        elif name.endswith("LayerNorm.weight"):
            weights[name] += np.float32(1)
    return weights


TEXTS = st.lists(st.lists(st.integers(0, WORDS - 1), min_size=1, max_size=WINDOW), min_size=1, max_size=12)


@given(texts=TEXTS, seed=st.integers(0, 3))
def test_a_small_bert_agrees_with_the_plain_one(texts: list[list[int]], seed: int) -> None:
    weights = random_weights(seed)
    texts.sort(key=len)
    found = Bert(weights, heads=HEADS).embed(texts)
    np.testing.assert_allclose(found, [naive(weights, text, HEADS) for text in texts], atol=1e-5)


def test_scores_beyond_the_range_of_exp_are_shifted() -> None:
    weights = random_weights(1, attention=8.0)
    texts = [[i, i + 1, 7, i] for i in range(9)]
    seen: list[float] = []
    expected = [naive(weights, text, HEADS, seen) for text in texts]
    assert max(seen) > 100  # exp(100) is not a float32
    np.testing.assert_allclose(Bert(weights, heads=HEADS).embed(texts), expected, atol=1e-4)


@pytest.mark.parametrize("length", [1, 19, 40, 41, 48])
def test_few_and_many_rows_agree(length: int) -> None:
    """Products with few rows take another layout of the weights."""
    model = Bert(random_weights(2), heads=HEADS)
    text = [(7 * j) % WORDS for j in range(length)]
    together = model.embed([text] * 5)
    np.testing.assert_allclose(together, np.repeat(model.embed([text]), 5, axis=0), atol=1e-6)


def test_gelu_is_exact_to_single_precision() -> None:
    x = np.concatenate([np.linspace(-9, 9, 100_001), [-1e3, -40.0, 40.0, 1e3]])
    values = gelu(x.astype(np.float32))
    exact = np.array([v / 2 * math.erfc(-v / math.sqrt(2)) for v in x.astype(np.float32).astype(np.float64)])
    np.testing.assert_allclose(values, exact, atol=6e-7, rtol=2e-7)


@pytest.mark.parametrize(
    "text", ["", "Lifetime of the tau lepton: (290.3 ± 0.5) × 10⁻¹⁵ s", "D0 --> K- pi+ " * 12]
)
def test_minilm_agrees_with_the_plain_pass(minilm: MiniLM, weights_folder: Path, text: str) -> None:
    weights = load_file(weights_folder / "model.safetensors")
    expected = naive(weights, minilm._tokens(text), heads=12)
    np.testing.assert_allclose(minilm.embed([text])[0], expected, atol=1e-6)


def test_safetensors_are_read_as_the_library_reads_them(tmp_path: Path) -> None:
    tensors = random_weights(0)
    save_file(
        {**tensors, "embeddings.position_ids": np.arange(5)}, tmp_path / "w.safetensors", {"format": "pt"}
    )
    found = read_safetensors(tmp_path / "w.safetensors")
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found[name], tensor)


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "no header", "text"])
def test_a_damaged_weights_file_is_one_clear_error(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "w.safetensors"
    save_file({"a": np.ones(1000, np.float32)}, path)
    whole = path.read_bytes()
    contents = {
        "empty": b"",
        "cut": whole[:-100],
        "no header": whole[:20],
        "text": b"version https://git-lfs",
    }
    path.unlink()
    if damage in contents:
        path.write_bytes(contents[damage])
    with pytest.raises(ModelError, match=r"the weights file .*w\.safetensors cannot be read"):
        read_safetensors(path)
