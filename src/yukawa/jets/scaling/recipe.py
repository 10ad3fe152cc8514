"""The recipe of a scaling study: which models, on how many jets, how long, with which seeds."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from yukawa.core import yaml_files
from yukawa.core.errors import InputError
from yukawa.core.validation import Count, Natural, Section, checked
from yukawa.jets.training.recipe import JetRecipe

Mode = Literal["epochs", "steps"]
# Names become parts of folders' names and of KEY=VALUE, where a dot divides.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*")


def _different(values: list[int]) -> list[int]:
    if len(set(values)) < len(values):
        raise ValueError("each may be named once")
    return values


class StudyJets(Section):
    """The jets that all models see.

    Attributes:
        path: a data set's folder, or a file or pattern of files with the training jets.
        validation: where the validation jets are, if not in the split `validation` of `path`.
        test: where the test jets are, if not in the split `test` of `path`.
        validation_jets: validate on this many jets only; None leaves the number to each model's recipe.
    """

    path: str
    validation: str | None = None
    test: str | None = None
    validation_jets: Count | None = None


class Lengths(Section):
    """How long to train; with both, each model is trained on each number of jets twice.

    Attributes:
        epochs: this many passes over the training jets, however few: few jets get few steps.
        steps: this many steps, however many jets: few jets are seen more often.
    """

    epochs: Count | None = None
    steps: Count | None = None

    @model_validator(mode="after")
    def _some_length(self) -> Self:
        if self.epochs is None and self.steps is None:
            raise ValueError("give epochs, steps or both")
        return self


class StudySettings(Section):
    """A study without its models.

    Attributes:
        data: the jets.
        sizes: numbers of training jets; those of one seed are nested, the smaller in the larger.
        seeds: of the draw of the jets, the first weights and everything else in a training.
        lengths: of the trainings.
        validations: how often each training is validated, whatever its length, so that the best weights of all are
            chosen among equally many.
    """

    data: StudyJets
    sizes: Annotated[list[Count], Field(min_length=1), AfterValidator(_different)]
    seeds: Annotated[list[Natural], Field(min_length=1), AfterValidator(_different)]
    lengths: Lengths
    validations: Count = 30


class Study(StudySettings):
    """A whole study; `models` has the training recipe of each model by its name."""

    models: dict[str, JetRecipe]

    @property
    def threads(self) -> int:
        """Processor threads of the largest training, where recipes say them."""
        return max(recipe.training.threads or 1 for recipe in self.models.values())

    def cells(self) -> Iterator["Cell"]:
        """All trainings: small ones first, so that there is soon something to see."""
        modes: tuple[Mode, ...] = ("epochs", "steps")
        for jets in sorted(self.sizes):
            for mode in modes:
                length = getattr(self.lengths, mode)
                if length is not None:
                    for model, recipe in self.models.items():
                        for seed in self.seeds:
                            yield Cell(
                                model, mode, jets, seed, self._recipe(recipe, mode, length, jets, seed)
                            )

    def _recipe(self, recipe: JetRecipe, mode: Mode, length: int, jets: int, seed: int) -> JetRecipe:
        """The recipe of one training: a model's, with the jets, length, seed and validations of the study."""
        data, changes = recipe.data, {"train_jets": jets}
        # A stream that fits into its own buffer is read from the files again in each pass for nothing.
        if data.validation_jets is not None and max(jets, data.validation_jets) <= data.buffer:
            changes["loading"] = "in-memory"  # type: ignore[assignment]
        steps = length if mode == "steps" else length * -(-jets // recipe.training.batch)
        training = _length(mode, length) | {"seed": seed, "evaluate_every": -(-steps // self.validations)}
        return recipe.model_copy(
            update={
                "data": data.model_copy(update=changes),
                "training": recipe.training.model_copy(update=training),
            }
        )


@dataclass(frozen=True)
class Cell:
    """One training of a study.

    Attributes:
        model: its name in the study.
        mode: whether epochs or steps are fixed.
        jets: number of training jets.
        seed: of the training.
        recipe: of the training.
    """

    model: str
    mode: Mode
    jets: int
    seed: int
    recipe: JetRecipe

    @property
    def name(self) -> str:
        """Name of the folder of its run."""
        return f"{self.model}-{self.mode}-{self.jets}-{self.seed}"

    @property
    def steps(self) -> int:
        """How many steps it takes, if the model's data config selects all jets."""
        training = self.recipe.training
        return training.steps or (training.epochs or 1) * -(-self.jets // training.batch)


def load_study(path: str | Path, changes: Sequence[str] = (), *, incomplete: bool = False) -> Study:
    """Read a study.

    A model is a training recipe (a shipped name, or a path from the study's folder), or a table of such a recipe's
    sections, which may begin with `base: RECIPE`; one that is null is omitted. The study decides on the jets, the length, the seed and the
    validations of each training and replaces what a model's recipe says of these.

    Args:
        path: a YAML file, or the name of a shipped study.
        changes: lines `key=value`, the value in YAML, such as `models.particle-net.training.batch=256`.
        incomplete: accept one that does not name its jets, for a dry run, which says so.

    Raises:
        InputError: a file cannot be read, a key is unknown (the nearest one is named), a value has the wrong type,
            or a change is not of that form.
    """
    path = yaml_files.find_recipe(path, "scaling")
    values = yaml_files.read_table(path)
    values["models"] = _models(values, path)
    for one in changes:
        values = yaml_files.merged(values, yaml_files.change(one))
        values["models"] = _models(values, path)
    if incomplete:
        values = JetRecipe.with_missing(values)
    models = values.pop("models")
    settings = checked(StudySettings, values, path)
    recipes = {name: _recipe(settings, name, table, path) for name, table in models.items()}
    return Study(**dict(settings), models=recipes)


def _models(values: yaml_files.Table, path: Path) -> dict[str, yaml_files.Table]:
    """The table of each model; a file's name becomes its base."""
    models = values.get("models")
    models = models if isinstance(models, Mapping) else {}
    models = {name: given for name, given in models.items() if given is not None}
    if not models:
        raise InputError(f"{path}: models: a table of training recipes is expected", hint="write NAME: FILE")
    for name, given in models.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputError(
                f"{path}: models: {name!r} cannot name a model", hint="use letters, digits, '-', '_', '+'"
            )
        if not isinstance(given, (str, Mapping)):
            raise InputError(f"{path}: models.{name}: a training recipe or the name of its file is expected")
    return {name: {"base": given} if isinstance(given, str) else given for name, given in models.items()}


def _recipe(settings: StudySettings, name: str, table: yaml_files.Table, path: Path) -> JetRecipe:
    """The recipe of one model, with the jets and the length that the study decides on."""
    changes, values = dict(table), {}
    base = changes.pop("base", None)
    if base is not None:
        if not isinstance(base, str):
            raise InputError(f"{path}: models.{name}.base: the name of a recipe is expected, not {base!r}")
        values = JetRecipe.read(base, path)
    mode: Mode = "steps" if settings.lengths.epochs is None else "epochs"
    decided: dict[str, Any] = {
        "data": settings.data.model_dump(include={"path", "validation"}),
        "training": _length(mode, getattr(settings.lengths, mode)),
    }
    if settings.data.validation_jets is not None:
        decided["data"]["validation_jets"] = settings.data.validation_jets
    values = JetRecipe.put_over(JetRecipe.put_over(values, changes), decided)
    return JetRecipe.parse(values, f"{path}: models.{name}")


def _length(mode: Mode, length: int) -> dict[str, int | None]:
    """The settings that a study decides on, whatever a recipe says; an epoch is one pass over the cell's jets."""
    unset = dict.fromkeys(("epochs", "steps", "jets_per_epoch", "evaluate_every"))
    return {**unset, mode: length, "seed": 0}
