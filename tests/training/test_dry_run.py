from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.llm.loading import empty_model
from yukawa.training.dry_run import adapter_parameters, describe
from yukawa.training.text_task import train


@pytest.mark.parametrize(
    ("kind", "adapter"),
    [("pretrain", {"targets": "qkv"}), ("sft", {"targets": "all"}), ("preference", {"kind": "full"})],
)
def test_what_it_says_is_what_happens(recipe, tmp_path, kind, adapter):
    chosen = recipe(kind, adapter=adapter, epochs=1, length=96)
    said = describe(chosen)
    done = train(chosen, tmp_path / "run")
    assert said.plan.steps == done.planned
    assert (said.trained_parameters, said.parameters) == (done.trained_parameters, done.parameters)
    assert said.tokens_per_step * said.plan.steps == pytest.approx(done.tokens)
    assert (said.problems, said.notes) == ((), ())


def test_a_recipe_for_a_gpu_is_described_without_one(recipe):
    said = describe(recipe(device="cuda", tf32=True))
    assert said.trained_parameters > 0
    assert len(said.problems) == 1
    assert "needs a GPU" in said.problems[0]


def test_lora_has_rank_times_inputs_and_outputs(tiny):
    model = empty_model(tiny)
    one = adapter_parameters(model, ("down_proj",), 1)
    assert one == 2 * (32 + 64)
    assert adapter_parameters(model, ("down_proj",), 8) == 8 * one


def test_what_does_not_fit_is_told(recipe):
    said = describe(recipe("sft", length=40))
    assert any("do not fit into 40 tokens" in line for line in said.notes)
    with pytest.raises(InputError, match="longer than the base's context"):
        describe(recipe(length=300))
