"""Patches of bytes in a transformer: their vectors, the decoder within a patch, and attention in packed sequences."""

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AttentionInterface, AttentionMaskInterface, LlamaModel
from transformers.generation import logits_process as logits
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.segments import BYTES, Mark
from yukawa.core.errors import InputError

# The attention implementation for packed sequences, registered with transformers; for all else it is SDPA.
PACKED_ATTENTION = "sdpa-packed"
_NOT_AN_ID = "the id {} is not in the vocabulary, allowed are 0 to {}"


class PatchEmbedding(nn.Module):
    """The vector of each patch: its bytes' embeddings side by side, two linear layers with a ReLU between.

    With a patch of one byte it is the byte's embedding. Source: arXiv:2412.00129, section 4.1.1.
    """

    def __init__(self, config: ByteLMConfig) -> None:
        super().__init__()
        whole = config.patch_size == 1
        self.bytes = nn.Embedding(config.vocab_size, config.hidden_size if whole else config.byte_size)
        self.patch: nn.Module = nn.Identity()
        if not whole:
            self.patch = nn.Sequential(
                nn.Linear(config.patch_size * config.byte_size, config.patch_hidden_size),
                nn.ReLU(),
                nn.Linear(config.patch_hidden_size, config.hidden_size),
            )

    def forward(self, patches_XP: Tensor) -> Tensor:
        """Vectors of shape (…, D) from ids of shape (…, P).

        Raises:
            InputError: an id is not in the vocabulary.
        """
        check_range(patches_XP, self.bytes.weight.shape[0], _NOT_AN_ID)
        vectors: Tensor = self.patch(self.bytes(patches_XP).flatten(-2))
        return vectors


class PatchDecoder(nn.Module):
    """A small Llama over the P bytes of the patch that follows.

    At byte p it sees a part of its own of the patch vector, and the byte before; it is the local model of MegaByte
    (arXiv:2305.07185).
    """

    def __init__(self, config: ByteLMConfig) -> None:
        super().__init__()
        self.size = config.patch_size
        width = config.inner_size
        self.spread = nn.Linear(config.hidden_size, config.patch_size * width, bias=False)
        self.bytes = nn.Embedding(config.vocab_size, width)
        self.decoder = LlamaModel(config.within_patch())
        self.decoder.embed_tokens = None  # it is given embeddings
        self.head = nn.Linear(width, config.vocab_size, bias=False)

    def forward(self, vectors_BTD: Tensor, following_BTP: Tensor) -> Tensor:
        """Logits (B, T, P, V) of the bytes `following_BTP` of the patches after each vector."""
        inputs_NPW = self.spread(vectors_BTD).unflatten(-1, (self.size, -1)).flatten(0, 1)
        before_NPW = self.bytes(following_BTP[..., :-1]).flatten(0, 1)
        inputs_NPW = torch.cat([inputs_NPW[:, :1], inputs_NPW[:, 1:] + before_NPW], dim=1)
        hidden = self.decoder(inputs_embeds=inputs_NPW, use_cache=False).last_hidden_state
        logits: Tensor = self.head(hidden).unflatten(0, vectors_BTD.shape[:2])
        return logits

    def steps(self, vector_BD: Tensor) -> Generator[Tensor, Tensor, None]:
        """A generator that gives the logits (B, V) of one byte after another; it is sent each chosen byte (B,)."""
        inputs_BPW = self.spread(vector_BD).unflatten(-1, (self.size, -1))
        cache, step_BW = None, inputs_BPW[:, 0]
        for byte in range(self.size):
            output = self.decoder(inputs_embeds=step_BW[:, None], cache=cache, use_cache=True)
            cache = output.past_key_values
            chosen_B = yield self.head(output.last_hidden_state[:, 0])
            if byte + 1 < self.size:
                step_BW = inputs_BPW[:, byte + 1] + self.bytes(chosen_B)


class PackedGroup(Protocol):
    """b sequences of nearly one length, at most P, whose n rows are contiguous."""

    @property
    def rows(self) -> int:
        """The number of rows."""

    def padded(self, rows_nX: Tensor, /) -> Tensor:
        """The rows as (b, P, X), padded on the right."""

    def unpad(self, padded_bPX: Tensor, /) -> Tensor:
        """The rows (n, X) of padded ones."""


def attend_packed(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    groups: Sequence[PackedGroup] | None = None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """Causal attention as transformers calls it; with `groups`, of packed sequences, each among its own rows.

    Args:
        query: (1, heads, N, d) of N packed rows, those of all groups one after another; keys and values have perhaps
            fewer heads.
        attention_mask: not looked at with `groups`.

    Returns:
        (1, N, heads, d), and no weights.
    """
    if groups is None:
        found: tuple[Tensor, Tensor | None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, **options
        )
        return found
    heads = [x.shape[1] for x in (query, key, value)]
    width = query.shape[-1]
    packed_NX = torch.cat([x[0].transpose(0, 1).flatten(1) for x in (query, key, value)], dim=1)
    outputs = []
    for rows_nX, group in zip(packed_NX.split([group.rows for group in groups]), groups, strict=True):
        q, k, v = (
            part.unflatten(-1, (-1, width)).transpose(1, 2)
            for part in group.padded(rows_nX).split([width * number for number in heads], dim=-1)
        )
        mixed = F.scaled_dot_product_attention(
            q, k, v,
            dropout_p=options.get("dropout", 0.0), scale=options.get("scaling"), is_causal=True,
            enable_gqa=heads[0] != heads[1],
        )  # fmt: skip
        outputs.append(group.unpad(mixed.transpose(1, 2).flatten(2)))
    return torch.cat(outputs).unflatten(-1, (heads[0], width))[None], None


def smooth_rows(width: int, scale: float) -> Tensor:
    """Embeddings (256, width) of the bytes in which near values are near: cosines of rising frequency.

    The lowest frequency orders the bytes from first to last, the highest tells neighbours apart; `scale` is the
    root mean square.
    """
    value = torch.arange(BYTES, dtype=torch.float32) / (BYTES - 1)
    # Below BYTES / 2, where octaves would come back in step: at a width of 8, bytes 128 apart would be alike.
    frequencies = torch.logspace(0, math.log2(0.4 * BYTES), width, base=2)
    phases = torch.arange(width) * (math.pi / 2)
    return math.sqrt(2) * scale * torch.cos(math.pi * value[:, None] * frequencies + phases)


def check_range(numbers: Tensor, limit: int, message: str) -> None:
    """Refuse numbers, of any shape, outside 0 to `limit` - 1: on a GPU they would end the process.

    Raises:
        InputError: there is such a number; `message` gives it and the largest one allowed.
    """
    outside = (numbers < 0) | (numbers >= limit)
    if bool(outside.any()):
        raise InputError(message.format(int(numbers[outside][0]), limit - 1))


def check_whole(name: str, given: Any, shape: list[int] | None = None) -> None:
    """Refuse anything but a tensor of whole numbers of this shape, or (batch, bytes) if it is None.

    Raises:
        InputError: it is not one.
    """
    expected = "(batch, bytes)" if shape is None else str(shape)
    if not isinstance(given, Tensor):
        raise InputError(
            f"{name} came as {type(given).__name__}, a tensor of whole numbers of shape {expected} is expected",
            hint="wrap it: torch.as_tensor(…)",
        )
    fits = given.ndim == 2 if shape is None else list(given.shape) == shape
    if not fits or given.is_floating_point() or given.is_complex() or given.dtype == torch.bool:
        raise InputError(
            f"{name} have the shape {list(given.shape)} and the type {given.dtype}, whole numbers of shape "
            f"{expected} are expected"
        )


def as_patches(ids_BL: Tensor, patch_size: int) -> Tensor:
    """The ids of shape (B, L) and any integer type as patches, (B, T, P) int64.

    Raises:
        InputError: the ids have another shape or type, there are none, or L is not a multiple of P.
    """
    check_whole("input_ids", ids_BL)
    length = ids_BL.shape[1]
    if ids_BL.numel() == 0:
        raise InputError(f"input_ids have the shape {list(ids_BL.shape)}, at least one byte is expected")
    if length % patch_size:
        raise InputError(
            f"a sequence of {length} bytes is not made of patches of {patch_size}",
            hint=f"fill it up with the padding id {int(Mark.PAD)}, as ByteTokenizer(patch_size={patch_size}) does",
        )
    return ids_BL.long().unflatten(1, (length // patch_size, patch_size))


def patch_mask(patches_BTP: Tensor, mask_BL: Tensor | None, before: int = 0) -> Tensor:
    """Whether there is anything in a patch, (B, before + T).

    Args:
        mask_BL: 1 where there is a byte, (B, L), or a patch, (B, L / P); None takes patches that are not all padding.
        before: patches that came before these, which the mask holds too; without a mask they are all there.

    Raises:
        InputError: the mask is not a tensor, or has another shape than the ids.
    """
    batch, patches, size = patches_BTP.shape
    patches += before
    if mask_BL is None:
        return F.pad((patches_BTP != Mark.PAD).any(-1), (before, 0), value=True)
    if not isinstance(mask_BL, Tensor):
        raise InputError(
            f"attention_mask came as {type(mask_BL).__name__}, a tensor is expected",
            hint="wrap it: torch.as_tensor(…)",
        )
    if mask_BL.shape == (batch, patches):
        return mask_BL.bool()
    if mask_BL.shape != (batch, patches * size):
        raise InputError(
            f"attention_mask has the shape {list(mask_BL.shape)}, {[batch, patches * size]} is expected, as input_ids"
        )
    return mask_BL.unflatten(1, (patches, size)).bool().any(-1)


AttentionInterface.register(PACKED_ATTENTION, attend_packed)
AttentionMaskInterface.register(PACKED_ATTENTION, sdpa_mask)


Choice = Callable[[Tensor], Tensor]


class Generating:
    """Gives a causal byte model `generate` and `stream`."""

    if TYPE_CHECKING:
        config: ByteLMConfig
        model: Any
        modules: Callable[[], Iterator[torch.nn.Module]]
        head: Any

    def generate(self, input_ids: Tensor, **options: Any) -> Tensor:
        """Prompts and what follows them, ids (B, L + at most `max_new_bytes`).

        A sequence ends with the id EOS and is padded after it. The options are those of `stream`.

        Raises:
            InputError: as for `stream`.
        """
        new = [byte_B[:, None] for byte_B in self.stream(input_ids, **options)]
        return torch.cat([input_ids, *new], dim=1)

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
            top_k: draw only from this many of the most probable.
            top_p: draw from the most probable only, whose probability adds up to this.
            generator: of the random numbers.

        Raises:
            InputError: an argument is out of range, or prompt and new bytes are more than the model takes.
        """
        if any(
            module.training and getattr(module, "gradient_checkpointing", False) for module in self.modules()
        ):
            # Some versions of transformers drop the cache then, others return it: none is relied upon.
            raise InputError(
                "a model in training with activation checkpointing cannot generate",
                hint="call model.eval() before generating",
            )
        choose = _choice(do_sample, temperature, top_k, top_p, generator)
        whole_BL, mask_BT, begun_Bg = self._prompt(input_ids, attention_mask, max_new_bytes)
        return self._stream(whole_BL, mask_BT, begun_Bg, max_new_bytes, choose)

    def _prompt(
        self, input_ids: Tensor, attention_mask: Tensor | None, max_new_bytes: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The whole patches of checked prompts, their mask, and the bytes that the next patch begins with."""
        size = self.config.patch_size
        if not isinstance(max_new_bytes, int) or isinstance(max_new_bytes, bool) or max_new_bytes < 1:
            raise InputError(f"max_new_bytes is {max_new_bytes!r}, a whole number of at least 1 is expected")
        check_whole("input_ids", input_ids)
        whole = input_ids.shape[-1] // size * size
        if 0 < input_ids.shape[1] < size:
            raise InputError(
                f"a prompt of {input_ids.shape[1]} bytes fills no patch of {size}, and nothing predicts the first one",
                hint="begin it with a patch of the id BOS and padding, as ByteTokenizer does",
            )
        patches_BTP = as_patches(input_ids[..., :whole], size)
        check_range(input_ids, self.config.vocab_size, _NOT_AN_ID)
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
        return input_ids[:, :whole], mask_BT, input_ids[:, whole:].long()

    @torch.no_grad()
    def _stream(
        self, whole_BL: Tensor, mask_BT: Tensor, begun_Bg: Tensor, new: int, choose: Choice
    ) -> Iterator[Tensor]:
        """Generate byte after byte, each of shape (batch,), until every row has ended or `new` bytes are made."""
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
            mask_BT = F.pad(mask_BT, (0, 1), value=True)
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
        raise InputError(f"top_k is {top_k}, a number of at least 1 is expected")
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
