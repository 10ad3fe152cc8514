from __future__ import annotations

import json

import pytest
from transformers import AutoModelForCausalLM

from yukawa.core.files import hash_file
from yukawa.data import Conversation, Document
from yukawa.data.dataset import check_manifest, read_split
from yukawa.training.rewards import CITATION, NUMBER, check_judged, reward
from yukawa.training.tiny_model import make_llama, make_pdg_questions, make_pdg_text


def test_the_same_text_makes_the_same_base(tmp_path):
    texts = ["quark gluon quark", "lepton"]
    for name in ("one", "two"):
        make_llama(tmp_path / name, texts, vocabulary=300, hidden_size=16, num_hidden_layers=1)
    for file in ("model.safetensors", "tokenizer.json", "config.json"):
        assert hash_file(tmp_path / "one" / file) == hash_file(tmp_path / "two" / file)


def test_a_tiny_base_is_a_llama(tiny, tokenizer):
    model = AutoModelForCausalLM.from_pretrained(tiny)
    assert model.config.vocab_size == len(tokenizer)
    assert tokenizer("a")["input_ids"][0] == tokenizer.bos_token_id
    text = "µ⁺ → e⁺ ν, 1.2 × 10⁻³ "
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
    assert json.loads((tiny / "config.json").read_text())["model_type"] == "llama"


@pytest.mark.slow
def test_the_text_of_the_pdg_is_a_data_set(tmp_path):
    folder = make_pdg_text(tmp_path / "pdg")
    manifest = check_manifest(folder)
    assert manifest.kind == "document"
    assert [split.licences for split in manifest.splits] == [
        {"CC BY 4.0": split.rows} for split in manifest.splits
    ]
    rows = {
        row.id: row.text for split in ("train", "validation") for row in read_split(folder, split, Document)
    }
    assert len(rows) == manifest.rows > 400
    assert "mass" in rows["pdg:S003"]  # the electron


def test_a_small_base_has_its_size_and_shares_its_embedding(tmp_path):
    folder = make_llama(tmp_path / "small", ["quark gluon quark", "lepton"], "small")
    model = AutoModelForCausalLM.from_pretrained(folder)
    embedding, head = model.get_input_embeddings().weight, model.get_output_embeddings().weight
    assert embedding is head
    layers = sum(weight.numel() for name, weight in model.named_parameters() if "layers." in name)
    assert (model.config.hidden_size, model.config.num_hidden_layers) == (256, 4)
    assert 2_500_000 < layers < 3_500_000


@pytest.mark.slow
def test_every_generated_question_can_be_judged_and_has_its_answer_among_its_sources(tmp_path):
    folder = make_pdg_questions(tmp_path / "pdg")
    manifest = check_manifest(folder)
    assert manifest.kind == "conversation"
    rows = [row for split in ("train", "validation") for row in read_split(folder, split, Conversation)]
    assert len({row.id for row in rows}) == len(rows) == manifest.rows > 300
    questions = [row.messages[0].content.splitlines()[-1] for row in rows]
    assert len(set(questions)) == len(rows)
    assert "Question: What is the mass of the muon?" in questions
    assert not [text for text in questions if "branching" in text]
    answered = set()
    for row in rows:
        asked, known = (turn.content for turn in row.messages)
        check_judged(NUMBER, asked, known)
        check_judged(CITATION, asked, known)
        assert reward(NUMBER, asked, known, known) == 1
        answered.add(next(k for k, line in enumerate(asked.splitlines()[:3]) if known in line))
    assert answered == {0, 1, 2}  # the place does not tell which
    asked, known = (turn.content for turn in rows[7].messages)
    line = next(line for line in asked.splitlines() if known in line)
    cited = f"{line[4:].rstrip('.')} {line[:3]}."
    assert reward(CITATION, asked, known, cited) == 1
