"""A training recipe: what to train, on which jets and how, typed and strict, from YAML and `key=value`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, model_validator

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


class DataRecipe(Section):
    """Which jets.

    Attributes:
        path: a data set's folder, or a file or pattern of files.
        validation: where the validation jets are, if not in the split `validation` of `path`.
        config: name of a built-in data config or path of one.
        loading: all jets encoded in memory, or streamed through a shuffle buffer.
        buffer: jets in the shuffle buffer of `streaming`.
        prefetch: batches made ready in the background; 0 makes each when it is asked for.
        train_jets: train on so many jets only, drawn by the seed; None takes all.
        validation_jets: validate on so many jets only; None takes all.
    """

    path: str
    validation: str | None = None
    config: str = "jet-origin"
    loading: Literal["in-memory", "streaming"] = "in-memory"
    buffer: Count = 100_000
    prefetch: Natural = 2
    train_jets: Count | None = None
    validation_jets: Count | None = None


class ModelRecipe(Section):
    """Which network: its architecture and that architecture's own sizes, which the network checks.

    Attributes:
        architecture: its name.
        start: the folder of a trained model, or of its run, whose weights are the first ones; a byte model takes
            all but the head. None draws all weights.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    architecture: str
    start: str | None = None


class TrainingRecipe(Section):
    """How to train.

    Attributes:
        epochs: length of the training in epochs; or
        steps: its length in steps. Exactly one of the two is given.
        batch: jets in a step, over all processes together.
        optimiser: `ranger` (RAdam with lookahead) or `adamw`.
        learning_rate: its first value.
        weight_decay: share of the weights, times the learning rate, taken off at each step.
        schedule: how the learning rate changes, see `schedule.py`.
        precision: of the network's arithmetic; weights stay fp32.
        seed: of the first weights, of the order of the jets and of dropout.
        jets_per_epoch: length of an epoch; None is one pass over the jets.
        evaluate_every: steps between two validations; None is once an epoch.
        checkpoint_every: steps between two checkpoints; None is after each validation.
        checkpoints_kept: how many of the last checkpoints stay.
        log_every: steps between two lines of figures.
        best_by: the validation figure by which the best weights are chosen.
        patience: stop after so many validations without a better one; None never does.
        clip: longest gradient; longer ones are shortened to it. None leaves them.
        threads: processor threads of the network's arithmetic; None leaves it to PyTorch.
    """

    epochs: Count | None = None
    steps: Count | None = None
    batch: Count = 512
    optimiser: Literal["ranger", "adamw"] = "ranger"
    learning_rate: Positive = 1e-3
    weight_decay: NotNegative = 0.0
    schedule: Literal["flat-then-decay", "cosine", "constant"] = "flat-then-decay"
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    seed: Natural = 0
    jets_per_epoch: Count | None = None
    evaluate_every: Count | None = None
    checkpoint_every: Count | None = None
    checkpoints_kept: Count = 2
    log_every: Count = 50
    best_by: Literal["accuracy", "loss"] = "accuracy"
    patience: Count | None = None
    clip: Positive | None = None
    threads: Count | None = None

    @model_validator(mode="after")
    def _one_length(self) -> TrainingRecipe:
        if (self.epochs is None) == (self.steps is None):
            raise ValueError("give either epochs or steps (the other one null)")
        return self


class Recipe(Section):
    """A whole recipe."""

    data: DataRecipe
    model: ModelRecipe
    training: TrainingRecipe


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    A recipe may begin with `base: particle-net` (a shipped name, or a path from its folder): it then says only what
    differs.

    Args:
        path: a YAML file, or the name of a shipped recipe.
        overrides: lines `section.key=value`, the value in YAML; they win over the file.

    Raises:
        InputError: the file cannot be read, a key is unknown (the nearest one is named), a value has the wrong
            type, or an override is not of that form.
    """
    values = read_recipe(path)
    for override in overrides:
        values = put_over(values, change(override))
    return parse_recipe(values, str(path))


def parse_recipe(values: Mapping[str, Any], where: str = "the recipe") -> Recipe:
    """The recipe of plain values; `where` begins the message if they are wrong.

    Raises:
        InputError: as for `load_recipe`.
    """
    return checked(Recipe, values, where, missing="type: {}=VALUE")


def read_recipe(path: str | Path, beside: Path | None = None) -> Table:
    """The values of a recipe on top of those of its base, unchecked; `beside` as for `find_recipe`."""
    found = find_recipe(path, "jets", beside)
    return read_on_base(found, lambda file, base: find_recipe(base, "jets", file), put_over)


def put_over(values: Table, changes: Table) -> Table:
    """`changes` over `values`, section by section; another architecture begins with its own sizes."""
    old, new = values.get("model"), changes.get("model")
    if (
        isinstance(old, Mapping)
        and isinstance(new, Mapping)
        and new.get("architecture", old.get("architecture")) != old.get("architecture")
    ):
        values = values | {"model": {}}
    return merged(values, changes)
