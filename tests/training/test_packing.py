from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.data import Conversation, Document, Turn, write_rows
from yukawa.data.dataset import write_dataset
from yukawa.training.packing import find_files, load_split
from yukawa.training.tokenization import RowCounts, open_chat, tokenise_documents


def row(n, text="A quark."):
    return Document(id=str(n), text=text, source="test")


def test_packing_keeps_every_piece_whole(recipe, rows, tokenizer):
    made = load_split(rows["pretrain"], recipe(length=50), tokenizer)
    loose = load_split(rows["pretrain"], recipe(length=50, packing=False), tokenizer)
    unpacked = []
    for ids, lengths in zip(made.rows["input_ids"], made.rows["seq_lengths"], strict=True):
        assert sum(lengths) == len(ids) <= 50
        for length in lengths:
            unpacked.append(ids[:length])
            ids = ids[length:]
    assert sorted(unpacked) == sorted(loose.rows["input_ids"])
    assert made.counts == loose.counts
    assert made.counts.tokens == sum(map(len, loose.rows["input_ids"]))
    assert len(made.rows) < len(loose.rows)


def test_labels_are_packed_with_their_tokens(recipe, rows, tokenizer):
    made = load_split(rows["sft"], recipe("sft", length=120), open_chat(tokenizer, None, (), learns=False))
    for ids, labels in zip(made.rows["input_ids"], made.rows["labels"], strict=True):
        assert all(label in (-100, token) for token, label in zip(ids, labels, strict=True))
    trained = sum(label != -100 for labels in made.rows["labels"] for label in labels)
    assert trained == made.counts.trained


def test_preferences_are_not_packed(recipe, rows, tokenizer):
    made = load_split(
        rows["preference"], recipe("preference", length=100), open_chat(tokenizer, None, (), learns=False)
    )
    assert made.rows.column_names == ["prompt_ids", "chosen_ids", "rejected_ids"]
    assert len(made.rows) == made.counts.rows


def test_a_data_set_brings_its_validation(recipe, tmp_path):
    folder = tmp_path / "set"
    splits = {"train": [row(1)], "validation": [row(2)]}
    write_dataset(folder, splits, Document, title="t", made={}, suffix=".jsonl")
    files = find_files(recipe(data={"path": str(folder)}))
    assert (files.train.name, files.validation.name) == ("train.jsonl", "validation.jsonl")
    assert files.manifest.title == "t"


def test_a_data_set_that_was_changed_is_refused(recipe, tmp_path):
    folder = tmp_path / "set"
    write_dataset(folder, {"train": [row(1)]}, Document, title="t", made={}, suffix=".jsonl")
    (folder / "train.jsonl").write_text("")
    with pytest.raises(InputError, match="the manifest says"):
        find_files(recipe(data={"path": str(folder)}))


def test_data_of_the_wrong_kind_are_refused(recipe, tmp_path, rows, tokenizer):
    folder = tmp_path / "set"
    write_dataset(folder, {"train": [row(1)]}, Document, title="t", made={}, suffix=".jsonl")
    with pytest.raises(InputError, match="holds rows of the kind document, this training needs conversation"):
        find_files(recipe("sft", data={"path": str(folder)}))
    with pytest.raises(InputError, match="row 1 is not a conversation"):
        load_split(rows["pretrain"], recipe("sft"), tokenizer)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("none.jsonl", "there is no data at .*none.jsonl"),
        ("rows.csv", r"not a file of rows.*\.parquet"),
        ("folder", "is not a data set: manifest.json is missing"),
    ],
)
def test_missing_data_are_named(recipe, tmp_path, path, said):
    (tmp_path / "rows.csv").write_text("a,b\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=said):
        find_files(recipe(data={"path": str(tmp_path / path)}))


def test_a_missing_mixture_says_how_to_make_it(recipe):
    values = recipe().plain()
    values["data"]["path"], values["mixture"] = "nowhere/{mixture}", "s3"
    with pytest.raises(InputError, match="yukawa data abstracts SNAPSHOT --mixture s3 --out nowhere/s3"):
        find_files(type(recipe()).model_validate(values | {"training": {"steps": 1}}))


def test_empty_data_and_rows_without_text_are_refused(recipe, tmp_path, tokenizer):
    empty = tmp_path / "empty.jsonl"
    empty.write_text("")
    with pytest.raises(InputError, match="holds no rows"):
        load_split(empty, recipe(), tokenizer)
    empty.write_text('{"id": "1", "source": "x", "text": " "}\n')
    with pytest.raises(InputError, match=r"row 1 is not a document: .*text"):
        load_split(empty, recipe(), tokenizer)


def test_rows_of_which_none_fits_are_refused(recipe, rows, tokenizer):
    with pytest.raises(InputError, match="within 8 tokens none of its 24 rows holds anything to learn from"):
        load_split(rows["sft"], recipe("sft", length=8), open_chat(tokenizer, None, (), learns=False))


def test_parquet_and_json_lines_are_the_same(recipe, tmp_path, tokenizer):
    values = [row(n, f"Text {n} on quarks. " * n) for n in range(1, 9)]
    made = []
    for name in ("rows.jsonl", "rows.parquet"):
        write_rows(tmp_path / name, values, Document)
        made.append(load_split(tmp_path / name, recipe(), tokenizer))
    assert made[0].rows.to_list() == made[1].rows.to_list()
    counts = RowCounts()
    list(tokenise_documents(values, tokenizer, 64, counts))
    assert made[0].counts == made[1].counts == counts


def test_what_the_system_says_comes_first_where_nobody_else_does(rows, recipe, tokenizer, tmp_path):
    own = Conversation(
        id="own", source="test",
        messages=(
            Turn(role="system", content="Be brief."), Turn(role="user", content="Heavy?"),
            Turn(role="assistant", content="Yes."),
        ),
    )  # fmt: skip
    write_rows(
        tmp_path / "own.jsonl",
        [own, own.model_copy(update={"id": "2", "messages": own.messages[1:]})],
        Conversation,
    )
    chat = open_chat(tokenizer, "plain", (), learns=True)
    chosen = recipe("sft", data={"system": "You know physics."}, packing=False)
    first, second = load_split(tmp_path / "own.jsonl", chosen, chat).rows["input_ids"]
    assert "Be brief." in tokenizer.decode(first)
    assert "You know physics." not in tokenizer.decode(first)
    assert "You know physics.\n\nQuestion: Heavy?" in tokenizer.decode(second)
    made = load_split(rows["preference"], recipe("preference", data={"system": "You know physics."}), chat)
    assert all("You know physics." in tokenizer.decode(ids) for ids in made.rows["prompt_ids"])


def test_a_validation_may_take_the_first_rows_only(rows, recipe, tokenizer):
    assert load_split(rows["pretrain"], recipe(), tokenizer, 5).counts.rows == 5
    assert load_split(rows["pretrain"], recipe(), tokenizer, 10**6).counts.rows == 48
