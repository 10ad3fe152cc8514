"""Data sets: their files, manifests and cards, written whole or not at all, and opened again."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from yukawa.core.errors import InputError, MissingPackage, StoreError
from yukawa.core.manifest import MANIFEST
from yukawa.data import dataset as module
from yukawa.data import rows as row_module
from yukawa.data.dataset import (
    CARD,
    DatasetManifest,
    RowCounter,
    SplitRecord,
    TokenCounter,
    check_manifest,
    open_items,
    open_rows,
    read_split,
    render_card,
    write_dataset,
)
from yukawa.data.rows import SUFFIXES, Conversation, Document, Preference, Turn, write_rows

DOCUMENTS = [
    Document(id="1", text="four", source="a", licence="CC0-1.0", categories=("hep-th", "gr-qc")),
    Document(id="2", text="seven77", source="b", title="not counted", categories=("hep-th",)),
    Document(id="3", text="x", source="a"),
]
QUESTION, ANSWER = Turn(role="user", content="Why?"), Turn(role="assistant", content="Because.")


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
        """A fake counter of tokens."""

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
    monkeypatch.setattr(module, "_BATCH", batch)
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
        with pytest.raises(InputError, match=r"the tokenizer .* cannot be loaded") as caught:
            TokenCounter(name)
        assert "\n" not in str(caught.value)

    monkeypatch.setattr("yukawa.core.errors.find_spec", lambda name: None)
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
    with pytest.raises(InputError, match=r"'org/words' cannot be loaded: .*no way to the hub"):
        TokenCounter("org/words")


def split(name: str, categories: dict[str, int]) -> SplitRecord:
    return SplitRecord(
        name=name,  # type: ignore[arg-type]
        path=f"{name}.parquet",
        rows=sum(categories.values()),
        characters=1_234_567,
        sources={"arXiv metadata": sum(categories.values())},
        licences={"CC0-1.0": sum(categories.values())},
        categories=categories,
        size=1,
        sha256="0123456789abcdef" * 4,
    )


def manifest(*splits: SplitRecord) -> DatasetManifest:
    return DatasetManifest(kind="document", title="Abstracts", made={}, versions={}, splits=splits)


def test_the_card_says_what_the_manifest_holds():
    splits = (split("train", {"hep-th": 1500, "gr-qc": 2}), split("test", {"gr-qc": 3}))
    lines = render_card(manifest(*splits), [("How", "By hand.\n")]).splitlines()
    assert lines[0] == "# Abstracts"
    assert "| train | `train.parquet` | 1,502 | 1,234,567 | `0123456789abcdef…` |" in lines
    assert lines[lines.index("## How") + 2] == "By hand."
    assert lines.index("| hep-th | 1,500 | 0 |") < lines.index("| gr-qc | 2 | 3 |")
    assert "| CC0-1.0 | 1,502 | 3 |" in lines


def test_many_categories_are_cut_and_it_says_so():
    card = render_card(manifest(split("train", {f"c{number:02}": 1 for number in range(40)})))
    assert "| c29 | 1 |" in card
    assert "c30" not in card
    assert "| 10 more, see the manifest |  |" in card


def test_tokens_are_a_column_where_they_were_counted():
    one = split("train", {"c": 1}).model_copy(update={"tokens": 98_765})
    counted = manifest(one).model_copy(update={"tokenizer": "tiny"})
    lines = render_card(counted).splitlines()
    assert "| split | file | rows | characters | tokens | SHA-256 |" in lines
    assert "| train | `train.parquet` | 1 | 1,234,567 | 98,765 | `0123456789abcdef…` |" in lines
    assert "Tokens of the texts alone, counted with the tokenizer `tiny`." in lines
    assert "tokens" not in render_card(manifest(one)).lower()


def test_every_table_has_the_same_columns_throughout():
    card = render_card(manifest(split("train", {f"c{n}": 1 for n in range(99)}), split("test", {})))
    for block in card.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1


ROWS = [Document(id=str(number), text=f"Text {number}.", source="s") for number in range(10)]
SPLITS = {"test": ROWS[8:], "train": ROWS[:8], "validation": []}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_data_set_comes_back(tmp_path: Path, suffix: str):
    folder = tmp_path / "deep" / "set"
    manifest = write_dataset(folder, SPLITS, Document, title="T", made={"seed": 1}, suffix=suffix)
    assert check_manifest(folder) == manifest
    assert [split.name for split in manifest.splits] == ["train", "validation", "test"]
    for name, rows in SPLITS.items():
        assert list(read_split(folder, name, Document)) == rows
    assert {file.name for file in folder.iterdir()} == {
        *(f"{name}{suffix}" for name in SPLITS), MANIFEST, CARD,
    }  # fmt: skip


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_rows_give_the_same_bytes(tmp_path: Path, suffix: str):
    for name in ("one", "two"):
        splits = {split: iter(rows) for split, rows in SPLITS.items()}
        write_dataset(tmp_path / name, splits, Document, title="T", made={"seed": 1}, suffix=suffix)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_an_empty_folder_is_taken_and_a_full_one_is_not(tmp_path: Path):
    folder = tmp_path / "set"
    folder.mkdir()
    write_dataset(folder, SPLITS, Document, title="T", made={})
    before = (folder / MANIFEST).read_bytes()
    with pytest.raises(InputError, match="holds files already"):
        write_dataset(folder, SPLITS, Document, title="other", made={})
    assert (folder / MANIFEST).read_bytes() == before
    with pytest.raises(InputError, match="is a file"):
        write_dataset(folder / CARD, SPLITS, Document, title="T", made={})


@pytest.mark.parametrize("error", [KeyboardInterrupt, InputError("bad")])
def test_a_broken_writing_leaves_nothing(tmp_path: Path, error):
    def rows() -> Iterator[Document]:
        yield from ROWS
        raise error

    with pytest.raises(type(error) if isinstance(error, Exception) else error):
        write_dataset(tmp_path / "set", {"train": ROWS, "test": rows()}, Document, title="T", made={})
    assert not list(tmp_path.iterdir())


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*arguments: object) -> int:
        with row_module.report_write_errors(tmp_path / "test.jsonl"):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(row_module, "write_jsonl", full)
    with pytest.raises(StoreError, match="the disk is full"):
        write_dataset(tmp_path / "set", SPLITS, Document, title="T", made={}, suffix=".jsonl")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_a_data_set_is_refused_before_anything_is_read(tmp_path: Path):
    def never() -> Iterator[Document]:
        pytest.fail("rows were asked for")
        yield

    for splits, suffix, reason in (
        ({"train": never(), "dev": never()}, ".jsonl", "unknown split 'dev'"),
        ({"train": never()}, ".csv", "unknown suffix of row files '.csv'"),
    ):
        with pytest.raises(InputError, match=reason):
            write_dataset(tmp_path / "set", splits, Document, title="T", made={}, suffix=suffix)
    assert not list(tmp_path.iterdir())


def test_reading_names_what_is_wrong(tmp_path: Path):
    write_dataset(tmp_path / "set", {"train": ROWS}, Document, title="T", made={})
    for folder, split, kind, reason in (
        (tmp_path, "train", Document, "is not a data set: manifest.json is missing"),
        (tmp_path / "set", "test", Document, "unknown split 'test'"),
        (tmp_path / "set", "train", Conversation, "holds rows of the kind document, not conversation"),
    ):
        with pytest.raises(InputError, match=reason):
            list(read_split(folder, split, kind))  # type: ignore[type-var]


ROWS = [Document(id=f"d{i}", text=f"text {i}", source="test") for i in range(3)]
TALKS = [
    Conversation(
        id=f"t{i}",
        messages=(Turn(role="user", content=f"why {i}?"), Turn(role="assistant", content=f"so {i}")),
        source="test",
    )
    for i in range(2)
]
CHOICES = [
    Preference(id="p", prompt=(Turn(role="user", content="why?"),), chosen="so", rejected="no", source="test")
]
KINDS = [(Document, ROWS), (Conversation, TALKS), (Preference, CHOICES)]


@pytest.mark.parametrize("suffix", [".jsonl", ".jsonl.gz", ".parquet"])
@pytest.mark.parametrize(("kind", "rows"), KINDS)
def test_rows_come_back_from_files(tmp_path: Path, kind, rows, suffix: str):
    path = tmp_path / f"rows{suffix}"
    write_rows(path, rows, kind)
    assert list(open_rows(path)) == rows
    assert [item.text for item in open_items(path)]


@pytest.mark.parametrize(("kind", "rows"), KINDS)
def test_rows_come_back_from_data_sets(tmp_path: Path, kind, rows):
    write_dataset(
        tmp_path / "set", {"train": rows[1:], "test": rows[:1]}, kind, title="t", made={}, suffix=".jsonl"
    )
    assert list(open_rows(tmp_path / "set")) == [*rows[1:], *rows[:1]]
    assert list(open_rows(tmp_path / "set", "train")) == rows[1:]
    assert {item.id for item in open_items(tmp_path / "set")} == {rows[0].id}  # the test split alone
    write_dataset(tmp_path / "all", {"train": rows}, kind, title="t", made={}, suffix=".jsonl")
    assert {item.id for item in open_items(tmp_path / "all")} == {row.id for row in rows}
    with pytest.raises(InputError, match="unknown split 'test'"):
        open_rows(tmp_path / "all", "test")


@pytest.mark.parametrize(
    ("row", "items"),
    [
        ({"question": "Why?", "answer": "So."}, [("set:1", "Why?", True), ("set:1", "So.", False)]),
        ({"question": "Why?"}, [("set.json:1", "Why?", True)]),
        (
            {"question_id": 81, "turns": ["Why?", "And then?"]},
            [("81", "Why?", True), ("81", "And then?", True)],
        ),
        ({"id": "a", "prompt": "Why?"}, [("a", "Why?", True)]),
    ],
)
def test_files_of_questions(tmp_path: Path, row: dict[str, object], items: list[tuple[str, str, bool]]):
    path = tmp_path / "set.json"
    path.write_text(json.dumps([row]))
    assert [(item.id, item.text, item.question) for item in open_items(path)] == items


def test_what_is_no_set(tmp_path: Path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "other.json").write_text('[{"title": "x"}]')
    (tmp_path / "mixed.json").write_text('[{"question": "x"}, {"question": 3}]')
    (tmp_path / "empty.json").write_text("[]")
    (tmp_path / "broken.parquet").write_text("x")
    for name, message in {
        "folder": "is not a data set: manifest.json is missing",
        "other.json": "have none of the fields text, messages, turns",
        "mixed.json": "row 2 holds no question",
        "empty.json": "holds no rows",
        "broken.parquet": "cannot be read as Parquet: it is damaged",
        "absent.parquet": "cannot be read: No such file",
        "absent.json": "cannot be read",
    }.items():
        with pytest.raises(InputError, match=message):
            list(open_items(tmp_path / name))
    with pytest.raises(InputError, match="is not in a known format"):
        open_rows(tmp_path / "other.json")
