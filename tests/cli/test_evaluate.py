"""`yukawa evaluate` measures tiny models made on the spot, and answers mistakes in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yukawa.corpus.dataset import write_dataset
from yukawa.corpus.rows import Document
from yukawa.corpus.storing import write_rows

TEXTS = (
    "The Higgs boson decays. Its width is small.",
    "Black holes radiate. They are hot. We compute the rate.",
    "A note on τ leptons.",
    "Strings vibrate and their spectrum is computed here. " * 4,
)
SMALL = ("--resamples", "100", "--device", "cpu")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A base and an adapter of it, over bytes."""
    import torch
    from peft import LoraConfig, get_peft_model
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.set_num_threads(1)
    base, adapter = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("adapter")
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    PreTrainedTokenizerFast(tokenizer_object=core, bos_token="<s>", eos_token="</s>").save_pretrained(base)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=258, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=128, bos_token_id=256, eos_token_id=257, initializer_range=0.2,
    )  # fmt: skip
    model = LlamaForCausalLM(config)
    model.save_pretrained(base)
    lora = LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    model.name_or_path = str(base)
    get_peft_model(model, lora).save_pretrained(adapter)
    return {"base": base, "adapter": adapter}


@pytest.fixture
def data(home: Path) -> Path:
    """A data set of four documents in the working folder."""
    kinds = ("hep-ph", "gr-qc", "hep-ph", "cs.LG")
    rows = [
        Document(id=f"d{k}", text=text.strip(), source="test", categories=(kinds[k],))
        for k, text in enumerate(TEXTS)
    ]
    write_dataset(Path("set"), {"test": rows}, Document, title="t", made={}, suffix=".jsonl")
    return Path("set")


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
    assert "read in overlapping windows with every token scored once: 1 for base, 1 for tuned" in shown.out
    without = yukawa(*command, "--no-eos", "--json").json
    assert without["tokens"]["base"] == found["tokens"]["base"] - 4


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


def test_completions_of_a_chat_model(yukawa, data):
    Path("replies.txt").write_text("one\ntwo\nthree\nfour\n")
    Path("yukawa.toml").write_text('[models.said]\nbackend = "scripted"\nreplies = "replies.txt"\n')
    command = ("evaluate", "completions", str(data), "--chat", "said", "--out", "made", "--json")
    assert yukawa(*command).json[0]["completions"] == 4
    assert len(Path("made/said.jsonl").read_text().splitlines()) == 5
    assert "no model 'sad'" in yukawa(*command[:4], "sad", *command[5:]).failed(2)


def test_report(yukawa, data, models):
    done = yukawa(
        "evaluate", "report", str(data), "--model", f"base={models['base']}", "--model", f"tuned={models['adapter']}",
        "--by-archive", "--out", "here", *SMALL, "--json",
    )  # fmt: skip
    assert done.code == 0, done.err
    assert list(done.json["tests"]) == ["hep-ph", "cs", "gr-qc"]
    assert done.json == {"out": "here", **json.loads(Path("here/report.json").read_text())}
    assert "Transfer and forgetting" in Path("here/report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["perplexity", "absent.jsonl", "--model", "{base}"], "absent.jsonl cannot be read"),
        (["perplexity", "empty.jsonl", "--model", "{base}"], "holds no document"),
        (["perplexity", "set", "--split", "train", "--model", "{base}"], "no split 'train'"),
        (["perplexity", "set", "--model", "./absent"], "there is no folder"),
        (["perplexity", "set", "--model", "{base}", "--dtype", "float"], "did you mean 'float32'?"),
        (["perplexity", "set", "--model", "{base}", "--context", "500"], "holds 128 tokens, not 500"),
        (["perplexity", "set", "--model", "{base}", "--model", "{base}"], "name them apart"),
        (["perplexity", "set", "--model", "{base}", "--level", "95"], "between 0 and 1"),
        (
            ["report", "set", "a=set", "a=set", "--model", "{base}", "--out", "o"],
            "two test sets are called 'a'",
        ),
        (["completions", "set", "--out", "o"], "no model was named"),
        (["semscore", "set/test.jsonl"], "holds no completions"),
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
    assert "check the hub name and the network" in line.err
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
