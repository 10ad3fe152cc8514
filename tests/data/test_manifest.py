"""The manifest: it counts what passes, comes back as written, and notices what was changed after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.data.dataset import write_dataset
from yukawa.data.manifest import MANIFEST, DatasetManifest, RowCounter, check_manifest
from yukawa.data.rows import Conversation, Document, Message, Preference

DOCUMENTS = [
    Document(id="1", text="four", source="a", licence="CC0-1.0", categories=("hep-th", "gr-qc")),
    Document(id="2", text="seven77", source="b", title="not counted", categories=("hep-th",)),
    Document(id="3", text="x", source="a"),
]
QUESTION, ANSWER = Message(role="user", content="Why?"), Message(role="assistant", content="Because.")


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    write_dataset(folder, {"train": DOCUMENTS, "test": DOCUMENTS[:1]}, Document, title="T", made={"seed": 1})
    return folder


def test_rows_are_counted_as_they_pass(tmp_path: Path):
    tally = RowCounter()
    assert list(tally.watch(DOCUMENTS)) == DOCUMENTS
    (tmp_path / "train.jsonl").write_bytes(b"abc")
    split = tally.record("train", tmp_path / "train.jsonl")
    assert (split.rows, split.characters, split.size, split.path) == (3, 12, 3, "train.jsonl")
    assert split.sources == {"a": 2, "b": 1}
    assert split.licences == {"CC0-1.0": 1, "unknown": 2}
    assert split.categories == {"hep-th": 2, "unknown": 1}
    assert split.sha256.startswith("ba7816bf")


def test_characters_of_all_kinds(tmp_path: Path):
    (tmp_path / "x").touch()
    for row in (
        Conversation(id="1", messages=(QUESTION, ANSWER), source="s", category="c"),
        Preference(id="1", prompt=(QUESTION,), chosen="Be", rejected="cause.", source="s"),
    ):
        tally = RowCounter()
        list(tally.watch([row]))  # type: ignore[type-var]
        assert tally.record("test", tmp_path / "x").characters == len("Why?Because.")


def test_a_counter_counts_each_split_by_itself(tmp_path: Path):
    class Letters:
        """Stands for a counter of tokens."""

        name = "letters"
        tokens = 0

        def add(self, texts: list[str]) -> None:
            self.tokens += sum(map(len, texts))

        def take(self) -> int:
            tokens, self.tokens = self.tokens, 0
            return tokens

    splits = {"train": DOCUMENTS, "validation": [], "test": DOCUMENTS[:1]}
    manifest = write_dataset(tmp_path / "set", splits, Document, title="T", made={}, counter=Letters())  # type: ignore[arg-type]
    assert manifest.tokenizer == "letters"
    assert [split.tokens for split in manifest.splits] == [12, 0, 4]
    assert check_manifest(tmp_path / "set") == manifest
    assert "| train | `train.parquet` | 3 | 12 | 12 |" in (tmp_path / "set" / "card.md").read_text()


def test_a_manifest_without_tokens_is_read_still(dataset: Path):
    path = dataset / MANIFEST
    text = path.read_text()
    older = "".join(
        line for line in text.splitlines(True) if '"tokens"' not in line and '"tokenizer"' not in line
    )
    assert older != text
    path.write_text(older)
    assert check_manifest(dataset).tokenizer is None


def test_a_manifest_comes_back(dataset: Path, tmp_path: Path):
    manifest = check_manifest(dataset)
    assert manifest.rows == 4
    assert manifest.split("test").rows == 1
    manifest.write(tmp_path)
    assert DatasetManifest.read(tmp_path) == manifest
    assert (tmp_path / MANIFEST).read_bytes() == (dataset / MANIFEST).read_bytes()
    with pytest.raises(InputError, match=r"unknown split 'validation'.*train, test"):
        manifest.split("validation")


def test_changed_files_are_noticed(dataset: Path):
    file = dataset / "train.parquet"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"?")
    with pytest.raises(InputError, match=r"train\.parquet has another SHA-256"):
        check_manifest(dataset)
    file.write_bytes(content + b"?")
    with pytest.raises(InputError, match="bytes, the manifest says"):
        check_manifest(dataset)
    file.unlink()
    with pytest.raises(InputError, match=r"train\.parquet, which the manifest lists, cannot be read"):
        check_manifest(dataset)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('"rows": 3', '"rows": -3', r"splits\.0\.rows"),
        ('"train.parquet"', '"../train.parquet"', "must lie inside"),
        ('"tokens": null', '"tokens": -1', r"splits\.0\.tokens"),
    ],
)
def test_a_damaged_manifest_is_one_line(dataset: Path, old: str, new: str, reason: str):
    path = dataset / MANIFEST
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(InputError, match=reason):
        DatasetManifest.read(dataset)


def test_a_manifest_knows_its_kinds():
    with pytest.raises(ValueError, match="kind"):
        DatasetManifest(kind="letter", title="T", made={}, versions={}, splits=())  # type: ignore[arg-type]
