"""The byte model as a jet tagger: a jet is a sequence of bytes, read by a decoder that knows nothing of particles."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import ByteLMForSequenceClassification, pool
from yukawa.errors import InputError
from yukawa.jets.bytes.encoder import ByteEncoder
from yukawa.jets.bytes.form import ByteForm
from yukawa.jets.models.interface import Tagger, TaggerConfig
from yukawa.jets.models.layout import group_by_length

if TYPE_CHECKING:
    from yukawa.jets.features.config import DataConfig

# A Llama's many small steps want larger groups than the blocks of our own taggers.
SLOTS_CPU, SLOTS_GPU = 2048, 65536


class ByteModelConfig(TaggerConfig, ByteForm):
    """How jets become bytes (see `ByteForm`) and the sizes of the byte model; the defaults suit a laptop.

    Attributes:
        width: of the decoder.
        layers: its blocks.
        heads: of attention; twice their number divides the width.
        feedforward: width within a block.
        byte_width: of a byte's embedding within a patch.
        patch_width: between the two layers that make a patch of its bytes.
        smooth_bytes: bytes of near values begin with near embeddings.
        pooling: what sums up a jet, the mean over its patches or the last.
        dropout: of attention.
    """

    architecture: Literal["byte-model"] = "byte-model"
    width: int = Field(64, ge=1)
    layers: int = Field(4, ge=0)
    heads: int = Field(4, ge=1)
    feedforward: int = Field(176, ge=1)
    byte_width: int = Field(16, ge=1)
    patch_width: int = Field(128, ge=1)
    smooth_bytes: bool = True
    pooling: Literal["mean", "last"] = "mean"
    dropout: float = Field(0.0, ge=0, lt=1)


class ByteModel(Tagger):
    """A byte model over packed patches of jets; `model` is the Hugging Face model it consists of."""

    Config: ClassVar[type[TaggerConfig]] = ByteModelConfig
    config: ByteModelConfig

    def __init__(self, config: ByteModelConfig) -> None:
        super().__init__(config)
        self.model = ByteLMForSequenceClassification(
            ByteLMConfig(
                patch_size=config.patch_size(config.features),
                hidden_size=config.width,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                intermediate_size=config.feedforward,
                byte_size=config.byte_width,
                patch_hidden_size=config.patch_width,
                smooth_bytes=config.smooth_bytes,
                pooling=config.pooling,
                attention_dropout=config.dropout,
                id2label=dict(enumerate(config.classes)),
                label2id={name: number for number, name in enumerate(config.classes)},
            )
        )

    def encoder(self, data_config: DataConfig, *, prediction: bool = False) -> ByteEncoder:
        """See `Tagger.encoder`."""
        form = ByteForm.model_validate(self.config.model_dump(include=set(ByteForm.model_fields)))
        return ByteEncoder(data_config, form, prediction=prediction)

    def forward(self, patches_NP: Tensor, counts_B: Tensor) -> Tensor:
        """Logits (B, C) of jets of packed patches of ids; `counts_B` are the patches of each jet, 1 at least.

        Jets of nearly one length go through the decoder together; what little padding there is comes last, where
        causal attention does not see it.
        """
        slots = SLOTS_GPU if patches_NP.is_cuda else SLOTS_CPU
        layout = group_by_length(counts_B, slots)
        vectors_ND = self.model.model.embedding(patches_NP[layout.rows].int())
        sums = [
            pool(
                self.model.model.decode(group.pad(vectors_ND)).last_hidden_state,
                group.mask,
                self.config.pooling,
            )
            for group in layout.groups
        ]
        logits: Tensor = self.model.score(torch.cat(sums))[layout.places]
        return logits
