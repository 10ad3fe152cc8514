"""`yukawa evaluate` measures tiny generated models, and answers mistakes in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yukawa.data.row_files import write_rows
from yukawa.data.rows import Document

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
    assert "read in overlapping windows with every token scored once: 1 for base and tuned" in shown.out
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
        (["perplexity", "set", "--model", "{base}", "--model", "{base}"], "name them apart"),
        (["perplexity", "set", "--model", "{base}", "--level", "95"], "between 0 and 1"),
        (
            ["report", "set", "a=set", "a=set", "--model", "{base}", "--out", "o"],
            "two test sets are called 'a'",
        ),
        (["perplexity", "set"], "no model was named"),
        (["perplexity", "set", "--model", "{base}", "--model", "a=./absent"], "there is no folder"),
        (["perplexity", "set", "--model", "{base}", "--device", "gpu"], "the device 'gpu' does not exist"),
        (["perplexity", "set", "--model", "a b={base}", "--model", "a-b={base}"], "the same for a file"),
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
