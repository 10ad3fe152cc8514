from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from yukawa.core.errors import InputError
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.io.loader import InMemory, Streaming
from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.io.source import open_source
from yukawa.jets.models.tagger import load_model
from yukawa.jets.training.recipe import Recipe
from yukawa.jets.training.setup import build_model, inputs, load, open_jets, resolve, save, subset

Make = Callable[..., Recipe]


def energies(source: JetSource) -> list[float]:
    jets = source.read(["part_energy"])
    return [float(e) for e in jets.particles["part_energy"][jets.offsets[:-1]]]


def test_a_larger_draw_of_jets_holds_every_smaller_one(data: Path) -> None:
    source = open_source(data, "train")
    everything = energies(source)
    before: set[float] = set()
    for number in (1, 10, 150, 300):
        drawn = subset(source, number, seed=1)
        assert len(drawn) == number == len(set(energies(drawn)))
        assert before <= set(energies(drawn)) <= set(everything)
        before = set(energies(drawn))
    assert energies(subset(source, 300, seed=1)) == everything
    assert energies(subset(source, 10, seed=2)) != energies(subset(source, 10, seed=1))
    assert subset(source, None, seed=1) is source


def test_a_part_of_a_source_reads_only_the_pieces_it_needs(data: Path) -> None:
    few = subset(open_source(data, "train"), 2, seed=1)
    assert len(few.chunks) <= 2
    assert sum(piece.count for piece in few.chunks) == 2
    assert all(piece.path.exists() for piece in few.chunks)


def test_the_seed_decides_the_weights(recipe: Make) -> None:
    one, two, three = (build_model(recipe(seed=seed))[1].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], three[name]) for name in one)


def test_the_network_fits_the_encoder(recipe: Make) -> None:
    encoder, network = build_model(recipe())
    train, _ = open_jets(recipe())
    loaded = load(train, encoder, recipe().data)
    batch = next(iter(loaded.batches(10, seed=0, epoch=0, shuffle=False)))
    assert batch.rows["features_NF"].shape[1] == network.config.features
    assert network.config.classes == encoder.classes == ("b", "g")


def test_the_recipe_says_how_jets_are_loaded(recipe: Make) -> None:
    encoder, _ = build_model(recipe())
    train, validation = open_jets(recipe(validation_jets=20))
    assert len(validation) == 20
    assert isinstance(load(train, encoder, recipe().data), InMemory)
    streamed = load(
        train, encoder, recipe(loading="streaming", buffer=17, prefetch=3).data, jets_per_epoch=40
    )
    assert isinstance(streamed, Streaming)
    assert (streamed.buffer, streamed.ahead, streamed.steps(20)) == (17, 3, 2)


def test_jets_without_splits_need_validation_jets_by_name(data: Path, tmp_path: Path, recipe: Make) -> None:
    source = open_source(data, "train")
    path = tmp_path / "other.parquet"
    write_parquet(path, source.read()[np.arange(30)])
    with pytest.raises(InputError, match=r"no split of validation jets \(name them: data\.validation=PATH"):
        open_jets(recipe(path=str(path)))
    train, validation = open_jets(recipe(path=str(path), validation=str(data / "validation")))
    assert (len(train), len(validation)) == (30, 100)
    files = inputs(recipe(path=str(path), validation=str(data / "validation"), config="jet-origin").data)
    assert files == [path, data / "validation" / "0000.parquet"]


def test_what_a_run_depends_on(data: Path, recipe: Make) -> None:
    assert inputs(recipe().data) == [data / "manifest.json", data / "config.yaml"]


def test_a_resolved_recipe_builds_the_same_network_and_resolves_to_itself(recipe: Make) -> None:
    first = recipe(model={"architecture": "particle-net", "blocks": [[4, [8]]], "head": [[8, 0.0]]})
    _, network = build_model(first)
    resolved = resolve(first, network)
    assert resolved.model.model_dump()["fusion"] is False
    _, again = build_model(resolved)
    assert resolve(resolved, again) == resolved
    assert {k: v.shape for k, v in again.state_dict().items()} == {
        k: v.shape for k, v in network.state_dict().items()
    }


def test_a_saved_model_is_the_network_with_its_config(tmp_path: Path, recipe: Make) -> None:
    encoder, network = build_model(recipe())
    save(tmp_path / "model", encoder, network)
    loaded, config = load_model(tmp_path / "model")
    assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in network.state_dict().items())
    assert config.classes == encoder.classes


def test_more_jets_than_there_are_are_refused(data: Path) -> None:
    with pytest.raises(InputError, match=r"301 jets are asked for, .* has 300"):
        subset(open_source(data, "train"), 301, seed=0)
