"""Test sets come from files and folders, whole or by archive."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.data.dataset import write_dataset
from yukawa.data.rows import Document, write_rows
from yukawa.evaluation.documents import archive, by_archive, fingerprint, read_documents


def test_files_and_folders_agree(documents, tmp_path):
    write_rows(tmp_path / "test.jsonl.gz", documents, Document)
    write_dataset(tmp_path / "set", {"test": documents}, Document, title="t", made={}, suffix=".jsonl")
    assert read_documents(tmp_path / "test.jsonl.gz") == documents
    assert read_documents(tmp_path / "set") == documents
    assert read_documents(tmp_path / "set", limit=2) == documents[:2]
    with pytest.raises(InputError, match="unknown split 'train'"):
        read_documents(tmp_path / "set", split="train")


def test_archives(documents):
    assert [archive(document) for document in documents] == ["hep-ph", "hep-th", "hep-ph", "hep-ex", "math"]
    assert archive(Document(id="a", text="a", source="test")) == "unknown"
    found = by_archive({"one": documents[:3], "two": documents[3:]})
    assert {name: len(rows) for name, rows in found.items()} == {
        "hep-ph": 2,
        "hep-ex": 1,
        "hep-th": 1,
        "math": 1,
    }
    assert next(iter(found)) == "hep-ph"
    assert by_archive({"all": documents}, limit=1)["hep-ph"] == documents[:1]
    with pytest.raises(InputError, match=r"'2101.00000' is in one and in two"):
        by_archive({"one": documents[:3], "two": documents[:1]})


def test_fingerprints_see_every_change(documents):
    plain = fingerprint(documents)
    assert fingerprint(list(documents)) == plain
    moved = [
        documents[0].model_copy(update={"id": "2101", "text": ".00000" + documents[0].text}),
        *documents[1:],
    ]
    for other in (documents[::-1], documents[1:], moved):
        assert fingerprint(other) != plain


def test_bad_input(documents, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_documents(tmp_path / "absent.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(InputError, match="holds no document"):
        read_documents(tmp_path / "empty.jsonl")
    (tmp_path / "bad.jsonl").write_text('{"id": "a", "source": "test"}\n')
    with pytest.raises(InputError, match=r"row 1 is not a document: text"):
        read_documents(tmp_path / "bad.jsonl")
    write_rows(tmp_path / "twice.jsonl", [documents[0], documents[0]], Document)
    with pytest.raises(InputError, match="two documents with the id"):
        read_documents(tmp_path / "twice.jsonl")
