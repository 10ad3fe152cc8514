"""Losses of tokens under a causal model: long texts in windows, batches by length, logits in blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yukawa.core.errors import InputError, ModelError, require
from yukawa.core.processes import Progress
from yukawa.llm.loading import LanguageModel

Array = NDArray[np.float64]

TOKENS = {"cpu": 2048}  # of a batch; more only leave the processor's caches
ACCELERATOR_TOKENS = 16_384
_LOGITS = 1 << 23  # that are held at a time: 32 MB in single precision
_PROBE = 8


@dataclass(frozen=True, slots=True, eq=False)
class TokenScores:
    """Losses of the scored tokens of one sequence, in their order.

    Attributes:
        losses: minus the natural logarithm of each token's probability.
        entropies: of the model's distribution at that place, in nats; None where they were not requested.
        windows: number of windows that the sequence took; 1 where it fits the context.
    """

    losses: Array
    entropies: Array | None
    windows: int


@dataclass(frozen=True, slots=True)
class _Window:
    """Inputs `begin:end - 1` of a sequence, of which the targets `first:end` are scored."""

    sequence: int
    begin: int
    first: int
    end: int

    @property
    def length(self) -> int:
        return self.end - 1 - self.begin


def token_scores(
    model: LanguageModel,
    sequences: Sequence[Sequence[int]],
    starts: Sequence[int] | None = None,
    *,
    context: int | None = None,
    stride: int | None = None,
    batch_tokens: int | None = None,
    entropies: bool = False,
    progress: Progress | None = None,
) -> list[TokenScores]:
    """Losses of the tokens of each sequence from its start on, each token scored exactly once.

    What is longer than the context is read in windows that overlap by `context - stride` tokens. Batches hold
    windows of similar length, padded on the right, where a causal model does not look; so the losses depend on the
    rest of a batch by rounding only.

    Args:
        model: the model.
        sequences: token ids of each text.
        starts: the first token that is scored, at least 1; by default 1.
        context: longest window; by default the model's own.
        stride: how far windows move; by default half the context.
        batch_tokens: of a batch, padding included; halved where the accelerator's memory does not suffice.
        entropies: whether to compute the entropy of each prediction too.
        progress: called with scored tokens and all tokens.

    Raises:
        InputError: context or stride cannot be used, or a token is not in the model's vocabulary.
        ModelError: a loss is not finite, or the memory does not hold a single window.
    """
    limit = context or model.context or max(map(len, sequences), default=1)
    if model.context and limit > model.context:
        raise InputError(f"model {model.name} holds {model.context} tokens, not {limit}")
    step = stride or max(1, limit // 2)
    if not 1 <= step <= limit:
        raise InputError(f"windows of {limit} tokens cannot move by {step}", hint=f"use 1 to {limit}")
    _check_vocabulary(model, sequences)
    begins = [1] * len(sequences) if starts is None else starts
    windows = [
        window for k, ids in enumerate(sequences) for window in _windows(k, len(ids), begins[k], limit, step)
    ]
    table = TokenLossTable(sequences, begins, entropies)
    done, total = 0, sum(window.end - window.first for window in windows)
    for batch, losses, spread in _Scorer(model, entropies).run(windows, sequences, batch_tokens):
        done += table.enter(batch, losses, spread)
        if progress:
            progress(done, total)
    _check_finite(model, table.losses)
    counts = np.bincount([window.sequence for window in windows], minlength=len(sequences)).tolist()
    spreads = table.entropies or repeat(None)
    return [TokenScores(*row) for row in zip(table.losses, spreads, counts, strict=False)]


class TokenLossTable:
    """Losses, and entropies if requested, of each sequence's tokens, entered window by window in any order."""

    def __init__(self, sequences: Sequence[Sequence[int]], starts: Sequence[int], entropies: bool) -> None:
        self.starts = starts
        sizes = [max(0, len(ids) - start) for ids, start in zip(sequences, starts, strict=True)]
        self.losses = [np.full(size, np.nan) for size in sizes]
        self.entropies = [np.full(size, np.nan) for size in sizes] if entropies else None

    def enter(self, batch: Sequence[_Window], losses: Array, entropies: Array | None) -> int:
        """Enter the values of a batch's tokens, shape (tokens,), window by window, and return how many there were."""
        place = 0
        for window in batch:
            begin = window.first - self.starts[window.sequence]
            size = window.end - window.first
            self.losses[window.sequence][begin : begin + size] = losses[place : place + size]
            if self.entropies is not None and entropies is not None:
                self.entropies[window.sequence][begin : begin + size] = entropies[place : place + size]
            place += size
        return place


def _windows(sequence: int, size: int, start: int, limit: int, step: int) -> Iterator[_Window]:
    if start < 1:
        raise InputError(
            "nothing precedes the first token of a text, so it cannot be predicted", hint="start at 1"
        )
    begin, first = 0, start
    while first < size:
        end = min(begin + limit + 1, size)
        if end > first:
            yield _Window(sequence, begin, first, end)
            first = end
        begin += step


class _Scorer:
    """Runs windows through a model, its head apart from its body where that gives the same logits."""

    def __init__(self, model: LanguageModel, entropies: bool) -> None:
        self.torch = require("torch", "measuring a language model")
        self.name = model.name
        self.entropies = entropies
        causal = model.model
        self.whole = causal.get_base_model() if hasattr(causal, "get_base_model") else causal
        self.device = causal.device
        self.body, self.head = self.whole.base_model, self.whole.get_output_embeddings()

    def run(
        self, windows: Sequence[_Window], sequences: Sequence[Sequence[int]], batch_tokens: int | None
    ) -> Iterator[tuple[list[_Window], Array, Array | None]]:
        """Score windows in batches of some `batch_tokens`: each batch with its losses, and its entropies if requested.

        Raises:
            ModelError: the memory does not hold a single window.
        """
        # The longest first: if the memory does not suffice, that shows at once.
        left = sorted(windows, key=lambda window: -window.length)
        size = batch_tokens or TOKENS.get(self.device.type, ACCELERATOR_TOKENS)
        if not left:
            return
        apart = self._head_is_apart(sequences[left[0].sequence])
        while left:
            count = max(1, size // left[0].length)
            batch = left[:count]
            try:
                losses, spread = self._scores(batch, sequences, apart)
            except self.torch.OutOfMemoryError as error:
                if len(batch) == 1:
                    raise ModelError(
                        f"the memory of {self.device} does not hold a window of {batch[0].length} tokens",
                        hint="give a smaller context",
                    ) from error
                size = max(1, len(batch) // 2 * left[0].length)
                self.torch.cuda.empty_cache()
                continue
            left = left[len(batch) :]
            yield batch, losses, spread

    def _head_is_apart(self, ids: Sequence[int]) -> bool:
        """Whether body and head alone give the model's logits; some cap or scale them afterwards."""
        if self.head is None or self.body is self.whole:
            return False
        with self.torch.inference_mode():
            probe = self.torch.tensor([list(ids[:_PROBE])], device=self.device)
            whole = self.whole(input_ids=probe, use_cache=False).logits.float()
            apart = self.head(self.body(input_ids=probe, use_cache=False)[0]).float()
            return bool(self.torch.allclose(whole, apart, rtol=1e-3, atol=1e-3))

    def _scores(
        self, batch: Sequence[_Window], sequences: Sequence[Sequence[int]], apart: bool
    ) -> tuple[Array, Array | None]:
        """Score a batch of windows.

        Args:
            batch: the windows; a window's first tokens may only be context.
            sequences: the ids of every text.
            apart: whether body and head of the model are called separately, so that logits are made of scored tokens alone.

        Returns:
            Losses in nats and, if wanted, entropies of the scored tokens, of shape (tokens,), window by window.
        """
        longest = max(window.length for window in batch)
        ids = np.zeros((len(batch), longest), np.int64)
        wanted = np.zeros((len(batch), longest), bool)
        targets: list[int] = []
        for row, window in enumerate(batch):
            ids[row, : window.length] = sequences[window.sequence][window.begin : window.end - 1]
            wanted[row, window.first - 1 - window.begin : window.length] = True
            targets += sequences[window.sequence][window.first : window.end]
        torch = self.torch
        with torch.inference_mode():
            inputs, mask = (torch.from_numpy(array).to(self.device) for array in (ids, wanted))
            goals = torch.tensor(targets, device=self.device)
            if apart:
                states = self.body(input_ids=inputs, use_cache=False)[0][mask]
                return self._from_states(states, goals)
            logits = self.whole(input_ids=inputs, use_cache=False).logits[mask]
            return self._gathered([self._from_logits(logits, goals)])

    def _from_states(self, states: Any, goals: Any) -> tuple[Array, Array | None]:
        rows = max(1, _LOGITS // int(self.head.weight.shape[0]))
        blocks = zip(states.split(rows), goals.split(rows), strict=True)
        return self._gathered([self._from_logits(self.head(block), some) for block, some in blocks])

    def _from_logits(self, logits: Any, goals: Any) -> tuple[Any, Any]:
        """Losses and entropies of rows of logits, in single precision."""
        logits = logits.float()
        chosen = logits.gather(1, goals[:, None]).squeeze(1)
        if not self.entropies:
            return logits.logsumexp(1) - chosen, None
        logs = logits.log_softmax(1)
        return -logs.gather(1, goals[:, None]).squeeze(1), -(logs.exp() * logs.clamp(min=-1e4)).sum(1)

    def _gathered(self, blocks: Sequence[tuple[Any, Any]]) -> tuple[Array, Array | None]:
        losses, entropies = zip(*blocks, strict=True)
        spread = self.torch.cat(entropies).double().cpu().numpy() if self.entropies else None
        return self.torch.cat(losses).double().cpu().numpy(), spread


def _check_vocabulary(model: LanguageModel, sequences: Sequence[Sequence[int]]) -> None:
    size = int(model.model.get_input_embeddings().weight.shape[0])
    largest = max((max(ids) for ids in sequences if len(ids)), default=0)
    if largest >= size:
        raise InputError(
            f"the tokenizer of {model.name} gives token {largest}, its model knows {size} tokens",
            hint="model and tokenizer do not belong together",
        )


def _check_finite(model: LanguageModel, losses: Sequence[Array]) -> None:
    bad = [k for k, row in enumerate(losses) if not np.isfinite(row).all()]
    if bad:
        raise ModelError(
            f"model {model.name} gives losses that are not finite in {len(bad)} texts, first in number {bad[0] + 1}",
            hint="load it in bfloat16 or float32",
        )
