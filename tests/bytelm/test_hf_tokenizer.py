"""The tokenizer for Hugging Face's libraries: the ids of `ByteTokenizer`, and the text back exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("transformers", reason="the package transformers is not installed")

import torch
from transformers import AutoTokenizer

from yukawa.bytelm.configuration import ByteLMConfig
from yukawa.bytelm.hf_tokenizer import ByteLMTokenizer
from yukawa.bytelm.segments import Mark, Text
from yukawa.bytelm.tokenizer import ByteTokenizer
from yukawa.core.errors import InputError

TOKENIZERS = {size: ByteLMTokenizer(patch_size=size) for size in (1, 3, 16)}
NAMES = [f"<{mark.name.lower()}>" for mark in Mark]
texts = st.lists(st.text(st.characters(codec="utf-8")) | st.sampled_from([*NAMES, "\0", " ", "\r\n"])).map(
    "".join
)
sizes = st.sampled_from(list(TOKENIZERS))


@given(texts.filter(bool), sizes)
def test_the_ids_are_those_of_the_byte_tokenizer(text: str, size: int) -> None:
    encoded = TOKENIZERS[size](text)
    assert encoded["input_ids"] == ByteTokenizer(size).encode(Text(text)).tolist()
    assert encoded["attention_mask"] == [1] * len(encoded["input_ids"])
    assert set(encoded) == {"input_ids", "attention_mask"}


@given(texts.filter(bool), texts.filter(bool), sizes)
def test_a_pair_is_two_segments(one: str, other: str, size: int) -> None:
    ids = TOKENIZERS[size](one, other)["input_ids"]
    assert ids == ByteTokenizer(size).encode(Text(one), Text(other)).tolist()


@given(texts, sizes)
def test_every_text_comes_back(text: str, size: int) -> None:
    tokenizer = TOKENIZERS[size]
    ids = tokenizer(text)["input_ids"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == text
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
    assert tokenizer.convert_tokens_to_string(tokenizer.tokenize(text)) == text
    assert tokenizer.convert_tokens_to_ids(tokenizer.tokenize(text)) == list(text.encode())


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_mark_is_text(name: str) -> None:
    tokenizer = TOKENIZERS[1]
    for text in (name, f" {name} a"):
        ids = tokenizer(text)["input_ids"]
        assert ids[2:-1] == list(text.encode())
    assert tokenizer.convert_tokens_to_ids(name) == Mark[name[1:-1].upper()]


def test_marks_are_shown_by_name() -> None:
    tokenizer = TOKENIZERS[3]
    assert tokenizer.decode(tokenizer("aé")["input_ids"]) == "<bos><text>aé<eos>"
    assert tokenizer.decode(tokenizer("a")["input_ids"]) == "<bos><text>a<eos><pad><pad>"
    assert tokenizer.decode(97) == "a"
    assert (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == (256, 257, 258)


def test_what_a_model_may_give_decodes() -> None:
    ids = [Mark.TEXT, 97, 0xC3, Mark.PAD, 98, 271, Mark.EOS]
    assert TOKENIZERS[1].decode(ids, skip_special_tokens=True) == "a\ufffdb"
    assert TOKENIZERS[1].decode(ids) == "<text>a\ufffd<pad>b<unused-271><eos>"
    assert TOKENIZERS[1].batch_decode([[97], [98, 99]]) == ["a", "bc"]


@given(st.lists(texts, min_size=1, max_size=4), sizes)
def test_a_batch_is_padded_on_the_right(batch: list[str], size: int) -> None:
    tokenizer = TOKENIZERS[size]
    encoded = tokenizer(batch, padding=True, return_tensors="pt")
    ids, mask = encoded["input_ids"], encoded["attention_mask"]
    assert ids.dtype == torch.int64
    assert ids.shape[1] % size == 0
    for text, row, seen in zip(batch, ids, mask, strict=True):
        alone = tokenizer(text)["input_ids"]
        assert row[seen == 1].tolist() == alone
        assert seen.tolist() == [1] * len(alone) + [0] * (len(row) - len(alone))
        assert (row[seen == 0] == Mark.PAD).all()
    assert tokenizer.batch_decode(ids, skip_special_tokens=True) == batch


@pytest.mark.parametrize("load", [ByteLMTokenizer, AutoTokenizer])
def test_saved_and_loaded(load: Any, tmp_path: Path) -> None:
    tokenizer = ByteLMTokenizer(patch_size=16)
    tokenizer.save_pretrained(tmp_path)
    loaded = load.from_pretrained(tmp_path)
    assert type(loaded) is ByteLMTokenizer
    assert loaded.patch_size == 16
    assert loaded.get_vocab() == tokenizer.get_vocab()
    assert len(loaded) == len(tokenizer) == 256 + len(Mark)
    text = "<pad>é\U0001d7d8"
    assert loaded(text) == tokenizer(text)
    assert loaded.decode(loaded(text)["input_ids"], skip_special_tokens=True) == text


def test_a_folder_with_a_model_gives_the_tokenizer_too(tmp_path: Path) -> None:
    ByteLMConfig.named("tiny").save_pretrained(tmp_path)
    ByteLMTokenizer(patch_size=16).save_pretrained(tmp_path)
    assert type(AutoTokenizer.from_pretrained(tmp_path)) is ByteLMTokenizer


@pytest.mark.parametrize(("size", "limit", "kept"), [(1, 8, 5), (16, 32, 29), (3, 9, 6)])
def test_truncation_on_request(size: int, limit: int, kept: int) -> None:
    tokenizer = TOKENIZERS[size]
    for length in (kept, kept + 1, 100):
        ids = tokenizer("x" * length, truncation=True, max_length=limit)["input_ids"]
        assert ids == tokenizer("x" * kept)["input_ids"]
        assert len(ids) == limit
    assert len(tokenizer("x", "y" * 100, truncation=True, max_length=64 // size * size)["input_ids"]) <= 64


def test_the_mask_of_marks() -> None:
    tokenizer = TOKENIZERS[3]
    for pair in (("ab",), ("ab", "c")):
        encoded = tokenizer(*pair, return_special_tokens_mask=True, return_token_type_ids=True)
        expected = [int(each >= 256) for each in encoded["input_ids"]]
        assert encoded["special_tokens_mask"] == expected
        assert encoded["token_type_ids"] == [0] * len(expected)
        again = tokenizer.get_special_tokens_mask(encoded["input_ids"], already_has_special_tokens=True)
        assert again == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ByteLMTokenizer(patch_size=0), "patch size is 0"),
        (lambda: TOKENIZERS[1]("a\ud800"), "character 1 is half a character"),
        (
            lambda: TOKENIZERS[16]("a", truncation=True, max_length=30),
            "max_length is 30, whole patches of 16.*try 32",
        ),
        (lambda: ByteLMTokenizer(padding_side="left")("a"), "padding_side is 'left'.*right only"),
        (lambda: TOKENIZERS[1](["a", "bc"], padding=True, padding_side="left"), "padding_side is 'left'"),
        (
            lambda: TOKENIZERS[1].convert_tokens_to_ids("ab"),
            "no token 'ab'; tokens are the 256 bytes and <pad>",
        ),
        (lambda: TOKENIZERS[1].convert_tokens_to_ids("\u0100"), "no token"),
        (lambda: TOKENIZERS[1].decode([272]), "unknown id 272; ids are 0 to 271"),
        (lambda: TOKENIZERS[1].decode([-1], skip_special_tokens=True), "unknown id -1"),
    ],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()
