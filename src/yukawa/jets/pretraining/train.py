"""A recipe of a pre-training becomes a run: a folder with the language model, its figures and its checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from transformers import TrainingArguments

from yukawa.core.errors import InputError
from yukawa.core.files import atomic_write
from yukawa.jets.bytes.encoder import ByteEncoder, QuestionEncoder
from yukawa.jets.features.config import load_data_config
from yukawa.jets.models.byte_model import ByteLanguageModel
from yukawa.jets.models.tagger import model_files, model_folder, save_model
from yukawa.jets.pretraining.card import card
from yukawa.jets.pretraining.documents import Cutter, text_files
from yukawa.jets.pretraining.mixture import Mixture, batch_of
from yukawa.jets.pretraining.recipe import LanguageModelRecipe, Recipe, SourceRecipe
from yukawa.jets.pretraining.sources import PATCHES, PREDICTED, JetSequences, Sequences, Texts
from yukawa.jets.pretraining.trainer import SOURCE, LanguageTrainer
from yukawa.jets.training.batches import LABELS, Batch, Steps
from yukawa.jets.training.callback import Conductor, Plan
from yukawa.jets.training.dry_run import plan_of
from yukawa.jets.training.recipe import DataRecipe
from yukawa.jets.training.recipe import Recipe as JetRecipe
from yukawa.jets.training.setup import build_model, inputs, load, open_jets, resolve
from yukawa.jets.training.task import CARD, Task, TrainResult, carry_out, draw, speed
from yukawa.runs.callback import Progress
from yukawa.runs.run import MODEL, Run

_VALIDATIONS = 10  # of a training whose recipe does not say how many
_BUFFER, _WINDOW, _FIELDS = 10_000, 128, ("title", "abstract")


def pretrain(
    recipe: Recipe, out: Path, resume: bool = False, progress: Progress | None = None
) -> TrainResult:
    """Train a byte language model on a mixture of texts and jets; the run is the folder `out`.

    It is the same in all else as `yukawa.jets.training.train.train`: Ctrl-C, resuming, torchrun, what is refused.

    Args:
        recipe: from `load_recipe`.
        out: a new folder; with `resume`, a run of this recipe.
        resume: go on from the last checkpoint.
        progress: called after each step with the steps made, the steps in all, and the latest figures.

    Raises:
        InputError: the recipe or the data are wrong, `out` holds a run already, or (with `resume`) the recipe, the
            data or the network are not the run's.
        NotFound: `out` holds no run to resume.
        ModelError: the loss is no number; the batch and the checkpoints are kept.
        StoreError: the disk refuses; the last checkpoint stands.
    """
    return carry_out(_Pretraining, recipe, out, resume, progress)


class _Pretraining(Task[Recipe]):
    """A language model that learns from a mixture."""

    free: ClassVar[frozenset[str]] = frozenset({
        "mixture.*.path", "mixture.*.validation", "model.start", "training.prefetch", "training.checkpoints_kept",
    })  # fmt: skip
    network: ByteLanguageModel

    def __init__(self, recipe: Recipe) -> None:
        of_jets = _of_jets(recipe)
        encoder, network = build_model(of_jets)
        if not isinstance(network, ByteLanguageModel):
            raise InputError(f"a {recipe.model.architecture} cannot be pre-trained on a mixture")
        self.config, self.network = encoder.config, network
        sizes = resolve(of_jets, network).model.model_dump()
        self.recipe = recipe.model_copy(update={"model": LanguageModelRecipe.model_validate(sizes)})
        self.sources: dict[str, Sequences] = {}

    def inputs(self) -> list[Path]:
        """The files of all sources, and the model to start from."""
        files: list[Path] = []
        for source in self.recipe.mixture.values():
            data = _of_source(self.recipe, source).data
            found = text_files(source.path) if source.kind == "text" else inputs(data, None)
            files += [path for path in found if path not in files]
        start = self.recipe.model.start
        return files + ([] if start is None else model_files(model_folder(start)))

    def prepare(self, world: int) -> Plan:
        """Open the sources; a head that starts anew learns how often each id stands where."""
        for name, source in self.recipe.mixture.items():
            self.sources[name] = self._texts(source) if source.kind == "text" else self._jets(source)
        how = self.recipe.training
        if self.recipe.model.start is None:
            self._begin()
        plan = plan_of(how, math.ceil((how.steps or 1) / _VALIDATIONS))
        return replace(plan, epoch=None, unit="sequences")

    def _begin(self) -> None:
        """Let the head know how often each id stands where, weighted as in the loss."""
        targets, weights = [], []
        for name, source in self.sources.items():
            part = next(source.from_number(0, self.recipe.training.seed))
            counted_B = np.add.reduceat(
                part.rows[PREDICTED], np.cumsum(part.counts) - part.counts, dtype=float
            )
            share = self.recipe.mixture[name].weight / len(part)
            weights_N = np.repeat(share / np.maximum(counted_B, 1), part.counts)
            targets.append(part.rows[PATCHES][part.rows[PREDICTED]])
            weights.append(weights_N[part.rows[PREDICTED]])
        self.network.begin_with(
            torch.from_numpy(np.concatenate(targets)), torch.from_numpy(np.concatenate(weights))
        )

    def _texts(self, source: SourceRecipe) -> Texts:
        how = self.recipe.training
        return Texts(
            text_files(source.path), source.fields or _FIELDS,
            Cutter(self.network.model.config.patch_size, source.window or _WINDOW),
            buffer=source.buffer, held_out=how.validation, seed=how.seed,
        )  # fmt: skip

    def _jets(self, source: SourceRecipe) -> JetSequences:
        form = self.network.config.byte_form
        questions = source.kind == "questions"
        encoder = (
            QuestionEncoder(self.config, form, answered=True)
            if questions
            else ByteEncoder(self.config, form, ends=True)
        )
        view = _of_source(self.recipe, source)
        train, validation = (load(jets, encoder, view.data) for jets in open_jets(view))
        return JetSequences(train, validation, questions=questions)

    def feed(self, plan: Plan, first: int, rank: int, world: int) -> Mixture:
        """Batches drawn from all sources by their weights."""
        how = self.recipe.training
        weights = [source.weight for source in self.recipe.mixture.values()]
        return Mixture(
            list(self.sources.values()), weights, plan.batch, plan.steps, how.seed,
            first=first, rank=rank, world=world, prefetch=how.prefetch,
        )  # fmt: skip

    def validation(self, rank: int, world: int) -> Callable[[], Iterator[Batch]]:
        """The held-out sequences of one source after the other."""
        return lambda: self._held_out(rank, world)

    def _held_out(self, rank: int, world: int) -> Iterator[Batch]:
        for number, source in enumerate(self.sources.values()):
            for encoded in islice(source.held_out(), rank, None, world):
                batch = batch_of(encoded, len(encoded)) | {SOURCE: torch.tensor(number)}
                if isinstance(source, JetSequences) and source.questions:
                    batch[LABELS] = torch.from_numpy(encoded.labels)
                yield batch

    def trainer(
        self,
        settings: TrainingArguments,
        feed: Steps,
        validation: Callable[[], Iterator[Batch]],
        conductor: Conductor,
    ) -> LanguageTrainer:
        """What trains the network."""
        trainer = LanguageTrainer(self.network, self.recipe.training, settings, feed, validation, conductor)
        trainer.weights = {name: source.weight for name, source in self.recipe.mixture.items()}
        return trainer

    def finish(self, run: Run, conductor: Conductor) -> None:
        """Write the best model, its card and its learning curves."""
        save_model(run.folder / MODEL, self.network, self.config)
        page = card(
            self.recipe,
            conductor.plan,
            conductor.standing,
            run=run.folder.name,
            parameters=sum(weight.numel() for weight in self.network.parameters()),
            known={name: source.facts for name, source in self.sources.items()},
            sequences_per_second=speed(run, conductor.plan.unit),
        )
        atomic_write(run.folder / CARD, page)
        draw(run)


def _of_source(recipe: Recipe, source: SourceRecipe) -> JetRecipe:
    """The recipe of a training on the jets of one source, with the same model."""
    data = DataRecipe(
        path=source.path,
        validation=source.validation,
        config=recipe.config,
        loading=source.loading or "streaming",
        buffer=source.buffer or _BUFFER,
        validation_jets=recipe.training.validation,
    )
    return JetRecipe(data=data, model=recipe.model, training=recipe.training)


def _of_jets(recipe: Recipe) -> JetRecipe:
    """The recipe of the first source of jets, if there is one.

    Raises:
        InputError: there is none, and the data config is to be completed from jets.
    """
    jets = [source for source in recipe.mixture.values() if source.kind != "text"]
    if not jets and not load_data_config(recipe.config).resolved:
        raise InputError(
            f"the data config {recipe.config} leaves constants to be measured from jets, and the mixture has none",
            hint="name one that says all constants, such as the data_config.yaml of a trained model",
        )
    return _of_source(recipe, (jets or list(recipe.mixture.values()))[0])
