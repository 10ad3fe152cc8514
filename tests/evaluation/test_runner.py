"""Several models on several test sets: each is opened once, and nothing is measured twice."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from yukawa.core.errors import InputError, ModelError
from yukawa.data.dataset import write_dataset
from yukawa.data.rows import Document, write_rows
from yukawa.evaluation import runner
from yukawa.evaluation.perplexity import document_losses
from yukawa.evaluation.recipe import ScoringOptions
from yukawa.evaluation.runner import ModelSpec, archive, by_archive, fingerprint, measure, read_documents


@pytest.fixture
def opened(monkeypatch):
    names, real = [], runner.open_language_model

    def counting(*arguments, **options):
        names.append(options["name"])
        return real(*arguments, **options)

    monkeypatch.setattr(runner, "open_language_model", counting)
    return names


@pytest.fixture
def subjects(base_folder, adapter_folder):
    return [
        ModelSpec("base", str(base_folder), device="cpu"),
        ModelSpec("tuned", str(base_folder), str(adapter_folder), device="cpu"),
    ]


def test_results_are_those_of_each_alone(subjects, documents, base_model, opened):
    tests = {"all": documents, "two": documents[:2]}
    told = []
    found = measure(subjects, tests, on_message=told.append)
    assert list(found) == ["all", "two"]
    assert list(found["all"]) == opened == ["base", "tuned"]
    assert told == ["base (1 of 2)", "tuned (2 of 2)"]
    np.testing.assert_allclose(found["all"]["base"].losses, document_losses(base_model, documents).losses)
    np.testing.assert_allclose(found["two"]["tuned"].losses, found["all"]["tuned"].losses[:2], rtol=1e-5)


def test_what_was_measured_is_kept(subjects, documents, opened, tmp_path, base_folder):
    tests = {"all": documents}
    first = measure(subjects[:1], tests, cache=tmp_path)
    again = measure(subjects, tests, cache=tmp_path)
    assert opened == ["base", "tuned"]  # an interrupted call goes on with the next model
    np.testing.assert_array_equal(again["all"]["base"].losses, first["all"]["base"].losses)
    measure(subjects, {"all": documents[1:]}, cache=tmp_path)
    assert opened[2:] == ["base", "tuned"]  # other documents
    measure(subjects[:1], {"all": documents[1:]}, scoring=ScoringOptions(eos=False), cache=tmp_path)
    assert opened[4:] == ["base"]  # another manner
    os.utime(base_folder / "model.safetensors")
    measure(subjects[:1], {"all": documents[1:]}, scoring=ScoringOptions(eos=False), cache=tmp_path)
    assert opened[5:] == ["base"]  # other weights
    kept = tmp_path / "base--all.jsonl"
    kept.write_bytes(kept.read_bytes()[:-9])
    measure(subjects[:1], {"all": documents[1:]}, scoring=ScoringOptions(eos=False), cache=tmp_path)
    assert opened[6:] == ["base"]
    kept.write_text("my notes")
    with pytest.raises(InputError, match="is there already and holds no losses"):
        measure(subjects[:1], tests, cache=tmp_path)
    assert kept.read_text() == "my notes"


def test_other_work_is_done_while_a_model_is_open(subjects, documents, tmp_path, opened):
    seen = []
    hooks = {"tuned": lambda model: seen.append(model.name)}
    measure(subjects, {"all": documents}, cache=tmp_path)
    measure(subjects, {"all": documents}, cache=tmp_path, post_hooks=hooks)
    assert seen == ["tuned"]
    assert opened == ["base", "tuned", "tuned"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("runs/a", ("a", "runs/a", None)),
        ("mine=runs/a", ("mine", "runs/a", None)),
        ("base+runs/b", ("b", "base", "runs/b")),
        ("n=org/base+runs/b", ("n", "org/base", "runs/b")),
    ],
)
def test_names(text, expected):
    found = ModelSpec.parse(text, dtype="bfloat16")
    assert (found.name, found.source, found.adapter) == expected
    assert found.dtype == "bfloat16"


@pytest.mark.parametrize("text", ["", "=a", "a=", "a+", "n=+a"])
def test_no_names(text):
    with pytest.raises(InputError, match="names no model"):
        ModelSpec.parse(text)


def test_what_is_wrong_with_the_last_model_is_said_before_the_first_is_opened(subjects, documents, opened):
    for wrong in (ModelSpec("x", "./absent"), replace(subjects[1], name="x", adapter="absent")):
        with pytest.raises(InputError, match="absent"):
            measure([*subjects, wrong], {"all": documents})
    assert opened == []


def test_names_that_are_the_same_for_a_file(subjects, documents):
    with pytest.raises(
        InputError, match="two models are called 'a b' and 'a-b', which is the same for a file"
    ):
        measure([replace(subjects[0], name=name) for name in ("a b", "a-b")], {"all": documents})
    with pytest.raises(InputError, match="two test sets are called 'A' and 'a'"):
        measure(subjects, {"A": documents, "a": documents})


def test_completions_belong_to_what_wrote_them(subjects, base_folder, adapter_folder, tmp_path):
    base, tuned = subjects
    wrote = {"model": str(base_folder), "adapter": str(adapter_folder)}
    tuned.check_wrote(wrote)
    tuned.check_wrote({**wrote, "model": f"{base_folder}/../{base_folder.name}"})
    tuned.check_wrote({**wrote, "model": str(tmp_path / "moved")})
    base.check_wrote({})
    with pytest.raises(InputError, match=r"by 'base' were written with adapter .*, not none"):
        base.check_wrote(wrote)
    with pytest.raises(InputError, match="by 'tuned' were written with model"):
        tuned.check_wrote({**wrote, "model": str(tmp_path)})


def test_bad_input(subjects, documents):
    with pytest.raises(InputError, match="two models are called 'base'"):
        measure([subjects[0], subjects[0]], {"all": documents})
    with pytest.raises(InputError, match="nothing to measure"):
        measure([], {"all": documents})
    with pytest.raises(ModelError, match="could not be downloaded from the Hugging Face Hub"):
        measure([ModelSpec("x", "nobody/nothing")], {"all": documents})


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


def test_test_sets_that_cannot_be_read(documents, tmp_path):
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
