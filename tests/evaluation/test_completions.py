"""Completions: halves by hand, batches equal single prompts, and an interrupted file goes on as if unbroken."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError, ModelError
from yukawa.data.rows import Document
from yukawa.evaluation import completions as module
from yukawa.evaluation.completions import (
    complete,
    complete_by_chat,
    read_completion_files,
    read_completions,
    split_prompt,
)
from yukawa.llm.base import GREEDY
from yukawa.llm.loading import open_language_model
from yukawa.llm.scripted import ScriptedModel

OPTIONS = {"new_tokens": 12, "batch": 2}


class TestHalves:
    @pytest.mark.parametrize(
        ("text", "prompt", "rest"),
        [
            ("One. Two. Three.", "One. Two.", "Three."),
            ("One! Two?", "One!", "Two?"),
            ("a b c d e", "a b c", "d e"),
            ("Only e.g. this", "Only e.g.", "this"),
            ("  One.\n Two.  ", "One.", "Two."),
            ("word", "word", ""),
        ],
    )
    def test_by_hand(self, text, prompt, rest):
        assert split_prompt(text) == (prompt, rest)

    @given(st.text(alphabet="ab .!?\n", min_size=1))
    def test_nothing_is_lost(self, text):
        prompt, rest = split_prompt(text)
        assert "".join(prompt.split()) + "".join(rest.split()) == "".join(text.split())
        assert bool(rest) == (len(text.split()) > 1)

    def test_bad_input(self):
        with pytest.raises(InputError, match="none of the documents has a second half"):
            module.prompts([Document(id="a", text="word", source="test")])
        with pytest.raises(InputError, match="1 documents share their id"):
            module.prompts([Document(id="a", text="a b", source="test")] * 2)


def test_batches_equal_a_loop_by_hand(base_model, documents, tmp_path):
    """Argmax of one forward pass after another, on BOS and prompt alone."""
    found = complete(base_model, documents, tmp_path / "made.jsonl", **OPTIONS)
    assert [row.id for row in found] == [document.id for document in documents]
    for row in found[:4]:
        ids = [256, *base_model.tokenizer(row.prompt, add_special_tokens=False)["input_ids"]]
        expected: list[int] = []
        while len(expected) < 12:
            with torch.inference_mode():
                token = int(base_model.model(torch.tensor([ids + expected])).logits[0, -1].argmax())
            if token == 257:
                break
            expected.append(token)
        assert list(row.tokens) == expected
        assert row.finish == ("length" if len(expected) == 12 else "stop")
        assert row.completion == base_model.tokenizer.decode(expected, skip_special_tokens=True).strip()
        assert not row.cut


def test_a_prompt_that_leaves_no_room_is_cut_and_told(base_model, documents, tmp_path):
    long = Document(id="long", text="word " * 99 + ". The end.", source="test")
    found = complete(base_model, [*documents, long], tmp_path / "made.jsonl", **OPTIONS)
    assert [row.id for row in found if row.cut] == ["long"]
    assert found[-1].prompt.startswith("word word")


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_an_interrupted_file_goes_on(base_model, documents, tmp_path, temperature, monkeypatch):
    whole, broken = tmp_path / "whole.jsonl", tmp_path / "broken.jsonl"
    options = {**OPTIONS, "temperature": temperature, "seed": 5}
    complete(base_model, documents, whole, **options)
    generated, calls = module.generated, []

    def stops(*arguments):
        calls.append(len(arguments[1]))
        if len(calls) == 2:
            raise KeyboardInterrupt
        return generated(*arguments)

    monkeypatch.setattr(module, "generated", stops)
    with pytest.raises(KeyboardInterrupt):
        complete(base_model, documents, broken, **options)
    with open(broken, "a") as handle:
        handle.write('{"id": "2101.0')  # a crash left half a line
    seen = []
    complete(base_model, documents, broken, **options, progress=lambda *a: seen.append(a))
    assert calls == [2, 2, 2, 1]  # the finished batch was not made again
    assert broken.read_bytes() == whole.read_bytes()
    assert (seen[0], seen[-1]) == ((2, 5), (5, 5))
    complete(base_model, documents, broken, **options)
    assert len(calls) == 4


def test_sampling_follows_its_seed(base_model, documents, tmp_path):
    made = [
        [row.tokens for row in complete(base_model, documents, tmp_path / f"{k}.jsonl", temperature=1.5, seed=s, **OPTIONS)]
        for k, s in enumerate((1, 1, 2))
    ]  # fmt: skip
    assert made[0] == made[1] != made[2]


def test_files_of_other_options_are_refused(base_model, documents, tmp_path, adapter_folder):
    path = tmp_path / "made.jsonl"
    complete(base_model, documents, path, **OPTIONS)
    name, options, rows = read_completions(path)
    assert (name, options["new_tokens"], options["bos"], len(rows)) == ("base", 12, True, 5)
    with pytest.raises(InputError, match="begun with another temperature"):
        complete(base_model, documents, path, **OPTIONS, temperature=0.5)
    with pytest.raises(InputError, match=f"other documents: {documents[0].id} is missing"):
        complete(base_model, documents[1:], path, **OPTIONS)
    with pytest.raises(InputError, match="begun with another"):
        complete(open_language_model(adapter_folder, device="cpu"), documents, path, **OPTIONS)
    (tmp_path / "else.jsonl").write_text('{"kind": "else"}\n')
    with pytest.raises(InputError, match="does not hold completions"):
        read_completions(tmp_path / "else.jsonl")
    with pytest.raises(InputError, match="holds 192 tokens"):
        complete(base_model, documents, tmp_path / "new.jsonl", new_tokens=192)


class TestChat:
    def test_through_the_chat_interface(self, documents, tmp_path):
        chat = ScriptedModel(lambda messages: messages[-1].content[-4:] + " and on", name="scripted")
        found = complete_by_chat(chat, documents, tmp_path / "made.jsonl", at_once=2)
        assert [row.id for row in found] == [document.id for document in documents]
        for row, document in zip(found, documents, strict=True):
            assert row.prompt == split_prompt(document.text)[0]
            assert row.completion == f"{row.prompt[-4:]} and on".strip()
            assert row.tokens is None
        assert len(chat.asked) == 5

    def test_a_failure_keeps_what_is_done(self, documents, tmp_path):
        path = tmp_path / "made.jsonl"
        with pytest.raises(ModelError, match="has given all of its 2 scripted replies"):
            complete_by_chat(ScriptedModel(["a", "b"], name="s"), documents, path, at_once=1)
        kept = read_completions(path)[2]
        assert len(kept) == 2
        rest = ScriptedModel(["c", "d", "e"], name="s")
        found = complete_by_chat(rest, documents, path, at_once=1)
        assert sorted(row.completion for row in found) == list("abcde")

    @pytest.mark.parametrize("at_once", [1, 3])
    def test_a_service_that_refuses_log_probabilities_is_asked_without(self, documents, tmp_path, at_once):
        asked = []

        class Refusing(ScriptedModel):
            async def capabilities(self):
                return replace(await super().capabilities(), logprobs=True)

            async def chat(self, messages, options=GREEDY):
                asked.append(options.logprobs)
                if options.logprobs:
                    raise ModelError("logprobs are not supported")
                return await super().chat(messages, options)

        found = complete_by_chat(
            Refusing(lambda _: "so", name="r"), documents, tmp_path / "a.jsonl", at_once=at_once
        )
        assert [row.completion for row in found] == ["so"] * 5
        assert {row.logprobs for row in found} == {None}
        assert asked.count(False) == 5
        assert 1 <= asked.count(True) <= at_once

    def test_the_file_is_plain(self, documents, tmp_path):
        path = tmp_path / "made.jsonl"
        complete_by_chat(ScriptedModel(lambda _: "µ → e γ"), documents, path)
        lines = path.read_text("utf-8").splitlines()
        assert json.loads(lines[0])["options"]["chat"] is True
        assert json.loads(lines[1])["completion"] == "µ → e γ"


def test_completions_that_were_only_begun(tmp_path):
    head = {"kind": "yukawa completions", "model": "a", "options": {}}
    (tmp_path / "a.jsonl").write_text(json.dumps(head) + "\n")
    with pytest.raises(InputError, match=r"a\.jsonl holds no completions yet"):
        read_completion_files([tmp_path / "a.jsonl"])
    with pytest.raises(InputError, match="cannot be read"):
        read_completion_files([tmp_path / "absent.jsonl"])


def test_two_files_of_one_model(base_model, documents, tmp_path):
    files = [tmp_path / name for name in ("a.jsonl", "b.jsonl")]
    for file in files:
        complete(base_model, documents, file, new_tokens=2)
    with pytest.raises(InputError, match="two files hold completions by 'base'"):
        read_completion_files(files)
    assert list(read_completion_files(files[:1])) == ["base"]
