"""GRPO: rewards rise, a resumed run has the same weights, and what cannot be rewarded is refused before it begins."""

from __future__ import annotations

import json
from itertools import count

import pytest
import torch
import trl
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from yukawa.core.errors import InputError
from yukawa.data import Conversation, Turn, write_rows
from yukawa.training.dry_run import describe
from yukawa.training.reinforcement import GroupSampler
from yukawa.training.text_task import train, trainer_class


def asked(path, answers, question="How many are there in case {n}?"):
    rows = [
        Conversation(id=f"q{n}", source="test", messages=(
            Turn(role="user", content=question.format(n=n)), Turn(role="assistant", content=answer),
        ))
        for n, answer in enumerate(answers)
    ]  # fmt: skip
    write_rows(path, rows, Conversation)
    return str(path)


@pytest.fixture
def grpo(recipe, rows, tmp_path):
    """Makes a recipe of GRPO on questions that are all answered by 5."""
    numbers = count()

    def make(
        answers=("5",) * 8,
        question="How many are there in case {n}?",
        adapter=None,
        validation=False,
        **training,
    ):
        path = asked(tmp_path / f"asked{next(numbers)}.jsonl", answers, question)
        settings = {
            "kind": "grpo",
            "reward": "number",
            "group": 8,
            "batch": 16,
            "new_tokens": 6,
            "length": 64,
            **training,
        }
        settings.pop("kind")
        rows["grpo"] = path
        data = {"template": "plain", **({"validation": path} if validation else {})}
        return recipe("grpo", data=data, dtype="fp32", adapter=adapter, **settings)

    return make


def test_the_trainer_is_trl_s(grpo):
    assert issubclass(trainer_class(grpo().training), trl.GRPOTrainer)


@pytest.mark.slow
def test_the_reward_rises(grpo, tmp_path):
    chosen = grpo(
        adapter={"kind": "full"},
        steps=80,
        batch=32,
        learning_rate=1e-2,
        beta=0.01,
        validation=True,
        evaluate_every=40,
        log_every=1,
    )
    done = train(chosen, tmp_path / "run")
    lines = [json.loads(line) for line in (done.folder / "metrics.jsonl").read_text().splitlines()]
    rewards = [line["rewards_number_mean"] for line in lines if "rewards_number_mean" in line]
    assert sum(rewards[:5]) / 5 < 0.3
    assert sum(rewards[-5:]) / 5 > 0.8
    assert [line["validation_reward"] for line in lines if "validation_reward" in line][-1] > 0.7
    assert "rewarded by the judge `number`" in (done.folder / "card.md").read_text()
    assert done.tokens > 0


@pytest.mark.slow_but("2")
@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_resumed_run_has_the_same_weights(grpo, tmp_path, accumulation):
    chosen = grpo(
        [str(n % 10) for n in range(6)], steps=7, accumulation=accumulation, learning_rate=2e-2, checkpoint_every=2, group=4,
        validation=True, evaluate_every=3,
    )  # fmt: skip
    train(chosen, tmp_path / "whole")

    def die(done, total, figures):
        if done == 5:
            raise MemoryError

    with pytest.raises(MemoryError):
        train(chosen, tmp_path / "broken", progress=die)
    train(chosen, tmp_path / "broken", resume=True)
    one, two = (
        load_file(tmp_path / name / "model/adapter_model.safetensors") for name in ("whole", "broken")
    )
    assert all(torch.equal(one[key], two[key]) for key in one)


@given(rows=st.integers(1, 20), prompts=st.integers(1, 5), group=st.integers(2, 4), passes=st.integers(1, 3))
def test_a_step_has_whole_groups_and_an_epoch_each_prompt_once(rows, prompts, group, passes):
    if rows < prompts:
        return
    sampler = GroupSampler(rows, prompts, group, passes, seed=1)
    drawn = list(sampler)
    assert len(drawn) == len(sampler)
    size, steps = prompts * group, rows // prompts
    batches = [drawn[k : k + size] for k in range(0, len(drawn), size)]
    assert len(batches) == steps * passes
    for step in range(steps):
        same = batches[step * passes : (step + 1) * passes]
        assert all(one == same[0] for one in same)
        assert all(len(set(same[0][k : k + group])) == 1 for k in range(0, size, group))
    met = [row for batch in batches[::passes] for row in batch[::group]]
    assert len(met) == len(set(met)) == steps * prompts
    again = GroupSampler(rows, prompts, group, passes, seed=1)
    again.set_epoch(1)
    if rows > 12 and prompts == 1:
        assert [*again][::group] != [*sampler][::group]  # another order
    assert list(again) == list(again)


def test_a_dry_run_says_what_would_be_written(grpo):
    said = describe(grpo(epochs=2))
    assert (said.problems, said.plan.steps, said.plan.epoch) == ((), 8, 4)
    assert said.counts.rows == 8
    assert said.counts.tokens > 0
    assert said.tokens_per_step is None
    assert said.memory.total > 0


def test_what_cannot_be_rewarded_is_refused(grpo, recipe, tmp_path):
    cases = {
        "row q1: the answer 'many' is not one number": grpo(["5", "many"]),
        "no sources numbered from 1": grpo(reward="citation"),
        "a step takes 2 prompts": grpo(["5"]),
    }
    for n, (message, chosen) in enumerate(cases.items()):
        with pytest.raises(InputError, match=message):
            train(chosen, tmp_path / f"run{n}")
    for message, settings in {
        "belong together": {"reward": None},
        "in groups of training.group=8": {"batch": 12},
        "leave room for a prompt": {"new_tokens": 64},
        "tells nothing in GRPO": {"best_by": "loss"},
    }.items():
        with pytest.raises(InputError, match=message):
            grpo(**settings)
    with pytest.raises(InputError, match="belong together"):
        recipe("sft", reward="number")


def test_a_long_prompt_is_omitted_and_counted(grpo):
    said = describe(grpo(["5"] * 3, question="How many " * 40 + "{n}?", length=64))
    assert "holds anything to learn from" in said.problems[0]
