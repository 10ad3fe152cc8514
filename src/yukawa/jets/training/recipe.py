"""A recipe of a training on jets: which network, which jets and how."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import ConfigDict

from yukawa.core.validation import Count, Natural, Positive, Section
from yukawa.core.yaml_files import Table, merged
from yukawa.runs.recipe import MISSING, RunSettings, Schedule, TrainingRecipe


class JetsSection(Section):
    """The jets.

    Attributes:
        path: a data set's folder, or a file or pattern of files.
        validation: where the validation jets are, if not in the split `validation` of `path`.
        config: name of a built-in data config or path of one.
        loading: all jets encoded in memory, or streamed through a shuffle buffer.
        buffer: jets in the shuffle buffer of `streaming`.
        prefetch: batches made ready in the background; 0 makes each when it is needed.
        train_jets: train on this many jets only, drawn by the seed; None takes all.
        validation_jets: validate on this many jets only; None takes all.
    """

    path: str
    validation: str | None = None
    config: str = "jet-origin"
    loading: Literal["in-memory", "streaming"] = "in-memory"
    buffer: Count = 100_000
    prefetch: Natural = 2
    train_jets: Count | None = None
    validation_jets: Count | None = None


class NetworkSection(Section):
    """The network: its architecture and that architecture's own sizes, which the network checks.

    Attributes:
        architecture: its name.
        start: the folder of a trained model, or of its run, whose weights are the first ones; a byte model takes
            all but the head. None draws all weights.
    """

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    architecture: str
    start: str | None = None


class JetSettings(RunSettings):
    """How to train on jets; see `RunSettings` for what all trainings have.

    Attributes:
        optimiser: `ranger` (RAdam with lookahead) or `adamw`.
        jets_per_epoch: length of an epoch; None is one pass over the jets.
        best_by: the validation metric by which the best weights are chosen.
        patience: stop after this many validations without a better one; None never stops.
    """

    batch: Count = 512
    optimiser: Literal["ranger", "adamw"] = "ranger"
    learning_rate: Positive = 1e-3
    schedule: Schedule = "flat-then-decay"
    jets_per_epoch: Count | None = None
    log_every: Count = 50
    best_by: Literal["accuracy", "loss"] = "accuracy"
    patience: Count | None = None


class JetRecipe(TrainingRecipe):
    """A whole recipe of a training on jets."""

    kind: ClassVar[str] = "jets"

    data: JetsSection
    model: NetworkSection
    training: JetSettings

    @classmethod
    def put_over(cls, below: Table, above: Table) -> Table:
        """Apply changes as for all recipes, but let another architecture begin with its own sizes."""
        old, new = below.get("model"), above.get("model")
        if (
            isinstance(old, Mapping)
            and isinstance(new, Mapping)
            and new.get("architecture", old.get("architecture")) != old.get("architecture")
        ):
            below = below | {"model": {}}
        return super().put_over(below, above)

    @classmethod
    def with_missing(cls, values: Table) -> Table:
        """The values, with `MISSING` for the jets if they lack them."""
        return merged({"data": {"path": MISSING}}, values)
