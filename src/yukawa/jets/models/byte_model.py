"""The byte model as a jet tagger: a jet is a sequence of bytes, read by a decoder that knows nothing of particles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import ByteLMForCausalLM, ByteLMForSequenceClassification, ByteLMModel, pool
from yukawa.core.errors import InputError
from yukawa.jets.bytes.encoder import ByteEncoder
from yukawa.jets.bytes.form import ByteForm
from yukawa.jets.models.interface import OF_THE_OLD, Tagger, TaggerConfig
from yukawa.jets.models.layout import Group, Layout, group_by_length

if TYPE_CHECKING:
    from yukawa.jets.features.config import DataConfig

# Of a group; attention alone works on groups.
SLOTS_CPU, SLOTS_GPU = 1024, 65536


class ByteSizes(TaggerConfig, ByteForm):
    """How jets become bytes (see `ByteForm`) and the sizes of a decoder over them; the defaults suit a laptop.

    Attributes:
        width: of the decoder.
        layers: its blocks.
        heads: of attention; twice their number divides the width.
        feedforward: width within a block.
        byte_width: of a byte's embedding within a patch.
        patch_width: between the two layers that make a patch of its bytes.
        smooth_bytes: bytes of near values begin with near embeddings.
        dropout: of attention.
    """

    width: int = Field(64, ge=1)
    layers: int = Field(4, ge=0)
    heads: int = Field(4, ge=1)
    feedforward: int = Field(176, ge=1)
    byte_width: int = Field(16, ge=1)
    patch_width: int = Field(128, ge=1)
    smooth_bytes: bool = True
    dropout: float = Field(0.0, ge=0, lt=1)

    def trunk(self) -> dict[str, Any]:
        """What decides whether two models can share an embedding and a decoder."""
        ours = {"code", "width", "layers", "heads", "feedforward", "byte_width", "patch_width"}
        form = {"form": self.form, "order": self.order, "patch": self.patch_size(self.features)}
        return form | self.model_dump(include=ours if self.form == "native" else ours - {"code"})

    @property
    def byte_form(self) -> ByteForm:
        """How jets become bytes."""
        return ByteForm.model_validate(self.model_dump(include=set(ByteForm.model_fields)))

    def for_transformers(self, **others: Any) -> ByteLMConfig:
        """The configuration of a Hugging Face model of these sizes.

        Raises:
            InputError: twice the heads do not divide the width.
        """
        if self.width % (2 * self.heads):
            raise InputError(
                f"heads is {self.heads}, which does not divide the width {self.width} into even parts",
                hint=f"choose a multiple of {2 * self.heads} for width",
            )
        return ByteLMConfig(
            patch_size=self.patch_size(self.features),
            hidden_size=self.width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            intermediate_size=self.feedforward,
            byte_size=self.byte_width,
            patch_hidden_size=self.patch_width,
            smooth_bytes=self.smooth_bytes,
            attention_dropout=self.dropout,
            **others,
        )


class ByteModelConfig(ByteSizes):
    """A byte model that sums up a jet.

    Attributes:
        pooling: what sums up a jet, the mean over its patches or the last.
    """

    architecture: Literal["byte-model"] = "byte-model"
    pooling: Literal["mean", "last"] = "mean"


class ByteTagger(Tagger):
    """What the taggers over bytes share: a decoder `model.model`, which one may take over from another."""

    config: ByteSizes
    model: ByteLMForSequenceClassification | ByteLMForCausalLM

    def start_from(self, saved: Tagger, where: str) -> None:
        """Take the embedding and the decoder of a trained tagger over bytes; the head stays as it is.

        Raises:
            InputError: `saved` is no tagger over bytes, or of other sizes, or reads another form of jets.
        """
        if not isinstance(saved, ByteTagger):
            raise InputError(
                f"{where} holds a {saved.config.architecture}, whose weights a {self.config.architecture} cannot take",
                hint="start from a byte-language-model or a byte-model",
            )
        came, wanted = saved.config.trunk(), self.config.trunk()
        odd = [
            f"{name} {came[name]!r}, {wanted[name]!r} is expected"
            for name in came
            if came[name] != wanted[name]
        ]
        if odd:
            raise InputError(f"{where} has {'; '.join(odd)}", hint=OF_THE_OLD)
        self.model.model.load_state_dict(saved.model.model.state_dict())


class ByteModel(ByteTagger):
    """A byte model over packed patches of jets; `model` is the Hugging Face model it consists of."""

    Config: ClassVar[type[TaggerConfig]] = ByteModelConfig
    config: ByteModelConfig

    def __init__(self, config: ByteModelConfig) -> None:
        super().__init__(config)
        self.model = ByteLMForSequenceClassification(
            config.for_transformers(
                pooling=config.pooling,
                id2label=dict(enumerate(config.classes)),
                label2id={name: number for number, name in enumerate(config.classes)},
            )
        )

    def encoder(self, data_config: DataConfig, *, prediction: bool = False) -> ByteEncoder:
        """See `Tagger.encoder`."""
        return ByteEncoder(data_config, self.config.byte_form, prediction=prediction)

    def forward(self, patches_NP: Tensor, counts_B: Tensor) -> Tensor:
        """Logits (B, C) of jets of packed patches of ids; `counts_B` are the patches of each jet, 1 at least."""
        layout = sort(patches_NP, counts_B)
        sums = [
            pool(whole.padded(hidden_ND), whole.mask, self.config.pooling)
            for whole, hidden_ND in decode(self.model.model, patches_NP, layout)
        ]
        logits: Tensor = self.model.score(torch.cat(sums))[layout.places]
        return logits


def sort(patches_NP: Tensor, counts_B: Tensor) -> Layout:
    """Sequences of nearly one length put together, so many as suit a decoder."""
    return group_by_length(counts_B, SLOTS_GPU if patches_NP.is_cuda else SLOTS_CPU)


def decode(model: ByteLMModel, patches_NP: Tensor, layout: Layout) -> Iterator[tuple[Group, Tensor]]:
    """The vectors that the decoder gives to sorted patches, of some sequences after another.

    Sequences of nearly one length attend together; what little padding there is comes last, where causal attention
    does not see it. All else is computed of the patches alone.
    """
    vectors_ND = model.embedding(patches_NP[layout.rows].int())
    for chunk in layout.chunks():
        counts_b = chunk.whole.counts_b
        places_N = torch.arange(chunk.whole.rows, device=counts_b.device) - torch.repeat_interleave(
            counts_b.cumsum(0) - counts_b, counts_b
        )
        yield chunk.whole, model.decode_packed(chunk.whole.take(vectors_ND), places_N, chunk.groups)
