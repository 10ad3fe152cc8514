"""The byte model as a language model of jets: it is asked in words, and the likelihood of each answer is its logit."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from yukawa.bytelm.modeling import IGNORED, ByteLMForCausalLM
from yukawa.bytelm.patch_decoder import InnerDecoder
from yukawa.bytelm.vocabulary import Mark
from yukawa.jets.bytes.answers import answer_patches
from yukawa.jets.bytes.questions import QuestionEncoder
from yukawa.jets.models.byte_model import ByteSizes, ByteTagger, decode, sort
from yukawa.jets.models.interface import Tagger, TaggerConfig

if TYPE_CHECKING:
    from yukawa.jets.features.config import DataConfig

# Patches whose logits are worked out at once: on a processor they should stay in its caches.
PATCHES_CPU, PATCHES_GPU = 128, 8192
RARE = 1e-3  # share that the first weights leave to ids that were not seen


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
    model: ByteLMForCausalLM
    answers: Tensor

    def __init__(self, config: ByteLanguageModelConfig) -> None:
        super().__init__(config)
        sizes = config.for_transformers(inner_layers=config.inner_layers)
        self.model = ByteLMForCausalLM(sizes)
        answers_CP = torch.from_numpy(answer_patches(config.classes, sizes.patch_size)).long()
        self.register_buffer("answers", answers_CP, persistent=False)

    def encoder(self, data_config: DataConfig, *, prediction: bool = False) -> QuestionEncoder:
        """What asks for the origin of each jet; see `Tagger.encoder`."""
        return QuestionEncoder(data_config, self.config.byte_form, prediction=prediction)

    def start_from(self, saved: Tagger, where: str) -> None:
        """As `ByteTagger.start_from`; of a language model with a head like ours, the head too."""
        super().start_from(saved, where)
        if isinstance(saved, ByteLanguageModel) and saved.config.inner_layers == self.config.inner_layers:
            self.model.head.load_state_dict(saved.model.head.state_dict())

    def begin_with(self, targets_nP: Tensor, weights_n: Tensor) -> None:
        """Let a linear head begin with how often each id stands at each place of a patch.

        Otherwise the decoder would learn that first, and all vectors would become nearly one: it then takes several
        times as many steps to learn anything else.

        Args:
            targets_nP: ids of some patches that are to be predicted.
            weights_n: how much each of them counts.
        """
        head = self.model.head
        if isinstance(head, InnerDecoder):
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
        if isinstance(self.model.head, InnerDecoder):
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
            each = functional.cross_entropy(
                logits.flatten(0, 1), until_end(targets).flatten(), ignore_index=IGNORED, reduction="none"
            )
            nats.append(each.unflatten(0, targets.shape).sum(1))
        return torch.cat(nats) if nats else before_nD.new_zeros(0)

    def _logits(self, vectors_nD: Tensor, targets_nP: Tensor) -> Tensor:
        """Logits (n, P, V) of the ids behind each vector; a decoder within the patch is told the ones before."""
        if isinstance(self.model.head, InnerDecoder):
            logits: Tensor = self.model.head(vectors_nD[:, None], targets_nP[:, None])[:, 0]
        else:
            logits = self.model.head(vectors_nD).unflatten(-1, (targets_nP.shape[1], -1))
        return logits


def until_end(targets_nP: Tensor) -> Tensor:
    """The ids, but `IGNORED` behind EOS."""
    ends = targets_nP == int(Mark.EOS)
    return targets_nP.masked_fill(ends.cumsum(1) > ends.long(), IGNORED)
