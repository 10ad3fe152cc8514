from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from yukawa.core.errors import InputError
from yukawa.jets.training.recipe import JetRecipe
from yukawa.jets.training.setup import build

TEXT = """
data: {path: jets}
model: {architecture: transformer, width: 32}
training: {epochs: 3, learning_rate: 1e-3}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(TEXT)
    return path


@pytest.mark.parametrize("scale", ["", "-laptop"])
@pytest.mark.parametrize("model", ["particle-net", "particle-transformer", "transformer"])
def test_every_recipe_of_the_repository_is_whole_once_its_data_are_named(model: str, scale: str) -> None:
    path = f"{model}{scale}"
    recipe = JetRecipe.load(path, ["data.path=jets"])
    assert recipe.model.architecture == model
    encoder, network = build(recipe)  # its sizes fit the network
    assert network.config.classes == encoder.classes
    with pytest.raises(InputError, match=r"data.* missing .*type: data"):
        JetRecipe.load(path)


@given(
    batch=st.integers(1, 10**6),
    rate=st.floats(1e-8, 1e3),
    seed=st.integers(0, 2**31),
    optimiser=st.sampled_from(["ranger", "adamw"]),
    patience=st.none() | st.integers(1, 100),
)
def test_what_is_written_out_is_read_back(
    batch: int, rate: float, seed: int, optimiser: str, patience: int | None
) -> None:
    given = {"epochs": 2, "batch": batch, "learning_rate": rate, "seed": seed, "optimiser": optimiser}
    values = {"data": {"path": "x"}, "model": {"architecture": "transformer"}}
    recipe = JetRecipe.parse(values | {"training": given | {"patience": patience}}, "here")
    assert JetRecipe.parse(yaml.safe_load(yaml.safe_dump(recipe.plain())), "there") == recipe


def test_overrides_win_over_the_file_which_wins_over_its_base(file: Path) -> None:
    child = file.with_name("child.yaml")
    child.write_text("base: recipe.yaml\ntraining: {epochs: 5, batch: 64}\n")
    recipe = JetRecipe.load(child, ["training.batch=128", "data={config: jetclass-kin}", "training.clip=1"])
    assert recipe.training.learning_rate == 1e-3  # the base
    assert recipe.training.epochs == 5  # the file
    assert (recipe.training.batch, recipe.training.clip, recipe.data.config) == (128, 1.0, "jetclass-kin")
    assert recipe.data.path == "jets"


def test_another_architecture_does_not_inherit_sizes(file: Path) -> None:
    same = JetRecipe.load(file, ["model.depth=2"])
    assert same.model.model_dump(exclude_none=True) == {
        "architecture": "transformer",
        "width": 32,
        "depth": 2,
    }
    other = JetRecipe.load(file, ["model.architecture=particle-net"])
    assert other.model.model_dump(exclude_none=True) == {"architecture": "particle-net"}


@pytest.mark.parametrize(("text", "jets"), [("1e6", 1_000_000), ("2.5e5", 250_000), ("7", 7), ("null", None)])
def test_a_number_of_jets_may_be_written_in_powers_of_ten(file: Path, text: str, jets: int | None) -> None:
    assert JetRecipe.load(file, [f"data.train_jets={text}"]).data.train_jets == jets


def test_a_recipe_cannot_be_changed(file: Path) -> None:
    with pytest.raises(ValidationError):
        JetRecipe.load(file).training.batch = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.bach=3", r"unknown key training\.bach \(did you mean training\.batch\?\)"),
        ("trainin.batch=3", r"unknown key trainin \(did you mean training\?\)"),
        ("data.zzz=3", r"unknown key data\.zzz \(allowed: path, validation, config"),
        ("training.batch=many", r"training\.batch = 'many': expected a whole number"),
        ("training.batch=true", r"training\.batch = True: expected a whole number"),
        ("training.batch=0", r"training\.batch = 0: expected a number greater than or equal to 1"),
        ("training.epochs=1.5", r"training\.epochs = 1\.5: expected a whole number"),
        ("training.learning_rate=-1", r"training\.learning_rate = -1: expected a number greater than 0"),
        ("training.learning_rate=.nan", r"training\.learning_rate = nan: expected"),
        ("training.optimiser=rager", r"training\.optimiser = 'rager': expected 'ranger' or 'adamw'"),
        ("training.steps=5", r"training: give either epochs or steps"),
        ("training.epochs=null", r"training: give either epochs or steps"),
        ("training=3", r"training = 3: expected"),
        ("model={architecture: null}", r"model\.architecture = None: expected a text"),
        (
            "training.batch",
            r"expected key=value, got 'training\.batch' \(write it like training\.batch=256\)",
        ),
        ("training.batch=[", r"is not valid YAML"),
    ],
)
def test_a_wrong_override_is_answered_with_one_line(file: Path, override: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        JetRecipe.load(file, [override])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: recipe.yaml", "is its own base"),
        ("base: 3", "base: a name is expected"),
        ("base: none.yaml", "there is no recipe .none.yaml"),
        ("- a\n- b", "is not a table of keys and values"),
        ("", "is not a table of keys and values"),
        ("data: {path: x", "recipe.yaml:1 is not valid YAML"),
        ("training: {epochs: 1}\nmodel: {architecture: x}", "data is missing"),
    ],
)
def test_a_wrong_file_is_answered_with_one_line(file: Path, text: str, message: str) -> None:
    file.write_text(text)
    with pytest.raises(InputError, match=message):
        JetRecipe.load(file)


def test_a_missing_file_and_a_binary_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no recipe"):
        JetRecipe.load(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        JetRecipe.load(tmp_path / "binary.yaml")
