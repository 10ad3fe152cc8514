"""A pre-training of a byte language model on texts and jets: the recipe becomes a run."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import AfterValidator, Field, model_validator
from torch import Tensor, nn

from yukawa.bytelm.segments import Mark
from yukawa.core.errors import InputError
from yukawa.core.validation import Count, Natural, Positive, Section
from yukawa.jets.bytes.encoder import ByteEncoder, QuestionEncoder
from yukawa.jets.features.config import DataConfig, load_data_config
from yukawa.jets.models import tagger
from yukawa.jets.models.byte_model import ByteLanguageModel
from yukawa.jets.pretraining import sources as sequences
from yukawa.jets.pretraining.sources import PATCHES, PREDICTED, JetSequences, TextSequences
from yukawa.jets.training import setup
from yukawa.jets.training.recipe import JetSettings, JetsSection, NetworkSection
from yukawa.jets.training.train import JetResult, NetworkTask, best_table, plan_of, training_table
from yukawa.jets.training.trainer import DIVISOR, LABELS, JetTrainer, Supervised
from yukawa.runs.batches import TensorBatch
from yukawa.runs.callback import Metrics, TrainingCallback, TrainingProgress
from yukawa.runs.distributed import Machine
from yukawa.runs.model_card import model_card
from yukawa.runs.recipe import MISSING, Schedule, TrainingRecipe
from yukawa.runs.run import Run
from yukawa.runs.schedule import TrainingPlan
from yukawa.runs.task import execute, median_speed
from yukawa.runs.trainer import RunTrainer

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
        window: the largest number of patches in a sequence of text; longer documents become several. 128 by default.
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

    @classmethod
    def with_missing(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """The values, with `MISSING` for the sources that lack their path."""
        sources = values.get("mixture")
        sources = sources if isinstance(sources, Mapping) else {}
        given = {
            name: {"path": MISSING, **source} if isinstance(source, Mapping) else source
            for name, source in sources.items()
        }
        return {**values, "mixture": given} if given else dict(values)

    def jets_of(self, source: SourceSection) -> JetsSection:
        """The jets of one source, as a recipe of a training names them."""
        return JetsSection(
            path=source.path, validation=source.validation, config=self.config, buffer=source.buffer,
            loading=source.loading or "streaming", validation_jets=self.training.validation,
        )  # fmt: skip


SOURCE = "source"  # of a validation batch: the number of its source


class Predicting(Supervised):
    """A language model as the trainer sees it: tensors by name in; nats and numbers of predicted ids out, (B,)."""

    def forward(self, **tensors: Tensor) -> Any:
        """See `ByteLanguageModel.language_loss`."""
        return self.network.language_loss(**tensors)


class PretrainingTrainer(JetTrainer):
    """Trains a language model on a mixture.

    Attributes:
        weights: of the sources, by their names.
    """

    supervised: ClassVar[type[Supervised]] = Predicting
    weights: Mapping[str, float]

    def loss(self, model: nn.Module, inputs: TensorBatch) -> tuple[Tensor, Tensor]:
        """The mean over a batch's sequences of the cross entropy of a predicted id in nats, and that of each sequence (B,).

        So the weights of a mixture are those of its loss. In a mean over all ids, the three of an answer would count
        for nothing beside the thousand of an abstract.
        """
        each_B = _per_id(*model(**_tensors(inputs)))
        return each_B.sum() / inputs[DIVISOR], each_B

    def evaluate(self, *args: Any, **kwargs: Any) -> Metrics:
        """The loss of each source and of the mixture, bits per byte, and how often answers are right."""
        rows = self.validation_sums(self.validation(), self._measure, (len(self.weights), 6))
        metrics = {"validation_loss": 0.0}
        for (name, weight), row in zip(self.weights.items(), rows, strict=True):
            losses, sequences, nats, ids, right, asked = row
            metrics["validation_loss"] += weight / sum(self.weights.values()) * losses / sequences
            metrics[f"validation_loss_{name}"] = losses / sequences
            metrics[f"validation_bits_per_byte_{name}"] = nats / ids / math.log(2)
            if asked:
                metrics[f"validation_accuracy_{name}"] = right / asked
        return self.report(metrics)

    def _measure(self, model: nn.Module, inputs: TensorBatch) -> Tensor:
        """A row for each source, all zero but that of this validation batch.

        It holds the sums of losses, sequences, nats, ids that are not padding, right answers and questions.
        """
        tensors = _tensors(inputs)
        nats_B, ids_B = model(**tensors)
        ids = (tensors[PATCHES][tensors[PREDICTED]] != int(Mark.PAD)).sum()
        sums = [_per_id(nats_B, ids_B).sum(), torch.tensor(len(nats_B)), nats_B.sum(), ids]
        sums += [torch.tensor(0), torch.tensor(0)]
        if LABELS in inputs:
            asked = ~tensors[PREDICTED]  # all but the answers
            logits_BC = model.network(tensors[PATCHES][asked], tensors["counts_B"] - 1)
            sums[4:] = [(logits_BC.argmax(1) == inputs[LABELS]).sum(), torch.tensor(len(logits_BC))]
        rows = torch.zeros(len(self.weights), 6, dtype=torch.float64, device=self.args.device)
        rows[int(inputs[SOURCE])] = torch.stack([number.double().to(rows.device) for number in sums])
        return rows


def _tensors(inputs: TensorBatch) -> TensorBatch:
    """The tensors that the network takes."""
    return {name: value for name, value in inputs.items() if name not in (DIVISOR, LABELS, SOURCE)}


def _per_id(nats_B: Tensor, ids_B: Tensor) -> Tensor:
    return nats_B / ids_B.clamp(min=1)


_VALIDATIONS = 10  # of a training whose recipe does not say how many
_WINDOW, _FIELDS = 128, ("title", "abstract")


def pretrain(
    recipe: PretrainingRecipe, out: Path, resume: bool = False, progress: TrainingProgress | None = None
) -> JetResult:
    """Train a byte language model on a mixture of texts and jets; see `yukawa.runs.task.execute`."""
    return execute(PretrainingTask(recipe), out, resume, progress)


class PretrainingTask(NetworkTask[PretrainingRecipe]):
    """A language model that learns from a mixture."""

    free: ClassVar[tuple[str, ...]] = (
        "mixture.*.path", "mixture.*.validation", "model.start", "training.prefetch",
    )  # fmt: skip
    trainer_class: ClassVar[type[JetTrainer]] = PretrainingTrainer
    network: ByteLanguageModel
    sources: dict[str, sequences.Sequences]

    def resolve(self) -> None:
        """Build the network, and write out its sizes in the recipe."""
        recipe, seed = self.recipe, self.settings.seed
        self.config = _data_config(recipe)
        network = setup.build_network(recipe.model, self.config, seed)
        if not isinstance(network, ByteLanguageModel):
            raise InputError(f"a {recipe.model.architecture} cannot be pre-trained on a mixture")
        self.network = network
        model = LanguageModelSection.model_validate(setup.sizes_of(network, recipe.model.start))
        self.recipe = recipe.model_copy(update={"model": model})

    def inputs(self) -> list[Path]:
        """The files of all sources, and the model to start from."""
        files: list[Path] = []
        for source in self.recipe.mixture.values():
            jets = self.recipe.jets_of(source)
            found = sequences.text_files(source.path) if source.kind == "text" else setup.inputs(jets)
            files += [path for path in found if path not in files]
        start = self.recipe.model.start
        return files + ([] if start is None else tagger.model_files(tagger.model_folder(start)))

    def plan(self, machine: Machine) -> TrainingPlan:
        """Open the sources; a head that starts anew learns how often each id occurs at each place."""
        self.sources = {
            name: self._texts(source) if source.kind == "text" else self._jets(source)
            for name, source in self.recipe.mixture.items()
        }
        if self.recipe.model.start is None:
            self._begin()
        plan = plan_of(self.settings, math.ceil((self.settings.steps or 1) / _VALIDATIONS))
        return replace(plan, epoch=None, unit="sequences")

    def _begin(self) -> None:
        """Let the head know how often each id occurs at each place, weighted as in the loss."""
        targets, weights = [], []
        for name, source in self.sources.items():
            some = next(source.from_number(0, self.settings.seed))
            counted_B = np.add.reduceat(
                some.rows[PREDICTED], np.cumsum(some.counts) - some.counts, dtype=float
            )
            share = self.recipe.mixture[name].weight / len(some)
            weights_N = np.repeat(share / np.maximum(counted_B, 1), some.counts)
            targets.append(some.rows[PATCHES][some.rows[PREDICTED]])
            weights.append(weights_N[some.rows[PREDICTED]])
        self.network.begin_with(
            torch.from_numpy(np.concatenate(targets)), torch.from_numpy(np.concatenate(weights))
        )

    def _texts(self, source: SourceSection) -> TextSequences:
        how = self.recipe.training
        return TextSequences(
            sequences.text_files(source.path), source.fields or _FIELDS,
            sequences.Cutter(self.network.model.config.patch_size, source.window or _WINDOW),
            buffer=source.buffer, held_out=how.validation, seed=how.seed,
        )  # fmt: skip

    def _jets(self, source: SourceSection) -> JetSequences:
        form, questions = self.network.config.byte_form, source.kind == "questions"
        encoder = (
            QuestionEncoder(self.config, form, answered=True)
            if questions
            else ByteEncoder(self.config, form, ends=True)
        )
        data = self.recipe.jets_of(source)
        opened = setup.open_jets(data, self.settings.seed)
        train, validation = (setup.load(jets, encoder, data) for jets in opened)
        return JetSequences(train, validation, questions=questions)

    def batches(self, plan: TrainingPlan, first: int, machine: Machine) -> sequences.MixtureBatches:
        """Batches drawn from all sources by their weights."""
        return sequences.MixtureBatches(
            sources=list(self.sources.values()),
            weights=[source.weight for source in self.recipe.mixture.values()],
            batch=plan.batch, steps=plan.steps, seed=self.settings.seed, first=first,
            machine=machine, prefetch=self.recipe.training.prefetch,
        )  # fmt: skip

    def validation(self, machine: Machine) -> Iterator[TensorBatch]:
        """The held-out sequences of one source after the other."""
        for number, source in enumerate(self.sources.values()):
            for encoded in islice(source.held_out(), machine.rank, None, machine.world):
                batch = sequences.batch_of(encoded, len(encoded)) | {SOURCE: torch.tensor(number)}
                if isinstance(source, JetSequences) and source.questions:
                    batch[LABELS] = torch.from_numpy(encoded.labels)
                yield batch

    def build_trainer(
        self,
        plan: TrainingPlan,
        callback: TrainingCallback,
        machine: Machine,
        folder: Path,
        checkpoint: Path | None,
    ) -> JetTrainer:
        """The trainer of the network, which knows the weights of the sources."""
        trainer = super().build_trainer(plan, callback, machine, folder, checkpoint)
        assert isinstance(trainer, PretrainingTrainer)  # noqa: S101 -- see `trainer_class`
        trainer.weights = {name: source.weight for name, source in self.recipe.mixture.items()}
        return trainer

    def card(self, run: Run, trainer: RunTrainer) -> str:
        """The model card."""
        recipe, plan, name = self.recipe, trainer.callback.plan, run.folder.name
        parameters = sum(weight.numel() for weight in self.network.parameters())
        whole = sum(source.weight for source in recipe.mixture.values())
        mixture = {
            name: f"{source.kind}, {source.weight / whole:.0%} of the sequences, from {source.path}: "
            f"{self.sources[name].facts}"
            for name, source in recipe.mixture.items()
        }
        mixture |= {"inputs": f"data config `{recipe.config}`, kept in `model/`", "hashes": "`data.json`"}
        return model_card(
            recipe.model.architecture,
            f"A byte language model with {parameters:,} parameters, trained with Yukawa on a mixture of sequences. It "
            "predicts the next patch of bytes.",
            level="L0",
            base=recipe.model.start,
            sections={
                "Mixture": mixture,
                "Loss": "All sequences of a batch count alike in the loss. Of questions, only the answers are learned.",
                "Training": training_table(recipe.training, plan, median_speed(run, plan.unit)),
                "Metrics": "Of the validation sequences, by which these weights were chosen. `loss` is nats per "
                "predicted id; bits per byte count everything that is predicted, over the ids that are not padding; "
                "the accuracy of questions is that of the likeliest answer.",
                "Best validation": best_table(trainer.callback.best),
            },
            commands={
                f"yukawa jets train RECIPE data.path=DATA model.start={name} --out TAGGER": "fine-tune its "
                "embedding and decoder",
                f"yukawa jets evaluate {name} --data DATA": "ask it in words for the origin of jets",
                f"yukawa jets predict {name} --data JETS --out OUT.parquet": "write its answers",
            },
        )


def _data_config(recipe: PretrainingRecipe) -> DataConfig:
    """The data config, whose constants the first source of jets completes.

    Raises:
        InputError: constants are to be measured from jets, and the mixture has none.
    """
    sources = [source for source in recipe.mixture.values() if source.kind != "text"]
    if sources:
        return setup.data_config(recipe.jets_of(sources[0]), recipe.training.seed)
    config = load_data_config(recipe.config)
    if not config.resolved:
        raise InputError(
            f"the data config {recipe.config} leaves constants to be measured from jets, and the mixture has none",
            hint="name one that says all constants, such as the data_config.yaml of a trained model",
        )
    return config
