"""`yukawa evaluate` measures tiny models and what they write, and answers mistakes in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from yukawa.data.rows import Document, write_rows

SMALL = ("--resamples", "100", "--device", "cpu")


def test_perplexity(yukawa, data, models):
    both = ("--model", f"base={models['base']}", "--model", f"tuned={models['base']}+{models['adapter']}")
    command = ("evaluate", "perplexity", str(data), *both, "--bos", *SMALL)
    found = yukawa(*command, "--out", "kept", "--json").json
    assert found["documents"] == 4
    assert found["long_documents"] == {"base": 1, "tuned": 1}
    assert found["options"]["tuned"]["adapter"] == str(models["adapter"])
    assert found["options"]["base"]["bos"] is found["options"]["base"]["eos"] is True
    (pair,) = found["forms"]["corpus_perplexity"]["differences"]
    assert (pair["first"], pair["second"]) == ("base", "tuned")
    assert len(list(Path("kept").iterdir())) == 2
    shown = yukawa(*command, "--out", "kept")
    assert shown.code == 0
    assert "tuned − base" in shown.out
    assert "every token scored once: 1 for base and tuned" in " ".join(shown.out.split())
    assert max(map(len, shown.out.splitlines())) <= 80
    without = yukawa(*command, "--no-eos", "--json").json
    assert without["tokens"]["base"] == found["tokens"]["base"] - 4


def test_report(yukawa, data, models):
    done = yukawa(
        "evaluate", "report", str(data), "--model", f"base={models['base']}", "--model", f"tuned={models['adapter']}",
        "--by-archive", "--out", "here", *SMALL, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert list(done.json["tests"]) == ["hep-ph", "cs", "gr-qc"]
    assert done.json == {"out": "here", **json.loads(Path("here/report.json").read_text())}
    assert "Transfer and forgetting" in Path("here/report.md").read_text()


def test_a_limit_by_archive_counts_within_each(yukawa, data, models):
    lines = [
        Document(id=f"d{k}", text=f"Sentence {k} is short.", source="test", categories=(kind,))
        for k, kind in enumerate(["hep-th", "hep-th", "hep-th", "cs.LG", "cs.LG"])
    ]
    write_rows(Path("rows.jsonl"), lines, Document)
    done = yukawa(
        "evaluate", "report", "rows.jsonl", "--model", str(models["base"]), "--by-archive", "--limit", "2",
        "--out", "here", *SMALL, "--json",
    )  # fmt: skip
    assert {name: test["documents"] for name, test in done.json["tests"].items()} == {"hep-th": 2, "cs": 2}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["perplexity", "absent.jsonl", "--model", "{base}"], "absent.jsonl cannot be read"),
        (["perplexity", "empty.jsonl", "--model", "{base}"], "holds no document"),
        (["perplexity", "set", "--split", "train", "--model", "{base}"], "unknown split 'train'"),
        (["perplexity", "set", "--model", "./absent"], "there is no folder"),
        (["perplexity", "set", "--model", "{base}", "--dtype", "float"], "did you mean 'float32'?"),
        (["perplexity", "set", "--model", "{base}", "--context", "500"], "holds 128 tokens, not 500"),
        (["perplexity", "set", "--model", "{base}", "--model", "{base}"], "give them different names"),
        (["perplexity", "set", "--model", "{base}", "--level", "95"], "between 0 and 1"),
        (
            ["perplexity", "set", "--model", "{base}", "--level", "1e400"],
            "level = inf: expected a finite number",
        ),
        (
            ["perplexity", "set", "--model", "{base}", "--level", "nan"],
            "level = nan: expected a finite number",
        ),
        (
            ["report", "set", "a=set", "a=set", "--model", "{base}", "--out", "o"],
            "two test sets are called 'a'",
        ),
        (["perplexity", "set"], "no model was named"),
        (["perplexity", "set", "--model", "{base}", "--model", "a=./absent"], "there is no folder"),
        (["perplexity", "set", "--model", "{base}", "--device", "gpu"], "the device 'gpu' does not exist"),
        (["perplexity", "set", "--model", "a b={base}", "--model", "a-b={base}"], "the same for a file"),
        (["completions", "set", "--out", "o"], "no model was named"),
        (["semscore", "set/test.jsonl"], "does not hold completions"),
        (["entropy", "absent.jsonl"], "cannot be read"),
        (["nothing"], "there is no command or recipe 'nothing' (commands: perplexity, "),
        (["nothing"], "recipes: evaluate-compare, or a YAML file)"),
        (["perplexty", "set"], "did you mean perplexity?"),
        (["absent.yaml"], "there is no recipe 'absent.yaml'"),
    ],
)
def test_mistakes(yukawa, data, models, arguments, said):
    Path("empty.jsonl").write_text("")
    line = yukawa("evaluate", *(word.format(base=models["base"]) for word in arguments))
    assert line.code == 2
    assert said in line.err.splitlines()[-1]
    assert line.err.splitlines()[-1].startswith("error: ")
    assert line.out == ""


def test_no_network_and_an_adapter_of_another_base(yukawa, data, models, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    line = yukawa("evaluate", "perplexity", str(data), "--model", "nobody/nothing", "--device", "cpu")
    assert line.code == 1
    assert "check the name, the network" in line.err
    config = json.loads((models["base"] / "config.json").read_text())
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    LlamaForCausalLM(LlamaConfig(**{**config, "hidden_size": 64})).save_pretrained("wide")
    AutoTokenizer.from_pretrained(models["base"]).save_pretrained("wide")
    line = yukawa(
        "evaluate", "perplexity", str(data), "--model", f"x=wide+{models['adapter']}", "--device", "cpu"
    )
    assert line.code == 2
    assert "belongs to another base" in line.err


def test_rows_in_parquet(yukawa, data, models):
    pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    rows = [Document(id="a", text="One document. It is read from Parquet.", source="test")]
    write_rows(Path("rows.parquet"), rows, Document)
    found = yukawa(
        "evaluate", "perplexity", "rows.parquet", "--model", str(models["base"]), *SMALL, "--json"
    ).json
    assert found["forms"]["bits_per_byte"]["estimates"][models["base"].name]["low"] is None


def test_a_recipe(yukawa, data, models):
    Path("compare.yaml").write_text(
        f"models: {{base: {models['base']}, tuned: {models['base']}+{models['adapter']}}}\n"
        "tests: {small: set}\nloading: {device: cpu}\nstatistics: {resamples: 100}\n"
    )
    done = yukawa("evaluate", "compare.yaml", "limit=3", "--json")
    assert done.code == 0, done.err
    assert done.json["out"] == "runs/compare"
    assert done.json["tests"]["small"]["documents"] == 3
    written = yaml.safe_load(Path("runs/compare/recipe.yaml").read_text())
    assert (written["limit"], written["statistics"]["level"]) == (3, 0.95)
    again = yukawa("evaluate", "runs/compare/recipe.yaml", "--out", "again", "--json").json
    assert {**again, "out": ""} == {**done.json, "out": ""}
    wrong = yukawa("evaluate", "compare.yaml", "limt=3").failed(2)
    assert "unknown key limt (did you mean limit?)" in wrong
    wrong = yukawa("evaluate", "compare.yaml", "statistics.level=95").failed(2)
    assert "between 0 and 1" in wrong


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
    assert bits["base"]["diversity"]["artefacts"]["any"]["texts"] >= 0
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
    assert found["diversity"]["artefacts"]["any"]["texts"] == 2
    assert found["diversity"]["artefacts"]["pacs"]["texts"] == 1
    assert found["entropy"]["kind"] == "surprisal"
    assert "66.7 (too few for an interval)" in yukawa("evaluate", "entropy", "old.jsonl").out


def test_code_of_models_beside_the_grammar(yukawa, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "yukawa.toml").write_text('[models.mute]\nbackend = "scripted"\nreplies = "replies.txt"\n')
    (tmp_path / "replies.txt").write_text("no idea\n" * 9)
    found = yukawa("evaluate", "code", "mute", "--limit", "2", "--json").json
    assert found["tasks"] == 2
    assert [found["shares"][name]["holds"]["value"] for name in ("grammar", "mute", "mute, plan")] == [
        1,
        0,
        0,
    ]
    assert "p (McNemar)" in yukawa("evaluate", "code", "mute", "--limit", "2").out
    assert "grammar" in yukawa("evaluate", "code", "grammar", "--limit", "2").out
    assert "no model 'nosuch'" in yukawa("evaluate", "code", "nosuch").err
