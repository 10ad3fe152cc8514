"""An evaluation recipe: which models, which test sets and how, typed and strict, from YAML and `key=value`."""

from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from yukawa.core.statistics import LEVEL, RESAMPLES, check_options
from yukawa.core.validation import Count, Natural, Section
from yukawa.runs.recipe import Recipe


class Loading(Section):
    """How models are opened; as for `open_language_model`.

    Attributes:
        dtype: of the weights; `auto` is that of the training, else that in which they were saved.
        load_in_4bit: whether weights are quantised to NF4; None does so where QLoRA trained beside such weights.
        device: of PyTorch; None takes a GPU if there is one.
    """

    dtype: str = "auto"
    load_in_4bit: bool | None = None
    device: str | None = None


class ScoringOptions(Section):
    """How documents are scored; as for `document_losses`.

    Attributes:
        bos: whether texts begin with BOS; None does what the tokenizer does by itself.
        eos: whether EOS at the end is scored.
        context: longest window in tokens; None is the model's own.
        stride: step of the windows in longer texts; None is half a window.
        batch_tokens: tokens of a batch; the results do not depend on it.
    """

    bos: bool | None = None
    eos: bool = True
    context: Count | None = None
    stride: Count | None = None
    batch_tokens: Count | None = None

    def state(self) -> dict[str, Any]:
        """What would make results differ."""
        return self.model_dump(exclude={"batch_tokens"})


class Statistics(Section):
    """How intervals are made; as for `yukawa.core.statistics.compare`.

    Raises:
        InputError: an option is out of range.
    """

    level: float = LEVEL
    resamples: int = RESAMPLES
    seed: Natural = 0

    @model_validator(mode="after")
    def _in_range(self) -> Self:
        check_options(self.level, resamples=self.resamples)
        return self


class EvaluationRecipe(Recipe):
    """A whole evaluation; the first model is the base of the report.

    Attributes:
        models: by name, each a folder, a run or a name on the hub, with `+ADAPTER` for an adapter on top.
        services: rows of `yukawa.toml` whose servers score prompts.
        tests: files of documents or folders of data sets, by name.
        split: of data sets.
        limit: the number of documents, from the first, to use of each test set.
        by_archive: divide the documents of all test sets by the archive of their primary category.
        completions: files that `yukawa evaluate completions` wrote.
        embedder: for SemScore.
        runs: more training runs by name, for learning curves.
    """

    kind: ClassVar[str] = "evaluation"

    models: dict[str, str] = Field(default_factory=dict)
    services: list[str] = Field(default_factory=list)
    tests: dict[str, str] = Field(min_length=1)
    split: str = "test"
    limit: Count | None = None
    by_archive: bool = False
    completions: list[str] = Field(default_factory=list)
    embedder: str = "minilm"
    runs: dict[str, str] = Field(default_factory=dict)
    loading: Loading = Loading()
    scoring: ScoringOptions = ScoringOptions()
    statistics: Statistics = Statistics()

    @model_validator(mode="after")
    def _some_model(self) -> Self:
        if not self.models and not self.services:
            raise ValueError("no model is named (type: models.NAME=FOLDER)")
        return self
