"""Perplexities of documents: the three forms by hand, BOS and EOS, and files that come back."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from yukawa.core.errors import InputError
from yukawa.data.rows import Document
from yukawa.evaluation.perplexity import Losses, begins_with_bos, document_losses, encoded
from yukawa.llm.loading import open_language_model


def loss_by_hand(model, ids):
    """As the model itself computes it, on one text."""
    row = torch.tensor([ids])
    with torch.inference_mode():
        return float(model.model(row, labels=row).loss) * (len(ids) - 1)


@pytest.fixture(scope="module")
def found(base_model, documents):
    return document_losses(base_model, documents)


def test_losses_are_the_models_own(base_model, documents, found):
    for k, document in enumerate(documents[:4]):
        ids = [256, *base_model.tokenizer(document.text, add_special_tokens=False)["input_ids"], 257]
        assert found.tokens[k] == len(ids) - 1
        assert found.losses[k] == pytest.approx(loss_by_hand(base_model, ids), rel=1e-5)
        assert found.bytes[k] == len(document.text.encode())
    assert found.ids == tuple(document.id for document in documents)


def test_the_three_forms(found):
    figures = found.figures()
    assert figures["document_perplexity"] == pytest.approx(np.exp(found.losses / found.tokens).mean())
    assert figures["corpus_perplexity"] == pytest.approx(math.exp(found.losses.sum() / found.tokens.sum()))
    assert figures["bits_per_byte"] == pytest.approx(found.losses.sum() / math.log(2) / found.bytes.sum())
    with pytest.raises(InputError, match="document_perplexity, corpus_perplexity, bits_per_byte"):
        found.sample("perplexity")


def test_long_documents_are_counted_and_scored_whole(found, documents):
    assert found.long == 1
    assert found.tokens[4] == len(documents[4].text.encode()) + 1


def test_bos_and_eos(base_model, documents, found):
    """Without EOS one token less is scored; without BOS the first token, and its bytes, are not."""
    neither = document_losses(base_model, documents, bos=False, eos=False)
    only_bos = document_losses(base_model, documents, eos=False)
    assert found.options["bos"] is True  # what the tokenizer does by itself
    assert found.options["eos"] is True
    np.testing.assert_array_equal(only_bos.tokens, found.tokens - 1)
    np.testing.assert_array_equal(neither.tokens, only_bos.tokens - 1)
    np.testing.assert_array_equal(neither.bytes, only_bos.bytes - 1)
    assert (only_bos.losses < found.losses).all()


def test_a_tokenizer_without_ends(made, documents, tmp_path):
    model = open_language_model(made.model(tmp_path, adds_bos=False), device="cpu")
    with pytest.raises(InputError, match="has no EOS token"):
        document_losses(model, documents)
    with pytest.raises(InputError, match="has no BOS token"):
        document_losses(model, documents, bos=True, eos=False)
    found = document_losses(model, documents, eos=False)
    assert found.options["bos"] is False


def test_special_tokens_in_a_text_are_text(base_model):
    found = document_losses(base_model, [Document(id="a", text="say </s> twice", source="test")])
    assert found.tokens.tolist() == [15]


def test_order_and_company_change_nothing(base_model, documents, found):
    turned = document_losses(base_model, documents[::-1], batch_tokens=100)
    np.testing.assert_allclose(turned.losses[::-1], found.losses, rtol=1e-4)
    alone = document_losses(base_model, documents[1:2])
    np.testing.assert_allclose(alone.losses, found.losses[1:2], rtol=1e-4)


def test_files_come_back(found, tmp_path):
    found.save(tmp_path / "losses.jsonl")
    again = Losses.load(tmp_path / "losses.jsonl")
    assert (again.model, again.options, again.notes) == (found.model, found.options, found.notes)
    assert (again.ids, again.long, again.figures()) == (found.ids, found.long, found.figures())
    assert again.sample("bits_per_byte").clusters == found.sample("bits_per_byte").clusters
    np.testing.assert_array_equal(again.losses, found.losses)


def test_documents_in_clusters(base_model, documents):
    found = document_losses(base_model, documents, clusters=["a", "a", "b", "c", "c"])
    assert found.sample("corpus_perplexity").clusters == ("a", "b", "c")


class TestBadInput:
    def test_documents(self, base_model):
        with pytest.raises(InputError, match="no documents to measure on"):
            document_losses(base_model, [])
        with pytest.raises(InputError, match=r"document x has only one token.*\(1 such\)"):
            document_losses(base_model, [Document(id="x", text="x", source="test")], bos=False, eos=False)

    @pytest.mark.parametrize(
        "content", ['{"kind": "else"}\n{"id": 1}\n', "", '{"kind": "yukawa losses"}\n{"id": 1}\n']
    )
    def test_files(self, tmp_path, content):
        path = tmp_path / "losses.jsonl"
        path.write_text(content)
        with pytest.raises(InputError, match=re.escape(str(path))):
            Losses.load(path)


@pytest.mark.parametrize("adds_bos", [True, False])
def test_the_tokens_measured_are_the_tokens_trained(made, documents, tmp_path, adds_bos):
    from yukawa.training.tokenization import RowCounts, tokenise_documents

    model = open_language_model(made.model(tmp_path, adds_bos=True), device="cpu")
    if not adds_bos:
        model.tokenizer.backend_tokenizer.post_processor = None
        model.tokenizer._tokenizer.post_processor = None
    starts = begins_with_bos(model)
    assert starts is adds_bos
    trained = [
        row["input_ids"] for row in tokenise_documents(documents, model.tokenizer, 10_000, RowCounts())
    ]
    measured, _ = encoded(model, [document.text for document in documents], bos=starts, eos=True)
    assert measured == trained
