"""A recipe of a pre-training: the mixture, the model and how to train, typed and strict, from YAML and `key=value`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from yukawa.core.config import (
    Count,
    Natural,
    Positive,
    Section,
    change,
    checked,
    find_recipe,
    merged,
    read_on_base,
)
from yukawa.jets.training.recipe import ModelRecipe, TrainingRecipe

# Names become parts of figures' names and of KEY=VALUE, where a dot divides.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_OF_TEXT, _OF_JETS = ("fields", "window"), ("validation", "loading")


class SourceRecipe(Section):
    """One source of sequences.

    Attributes:
        kind: `text`; `jets`, each a sequence; or `questions`, jets that are asked for their origin, with answers.
        weight: how many of its sequences are drawn, in proportion to the others.
        path: of text, a file or a pattern of files, .jsonl, .jsonl.gz or .txt; of jets, as in a training's recipe.
        validation: of jets, where those for the validation are, if not in the split `validation` of `path`.
        buffer: sequences that are mixed in memory.
        loading: of jets, all in memory or streamed; streamed unless given.
        fields: of text in JSON Lines, those that make a document; `title` and `abstract` unless given.
        window: of text, most patches of a sequence; longer documents become several. 128 unless given.
    """

    kind: Literal["text", "jets", "questions"]
    weight: Positive = 1.0
    path: str
    validation: str | None = None
    buffer: Count = 10_000
    loading: Literal["in-memory", "streaming"] | None = None
    fields: Annotated[list[str], Field(min_length=1)] | None = None
    window: Annotated[int, Field(ge=2)] | None = None

    @model_validator(mode="after")
    def _fits_its_kind(self) -> SourceRecipe:
        for name in _OF_JETS if self.kind == "text" else _OF_TEXT:
            if getattr(self, name) is not None:
                raise ValueError(f"{name} has no meaning for {self.kind}, leave it out")
        return self


class LanguageModelRecipe(ModelRecipe):
    """Which byte language model; see `ByteLanguageModelConfig` for its sizes."""

    architecture: Literal["byte-language-model"] = "byte-language-model"


class PretrainingRecipe(TrainingRecipe):
    """How to train; the length is given in steps, a batch in sequences, and the best loss decides.

    Attributes:
        validation: sequences of each source on which the model is validated.
        prefetch: batches made ready in the background.
    """

    batch: Count = 64
    optimiser: Literal["ranger", "adamw"] = "adamw"
    schedule: Literal["flat-then-decay", "cosine", "constant"] = "cosine"
    best_by: Literal["loss"] = "loss"
    validation: Count = 1_000
    prefetch: Natural = 2

    @model_validator(mode="after")
    def _in_steps(self) -> PretrainingRecipe:
        for name in ("epochs", "jets_per_epoch"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name} has no meaning in a mixture: give steps, and leave {name} out")
        return self


def _named(mixture: dict[str, SourceRecipe]) -> dict[str, SourceRecipe]:
    odd = next((name for name in mixture if not _NAME.fullmatch(name)), None)
    if odd is not None:
        raise ValueError(f"{odd!r} cannot name a source: use letters, digits, '-', '_'")
    return mixture


class Recipe(Section):
    """A whole recipe.

    Attributes:
        config: name of a built-in data config or path of one, which all jets share; it decides what a particle's
            record is, and so the size of a patch.
        mixture: the sources by their names.
        model: the language model.
        training: how.
    """

    config: str = "jet-origin"
    mixture: Annotated[dict[str, SourceRecipe], Field(min_length=1), AfterValidator(_named)]
    model: LanguageModelRecipe = LanguageModelRecipe()
    training: PretrainingRecipe


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe.

    It may begin with `base: pretraining` (a shipped name, or a path from its folder) and then says only what differs.

    Args:
        path: a YAML file, or the name of a shipped recipe.
        overrides: lines `section.key=value`, the value in YAML; they win over the file. A source that is null is
            left out.

    Raises:
        InputError: the file cannot be read, a key is unknown (the nearest one is named), a value has the wrong type,
            or an override is not of that form.
    """
    found = find_recipe(path, "pretraining")
    values = read_on_base(found, lambda file, base: find_recipe(base, "pretraining", file), merged)
    for override in overrides:
        values = merged(values, change(override))
    return parse_recipe(values, str(path))


def parse_recipe(values: Mapping[str, Any], where: str = "the recipe") -> Recipe:
    """The recipe of plain values; `where` begins the message if they are wrong.

    Raises:
        InputError: as for `load_recipe`.
    """
    mixture = values.get("mixture")
    if isinstance(mixture, Mapping):
        values = {
            **values,
            "mixture": {name: source for name, source in mixture.items() if source is not None},
        }
    return checked(Recipe, values, where, missing="type: {}=VALUE")
