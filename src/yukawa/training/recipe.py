"""A training recipe: which base, which text and how, typed and strict, from YAML and `key=value`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from yukawa.core.config import (
    Count,
    Natural,
    NotNegative,
    Positive,
    Section,
    Table,
    change,
    checked,
    find_recipe,
    merged,
    read_on_base,
)
from yukawa.core.errors import InputError

Share = Annotated[float, Field(ge=0, lt=1)]
MIXTURE = "{mixture}"


class ModelRecipe(Section):
    """The base.

    Attributes:
        base: folder of a model, its name on the hub, or `generated:tiny` or `generated:small` for a generated Llama.
        dtype: of its weights; None is fp32 where all of them are trained, else bf16.
    """

    base: str
    dtype: Literal["bf16", "fp32"] | None = None


class DataRecipe(Section):
    """The text.

    Attributes:
        path: a data set's folder or a file of rows; `{mixture}` in it stands for the recipe's mixture; `generated:pdg` is
            text made from the PDG's data.
        validation: a file of rows to validate on, if not the split `validation` of `path`.
        kind: of the rows; None is what the kind of training needs.
        template: how conversations are written: a shipped chat template or a Jinja file; None is that of the base.
    """

    path: str
    validation: str | None = None
    kind: Literal["document", "conversation", "preference"] | None = None
    template: str | None = None


class AdapterRecipe(Section):
    """What is trained.

    Attributes:
        kind: low-rank matrices beside the weights, the same beside weights in 4 bits, or all weights.
        targets: which projections get an adapter: those of the attention's queries, keys and values, or all of a layer.
        rank: of the matrices.
        alpha: their product counts alpha / rank times.
        dropout: share of its inputs that an adapter does not see.
    """

    kind: Literal["lora", "qlora", "full"] = "lora"
    targets: Literal["qkv", "all"] = "all"
    rank: Count = 8
    alpha: Positive = 32.0
    dropout: Share = 0.0


class TrainingRecipe(Section):
    """How to train.

    Attributes:
        kind: continued pre-training, supervised on conversations, or direct preference optimisation.
        epochs: length of the training in passes over the data; or
        steps: its length in steps. Exactly one of the two is given.
        batch: sequences in a step, over all processes together.
        accumulation: forward passes into which a process divides its share of a step.
        length: of a sequence in tokens; longer text is divided (pretrain) or cut, counted and told.
        packing: several texts share a sequence, without seeing each other.
        learning_rate: the highest.
        final_learning_rate: the last one of a schedule that falls.
        schedule: how the learning rate goes from the one to the other.
        warmup: steps in which it rises to the highest; below 1, their share of all steps.
        optimiser: AdamW, or AdamW with moments of 8 bits.
        betas, eps, weight_decay: of the optimiser.
        clip: longest gradient; longer ones are shortened to it. None leaves them.
        beta: of preference training: how much a move away from the base costs.
        precision: of the arithmetic.
        tf32: whether fp32 products may be made in TensorFloat-32.
        gradient_checkpointing: activations are computed twice and not kept.
        distributed: how processes share the work; `none` and `ddp` keep the whole model in each.
        offload: weights and optimiser state lie in the memory of the processor (fsdp2 and deepspeed).
        device: where it must run; `auto` takes a GPU if there is one.
        seed: of new weights, of the order of the data and of dropout.
        evaluate_every, checkpoint_every: steps between two; None is once an epoch.
        checkpoints_kept: how many of the last checkpoints stay.
        log_every: steps between two lines of figures.
        threads: processor threads; None leaves it to PyTorch.
    """

    kind: Literal["pretrain", "sft", "preference"] = "pretrain"
    epochs: Count | None = None
    steps: Count | None = None
    batch: Count = 16
    accumulation: Count = 1
    length: Count = 1024
    packing: bool = True
    learning_rate: Positive = 2e-4
    final_learning_rate: NotNegative = 0.0
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    warmup: NotNegative = 0.03
    optimiser: Literal["adamw", "adamw-8bit"] = "adamw"
    betas: tuple[Share, Share] = (0.9, 0.999)
    eps: Positive = 1e-8
    weight_decay: NotNegative = 0.0
    clip: Positive | None = 1.0
    beta: Positive = 0.1
    precision: Literal["bf16", "fp32"] = "bf16"
    tf32: bool = False
    gradient_checkpointing: bool = False
    distributed: Literal["none", "ddp", "fsdp2", "deepspeed-zero2", "deepspeed-zero3"] = "none"
    offload: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    seed: Natural = 0
    evaluate_every: Count | None = None
    checkpoint_every: Count | None = None
    checkpoints_kept: Count = 2
    log_every: Count = 10
    threads: Count | None = None

    @model_validator(mode="before")
    @classmethod
    def _betas_of_a_list(cls, values: Any) -> Any:
        if isinstance(values, Mapping) and isinstance(values.get("betas"), list):
            return {**values, "betas": tuple(values["betas"])}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> TrainingRecipe:
        if (self.epochs is None) == (self.steps is None):
            other = "training.steps=null, or training.epochs=null" if self.steps else "training.epochs=N"
            raise ValueError(f"give either epochs or steps (type: {other})")
        if self.final_learning_rate > self.learning_rate:
            raise ValueError("final_learning_rate is above learning_rate")
        if self.warmup >= 1 and self.warmup != int(self.warmup):
            raise ValueError("warmup is a whole number of steps, or a share of them below 1")
        if self.offload and self.distributed in ("none", "ddp"):
            raise ValueError("offload needs distributed: fsdp2, deepspeed-zero2 or deepspeed-zero3")
        return self


_KINDS = {"pretrain": "document", "sft": "conversation", "preference": "preference"}


class Recipe(Section):
    """A whole recipe; `mixture` is what `{mixture}` in `data.path` stands for."""

    mixture: str | None = None
    model: ModelRecipe
    data: DataRecipe
    adapter: AdapterRecipe = AdapterRecipe()
    training: TrainingRecipe

    @model_validator(mode="before")
    @classmethod
    def _named_mixture(cls, values: Any) -> Any:
        # YAML reads a mixture called 1 as a number.
        if isinstance(values, Mapping) and isinstance(values.get("mixture"), int):
            return {**values, "mixture": str(values["mixture"])}
        return values

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
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
        """Of the base's weights."""
        return self.model.dtype or ("fp32" if self.adapter.kind == "full" else "bf16")

    def place(self, path: str) -> str:
        """A path of `data`, with the mixture's name in it."""
        return path.replace(MIXTURE, self.mixture or "")


def load_recipe(path: str | Path, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    A recipe may begin with `base: smoke` (a shipped name, or a path from its folder): it then says only what differs.

    Args:
        path: a YAML file, or the name of a shipped recipe.
        changes: `section.key=value`, the value in YAML; they win over the file. `lora.` is another name of `adapter.`.

    Raises:
        InputError: the file cannot be read, a key is unknown (the nearest one is named), a value has the wrong
            type, or a change is not of that form.
    """
    return parse_recipe(changed(read_recipe(path), changes), str(path))


def changed(values: Table, changes: Sequence[str]) -> Table:
    """The values of a recipe with `key=value` put over them."""
    for one in changes:
        values = merged(values, change("adapter." + one[5:] if one.startswith("lora.") else one))
    return values


def parse_recipe(values: Mapping[str, Any], where: str = "the recipe") -> Recipe:
    """The recipe of plain values; `where` begins the message if they are wrong.

    Raises:
        InputError: as for `load_recipe`.
    """
    if "over" in values:
        raise InputError(f"{where} is a sweep of several recipes, one is expected here")
    return checked(Recipe, values, where, missing="type: {}=VALUE")


def read_recipe(path: str | Path) -> Table:
    """The values of a recipe on top of those of its base, unchecked."""
    return read_on_base(find_recipe(path, "text"), lambda file, base: find_recipe(base, "text", file), merged)
