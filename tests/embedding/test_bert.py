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
from yukawa.embedding import bert
from yukawa.embedding.bert import Bert, Matrix, Workspace, read_safetensors
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
    model = Bert(weights, heads=HEADS)
    texts.sort(key=len)
    found = model.embed(texts, Workspace(model, sum(map(len, texts)), WINDOW))
    np.testing.assert_allclose(found, [naive(weights, text, HEADS) for text in texts], atol=1e-5)


def test_a_workspace_larger_than_needed_and_used_before_changes_nothing() -> None:
    model = Bert(random_weights(0), heads=HEADS)
    work = Workspace(model, 6 * WINDOW, WINDOW)
    texts = [[1, 2, 3], [3, 2, 1], [4] * 20]
    first = model.embed(texts, work)
    model.embed([[5] * WINDOW] * 6, work)
    np.testing.assert_array_equal(model.embed(texts, work), first)


def test_scores_beyond_the_range_of_exp_are_shifted() -> None:
    weights = random_weights(1, attention=8.0)
    model = Bert(weights, heads=HEADS)
    texts = [[i, i + 1, 7, i] for i in range(9)]
    seen: list[float] = []
    expected = [naive(weights, text, HEADS, seen) for text in texts]
    assert max(seen) > 100  # exp(100) is no float32
    found = model.embed(texts, Workspace(model, 36, 4))
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_many_texts_share_a_small_score_buffer() -> None:
    weights = random_weights(2)
    model = Bert(weights, heads=HEADS)
    texts = [[(i * j) % WORDS for j in range(WINDOW)] for i in range(7)]
    work = Workspace(model, 7 * WINDOW, WINDOW)
    # As with 256 tokens in the real model, the scores of long texts are wider than the feed-forward layer.
    assert work.wide.size // (HEADS * WINDOW * WINDOW) < len(texts)
    expected = [naive(weights, text, HEADS) for text in texts]
    np.testing.assert_allclose(model.embed(texts, work), expected, atol=1e-5)


@pytest.mark.parametrize("in_panels", [True, False])
@pytest.mark.parametrize("shape", [(64, 24), (40, 7), (96, 1600), (1, 1)])
@pytest.mark.parametrize("rows", [1, 19, 20, 21, 40, 41, 90])
def test_a_matrix_multiplies_whatever_its_layout(in_panels: bool, shape: tuple[int, int], rows: int) -> None:
    rng = np.random.default_rng(rows)
    weight = rng.normal(size=shape).astype(np.float32)
    x = rng.normal(size=(rows, shape[1])).astype(np.float32)
    found = Matrix(weight, in_panels=in_panels).product(x, np.full((rows, shape[0]), np.nan, np.float32))
    np.testing.assert_allclose(
        found, x.astype(np.float64) @ weight.T.astype(np.float64), rtol=1e-5, atol=1e-3
    )


def test_gelu_is_exact_to_single_precision() -> None:
    x = np.concatenate([np.linspace(-9, 9, 100_001), [-1e3, -40.0, 40.0, 1e3]])
    values = np.zeros((1, len(x)), np.float32)
    bert._gelu_twice(values, x.astype(np.float32), np.empty((2, 1, len(x)), np.float32))
    exact = np.array([v * math.erfc(-v / math.sqrt(2)) for v in x.astype(np.float32).astype(np.float64)])
    np.testing.assert_allclose(values[0], exact, atol=1.2e-6, rtol=2e-7)


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
    with pytest.raises(ModelError, match=r"cannot read the weights file .*w\.safetensors"):
        read_safetensors(path)
