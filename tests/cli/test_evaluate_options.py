"""What the options of `yukawa evaluate` name: models, services, test sets, completions, and one clear line else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from yukawa.cli.evaluate_options import (
    find_completions,
    find_measured,
    find_rows,
    find_subjects,
    find_tests,
    named,
    show,
)
from yukawa.core.errors import InputError
from yukawa.core.reports import Heading, Paragraph, Table
from yukawa.evaluation.served_models import Service


def test_models_and_services(home):
    Path("yukawa.toml").write_text(
        '[models.far]\nbackend = "openai"\nmodel = "m"\nbase_url = "http://localhost:8000/v1"\n'
        '[models.quoting]\nbackend = "quote"\n'
    )
    found = find_measured(["base=a", "a+b"], ["far"], "float32", True, "cpu")
    assert [subject.name for subject in found] == ["base", "b", "far"]
    assert isinstance(found[2], Service)
    assert (found[1].source, found[1].adapter, found[1].dtype, found[1].load_in_4bit) == (
        "a",
        "b",
        "float32",
        True,
    )
    assert [row.name for row in find_rows(["far", "quoting"])] == ["far", "quoting"]
    with pytest.raises(InputError, match="no model was named"):
        find_measured(None, None, "auto", None, None)
    with pytest.raises(InputError, match="two models are called 'far'"):
        find_measured(["far"], ["far"], "auto", None, None)
    with pytest.raises(InputError, match="two models are called 'a'"):
        find_subjects(["a", "x/a"], "auto", None, None)
    with pytest.raises(InputError, match=r"no model 'fra' \(there are: .*far"):
        find_rows(["fra"])
    with pytest.raises(InputError, match="names no server"):
        find_measured(None, ["quoting"], "auto", None, None)


def test_test_sets(data):
    found = find_tests([str(data), f"other={data}"], "test", 2)
    assert {name: len(documents) for name, documents in found.items()} == {"set": 2, "other": 2}
    with pytest.raises(InputError, match="two test sets are called 'set'"):
        find_tests([str(data), str(data)], "test", None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a/b.jsonl.gz", ("b", "a/b.jsonl.gz")), ("n=a/b", ("n", "a/b")), (".", (".", "."))],
)
def test_names(text, expected):
    assert named(text) == expected


def test_bad_names(home):
    for text in ("=a", "a="):
        with pytest.raises(InputError, match="is no NAME=PATH"):
            named(text)
    with pytest.raises(InputError, match="cannot be read"):
        find_completions([Path("absent.jsonl")])


def test_completions_that_were_only_begun(home):
    head = {"kind": "yukawa completions", "model": "a", "options": {}}
    Path("a.jsonl").write_text(json.dumps(head) + "\n")
    with pytest.raises(InputError, match=r"a.jsonl holds no completion yet"):
        find_completions([Path("a.jsonl")])


def test_blocks_are_lines(capsys):
    show([Heading("Title"), Paragraph("Said."), Table(["a", "long"], [["wide cell", "1"]])])
    assert capsys.readouterr().out == "Title\n\nSaid.\n\na          long\nwide cell  1\n\n"
