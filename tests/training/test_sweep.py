from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.training.recipe import load_recipe
from yukawa.training.sweep import load_variants


def test_feyntune_has_twenty_variants():
    variants = load_variants("feyntune-sweep")
    assert len({variant.name for variant in variants}) == 20
    assert (variants[0].name, variants[-1].name) == ("s1-qkv", "s10-all")
    for variant in variants:
        mixture, targets = variant.name.split("-")
        changes = [f"mixture={mixture}", f"lora.targets={targets}"]
        assert variant.recipe == load_recipe("feyntune", changes)


def test_changes_hold_for_all_and_a_swept_key_can_be_fixed():
    changes = ["lora.targets=qkv", "training.seed=7"]
    variants = load_variants("feyntune-sweep", changes)
    assert [variant.name for variant in variants] == [f"s{n}-qkv" for n in range(1, 11)]
    assert {variant.recipe.training.seed for variant in variants} == {7}


def test_a_single_recipe_is_one_variant_without_a_name():
    (variant,) = load_variants("smoke", ["training.steps=2"])
    assert (variant.name, variant.recipe.training.steps) == ("", 2)


@pytest.mark.parametrize("over", ["[]", "{}", "{mixture: s1}", "{mixture: []}"])
def test_what_is_no_sweep_is_refused(tmp_path, over):
    path = tmp_path / "sweep.yaml"
    path.write_text(f"over: {over}\n")
    with pytest.raises(InputError, match="keys with lists of values"):
        load_variants(path)
    with pytest.raises(InputError, match="is a sweep"):
        load_recipe(path)
