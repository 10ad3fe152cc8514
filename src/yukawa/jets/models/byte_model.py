"""Byte models as jet taggers: a decoder that knows nothing of particles reads jets as bytes, and classifies or talks."""

from collections.abc import Iterator
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional as F

from yukawa.bytelm import modeling
from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.modeling import IGNORED
from yukawa.bytelm.patches import PatchDecoder
from yukawa.bytelm.segments import Mark
from yukawa.core.errors import InputError
from yukawa.jets.bytes.encoder import ByteEncoder, ByteForm, QuestionEncoder, answer_patches
from yukawa.jets.features.config import DataConfig
from yukawa.jets.models.layout import Layout, LengthGroup, group_by_length
from yukawa.jets.models.tagger import Tagger, TaggerConfig, other_settings

# Slots of a group of sequences of nearly one length; attention alone works on groups.
SLOTS_CPU, SLOTS_GPU = 1024, 65536
# Patches whose logits are computed at once: on a processor they should stay in its caches.
PATCHES_CPU, PATCHES_GPU = 128, 8192
RARE = 1e-3  # share that the first weights leave to ids that were not seen


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
        """The settings that decide whether two models can share an embedding and a decoder."""
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
            patch_size=self.patch_size(self.features), hidden_size=self.width, num_hidden_layers=self.layers,
            num_attention_heads=self.heads, intermediate_size=self.feedforward, byte_size=self.byte_width,
            patch_hidden_size=self.patch_width, smooth_bytes=self.smooth_bytes, attention_dropout=self.dropout,
            **others,
        )  # fmt: skip


class ByteModelConfig(ByteSizes):
    """A byte model that sums up a jet.

    Attributes:
        pooling: what sums up a jet, the mean over its patches or the last.
    """

    architecture: Literal["byte-model"] = "byte-model"
    pooling: Literal["mean", "last"] = "mean"


class ByteTagger(Tagger):
    """The base of the taggers over bytes: a decoder `model.model`, which one may take over from another."""

    config: ByteSizes
    model: modeling.ByteLMForSequenceClassification | modeling.ByteLMForCausalLM

    def start_from(self, saved: Tagger, where: str) -> None:
        """Take the embedding and the decoder of a trained tagger over bytes; the head stays unchanged.

        Raises:
            InputError: `saved` is not a tagger over bytes, has other sizes, or reads another form of jets.
        """
        if not isinstance(saved, ByteTagger):
            raise InputError(
                f"{where} holds a {saved.config.architecture}, whose weights a {self.config.architecture} cannot take",
                hint="start from a byte-language-model or a byte-model",
            )
        came, wanted = saved.config.trunk(), self.config.trunk()
        if came != wanted:
            raise other_settings(where, came, wanted)
        self.model.model.load_state_dict(saved.model.model.state_dict())


class ByteModel(ByteTagger):
    """A byte model over packed patches of jets; `model` is the Hugging Face model it consists of."""

    Config: ClassVar[type[TaggerConfig]] = ByteModelConfig
    config: ByteModelConfig

    def __init__(self, config: ByteModelConfig) -> None:
        super().__init__(config)
        self.model = modeling.ByteLMForSequenceClassification(
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
            modeling.pool(whole.padded(hidden_ND), whole.mask, self.config.pooling)
            for whole, hidden_ND in decode(self.model.model, patches_NP, layout)
        ]
        logits: Tensor = self.model.score(torch.cat(sums))[layout.places]
        return logits


def sort(patches_NP: Tensor, counts_B: Tensor) -> Layout:
    """Group sequences of nearly the same length, of lengths (B,), into as many as suit the decoder at once."""
    return group_by_length(counts_B, SLOTS_GPU if patches_NP.is_cuda else SLOTS_CPU)


def decode(
    model: modeling.ByteLMModel, patches_NP: Tensor, layout: Layout
) -> Iterator[tuple[LengthGroup, Tensor]]:
    """Yield the decoder's vectors (n, D) of the sorted patches of one group of sequences after another.

    Sequences of nearly one length attend together; the little padding that there is comes last, where causal attention
    does not see it. All else is computed of the patches alone.
    """
    vectors_ND = model.embedding(patches_NP[layout.rows].int())
    for bundle in layout.bundles():
        whole, counts_b = bundle.whole, bundle.whole.counts_b
        places_N = torch.arange(whole.rows, device=counts_b.device) - torch.repeat_interleave(
            counts_b.cumsum(0) - counts_b, counts_b
        )
        yield whole, model.decode_packed(whole.take(vectors_ND), places_N, bundle.groups)


class ByteLanguageModelConfig(ByteSizes):
    """A byte model that predicts the next patch.

    Attributes:
        inner_layers: blocks of the decoder within the patch; 0 predicts the bytes of a patch independently.
    """

    architecture: Literal["byte-language-model"] = "byte-language-model"
    inner_layers: int = Field(0, ge=0)


class ByteLanguageModel(ByteTagger):
    """A causal language model over packed patches; `model` is the Hugging Face model it consists of.

    Dimensions: B sequences, C classes, N patches in all, n of them predicted, P ids a patch, D width, V vocabulary.
    """

    Config: ClassVar[type[TaggerConfig]] = ByteLanguageModelConfig
    config: ByteLanguageModelConfig
    model: modeling.ByteLMForCausalLM
    answers: Tensor

    def __init__(self, config: ByteLanguageModelConfig) -> None:
        super().__init__(config)
        sizes = config.for_transformers(inner_layers=config.inner_layers)
        self.model = modeling.ByteLMForCausalLM(sizes)
        answers_CP = torch.from_numpy(answer_patches(config.classes, sizes.patch_size)).long()
        self.register_buffer("answers", answers_CP, persistent=False)

    def encoder(self, data_config: DataConfig, *, prediction: bool = False) -> QuestionEncoder:
        """The encoder that asks for the origin of each jet; see `Tagger.encoder`."""
        return QuestionEncoder(data_config, self.config.byte_form, prediction=prediction)

    def start_from(self, saved: Tagger, where: str) -> None:
        """As `ByteTagger.start_from`; of a language model with a head like ours, the head too."""
        super().start_from(saved, where)
        if isinstance(saved, ByteLanguageModel) and saved.config.inner_layers == self.config.inner_layers:
            self.model.head.load_state_dict(saved.model.head.state_dict())

    def begin_with(self, targets_nP: Tensor, weights_n: Tensor) -> None:
        """Initialise a linear head with the frequency of each id at each place of a patch.

        Otherwise the decoder would learn that first, and all vectors would become nearly one: it then takes several
        times as many steps to learn anything else.

        Args:
            targets_nP: ids of some patches that are to be predicted.
            weights_n: how much each of them counts.
        """
        head = self.model.head
        if isinstance(head, PatchDecoder):
            return
        ids_nP = until_end(targets_nP.long())
        size, vocabulary = ids_nP.shape[1], self.model.config.vocab_size
        places_nP = (torch.arange(size) * vocabulary + ids_nP)[ids_nP != IGNORED]
        weights_nP = weights_n.double()[:, None].expand(-1, size)[ids_nP != IGNORED]
        often_X = torch.bincount(places_nP, weights_nP, size * vocabulary).unflatten(0, (size, vocabulary))
        share = often_X / often_X.sum(1, keepdim=True).clamp(min=1e-12)
        with torch.no_grad():
            head.bias.copy_((share + RARE / vocabulary).log().flatten())

    def forward(self, patches_NP: Tensor, counts_B: Tensor) -> Tensor:
        """The ln of each answer's probability behind each question, (B, C), up to the end of its words.

        With a linear head it is that of a product over the bytes, each predicted without the others; with a decoder
        within the patch each byte is predicted from those before it.

        Args:
            patches_NP: ids of packed questions with their jets.
            counts_B: patches of each, 1 at least.
        """
        last_BD = self._vectors(patches_NP, counts_B)[counts_B.cumsum(0) - 1]
        if isinstance(self.model.head, PatchDecoder):
            nats = [self._next_nats(last_BD, answer.expand(len(last_BD), -1)) for answer in self.answers]
            return -torch.stack(nats, dim=1)
        # Here the logits are the same for all answers.
        ln_BPV = self._logits(last_BD, self.answers).float().log_softmax(-1)
        ln_BCP = ln_BPV[:, torch.arange(ln_BPV.shape[1], device=ln_BPV.device), self.answers]
        return ln_BCP.masked_fill(until_end(self.answers) == IGNORED, 0).sum(-1)

    def language_loss(
        self, patches_NP: Tensor, counts_B: Tensor, predicted_N: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """How badly the next patches of each sequence are predicted: the sum of cross entropies, and of how many ids.

        What follows EOS does not count.

        Args:
            patches_NP: ids of packed sequences.
            counts_B: patches of each, 1 at least.
            predicted_N: which patches count; never the first of a sequence, before which there is nothing. None
                takes all others.

        Returns:
            Nats and ids, of shape (B,) each.
        """
        vectors_ND = self._vectors(patches_NP, counts_B)
        counting_N = (
            patches_NP.new_ones(len(patches_NP), dtype=torch.bool) if predicted_N is None else predicted_N
        )
        counting_N = counting_N.index_fill(0, counts_B.cumsum(0) - counts_B, False)
        where_n = counting_N.nonzero()[:, 0]
        targets_nP = patches_NP[where_n].long()
        nats_n = self._next_nats(vectors_ND[where_n - 1], targets_nP)
        sequence_n = torch.repeat_interleave(counts_B)[where_n]
        ids_n = (until_end(targets_nP) != IGNORED).sum(1)
        return (
            nats_n.new_zeros(len(counts_B)).index_add(0, sequence_n, nats_n),
            ids_n.new_zeros(len(counts_B)).index_add(0, sequence_n, ids_n),
        )

    def _vectors(self, patches_NP: Tensor, counts_B: Tensor) -> Tensor:
        """The decoder's vector of each patch, (N, D)."""
        layout = sort(patches_NP, counts_B)
        vectors = [hidden_ND for _, hidden_ND in decode(self.model.model, patches_NP, layout)]
        return torch.cat(vectors)[layout.rows.argsort()]

    def _next_nats(self, before_nD: Tensor, targets_nP: Tensor) -> Tensor:
        """-ln of the probability of each patch up to its EOS, (n,), from the vector of the patch before."""
        size = PATCHES_GPU if before_nD.is_cuda else PATCHES_CPU
        nats = []
        for vectors, targets in zip(before_nD.split(size), targets_nP.split(size), strict=True):
            logits = self._logits(vectors, targets).float()
            each = F.cross_entropy(
                logits.flatten(0, 1), until_end(targets).flatten(), ignore_index=IGNORED, reduction="none"
            )
            nats.append(each.unflatten(0, targets.shape).sum(1))
        return torch.cat(nats) if nats else before_nD.new_zeros(0)

    def _logits(self, vectors_nD: Tensor, targets_nP: Tensor) -> Tensor:
        """Logits (n, P, V) of the ids behind each vector; a decoder within the patch is given those before."""
        if isinstance(self.model.head, PatchDecoder):
            logits: Tensor = self.model.head(vectors_nD[:, None], targets_nP[:, None])[:, 0]
        else:
            logits = self.model.head(vectors_nD).unflatten(-1, (targets_nP.shape[1], -1))
        return logits


def until_end(targets_nP: Tensor) -> Tensor:
    """The ids (n, P) with `IGNORED` behind EOS."""
    ends = targets_nP == int(Mark.EOS)
    return targets_nP.masked_fill(ends.cumsum(1) > ends.long(), IGNORED)
