"""Generation: one patch after another, byte by byte, from a prompt that need not fill its last patch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers.generation.logits_process import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.inner import InnerDecoder
from yukawa.bytelm.vocabulary import Mark
from yukawa.errors import InputError

Choice = Callable[[Tensor], Tensor]


class Generating:
    """Gives a causal byte model `generate` and `stream`."""

    if TYPE_CHECKING:
        config: ByteLMConfig
        model: Any
        head: Any
        training: bool

    def generate(
        self,
        input_ids: Tensor | None = None,
        *,
        max_new_bytes: int = 256,
        do_sample: bool = False,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        generator: torch.Generator | None = None,
        inputs: Tensor | None = None,
    ) -> Tensor:
        """Prompts and what follows them, ids (B, L + at most `max_new_bytes`).

        A sequence ends with the id EOS and is padded after it. The arguments are those of `stream`.

        Raises:
            InputError: as for `stream`.
        """
        prompt = input_ids if input_ids is not None else inputs
        if prompt is None:
            raise InputError("there is no prompt", hint="pass input_ids of shape (batch, bytes)")
        new = self.stream(
            prompt,
            max_new_bytes=max_new_bytes,
            do_sample=do_sample,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            generator=generator,
        )
        return torch.cat([prompt, *(byte_B[:, None] for byte_B in new)], dim=1)

    def stream(
        self,
        input_ids: Tensor,
        *,
        max_new_bytes: int = 256,
        do_sample: bool = False,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        generator: torch.Generator | None = None,
    ) -> Iterator[Tensor]:
        """The bytes that follow prompts, one id (B,) after another, as they are made.

        Args:
            input_ids: prompts (B, L) of one length, L from 1. A last patch that is not full is completed; padding
                ids at its end are part of the prompt.
            max_new_bytes: bytes to make at most.
            do_sample: draw bytes by their probability; else the most probable is taken.
            temperature: divides the logits.
            top_k: draw from the so many most probable only.
            top_p: draw from the most probable only, whose probability adds up to this.
            generator: of the random numbers.

        Raises:
            InputError: an argument is out of range, or the prompt is longer than the model takes.
        """
        if input_ids.ndim != 2 or input_ids.shape[1] == 0 or input_ids.is_floating_point():
            raise InputError(
                f"input_ids have the shape {list(input_ids.shape)}, (batch, bytes) with a byte at least is expected"
            )
        if max_new_bytes < 1:
            raise InputError(f"max_new_bytes is {max_new_bytes}, a number from 1 on is expected")
        choose = _choice(do_sample, temperature, top_k, top_p, generator)
        return self._stream(input_ids, max_new_bytes, choose)

    @torch.no_grad()
    def _stream(self, prompt_BL: Tensor, new: int, choose: Choice) -> Iterator[Tensor]:
        size = self.config.patch_size
        given = prompt_BL.shape[1] % size
        whole_BL, begun_Bg = prompt_BL[:, : prompt_BL.shape[1] - given], prompt_BL[:, prompt_BL.shape[1] - given :]
        if whole_BL.shape[1] == 0:
            raise InputError(
                f"a prompt of {prompt_BL.shape[1]} bytes fills no patch of {size}, and nothing predicts the first one",
                hint="begin it with a patch of the id BOS and padding, as ByteTokenizer does",
            )
        ended_B = torch.zeros(len(prompt_BL), dtype=torch.bool, device=prompt_BL.device)
        output = self.model(whole_BL, use_cache=True)
        while True:
            patch = []
            for byte_B, is_new in self._patch(output.last_hidden_state[:, -1], begun_Bg, choose):
                byte_B = byte_B.masked_fill(ended_B, Mark.PAD)
                patch.append(byte_B)
                if not is_new:
                    continue
                ended_B = ended_B | (byte_B == Mark.EOS)
                yield byte_B
                new -= 1
                if new == 0 or bool(ended_B.all()):
                    return
            begun_Bg = prompt_BL[:, :0]
            output = self.model(torch.stack(patch, 1), past_key_values=output.past_key_values, use_cache=True)

    def _patch(
        self, vector_BD: Tensor, begun_Bg: Tensor, choose: Choice
    ) -> Iterator[tuple[Tensor, bool]]:
        """The bytes of the patch after a vector, and whether each is new; the first ones are given."""
        given = begun_Bg.shape[1]
        inner = isinstance(self.head, InnerDecoder)
        steps = self.head.steps(vector_BD) if inner else _independent(self.head(vector_BD), self.config)
        logits_BV = next(steps)
        for byte in range(self.config.patch_size):
            byte_B = begun_Bg[:, byte] if byte < given else choose(logits_BV)
            yield byte_B, byte >= given
            if byte + 1 < self.config.patch_size:
                logits_BV = steps.send(byte_B)


def _independent(logits_BX: Tensor, config: ByteLMConfig) -> Any:
    """The logits (B, V) of one byte after another, which know nothing of the chosen ones."""
    for logits_BV in logits_BX.unflatten(-1, (config.patch_size, config.vocab_size)).unbind(1):
        yield logits_BV


def _choice(
    sample: bool, temperature: float, top_k: int | None, top_p: float | None, generator: torch.Generator | None
) -> Choice:
    """How a byte is chosen from its logits (B, V)."""
    if not temperature > 0:
        raise InputError(f"temperature is {temperature}, a number above 0 is expected")
    if top_k is not None and top_k < 1:
        raise InputError(f"top_k is {top_k}, a number from 1 on is expected")
    if top_p is not None and not 0 < top_p <= 1:
        raise InputError(f"top_p is {top_p}, a number above 0 and up to 1 is expected")
    if not sample:
        return lambda logits_BV: logits_BV.argmax(-1)
    warpers: LogitsProcessorList = LogitsProcessorList([TemperatureLogitsWarper(float(temperature))])
    if top_k is not None:
        warpers.append(TopKLogitsWarper(top_k))
    if top_p is not None:
        warpers.append(TopPLogitsWarper(top_p))

    def draw(logits_BV: Tensor) -> Tensor:
        probability = warpers(None, logits_BV.float()).softmax(-1)  # type: ignore[arg-type]
        return torch.multinomial(probability, 1, generator=generator)[:, 0]

    return draw
