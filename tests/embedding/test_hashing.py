"""The hash embedder is the same everywhere, and near where spelling is near; `none` gives rows of no length."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from yukawa.embedding import open_embedder

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
    from yukawa.embedding import hashing

    places = {
        "ab": (0, 1),
        " ab": (0, -1),
        "ab ": (1, 1),
        "": (7, 1),
        "!": (1, -1),
        " ! ": (2, 1),
        "x": (2, -1),
    }
    monkeypatch.setattr(hashing, "_features", lambda _: iter(["ab", " ab", "ab ", "!"]))  # type: ignore[attr-defined]
    monkeypatch.setattr(hashing, "_place", places.__getitem__)  # type: ignore[attr-defined]
    assert open_embedder("hash").embed(["any"])[0].tolist() == [0.0] * 7 + [1.0] + [0.0] * 248


def test_rows_have_no_length() -> None:
    calls: list[int] = []
    embedder = open_embedder("none")
    vectors = embedder.embed(["a", "\ud800"], progress=calls.append)
    assert vectors.shape == (2, embedder.dimensions) == (2, 0)
    assert vectors.dtype == np.float32
    assert embedder.embed([], progress=calls.append).shape == (0, 0)
    assert calls == [2]
