"""Tokens are counted as the tokenizer makes them, in whatever pieces the texts come."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from yukawa.core.errors import InputError, MissingPackage
from yukawa.data import token_counts
from yukawa.data.token_counts import TokenCounter

TEXTS = ["the Higgs boson decays", "", "a boson", "unheard words here", "the the the"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer that knows some words and puts marks around a text."""
    import tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {word: i for i, word in enumerate("[UNK] [BOS] [EOS] the Higgs boson decays a".split())}
    model = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    model.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    model.post_processor = tokenizers.processors.TemplateProcessing(
        single="[BOS] $A [EOS]", special_tokens=[("[BOS]", 1), ("[EOS]", 2)]
    )
    path = tmp_path_factory.mktemp("tokenizers") / "words"
    PreTrainedTokenizerFast(tokenizer_object=model, unk_token="[UNK]").save_pretrained(path)
    return path


@pytest.mark.parametrize("batch", [1, 30, 10**6])
def test_counts_do_not_depend_on_batches(folder: Path, batch: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(token_counts, "_BATCH", batch)
    counter = TokenCounter(folder)
    assert counter.name == "words"
    for text in TEXTS:
        counter.add([text])
    assert counter.take() == 4 + 0 + 2 + 3 + 3  # without the marks of beginning and end
    assert counter.take() == 0
    counter.add(TEXTS)
    assert counter.take() == 12


def test_what_is_no_tokenizer_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in (tmp_path, tmp_path / "absent"):
        with pytest.raises(InputError, match="there is no tokenizer") as caught:
            TokenCounter(name)
        assert "\n" not in str(caught.value)

    def absent(name: str) -> NoReturn:
        raise ModuleNotFoundError(name="transformers")

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(MissingPackage, match="counting tokens needs the package 'transformers'"):
        TokenCounter("gpt2")


def test_the_hub_is_asked_once(folder: Path, monkeypatch: pytest.MonkeyPatch):
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, **options: str(folder))
    counter = TokenCounter("org/words")
    counter.add(TEXTS)
    assert (counter.take(), counter.name) == (12, "org/words")

    def unreachable(name: str, **options: object) -> NoReturn:
        raise OSError("no way to the hub\nand more")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", unreachable)
    with pytest.raises(InputError, match=r"'org/words' that can be loaded: no way to the hub \(name"):
        TokenCounter("org/words")
