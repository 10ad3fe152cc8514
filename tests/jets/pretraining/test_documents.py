from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.bytelm.segments import Mark
from yukawa.core.errors import InputError
from yukawa.jets.pretraining.documents import Cutter, documents, text_files

BOS, TEXT, EOS, PAD = (int(mark) for mark in (Mark.BOS, Mark.TEXT, Mark.EOS, Mark.PAD))


@given(st.binary(max_size=300), st.integers(3, 40), st.integers(2, 6))
def test_the_sequences_of_a_document_are_its_bytes_in_order(document: bytes, patch: int, window: int) -> None:
    cutter = Cutter(patch, window)
    sequences = [np.frombuffer(ids, np.int16).tolist() for ids in cutter.cut(document)]
    assert len(sequences) == cutter.pieces(document)
    if len(document) + 3 <= patch:
        assert sequences == []
        return
    assert [ids[0] for ids in sequences] == [BOS] + [TEXT] * (len(sequences) - 1)
    joined = [i for ids in sequences for i in ids if i not in (BOS, TEXT)]
    assert joined == [*document, EOS]
    assert max(map(len, sequences)) <= patch * window
    sizes = [len(ids) for ids in sequences[1:]] or [0]
    assert max(sizes) - min(sizes) <= 1


@given(st.lists(st.binary(min_size=6, max_size=90), min_size=1, max_size=6), st.integers(3, 9))
def test_patches_are_the_sequences_and_padding_behind_them(texts: list[bytes], patch: int) -> None:
    cutter = Cutter(patch, 4)
    sequences = [ids for text in texts for ids in cutter.cut(text)]
    if not sequences:
        return
    patches, counts = cutter.patches(sequences)
    assert (patches.dtype, patches.shape) == (np.int16, (counts.sum(), patch))
    for rows, ids in zip(np.split(patches, np.cumsum(counts)[:-1]), sequences, strict=True):
        row = rows.reshape(-1)
        length = len(ids) // 2
        assert row[:length].tobytes() == ids
        assert (row[length:] == PAD).all()
        assert len(row) - length < patch


def write(path: Path, *rows: object) -> Path:
    text = "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_the_fields_of_a_line_are_a_document(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / name, {"t": " ä ", "b": "x\ny", "c": 1}, "", {"b": "z", "t": "w"})
    assert list(documents(path, ["t", "b"])) == ["ä\nx\ny".encode(), b"w\nz"]


def test_empty_lines_divide_plain_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "\n one\ntwo\n\n \n\nthree\n")
    assert list(documents(path, [])) == [b"one\ntwo", b"three"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"title": "x"}, "a.jsonl:2 has no field 'abstract'; there are title"),
        ({"title": "x", "abstract": "  "}, "a.jsonl:2: the field 'abstract' is ' ', some text"),
        ({"title": 7, "abstract": "x"}, "the field 'title' is 7, some text"),
        (["x"], "a.jsonl:2 has no field 'title'"),
        ("{", "a.jsonl:2 is no JSON"),
    ],
)
def test_a_line_that_is_no_document(tmp_path: Path, row: object, message: str) -> None:
    path = write(tmp_path / "a.jsonl", {"title": "x", "abstract": "y"}, row)
    with pytest.raises(InputError, match=message) as caught:
        list(documents(path, ["title", "abstract"]))
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.jsonl.gz", *[{"t": f"{i} {i * i}"} for i in range(1000)])
    whole.write_bytes(whole.read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot be read"):
        list(documents(whole, ["t"]))
    (tmp_path / "b.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(InputError, match="cannot be read"):
        list(documents(tmp_path / "b.jsonl.gz", ["t"]))
    (tmp_path / "c.txt").write_bytes(b"\xff\xfe\n")
    with pytest.raises(InputError, match="is not UTF-8"):
        list(documents(tmp_path / "c.txt", []))


def test_files_by_a_pattern(tmp_path: Path) -> None:
    for name in ("b.txt", "a.jsonl", "c.csv"):
        (tmp_path / name).write_text("x")
    assert [path.name for path in text_files(str(tmp_path / "[ab].*"))] == ["a.jsonl", "b.txt"]
    with pytest.raises(InputError, match=r"c\.csv is no file of text that is known; there are \.jsonl"):
        text_files(str(tmp_path / "*"))
    with pytest.raises(InputError, match="names no file of text"):
        text_files(str(tmp_path / "none"))
