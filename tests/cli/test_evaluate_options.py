"""What the options of `yukawa evaluate` name: models, services, test sets; each option is defined once."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from yukawa.cli import evaluate
from yukawa.cli.evaluate_options import find_measured, find_models, find_rows, find_tests, loading, named
from yukawa.core.errors import InputError
from yukawa.evaluation.served_models import Service


def test_models_and_services(home):
    Path("yukawa.toml").write_text(
        '[models.far]\nbackend = "openai"\nmodel = "m"\nbase_url = "http://localhost:8000/v1"\n'
        '[models.quoting]\nbackend = "quote"\n'
    )
    found = find_measured(["base=a", "a+b"], ["far"], loading("float32", True, "cpu"))
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
        find_measured(None, None, loading())
    with pytest.raises(InputError, match="two models are called 'far'"):
        find_measured(["far"], ["far"], loading())
    with pytest.raises(InputError, match="two models are called 'a'"):
        find_models(["a", "x/a"], loading())
    with pytest.raises(InputError, match=r"no model 'fra' \(there are: .*far"):
        find_rows(["fra"])
    with pytest.raises(InputError, match="names no server"):
        find_measured(None, ["quoting"], loading())


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
    assert named([text]) == dict([expected])


def test_bad_names(home):
    for text in ("=a", "a="):
        with pytest.raises(InputError, match="expected NAME=PATH, got"):
            named([text])


def test_groups_of_options_become_options_of_the_command():
    found = inspect.signature(evaluate.entropy).parameters
    assert {"dtype", "four_bit", "device", "level", "resamples", "seed", "files", "as_json"} < set(found)
    assert not {"loading", "statistics"} & set(found)
