"""A scaling study as a typed recipe: which models, on how many jets, how long, with which seeds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from yukawa.core.config import Count, Natural, StrictModel, change, checked, find_recipe, merged, read_table
from yukawa.core.errors import InputError
from yukawa.jets.training.recipe import Recipe, parse_recipe, put_over, read_recipe

Mode = Literal["epochs", "steps"]
# Names become parts of folders' names and of KEY=VALUE, where a dot divides.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*")


def _different(values: list[int]) -> list[int]:
    if len(set(values)) < len(values):
        raise ValueError("each may be named once")
    return values


class Part(StrictModel):
    """A part of a study: strict types, unknown keys refused."""

    model_config = ConfigDict(strict=True)


class StudyData(Part):
    """The jets that all models see.

    Attributes:
        path: a data set's folder, or a file or pattern of files with the training jets.
        validation: where the validation jets are, if not in the split `validation` of `path`.
        test: where the test jets are, if not in the split `test` of `path`.
        validation_jets: validate on so many jets only; None leaves it to each model's recipe.
    """

    path: str
    validation: str | None = None
    test: str | None = None
    validation_jets: Count | None = None


class Lengths(Part):
    """How long to train; with both, each model is trained on each number of jets twice.

    Attributes:
        epochs: so many passes over the training jets, however few: few jets get few steps.
        steps: so many steps, however many jets: few jets are seen more often.
    """

    epochs: Count | None = None
    steps: Count | None = None

    @model_validator(mode="after")
    def _some_length(self) -> Lengths:
        if self.epochs is None and self.steps is None:
            raise ValueError("give epochs, steps or both")
        return self


class Study(Part):
    """A whole study.

    Attributes:
        data: the jets.
        models: the training recipe of each model by its name.
        sizes: numbers of training jets; those of one seed are nested, the smaller in the larger.
        seeds: of the draw of the jets, the first weights and all else in a training.
        lengths: of the trainings.
        validations: how often each training is validated, whatever its length, so that the best weights of all are
            chosen among equally many.
    """

    data: StudyData
    models: dict[str, Recipe] = Field(min_length=1)
    sizes: Annotated[list[Count], Field(min_length=1), AfterValidator(_different)]
    seeds: Annotated[list[Natural], Field(min_length=1), AfterValidator(_different)]
    lengths: Lengths
    validations: Count = 30

    @property
    def threads(self) -> int:
        """Processor threads of the largest training, where recipes say them."""
        return max(recipe.training.threads or 1 for recipe in self.models.values())

    def cells(self) -> Iterator[Cell]:
        """All trainings: small ones first, so that there is soon something to see."""
        modes: tuple[Mode, ...] = ("epochs", "steps")
        for jets in sorted(self.sizes):
            for mode in modes:
                length = getattr(self.lengths, mode)
                if length is not None:
                    for model, recipe in self.models.items():
                        for seed in self.seeds:
                            yield Cell(model, mode, jets, seed, _cell_recipe(self, recipe, mode, jets, seed))


@dataclass(frozen=True)
class Cell:
    """One training of a study.

    Attributes:
        model: its name in the study.
        mode: whether epochs or steps are fixed.
        jets: training jets.
        seed: of the training.
        recipe: of the training.
    """

    model: str
    mode: Mode
    jets: int
    seed: int
    recipe: Recipe

    @property
    def name(self) -> str:
        """Of the folder of its run."""
        return f"{self.model}-{self.mode}-{self.jets}-{self.seed}"

    @property
    def steps(self) -> int:
        """How many steps it takes, if the model's data config selects all jets."""
        training = self.recipe.training
        return training.steps or (training.epochs or 1) * -(-self.jets // training.batch)


def load_study(path: str | Path, overrides: Sequence[str] = ()) -> Study:
    """Read a study.

    A model is a training recipe (a shipped name, or a path from the study's folder), or a table of such a recipe's
    sections, which may begin with `base: RECIPE`; null leaves it out. The study decides on the jets, the length, the
    seed and the validations of each training; what a model's recipe says of these is replaced.

    Args:
        path: a YAML file, or the name of a shipped study.
        overrides: lines `key=value`, the value in YAML, such as `models.particle-net.training.batch=256`.

    Raises:
        InputError: a file cannot be read, a key is unknown (the nearest one is named), a value has the wrong type,
            or an override is not of that form.
    """
    path = find_recipe(path, "scaling")
    values = read_table(path)
    _spell_out(values, path)
    for override in overrides:
        values = merged(values, change(override))
        _spell_out(values, path)
    models = values["models"]
    frame = checked(
        Study, values | {"models": {"any": _ANY}}, path
    )  # first what is wrong with the study itself
    found = {name: _model(frame, name, given, path) for name, given in models.items()}
    return checked(Study, values | {"models": found}, path)


_ANY = parse_recipe({"data": {"path": ""}, "model": {"architecture": ""}, "training": {"steps": 1}}, "")


def _spell_out(values: dict[str, Any], path: Path) -> None:
    """Let each model be a table; a file's name is its base."""
    models = values.get("models")
    models = (
        {}
        if not isinstance(models, Mapping)
        else {n: given for n, given in models.items() if given is not None}
    )
    if not models:
        raise InputError(f"{path}: models: a table of training recipes is expected", hint="write NAME: FILE")
    for name, given in models.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputError(
                f"{path}: models: {name!r} cannot name a model", hint="use letters, digits, '-', '_', '+'"
            )
        if not isinstance(given, (str, Mapping)):
            raise InputError(f"{path}: models.{name}: a training recipe or the name of its file is expected")
    values["models"] = {
        name: {"base": given} if isinstance(given, str) else given for name, given in models.items()
    }


def _model(study: Study, name: str, given: Mapping[str, Any], path: Path) -> Recipe:
    """The recipe of one model, with the jets and the length that the study decides on."""
    changes, values = dict(given), {}
    base = changes.pop("base", None)
    if base is not None:
        if not isinstance(base, str):
            raise InputError(f"{path}: models.{name}.base: the name of a recipe is expected, not {base!r}")
        values = read_recipe(base, path)
    values = put_over(values, changes)
    mode: Mode = "steps" if study.lengths.epochs is None else "epochs"
    data = study.data.model_dump(include={"path", "validation"})
    if study.data.validation_jets is not None:
        data["validation_jets"] = study.data.validation_jets
    values = put_over(values, {"data": data, "training": _training(mode, getattr(study.lengths, mode))})
    return parse_recipe(values, f"{path}: models.{name}")


def _training(mode: Mode, length: int) -> dict[str, int | None]:
    """What a study decides on, whatever a recipe says; an epoch is one pass over the cell's jets."""
    return {
        "epochs": None,
        "steps": None,
        mode: length,
        "jets_per_epoch": None,
        "evaluate_every": None,
        "seed": 0,
    }


def _cell_recipe(study: Study, recipe: Recipe, mode: Mode, jets: int, seed: int) -> Recipe:
    """The recipe of one training."""
    values = recipe.plain()
    values["data"]["train_jets"] = jets
    values["training"] |= _training(mode, getattr(study.lengths, mode)) | {"seed": seed}
    data = recipe.data
    # A stream that fits into its own buffer is read from the files again in each pass for nothing.
    if data.validation_jets is not None and max(jets, data.validation_jets) <= data.buffer:
        values["data"]["loading"] = "in-memory"
    cell = Cell("", mode, jets, seed, parse_recipe(values, ""))
    values["training"]["evaluate_every"] = -(-cell.steps // study.validations)
    return parse_recipe(values, "")
