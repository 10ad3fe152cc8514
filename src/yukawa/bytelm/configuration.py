"""The sizes of a byte model, and the configurations that have names."""

import math
from typing import Any

from transformers import LlamaConfig, PreTrainedConfig

from yukawa.bytelm.segments import VOCABULARY, Mark
from yukawa.core.errors import InputError, check_name, unknown_name

POOLING = ("mean", "last")

# `160m` has the size that BBT-Neutron's paper gives (about 160 million, arXiv:2412.00129); of its widths the paper
# gives none, these are those of the usual transformer of that depth. The others run on a laptop.
_NAMED: dict[str, dict[str, int]] = {
    "160m": {
        "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
        "byte_size": 768, "patch_hidden_size": 3072,
    },
    "laptop": {
        "hidden_size": 128, "intermediate_size": 352, "num_hidden_layers": 6, "num_attention_heads": 8,
        "byte_size": 16, "patch_hidden_size": 256,
    },
    "tiny": {
        "hidden_size": 64, "intermediate_size": 176, "num_hidden_layers": 4, "num_attention_heads": 8,
        "byte_size": 16, "patch_hidden_size": 128,
    },
}  # fmt: skip

SIZES = {
    "vocab_size": VOCABULARY, "patch_size": 1, "byte_size": 1, "patch_hidden_size": 1, "hidden_size": 1,
    "intermediate_size": 1, "num_hidden_layers": 0, "num_attention_heads": 1, "num_key_value_heads": 1,
    "max_position_embeddings": 1, "inner_layers": 0, "inner_size": 1, "inner_heads": 1,
    "num_labels": 1,
}  # fmt: skip
RANGES = {
    "rope_theta": (1.0, math.inf), "attention_dropout": (0.0, 1.0), "rms_norm_eps": (0.0, math.inf),
    "initializer_range": (0.0, math.inf),
}  # fmt: skip


class ByteLMConfig(PreTrainedConfig):
    """The sizes of a byte model; its decoder is a Llama (RMSNorm before, RoPE, SwiGLU, causal attention).

    Attributes:
        vocab_size: ids, those of `Mark` and the bytes.
        patch_size: bytes P that the decoder takes as one position; 1 is the byte version.
        byte_size: width of a byte's embedding within a patch; unused where P is 1.
        patch_hidden_size: width between the two linear layers that make a patch of its bytes; unused where P is 1.
        hidden_size: width D of the decoder.
        intermediate_size: width within a block's feed-forward.
        num_hidden_layers: blocks.
        num_attention_heads: heads of attention.
        num_key_value_heads: heads of keys and values; None is as many.
        max_position_embeddings: longest sequence in patches.
        rope_theta: base of the rotary position embedding.
        smooth_bytes: bytes of near values begin with near embeddings; else with unrelated ones.
        pooling: how the heads for classes and values sum up a sequence: the `mean` over its patches, or its `last`.
        inner_layers: blocks of the decoder within the patch; 0 predicts the bytes of a patch independently.
        inner_size: width of the decoder within the patch.
        inner_heads: its heads.
        attention_dropout: of the attention weights.
        rms_norm_eps: added to the mean square in a norm.
        initializer_range: standard deviation of the decoder's first weights; None is 0.02 at a width of 768 and
            falls as one over the square root of the width, so that small decoders learn as readily as large ones.

    Raises:
        InputError: a size is out of range.
    """

    model_type = "byte-lm"

    vocab_size: int = VOCABULARY
    patch_size: int = 16
    byte_size: int = 768
    patch_hidden_size: int = 3072
    hidden_size: int = 768
    intermediate_size: int = 3072
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    num_key_value_heads: int | None = None
    max_position_embeddings: int = 4096
    rope_theta: float = 1e4
    smooth_bytes: bool = True
    pooling: str = "mean"
    inner_layers: int = 0
    inner_size: int = 128
    inner_heads: int = 4
    attention_dropout: float = 0.0
    initializer_range: float | None = None
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = False
    pad_token_id: int | None = int(Mark.PAD)
    bos_token_id: int | None = int(Mark.BOS)
    eos_token_id: int | list[int] | None = int(Mark.EOS)

    def __post_init__(self, **others: Any) -> None:
        """Check the sizes."""
        super().__post_init__(**others)
        if self.num_key_value_heads is None:
            self.num_key_value_heads = self.num_attention_heads
        for name, least in SIZES.items():
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise InputError(f"{name} is {value!r}, a whole number of at least {least} is expected")
        for name, (lowest, limit) in RANGES.items():
            value = getattr(self, name)
            if value is None and name == "initializer_range":
                continue
            if not isinstance(value, (int, float)) or not lowest <= value < limit:
                raise InputError(
                    f"{name} is {value!r}, a number of at least {lowest:g} and below {limit:g} is expected"
                )
        for width, heads in (("hidden_size", "num_attention_heads"), ("inner_size", "inner_heads")):
            multiple = 2 * getattr(self, heads)  # rotary positions turn pairs of numbers
            if getattr(self, width) % multiple:
                raise InputError(
                    f"{heads} is {getattr(self, heads)}, which does not divide {width} {getattr(self, width)} "
                    "into even parts",
                    hint=f"choose a multiple of {multiple} for {width}",
                )
        if self.num_attention_heads % self.num_key_value_heads:
            raise InputError(
                f"num_key_value_heads is {self.num_key_value_heads}, which does not divide the "
                f"{self.num_attention_heads} heads of attention"
            )
        if self.pooling not in POOLING:
            raise InputError(f"pooling is {self.pooling!r}, allowed are {', '.join(POOLING)}")

    @classmethod
    def named(cls, name: str, **changes: Any) -> "ByteLMConfig":
        """A configuration by name (`160m`, `laptop`, `tiny`), with changes.

        Raises:
            InputError: there is no such name or size, or a size is out of range.
        """
        check_name("configuration", name, _NAMED)
        # transformers would keep a misspelt name as one more attribute.
        for change in changes:
            if not hasattr(cls, change):
                raise unknown_name("setting", change, cls.__annotations__)
        return cls(**(_NAMED[name] | changes))

    def over_patches(self) -> LlamaConfig:
        """The configuration of the decoder over patches."""
        return self._llama(
            self.hidden_size, self.intermediate_size, self.num_hidden_layers, self.num_attention_heads,
            self.num_key_value_heads, self.max_position_embeddings,
        )  # fmt: skip

    def within_patch(self) -> LlamaConfig:
        """The configuration of the decoder within a patch."""
        return self._llama(
            self.inner_size, 4 * self.inner_size, self.inner_layers, self.inner_heads, None, self.patch_size
        )

    def _llama(
        self, width: int, within: int, layers: int, heads: int, shared: int | None, positions: int
    ) -> LlamaConfig:
        first = self.initializer_range
        first = 0.02 * math.sqrt(768 / width) if first is None else first
        config = LlamaConfig(
            vocab_size=1,  # the decoder takes embeddings
            bos_token_id=None, eos_token_id=None, hidden_size=width, intermediate_size=within,
            num_hidden_layers=layers, num_attention_heads=heads, num_key_value_heads=shared,
            max_position_embeddings=positions, attention_dropout=self.attention_dropout,
            rope_parameters={"rope_type": "default", "rope_theta": self.rope_theta},
            initializer_range=first, rms_norm_eps=self.rms_norm_eps,
        )  # fmt: skip
        config._attn_implementation = self._attn_implementation
        return config
