"""A recipe says what a run does: typed and strict, read from YAML, changed by `key=value`, found again in the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BeforeValidator, Field, model_validator

from yukawa.core import yaml_files
from yukawa.core.errors import InputError
from yukawa.core.validation import Count, Natural, NotNegative, Positive, Section, checked
from yukawa.runs.run import RECIPE, Run

OVER = "over"  # the table that makes a sweep of a recipe
MISSING = "(missing)"  # in a dry run, a path that the recipe lacks
Fraction = Annotated[float, Field(ge=0, lt=1)]
T = TypeVar("T")
Schedule = Literal["flat-then-decay", "cosine", "linear", "constant"]
Precision = Literal["auto", "fp32", "bf16", "fp16"]


def _names(value: object) -> object:
    """A list of names may be written as one text, such as `tensorboard, wandb` or `none`."""
    if isinstance(value, str):
        return [name for name in value.replace(",", " ").split() if name != "none"]
    return value


class RunSettings(Section):
    """How any model is trained; each kind of training adds its own settings.

    Attributes:
        epochs: length of the training in passes over the data; or
        steps: its length in steps. Exactly one of the two is given.
        batch: examples (sequences or jets) in a step, over all processes together.
        learning_rate: the highest one.
        final_learning_rate: the last one of `cosine` and `linear`; `flat-then-decay` ends at 1 % of the highest.
        schedule: how the learning rate falls, see `yukawa.runs.schedule`.
        warmup: steps in which the learning rate rises to the highest; below 1, their share of all steps.
        weight_decay: share of the weights, times the learning rate, that each step takes off.
        clip: longest gradient; longer ones are shortened to it. None leaves them.
        precision: of the arithmetic; trained weights keep their own type. `auto` is bf16, or fp16 on a GPU without it.
        device: where the training must run; `auto` takes a GPU if there is one.
        seed: of new weights, of the order of the data and of dropout.
        evaluate_every: steps between two validations; None validates once an epoch.
        checkpoint_every: steps between two checkpoints; None writes one after each validation.
        checkpoints_kept: how many of the last checkpoints are kept.
        log_every: steps between two lines of metrics.
        report_to: trackers of experiments that transformers' Trainer knows, such as tensorboard, mlflow or wandb.
        threads: processor threads of the arithmetic; None leaves the number to PyTorch.
    """

    epochs: Count | None = None
    steps: Count | None = None
    batch: Count = 16
    learning_rate: Positive = 1e-3
    final_learning_rate: NotNegative = 0.0
    schedule: Schedule = "cosine"
    warmup: NotNegative = 0.0
    weight_decay: NotNegative = 0.0
    clip: Positive | None = None
    precision: Precision = "fp32"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    seed: Natural = 0
    evaluate_every: Count | None = None
    checkpoint_every: Count | None = None
    checkpoints_kept: Count = 2
    log_every: Count = 10
    report_to: Annotated[list[str], BeforeValidator(_names)] = Field(default_factory=list)
    threads: Count | None = None

    @model_validator(mode="after")
    def _one_length_and_a_falling_rate(self) -> Self:
        if (self.epochs is None) == (self.steps is None):
            other = "training.steps=null, or training.epochs=null" if self.steps else "training.epochs=N"
            raise ValueError(f"give either epochs or steps (type: {other})")
        if self.final_learning_rate > self.learning_rate:
            raise ValueError("final_learning_rate is above learning_rate")
        if self.warmup >= 1 and self.warmup != int(self.warmup):
            raise ValueError("warmup is a whole number of steps, or a share of them below 1")
        return self


@dataclass(frozen=True)
class Variant(Generic[T]):
    """One recipe of a sweep, and the name of its run."""

    name: str
    recipe: T


class Recipe(Section):
    """A whole recipe, in sections of settings."""

    kind: ClassVar[str] = "text"  # the folder of the shipped ones
    aliases: ClassVar[Mapping[str, str]] = {}  # other names of sections, as people type them

    @classmethod
    def put_over(cls, below: yaml_files.Table, above: yaml_files.Table) -> yaml_files.Table:
        """The values of `below` with those of `above` written over them, section by section."""
        return yaml_files.merged(below, above)

    @classmethod
    def read(cls, path: str | Path, beside: Path | None = None) -> yaml_files.Table:
        """The values of a recipe on top of those of its `base`, unchecked; `beside` as for `find_recipe`."""
        found = yaml_files.find_recipe(path, cls.kind, beside)
        return yaml_files.read_on_base(
            found, lambda file, base: yaml_files.find_recipe(base, cls.kind, file), cls.put_over
        )

    @classmethod
    def changed(cls, values: yaml_files.Table, changes: Sequence[str]) -> yaml_files.Table:
        """The values with each `section.key=value` put over them."""
        for one in changes:
            values = cls.put_over(values, yaml_files.change(cls._unaliased(one)))
        return values

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: str = "the recipe") -> Self:
        """The recipe of plain values; `where` begins the message if they are wrong.

        Raises:
            InputError: as for `load`.
        """
        if OVER in values:
            raise InputError(f"{where} is a sweep of several recipes, one is expected here")
        return checked(cls, values, where, missing="type: {}=VALUE")

    @classmethod
    def with_missing(cls, values: yaml_files.Table) -> yaml_files.Table:
        """The values, with `MISSING` for each path that they lack."""
        return values

    @classmethod
    def load(cls, path: str | Path, changes: Sequence[str] = (), *, incomplete: bool = False) -> Self:
        """Read a recipe.

        One that begins with `base: smoke` (a shipped name, or a path from its folder) says only how it differs.

        Args:
            path: a YAML file, or the name of a shipped recipe.
            changes: `section.key=value`, the value in YAML; they win over the file.
            incomplete: accept one that lacks paths, for a dry run, which lists them.

        Raises:
            InputError: the file cannot be read, a key is unknown (the nearest one is named), a value has the wrong
                type, or a change is not of that form.
        """
        values = cls.changed(cls.read(path), changes)
        return cls.parse(cls.with_missing(values) if incomplete else values, str(path))

    @classmethod
    def of_run(cls, folder: Path) -> Self:
        """The recipe of a run, as resolved.

        Raises:
            NotFound: there is no run in `folder`.
            InputError: its recipe is of another kind.
        """
        return cls.parse(Run.open(folder).recipe, str(Path(folder) / RECIPE))

    @classmethod
    def variants(cls, path: str | Path, changes: Sequence[str] = ()) -> list[Variant[Self]]:
        """The recipes of a file: one with an empty name, or those of a sweep.

        A sweep has a table `over` of keys with lists of values, such as `mixture: [s1, s2]`; the first key varies
        slowest.

        Args:
            changes: as for `load`; a change of a swept key leaves only its value.

        Raises:
            InputError: as for `load`, or `over` is not such a table.
        """
        values = cls.read(path)
        if OVER not in values:
            return [Variant("", cls.parse(cls.changed(values, changes), str(path)))]
        over, plain = _swept(values.pop(OVER), path), []
        for one in changes:
            key = cls._unaliased(one).partition("=")[0].strip()
            if key in over:
                over[key] = [yaml_files.key_value(one)[1]]
            else:
                plain.append(one)
        variants = []
        for chosen in product(*over.values()):
            swept = [f"{key}={value}" for key, value in zip(over, chosen, strict=True)]
            recipe = cls.parse(cls.changed(values, [*plain, *swept]), str(path))
            variants.append(Variant("-".join(str(value) for value in chosen), recipe))
        return variants

    @classmethod
    def _unaliased(cls, change: str) -> str:
        section, dot, rest = change.partition(".")
        return cls.aliases.get(section, section) + dot + rest


def check_given(path: str, key: str) -> None:
    """Refuse a path that a recipe lacks.

    Raises:
        InputError: says what to type.
    """
    if path == MISSING:
        raise InputError(f"{key} is missing", hint=f"type: {key}=PATH")


class TrainingRecipe(Recipe):
    """A recipe with a section `training`."""

    if TYPE_CHECKING:  # each kind has its own, at the place where files shall show it
        training: RunSettings

    def with_precision(self, *, bf16: bool) -> Self:
        """The recipe with `auto` replaced by what a machine computes in that has bf16, or has not."""
        if self.training.precision != "auto":
            return self
        precision: Precision = "bf16" if bf16 else "fp16"
        return self.model_copy(update={"training": self.training.model_copy(update={"precision": precision})})


def _swept(over: Any, path: str | Path) -> dict[str, list[Any]]:
    table = isinstance(over, dict) and bool(over)
    if not table or not all(isinstance(values, list) and values for values in over.values()):
        raise InputError(
            f"{path}: over: keys with lists of values are expected", hint="such as mixture: [s1, s2]"
        )
    return {str(key): list(values) for key, values in over.items()}
