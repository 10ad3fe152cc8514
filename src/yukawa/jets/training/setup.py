"""What a recipe stands for: its encoder and network, its jets, and how the finished model is saved."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from yukawa.core.errors import InputError
from yukawa.jets.features import preprocess
from yukawa.jets.features.config import load_data_config
from yukawa.jets.features.encoded import Encoder
from yukawa.jets.io.chunks import JetChunk, JetSource
from yukawa.jets.io.loader import InMemory, Loader, Streaming
from yukawa.jets.io.manifest import MANIFEST
from yukawa.jets.io.source import open_source
from yukawa.jets.models.tagger import (
    Tagger,
    build,
    load_model,
    model_files,
    model_folder,
    save_model,
    settings_of,
)
from yukawa.jets.table import Array, Jets
from yukawa.jets.training.recipe import DataRecipe, ModelRecipe, Recipe

# They follow from the data config; a recipe says them only there.
_FROM_DATA = ("features", "classes")


def build_model(recipe: Recipe) -> tuple[Encoder, Tagger]:
    """The encoder of the recipe's data config, and its network.

    Its weights are drawn from the recipe's seed; those that it can take over from `model.start` are taken.

    Raises:
        InputError: the data config is not there or wrong, or a size of the network is, or the model to start from.
    """
    config = load_data_config(recipe.data.config)
    if not config.resolved:
        config = preprocess.resolve(config, open_jets(recipe)[0])
    sizes = recipe.model.model_dump(exclude={"start"})
    for name in _FROM_DATA:
        if name in sizes:
            raise InputError(f"model.{name} follows from the data config", hint="leave it out")
    torch.manual_seed(recipe.training.seed)
    network = build(sizes | {"features": len(config.features), "classes": config.classes})
    if recipe.model.start is not None:
        network.start_from(load_model(model_folder(recipe.model.start))[0], recipe.model.start)
    return network.encoder(config), network


def save(folder: Path, encoder: Encoder, network: Tagger) -> None:
    """Write the trained network with all it needs to be used.

    Raises:
        StoreError: the disk refuses.
    """
    save_model(folder, network, encoder.config)


def resolve(recipe: Recipe, network: Tagger) -> Recipe:
    """The recipe with every size of its network written out."""
    sizes = {name: size for name, size in settings_of(network).items() if name not in _FROM_DATA}
    model = ModelRecipe.model_validate(sizes | {"start": recipe.model.start})
    return recipe.model_copy(update={"model": model})


def open_jets(recipe: Recipe) -> tuple[JetSource, JetSource]:
    """The training and the validation jets, as many of each as the recipe wants.

    Raises:
        InputError: they are not there, cannot be read or disagree with their manifest; or the validation jets
            are not named.
    """
    data, seed = recipe.data, recipe.training.seed
    if data.validation is not None:
        train, validation = open_source(data.path), open_source(data.validation)
    elif (Path(data.path) / MANIFEST).exists():
        train, validation = open_source(data.path, "train"), open_source(data.path, "validation")
    else:
        open_source(data.path)  # what is wrong with it comes first
        raise InputError(
            f"{data.path} has no split of validation jets", hint="name them: data.validation=PATH"
        )
    return subset(train, data.train_jets, seed), subset(validation, data.validation_jets, seed)


def load(source: JetSource, encoder: Encoder, data: DataRecipe, jets_per_epoch: int | None = None) -> Loader:
    """The loader that the recipe asks for."""
    if data.loading == "streaming":
        return Streaming(source, encoder, data.buffer, jets_per_epoch=jets_per_epoch, ahead=data.prefetch)
    return InMemory(source, encoder, jets_per_epoch=jets_per_epoch)


def inputs(data: DataRecipe, start: str | None = None) -> list[Path]:
    """The files on which a run depends: of the jets, their data config, and the model it starts from.

    Of a data set it is the manifest, which holds the hashes of the shards.
    """
    files: list[Path] = []
    for path in filter(None, (data.path, data.validation)):
        manifest = Path(path) / MANIFEST
        files += [manifest] if manifest.exists() else open_source(path).paths
    config = Path(data.config)
    files += [config] if config.is_file() else []
    return files + ([] if start is None else model_files(model_folder(start)))


@dataclass(frozen=True)
class Part:
    """Some jets of a piece.

    Attributes:
        piece: the whole piece.
        where: their positions in it, rising.
    """

    piece: JetChunk
    where: Array

    @property
    def path(self) -> Path:
        """The piece's file."""
        return self.piece.path

    @property
    def count(self) -> int:
        """How many jets."""
        return len(self.where)

    def read(self, columns: Collection[str] | None = None) -> Jets:
        """Those jets of the piece."""
        return self.piece.read(columns)[self.where]


def subset(source: JetSource, jets: int | None, seed: int) -> JetSource:
    """`jets` jets of a source drawn by `seed`; a larger draw holds every smaller one. None takes all.

    Raises:
        InputError: there are not so many.
    """
    if jets is None:
        return source
    if jets > len(source):
        raise InputError(f"{jets} jets are asked for, {source.chunks[0].path.parent} has {len(source)}")
    drawn = np.sort(np.random.default_rng(seed).permutation(len(source))[:jets])
    return JetSource(source.columns, tuple(_parts(source.chunks, drawn)))


def _parts(pieces: Sequence[JetChunk], drawn: Array) -> Iterator[JetChunk]:
    """The parts of the pieces that hold the jets `drawn`, numbered through all pieces."""
    start = 0
    for piece in pieces:
        first, last = np.searchsorted(drawn, (start, start + piece.count))
        if last > first:
            yield Part(piece, drawn[first:last] - start)
        start += piece.count
