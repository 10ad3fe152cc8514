"""Generation: one patch after another, byte by byte, from a prompt that need not fill its last patch."""

from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers.generation import logits_process as logits

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.patches import PatchDecoder, as_patches, check_ids, check_whole, patch_mask
from yukawa.bytelm.segments import Mark
from yukawa.core.errors import InputError

Choice = Callable[[Tensor], Tensor]


class Generating:
    """Gives a causal byte model `generate` and `stream`."""

    if TYPE_CHECKING:
        config: ByteLMConfig
        model: Any
        modules: Callable[[], Iterator[torch.nn.Module]]
        head: Any

    def generate(
        self, input_ids: Tensor | None = None, *, inputs: Tensor | None = None, **options: Any
    ) -> Tensor:
        """Prompts and what follows them, ids (B, L + at most `max_new_bytes`).

        A sequence ends with the id EOS and is padded after it. The options are those of `stream`.

        Raises:
            InputError: as for `stream`.
        """
        prompt = input_ids if input_ids is not None else inputs
        if prompt is None:
            raise InputError("there is no prompt", hint="pass input_ids of shape (batch, bytes)")
        return torch.cat([prompt, *(byte_B[:, None] for byte_B in self.stream(prompt, **options))], dim=1)

    def stream(
        self,
        input_ids: Tensor,
        *,
        attention_mask: Tensor | None = None,
        max_new_bytes: int = 256,
        do_sample: bool = False,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        generator: torch.Generator | None = None,
    ) -> Iterator[Tensor]:
        """The bytes that follow prompts, one id (B,) after another, as they are made.

        Args:
            input_ids: prompts (B, L), L from P on; shorter ones are padded on the left, by whole patches. A last
                patch that is not full is completed. `ByteTokenizer.encode(…, eos=False, whole=False)` makes a prompt.
            attention_mask: 1 where there is a byte, (B, L); None takes all patches but those of nothing but padding.
            max_new_bytes: bytes to make at most.
            do_sample: draw bytes by their probability; else the most probable is taken.
            temperature: divides the logits.
            top_k: draw from the so many most probable only.
            top_p: draw from the most probable only, whose probability adds up to this.
            generator: of the random numbers.

        Raises:
            InputError: an argument is out of range, or prompt and new bytes are more than the model takes.
        """
        size = self.config.patch_size
        if not isinstance(max_new_bytes, int) or isinstance(max_new_bytes, bool) or max_new_bytes < 1:
            raise InputError(f"max_new_bytes is {max_new_bytes!r}, a whole number from 1 on is expected")
        check_whole("input_ids", input_ids, "(batch, bytes)")
        if any(
            module.training and getattr(module, "gradient_checkpointing", False) for module in self.modules()
        ):
            # Some versions of transformers drop the cache then, others return it: none is relied upon.
            raise InputError(
                "a model in training with activation checkpointing cannot generate",
                hint="call model.eval() before generating",
            )
        choose = _choice(do_sample, temperature, top_k, top_p, generator)
        whole = input_ids.shape[-1] // size * size
        if input_ids.ndim == 2 and 0 < input_ids.shape[1] < size:
            raise InputError(
                f"a prompt of {input_ids.shape[1]} bytes fills no patch of {size}, and nothing predicts the first one",
                hint="begin it with a patch of the id BOS and padding, as ByteTokenizer does",
            )
        patches_BTP = as_patches(input_ids[..., :whole], size)
        check_ids(input_ids, self.config.vocab_size)
        if attention_mask is not None and attention_mask.shape == input_ids.shape:
            attention_mask = attention_mask[:, :whole]
        mask_BT = patch_mask(patches_BTP, attention_mask)
        if not bool(mask_BT[:, -1].all()):
            raise InputError("a prompt ends with padding", hint="pad on the left, by whole patches")
        if bool((input_ids == Mark.EOS).any()):
            raise InputError(
                f"a prompt holds EOS (id {int(Mark.EOS)}), which nothing follows",
                hint="leave it off, and the padding behind it, as ByteTokenizer.encode(…, eos=False, whole=False) does",
            )
        room = self.config.max_position_embeddings * size - input_ids.shape[1]
        if max_new_bytes > room:
            raise InputError(
                f"{max_new_bytes} bytes after a prompt of {input_ids.shape[1]} are more than the model takes",
                hint=f"shorten the prompt, or take at most {max(room, 0)}",
            )
        return self._stream(input_ids[:, :whole], mask_BT, input_ids[:, whole:].long(), max_new_bytes, choose)

    @torch.no_grad()
    def _stream(
        self, whole_BL: Tensor, mask_BT: Tensor, begun_Bg: Tensor, new: int, choose: Choice
    ) -> Iterator[Tensor]:
        ended_B = torch.zeros(len(whole_BL), dtype=torch.bool, device=whole_BL.device)
        output = self.model(whole_BL, mask_BT, use_cache=True, return_dict=True)
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
            cache, begun_Bg = output.past_key_values, begun_Bg[:, :0]
            mask_BT = functional.pad(mask_BT, (0, 1), value=True)
            output = self.model(torch.stack(patch, 1), mask_BT, cache, use_cache=True, return_dict=True)

    def _patch(self, vector_BD: Tensor, begun_Bg: Tensor, choose: Choice) -> Iterator[tuple[Tensor, bool]]:
        """The bytes of the patch after a vector, and whether each is new; the first ones are given."""
        given = begun_Bg.shape[1]
        inner = isinstance(self.head, PatchDecoder)
        steps = self.head.steps(vector_BD) if inner else self._independent(vector_BD)
        logits_BV = next(steps)
        for byte in range(self.config.patch_size):
            byte_B = begun_Bg[:, byte] if byte < given else choose(logits_BV)
            yield byte_B, byte >= given
            if byte + 1 < self.config.patch_size:
                logits_BV = steps.send(byte_B)

    def _independent(self, vector_BD: Tensor) -> Generator[Tensor, Tensor, None]:
        """The logits (B, V) of one byte after another, which know nothing of the chosen ones."""
        logits_BPV = self.head(vector_BD).unflatten(-1, (self.config.patch_size, self.config.vocab_size))
        for byte in range(self.config.patch_size):
            yield logits_BPV[:, byte]


def _choice(
    sample: bool,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    generator: torch.Generator | None,
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
    warpers: Any = logits.LogitsProcessorList([logits.TemperatureLogitsWarper(float(temperature))])
    if top_k is not None:
        warpers.append(logits.TopKLogitsWarper(top_k))
    if top_p is not None:
        warpers.append(logits.TopPLogitsWarper(top_p))

    def draw(logits_BV: Tensor) -> Tensor:
        probability = warpers(None, logits_BV.float()).softmax(-1)
        return torch.multinomial(probability, 1, generator=generator)[:, 0]

    return draw
