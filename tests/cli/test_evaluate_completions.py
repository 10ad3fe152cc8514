"""`yukawa evaluate completions`, `semscore` and `entropy` on tiny models and on scripted ones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SMALL = ("--resamples", "100", "--device", "cpu")


def test_completions_semscore_and_entropy(yukawa, data, models):
    command = ("evaluate", "completions", str(data), "--model", f"base={models['base']}", "--bos", "--device", "cpu",
               "--new-tokens", "6", "--temperature", "1", "--out", "made")  # fmt: skip
    (made,) = yukawa(*command, "--json").json
    assert (made["model"], made["completions"], made["too_short"]) == ("base", 4, 0)
    before = Path(made["file"]).read_bytes()
    again = yukawa(*command)
    assert "4 completions in made/base.jsonl" in again.out
    assert Path(made["file"]).read_bytes() == before
    scores = yukawa(
        "evaluate", "semscore", made["file"], "--embedder", "hash", "--resamples", "50", "--json"
    ).json
    assert scores["documents"] == 4
    assert (
        "SemScore of the continuation"
        in yukawa("evaluate", "semscore", made["file"], "--embedder", "hash").out
    )
    bits = yukawa(
        "evaluate", "entropy", made["file"], "--model", f"base={models['base']}", *SMALL, "--json"
    ).json
    assert bits["base"]["entropy"]["kind"] == "entropy"
    assert bits["base"]["texture"]["artefacts"]["any"]["texts"] >= 0
    alone = yukawa("evaluate", "entropy", made["file"])
    assert "bits per token" in alone.out
    stray = yukawa("evaluate", "entropy", made["file"], "--model", f"other={models['base']}").failed(2)
    assert "no file was written by 'other' (there are: base)" in stray
    wrong = f"base={models['base']}+{models['adapter']}"
    foreign = yukawa("evaluate", "entropy", made["file"], "--model", wrong).failed(2)
    assert "were written with adapter none" in foreign


def test_completions_of_a_chat_model(yukawa, data):
    Path("replies.txt").write_text("one\ntwo\nthree\nfour\n")
    Path("yukawa.toml").write_text('[models.said]\nbackend = "scripted"\nreplies = "replies.txt"\n')
    command = ("evaluate", "completions", str(data), "--chat", "said", "--out", "made", "--json")
    assert yukawa(*command).json[0]["completions"] == 4
    assert len(Path("made/said.jsonl").read_text().splitlines()) == 5
    twice = yukawa(*command, "--model", "said=somewhere").failed(2)
    assert "two models are called 'said'" in twice
    assert "no model 'sad'" in yukawa(*command[:4], "sad", *command[5:]).failed(2)


def test_a_service_without_log_probabilities_is_told(yukawa, data):
    Path("replies.txt").write_text("one\ntwo\nthree\nfour\n")
    Path("yukawa.toml").write_text('[models.said]\nbackend = "scripted"\nreplies = "replies.txt"\n')
    done = yukawa("evaluate", "completions", str(data), "--chat", "said", "--out", "made")
    assert (
        "4 completions in made/said.jsonl; 4 came without log-probabilities, and have no entropy" in done.out
    )
    looks = yukawa("evaluate", "entropy", "made/said.jsonl", "--json").json
    assert "entropy" not in looks["said"]


def test_metadata_that_is_no_abstract_is_counted(yukawa, home):
    texts = (
        "We measure it. Comments: 5 pages, 2 figures",
        "All is well.",
        "It is seen. PACS numbers: 12.15.-y",
    )
    head = {"kind": "yukawa completions", "model": "old", "options": {"chat": True}}
    rows = [
        {
            "id": str(k),
            "prompt": "p",
            "reference": "r",
            "completion": text,
            "logprobs": [-0.5, -1.0],
            "finish": "stop",
        }
        for k, text in enumerate(texts)
    ]
    Path("old.jsonl").write_text("\n".join(map(json.dumps, [head, *rows])) + "\n")
    found = yukawa("evaluate", "entropy", "old.jsonl", "--json").json["old"]
    assert found["texture"]["artefacts"]["any"]["texts"] == 2
    assert found["texture"]["artefacts"]["pacs"]["texts"] == 1
    assert found["entropy"]["kind"] == "surprisal"
    assert "66.7 [" in yukawa("evaluate", "entropy", "old.jsonl").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["completions", "set", "--out", "o"], "no model was named"),
        (["semscore", "set/test.jsonl"], "holds no completions"),
        (["entropy", "absent.jsonl"], "cannot be read"),
    ],
)
def test_mistakes(yukawa, data, arguments, said):
    assert said in yukawa("evaluate", *arguments).failed(2)
