"""A recipe of a pre-training: the mixture of texts and jets, the language model and how to train it."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from yukawa.core.config import Count, Natural, Positive, Section
from yukawa.jets.training.recipe import JetSettings, JetsSection, NetworkSection
from yukawa.runs.recipe import Schedule, TrainingRecipe

# Names become parts of metrics' names and of KEY=VALUE, where a dot divides.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_OF_TEXT, _OF_JETS = ("fields", "window"), ("validation", "loading")


class SourceSection(Section):
    """One source of sequences.

    Attributes:
        kind: `text`; `jets`, each a sequence; or `questions` about the origin of jets, with answers.
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
    def _fits_its_kind(self) -> Self:
        for name in _OF_JETS if self.kind == "text" else _OF_TEXT:
            if getattr(self, name) is not None:
                raise ValueError(f"{name} has no meaning for {self.kind}, omit it")
        return self


class LanguageModelSection(NetworkSection):
    """The byte language model; see `ByteLanguageModelConfig` for its sizes."""

    architecture: Literal["byte-language-model"] = "byte-language-model"


class PretrainingSettings(JetSettings):
    """How to train; the length is given in steps, a batch in sequences, and the best loss decides.

    Attributes:
        validation: sequences of each source on which the model is validated.
        prefetch: batches made ready in the background.
    """

    batch: Count = 64
    optimiser: Literal["ranger", "adamw"] = "adamw"
    schedule: Schedule = "cosine"
    best_by: Literal["loss"] = "loss"
    validation: Count = 1_000
    prefetch: Natural = 2

    @model_validator(mode="after")
    def _in_steps(self) -> Self:
        for name in ("epochs", "jets_per_epoch"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name} has no meaning in a mixture: give steps, and omit {name}")
        return self


def _named(mixture: dict[str, SourceSection]) -> dict[str, SourceSection]:
    odd = next((name for name in mixture if not _NAME.fullmatch(name)), None)
    if odd is not None:
        raise ValueError(f"{odd!r} cannot name a source: use letters, digits, '-', '_'")
    return mixture


class PretrainingRecipe(TrainingRecipe):
    """A whole recipe of a pre-training.

    Attributes:
        config: name of a built-in data config or path of one, which all jets share; it decides the record of a
            particle, and so the size of a patch.
        mixture: the sources by their names; one that is null is omitted.
        model: the language model.
        training: how to train it.
    """

    kind: ClassVar[str] = "pretraining"

    config: str = "jet-origin"
    mixture: Annotated[dict[str, SourceSection], Field(min_length=1), AfterValidator(_named)]
    model: LanguageModelSection = LanguageModelSection()
    training: PretrainingSettings

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: str = "the recipe") -> Self:
        """The recipe of plain values, without the sources that are null; see `Recipe.parse`."""
        mixture = values.get("mixture")
        if isinstance(mixture, Mapping):
            given = {name: source for name, source in mixture.items() if source is not None}
            values = {**values, "mixture": given}
        return super().parse(values, where)

    def jets_of(self, source: SourceSection) -> JetsSection:
        """The jets of one source, as a recipe of a training names them."""
        return JetsSection(
            path=source.path, validation=source.validation, config=self.config, buffer=source.buffer,
            loading=source.loading or "streaming", validation_jets=self.training.validation,
        )  # fmt: skip
