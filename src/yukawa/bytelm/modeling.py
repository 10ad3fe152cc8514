"""Byte models as Hugging Face model classes: a Llama decoder over patches, and heads for bytes, classes and values."""

import math
import re
from collections.abc import Sequence
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional
from transformers import initialization as init
from transformers import modeling_outputs as outputs
from transformers.cache_utils import Cache
from transformers.generation import GenerationMixin
from transformers.modeling_utils import PreTrainedModel
from transformers.utils import can_return_tuple

from yukawa.bytelm import patches
from yukawa.bytelm.configuration import SIZES, ByteLMConfig
from yukawa.bytelm.patches import Generating, PackedGroup, PatchDecoder, as_patches, patch_mask
from yukawa.bytelm.segments import BYTES
from yukawa.core.errors import InputError

BYTE_RMS = 0.5  # of the first embeddings of bytes
HEADS = r"^(head|score)\."  # names of the weights that differ between what models are for
IGNORED = -100  # a target that does not count, as everywhere in PyTorch


class ByteLMPreTrainedModel(PreTrainedModel):
    """The base of all byte models: configuration, first weights, saving and loading."""

    config: ByteLMConfig
    config_class = ByteLMConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    # The losses are means over what is in the batch: transformers' Trainer shall divide them when it accumulates.
    accepts_loss_kwargs = False
    _no_split_modules = ("LlamaDecoderLayer",)
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    # Another model's head is left behind without a word; that a head begins anew is still reported.
    _keys_to_ignore_on_load_unexpected = (HEADS,)

    @classmethod
    def from_pretrained(cls, path: Any, *inputs: Any, **options: Any) -> Any:
        """Load a saved model, as everywhere in transformers; a head that the checkpoint lacks is initialised.

        Raises:
            InputError: the checkpoint is with a patch size, a vocabulary or another size that differs from the configuration.
        """
        if options.get("ignore_mismatched_sizes"):
            return super().from_pretrained(path, *inputs, **options)
        with_info = options.pop("output_loading_info", False)
        # transformers would answer other sizes with a table and a RuntimeError, or with new weights.
        options |= {"ignore_mismatched_sizes": True, "output_loading_info": True}
        model, info = super().from_pretrained(path, *inputs, **options)
        wrong = [
            f"{name} has the shape {list(came)}, {list(expected)} is expected"
            for name, came, expected in sorted(info["mismatched_keys"])
        ]
        for state in ("missing", "unexpected"):
            names = sorted(name for name in info[f"{state}_keys"] if not re.search(HEADS, name))
            wrong += [f"{name} is {state}" for name in names]
        if wrong:
            reason = _other_sizes(model.config, path) or wrong[0]
            raise InputError(
                f"the weights at {path} do not fit the model that was requested: {reason}",
                hint="load them with the sizes they were saved with",
            )
        return (model, info) if with_info else model

    def resize_token_embeddings(self, *_: Any, **__: Any) -> nn.Module:
        """Refuse to resize: the ids of a byte model are fixed.

        Raises:
            InputError: always.
        """
        raise InputError(f"the vocabulary of a byte model is fixed, it has {self.config.vocab_size} ids")


def _other_sizes(asked: ByteLMConfig, path: Any) -> str:
    """In which sizes the configuration of a checkpoint differs, as far as it can be read."""
    try:
        saved, _ = type(asked).get_config_dict(path)
    except (OSError, ValueError):
        return ""
    return "; ".join(
        f"{name} is {saved[name]}, {getattr(asked, name)} is expected"
        for name in SIZES
        if name in saved and saved[name] != getattr(asked, name)
    )


class ByteLMModel(ByteLMPreTrainedModel):
    """Turns patches into one vector each. Dimensions: B sequences, L bytes, T patches, P bytes per patch, D width."""

    def __init__(self, config: ByteLMConfig) -> None:
        super().__init__(config)
        self.embedding = patches.PatchEmbedding(config)
        self.decoder = transformers.LlamaModel(config.over_patches())
        self.decoder.embed_tokens = None  # it is given embeddings
        if self.decoder.config._attn_implementation == "sdpa":
            self.decoder.config._attn_implementation = patches.PACKED_ATTENTION
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        """First weights with which a patch's vector has a size near 1, whatever the sizes of the layers.

        With the decoder's own small weights two layers deep it would all but vanish, and learn only slowly.
        """
        # transformers comes here for modules with weights of their own alone, never for the whole embedding.
        super()._init_weights(module)
        if module is self.embedding.bytes:
            first = BYTE_RMS * torch.randn_like(module.weight)
            if self.config.smooth_bytes:
                first[:BYTES] = patches.smooth_rows(first.shape[1], BYTE_RMS).to(first)
            init.copy_(module.weight, first)
        elif isinstance(module, nn.Linear):  # those of the embedding; the decoder has its own first weights
            init.kaiming_normal_(module.weight, nonlinearity="relu")

    def get_input_embeddings(self) -> nn.Module:
        """The embedding of bytes."""
        return self.embedding.bytes

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Replace the embedding of bytes."""
        self.embedding.bytes = value

    def decode(
        self,
        vectors_BTD: Tensor,
        mask_BT: Tensor | None = None,
        cache: Cache | None = None,
        use_cache: bool = False,
        **options: Any,
    ) -> outputs.BaseModelOutputWithPast:
        """Run the decoder on patch vectors (B, T, D), with a mask (B, T) of the patches before and among them.

        Where sequences are padded on the right only, or not at all, the mask may be omitted: attention is causal,
        nothing looks at what comes after it.
        """
        positions = None
        if mask_BT is not None:
            if bool((mask_BT[:, 1:] <= mask_BT[:, :-1]).all()):
                mask_BT = None
            else:
                positions = (mask_BT.long().cumsum(1) - 1).clamp(min=0)[:, -vectors_BTD.shape[1] :]
        output: outputs.BaseModelOutputWithPast = self.decoder(
            inputs_embeds=vectors_BTD,
            attention_mask=mask_BT,
            position_ids=positions,
            cache=cache,
            use_cache=use_cache,
            **options,
        )
        return output

    def decode_packed(self, vectors_ND: Tensor, places_N: Tensor, groups: Sequence[PackedGroup]) -> Tensor:
        """The decoder over the patch vectors of packed sequences, (N, D), as `decode` gives it for each alone.

        Args:
            vectors_ND: the rows of all groups, one after another.
            places_N: the number of each row within its sequence.
            groups: sequences of nearly one length; only attention needs to know of them.
        """
        if self.decoder.config._attn_implementation != patches.PACKED_ATTENTION:
            each = vectors_ND.split([group.rows for group in groups])
            return torch.cat([
                group.unpad(self.decode(group.padded(rows)).last_hidden_state)
                for rows, group in zip(each, groups, strict=True)
            ])  # fmt: skip
        output = self.decoder(
            inputs_embeds=vectors_ND[None],
            position_ids=places_N[None],
            attention_mask=vectors_ND.new_empty(1, 1, 1, 1),  # so that none is made; the groups replace it
            groups=groups,
            use_cache=False,
        )
        hidden_ND: Tensor = output.last_hidden_state[0]
        return hidden_ND

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        cache: Cache | None = None,
        use_cache: bool | None = None,
        **options: Any,
    ) -> outputs.BaseModelOutputWithPast:
        """Vectors (B, T, D) of the patches.

        Args:
            input_ids: ids (B, L), L a multiple of P.
            attention_mask: 1 where there is a byte, (B, L), or a patch, (B, T); None takes all patches but those
                of nothing but padding.
            cache: keys and values of the patches before these; the mask then holds those patches too.
            use_cache: give keys and values back.
            options: what transformers' decoders take, such as `output_hidden_states`.

        Raises:
            InputError: the shape or type of an input is wrong, an id is not in the vocabulary, or there are more
                patches than the model takes.
        """
        patches_BTP = as_patches(input_ids, self.config.patch_size)
        before = _length(cache)
        longest = self.config.max_position_embeddings
        if before + patches_BTP.shape[1] > longest:
            raise InputError(
                f"a sequence of {before + patches_BTP.shape[1]} patches is longer than the {longest} that the model "
                "takes",
                hint="shorten it, or cut it into windows",
            )
        mask_BT = patch_mask(patches_BTP, attention_mask, before)
        # PEFT passes all arguments that models may have, as None.
        given = {name: value for name, value in options.items() if value is not None}
        return self.decode(self.embedding(patches_BTP), mask_BT, cache, bool(use_cache), **given)


class ByteLMForCausalLM(Generating, ByteLMPreTrainedModel, GenerationMixin):
    """Predicts the next patch: a linear head to P times the vocabulary, or a decoder within the patch."""

    def __init__(self, config: ByteLMConfig) -> None:
        super().__init__(config)
        self.model = ByteLMModel(config)
        self.head: nn.Module
        if config.inner_layers:
            self.head = PatchDecoder(config)
        else:
            self.head = nn.Linear(config.hidden_size, config.patch_size * config.vocab_size)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(self.head, PatchDecoder):
            # As in the embedding: a patch's part and the byte before shall weigh alike.
            if module is self.head.bytes:
                init.normal_(module.weight, std=BYTE_RMS)
            elif module is self.head.spread:
                init.normal_(module.weight, std=BYTE_RMS / math.sqrt(self.config.hidden_size))

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        cache: Cache | None = None,
        use_cache: bool | None = None,
        **options: Any,
    ) -> outputs.CausalLMOutputWithPast:
        """Logits (B, T, P, V): row t says what the bytes of patch t + 1 are.

        A decoder within the patch knows, for each byte, those before it in its patch; as nothing comes after the
        last patch, of its row only the first byte's logits have a meaning.

        See `ByteLMModel.forward` for the other arguments.

        Args:
            labels: ids (B, L), usually the input itself; -100 where a byte does not count. They are moved by one
                patch here. Patches that are all padding do not count, nor what follows a patch that is masked.

        Raises:
            InputError: as for `ByteLMModel.forward`, or labels have another shape than ids, or are not ids.
        """
        before = _length(cache)
        output = self.model(input_ids, attention_mask, cache, use_cache, return_dict=True, **options)
        patches_BTP = as_patches(input_ids, self.config.patch_size)
        logits_BTPV = self.logits(output.last_hidden_state, patches_BTP)
        loss = None
        if labels is not None:
            mask_BT = patch_mask(patches_BTP, attention_mask, before)[:, before:]
            loss = self._loss(logits_BTPV, mask_BT, labels)
        return outputs.CausalLMOutputWithPast(
            loss=loss,
            logits=logits_BTPV,
            past_key_values=output.past_key_values,
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )

    def logits(self, vectors_BTD: Tensor, patches_BTP: Tensor) -> Tensor:
        """Logits (B, T, P, V) of what follows each patch."""
        if isinstance(self.head, PatchDecoder):
            following = functional.pad(patches_BTP[:, 1:], (0, 0, 0, 1), value=self.config.pad_token_id)
            logits: Tensor = self.head(vectors_BTD, following)
        else:
            logits = self.head(vectors_BTD).unflatten(-1, (self.config.patch_size, self.config.vocab_size))
        return logits

    def _loss(self, logits_BTPV: Tensor, mask_BT: Tensor, labels_BL: Tensor) -> Tensor:
        batch, length = mask_BT.shape
        patches.check_whole("labels", labels_BL, [batch, length * self.config.patch_size])
        targets_BTP = as_patches(labels_BL, self.config.patch_size)
        empty = (targets_BTP == self.config.pad_token_id).all(-1)[:, 1:] | ~mask_BT[:, :-1]
        return next_patch_loss(logits_BTPV[:, :-1], targets_BTP[:, 1:].masked_fill(empty[..., None], IGNORED))


class _Headed(ByteLMPreTrainedModel):
    """A linear head over what sums up a sequence."""

    def __init__(self, config: ByteLMConfig) -> None:
        super().__init__(config)
        self.model = ByteLMModel(config)
        self.score = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **options: Any,
    ) -> outputs.SequenceClassifierOutputWithPast:
        """One row of `num_labels` numbers for each sequence, and the loss where there are labels.

        The ids and their mask are as for `ByteLMModel.forward`, the labels as the class says.

        Raises:
            InputError: as for `ByteLMModel.forward`; a sequence is empty; or labels are out of range.
        """
        output = self.model(input_ids, attention_mask, return_dict=True, **options)
        mask_BT = patch_mask(as_patches(input_ids, self.config.patch_size), attention_mask)
        if not bool(mask_BT.any(1).all()):
            raise InputError("a sequence holds nothing but padding")
        scores_BC = self.score(pool(output.last_hidden_state, mask_BT, self.config.pooling))
        return outputs.SequenceClassifierOutputWithPast(
            loss=None if labels is None else self._loss(scores_BC, labels),
            logits=scores_BC,
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )

    def _loss(self, scores_BC: Tensor, labels: Tensor) -> Tensor:
        raise NotImplementedError


class ByteLMForSequenceClassification(_Headed):
    """A logit for each of `num_labels` classes; labels (B,) are their numbers, the loss is cross entropy."""

    def _loss(self, scores_BC: Tensor, labels: Tensor) -> Tensor:
        sequences, classes = scores_BC.shape
        patches.check_whole("labels", labels, [sequences])
        patches.check_range(labels, classes, "a label is {}, allowed are 0 to {}")
        return functional.cross_entropy(scores_BC.float(), labels.long())


class ByteLMForRegression(_Headed):
    """`num_labels` values; labels (B,) or (B, num_labels) are numbers, the loss is the mean square error."""

    def _loss(self, scores_BC: Tensor, labels: Tensor) -> Tensor:
        if not isinstance(labels, Tensor):
            raise InputError(f"labels came as {type(labels).__name__}, a tensor of numbers is expected")
        targets = labels[:, None] if labels.ndim == 1 else labels
        if targets.shape != scores_BC.shape:
            raise InputError(
                f"labels have the shape {list(labels.shape)}, {list(scores_BC.shape)} is expected"
            )
        if not bool(torch.isfinite(targets).all()):
            raise InputError("a label is not finite")
        return functional.mse_loss(scores_BC.float(), targets.float())


def pool(vectors_BTD: Tensor, mask_BT: Tensor, pooling: str) -> Tensor:
    """The summary of each sequence, (B, D): the mean over its patches, or the last of them; it has at least one."""
    if pooling == "mean":
        weight_BT = mask_BT.float()  # a sum of many patches is too much for half precision
        mean_BD = torch.einsum("btd,bt->bd", vectors_BTD.float(), weight_BT) / weight_BT.sum(1, keepdim=True)
        return mean_BD.to(vectors_BTD.dtype)
    last = mask_BT.shape[1] - 1 - mask_BT.flip(1).int().argmax(1)
    return vectors_BTD[torch.arange(len(last), device=last.device), last]


def _length(cache: Cache | None) -> int:
    """How many patches a cache of keys and values holds."""
    return 0 if cache is None else int(cache.get_seq_length())


def next_patch_loss(logits_XPV: Tensor, targets_XP: Tensor) -> Tensor:
    """The mean of -ln(probability of the true byte) over all bytes that count, a scalar in nats.

    Raises:
        InputError: no byte counts, or a target is not an id.
    """
    vocabulary = logits_XPV.shape[-1]
    counts = targets_XP != IGNORED
    if not bool(counts.any()):
        raise InputError("nothing is left to predict: the sequences have one patch, or all labels are -100")
    said = "the label {} is not an id, allowed are 0 to {}, and -100 for none"
    patches.check_range(targets_XP[counts], vocabulary, said)
    return functional.cross_entropy(
        logits_XPV.reshape(-1, vocabulary).float(), targets_XP.reshape(-1), ignore_index=IGNORED
    )


transformers.AutoConfig.register(ByteLMConfig.model_type, ByteLMConfig, exist_ok=True)
transformers.AutoModel.register(ByteLMConfig, ByteLMModel, exist_ok=True)
transformers.AutoModelForCausalLM.register(ByteLMConfig, ByteLMForCausalLM, exist_ok=True)
transformers.AutoModelForSequenceClassification.register(
    ByteLMConfig, ByteLMForSequenceClassification, exist_ok=True
)
