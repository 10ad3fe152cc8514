"""Builds the parts that a recipe names: data config, encoder and network, and the jets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from yukawa.core.errors import InputError
from yukawa.jets.features import preprocess
from yukawa.jets.features.config import DataConfig, load_data_config
from yukawa.jets.features.encoder import Encoder
from yukawa.jets.io.chunks import JetChunk, JetSource
from yukawa.jets.io.loader import InMemory, Loader, Streaming
from yukawa.jets.io.source import MANIFEST, open_source
from yukawa.jets.models import tagger
from yukawa.jets.models.tagger import Tagger
from yukawa.jets.table import Array, Jets
from yukawa.jets.training.recipe import JetRecipe, JetsSection, NetworkSection

# They follow from the data config; a recipe says them only there.
_FROM_DATA = ("features", "classes")


def data_config(data: JetsSection, seed: int) -> DataConfig:
    """The data config of a recipe, with the constants that it leaves to be measured from the jets.

    Raises:
        InputError: the data config or the jets are missing or wrong.
    """
    config = load_data_config(data.config)
    return config if config.resolved else preprocess.resolve(config, open_jets(data, seed)[0])


def build_network(model: NetworkSection, config: DataConfig, seed: int) -> Tagger:
    """The network of a recipe for a data config.

    Its weights are drawn from the seed; those that it can take over from `model.start` are taken.

    Raises:
        InputError: a size of the network or the model to start from is wrong.
    """
    sizes = model.model_dump(exclude={"start"})
    for name in _FROM_DATA:
        if name in sizes:
            raise InputError(f"model.{name} follows from the data config", hint="remove it from the recipe")
    torch.manual_seed(seed)
    network = tagger.build(sizes | {"features": len(config.features), "classes": config.classes})
    if model.start is not None:
        network.start_from(tagger.load_model(tagger.model_folder(model.start))[0], model.start)
    return network


def build(recipe: JetRecipe) -> tuple[Encoder, Tagger]:
    """The encoder of the recipe's data config, and its network.

    Raises:
        InputError: as for `data_config` and `build_network`.
    """
    config = data_config(recipe.data, recipe.training.seed)
    network = build_network(recipe.model, config, recipe.training.seed)
    return network.encoder(config), network


def sizes_of(network: Tagger, start: str | None) -> dict[str, Any]:
    """The section `model` of a recipe with every size of its network written out."""
    sizes = {name: size for name, size in tagger.settings_of(network).items() if name not in _FROM_DATA}
    return sizes | {"start": start}


def resolved(recipe: JetRecipe, network: Tagger) -> JetRecipe:
    """The recipe with every size of its network written out."""
    model = NetworkSection.model_validate(sizes_of(network, recipe.model.start))
    return recipe.model_copy(update={"model": model})


def open_jets(data: JetsSection, seed: int) -> tuple[JetSource, JetSource]:
    """The training and the validation jets, as many of each as the recipe wants.

    Args:
        seed: of the draw, where the recipe wants some of them only.

    Raises:
        InputError: they are missing, cannot be read or disagree with their manifest; or the validation jets
            are not named.
    """
    if data.validation is not None:
        train, validation = open_source(data.path), open_source(data.validation)
    elif (Path(data.path) / MANIFEST).exists():
        train, validation = open_source(data.path, "train"), open_source(data.path, "validation")
    else:
        open_source(data.path)  # an error of the path itself comes first
        raise InputError(
            f"{data.path} has no split of validation jets", hint="name them: data.validation=PATH"
        )
    return subset(train, data.train_jets, seed), subset(validation, data.validation_jets, seed)


def load(source: JetSource, encoder: Encoder, data: JetsSection, jets_per_epoch: int | None = None) -> Loader:
    """The loader of some jets, in memory or streamed as the recipe says."""
    if data.loading == "streaming":
        return Streaming(source, encoder, data.buffer, jets_per_epoch=jets_per_epoch, ahead=data.prefetch)
    return InMemory(source, encoder, jets_per_epoch=jets_per_epoch)


def inputs(data: JetsSection, start: str | None = None) -> list[Path]:
    """The files on which a run depends: of the jets, their data config, and the model to start from.

    Of a data set it is the manifest, which holds the hashes of the shards.
    """
    files: list[Path] = []
    for path in filter(None, (data.path, data.validation)):
        manifest = Path(path) / MANIFEST
        files += [manifest] if manifest.exists() else open_source(path).paths
    config = Path(data.config)
    files += [config] if config.is_file() else []
    return files + ([] if start is None else tagger.model_files(tagger.model_folder(start)))


@dataclass(frozen=True)
class SomeJets(JetChunk):
    """Some jets of a chunk.

    Attributes:
        chunk: the whole chunk.
        where: their positions in it, rising.
    """

    chunk: JetChunk
    where: Array

    def _read(self, columns: tuple[str, ...]) -> Jets:
        return self.chunk.read(columns)[self.where]


def subset(source: JetSource, jets: int | None, seed: int) -> JetSource:
    """`jets` jets of a source drawn by `seed`; a larger draw holds every smaller one. None takes all.

    Raises:
        InputError: there are fewer.
    """
    if jets is None:
        return source
    if jets > len(source):
        raise InputError(f"{jets} jets are wanted, {source.chunks[0].path.parent} has {len(source)}")
    drawn = np.sort(np.random.default_rng(seed).permutation(len(source))[:jets])
    return JetSource(source.columns, tuple(_parts(source.chunks, drawn)))


def _parts(chunks: Sequence[JetChunk], drawn: Array) -> Iterator[JetChunk]:
    """The parts of the chunks that hold the jets `drawn`, numbered through all chunks."""
    start = 0
    for chunk in chunks:
        first, last = np.searchsorted(drawn, (start, start + chunk.count))
        if last > first:
            yield SomeJets(chunk.path, int(last - first), chunk.columns, chunk, drawn[first:last] - start)
        start += chunk.count
