from __future__ import annotations

import numpy as np
import pytest
import yaml

from yukawa.core.errors import InputError
from yukawa.jets.scaling.recipe import load_study
from yukawa.jets.training.setup import build, open_jets


def test_cells_are_all_combinations_each_once(load):
    study = load()
    names = [cell.name for cell in study.cells()]
    assert len(set(names)) == len(names) == 2 * 2 * 2 * 2
    assert names[0] == "net-epochs-20-1"
    assert [cell.jets for cell in study.cells()] == [20] * 8 + [60] * 8


def test_a_cell_is_what_the_study_says_and_else_what_its_model_says(load, data):
    cells = {cell.name: cell for cell in load().cells()}
    recipe = cells["wide-epochs-60-2"].recipe
    assert (recipe.data.path, recipe.data.train_jets, recipe.data.validation_jets) == (str(data), 60, 30)
    training = recipe.training
    assert (training.epochs, training.steps, training.seed, training.jets_per_epoch) == (2, None, 2, None)
    assert (training.batch, training.learning_rate) == (20, 0.02)
    assert recipe.model.model_dump()["head"] == [[8, 0.0]]
    fixed = cells["net-steps-20-1"].recipe.training
    assert (fixed.epochs, fixed.steps, fixed.seed, fixed.learning_rate) == (None, 3, 1, 0.01)


def test_every_training_is_validated_equally_often(load):
    for cell in load("lengths.steps=12", "sizes=[20,40,80]").cells():
        assert cell.steps / cell.recipe.training.evaluate_every == pytest.approx(2)


def test_steps_count_the_last_smaller_batch(load):
    steps = {cell.name: cell.steps for cell in load("sizes=[41]").cells()}
    assert (steps["net-epochs-41-1"], steps["net-steps-41-1"]) == (6, 3)


def test_jets_of_one_seed_are_nested_and_of_two_seeds_are_not(load):
    def drawn(jets, seed):
        cell = next(c for c in load().cells() if (c.jets, c.seed) == (jets, seed))
        return set(
            open_jets(cell.recipe.data, cell.seed)[0].read(["part_energy"]).particles["part_energy"].tolist()
        )

    assert drawn(20, 1) < drawn(60, 1)
    assert not drawn(20, 1) <= drawn(20, 2)


def test_a_study_that_is_read_again_is_the_same(load, tmp_path):
    study = load()
    (tmp_path / "again.yaml").write_text(yaml.safe_dump(study.plain()))
    assert load_study(tmp_path / "again.yaml") == study


def test_jets_that_fit_into_a_streams_buffer_are_held_in_memory(load):
    stream = "models.net.data.loading=streaming"
    loading = {
        c.jets: c.recipe.data.loading
        for c in load(stream, "models.net.data.buffer=50").cells()
        if c.model == "net"
    }
    assert loading == {20: "in-memory", 60: "streaming"}
    few = load(stream, "models.net.data.buffer=25")  # the validation jets would not fit
    assert {c.recipe.data.loading for c in few.cells() if c.model == "net"} == {"streaming"}


def test_one_length_is_enough(load):
    assert {cell.mode for cell in load("lengths.epochs=null").cells()} == {"steps"}


def test_changes_reach_a_model_and_may_add_or_replace_one(load, recipes):
    assert load("models.net.training.batch=7").models["net"].training.batch == 7
    assert list(load("models.third=net.yaml").models) == ["net", "wide", "third"]
    assert load("models.wide=net.yaml").models["wide"] == load().models["net"]
    assert load("models.wide=net.yaml", "models.wide.training.batch=7").models["wide"].training.batch == 7
    assert list(load("models.wide=null").models) == ["net"]


SPECIALISTS = {"particle-net", "particle-transformer", "transformer"}


def test_the_shipped_study_for_a_laptop_is_of_three_small_networks():
    study = load_study("scaling-laptop", ["data.path=none"])
    assert {r.model.architecture for r in study.models.values()} == SPECIALISTS
    assert len(list(study.cells())) == 18 * len(study.sizes)
    for recipe in study.models.values():  # the sizes of the others are the defaults
        assert sum(weight.numel() for weight in build(recipe)[1].parameters()) < 500_000


def test_the_shipped_study_is_of_the_specialists_and_both_forms_of_the_byte_model():
    study = load_study("scaling", ["data.path=none"])
    assert {r.model.architecture for r in study.models.values()} == SPECIALISTS | {"byte-model"}
    assert study.models["byte-text"].model.form == "text"
    assert study.sizes == [100, 10**3, 10**4, 10**5, 10**6, 10**7]
    assert len(list(study.cells())) == 2 * 3 * 5 * len(study.sizes)
    assert np.isfinite([cell.steps for cell in study.cells()]).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("sizess=[1]", "unknown key sizess (did you mean sizes?)"),
        ("data.paths=x", "unknown key data.paths (did you mean data.path?)"),
        ("sizes=[]", "sizes"),
        ("sizes=[0]", "sizes.0 = 0"),
        ("sizes=[20,20]", "each may be named once"),
        ("sizes=20", "sizes = 20"),
        ("seeds=[-1]", "seeds.0 = -1"),
        ("lengths={epochs: null, steps: null}", "give epochs, steps or both"),
        ("lengths.steps=0", "lengths.steps = 0"),
        ("validations=many", "validations = 'many'"),
        (
            "models.net.training.bach=8",
            "models.net: unknown key training.bach (did you mean training.batch?)",
        ),
        ("models.net.model=null", "models.net: model"),
        ("models.new=nowhere.yaml", "there is no recipe 'nowhere.yaml'"),
        ("models.new=3", "models.new: a training recipe"),
        ("models.new.base=3", "models.new.base"),
        ("models=null", "models: a table"),
        ("models={net: null, wide: null}", "models: a table"),
        ("models={a/b: net.yaml}", "'a/b' cannot name a model"),
        ("sizes", "expected key=value, got 'sizes'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(load, change, said):
    with pytest.raises(InputError) as caught:
        load(change)
    assert said in str(caught.value)


def test_a_missing_part_is_named(recipes, tmp_path):
    (tmp_path / "s.yaml").write_text(
        f"data: {{path: x}}\nmodels: {{net: {recipes / 'net.yaml'}}}\nsizes: [1]\nseeds: [1]"
    )
    with pytest.raises(InputError, match="lengths is missing"):
        load_study(tmp_path / "s.yaml")
