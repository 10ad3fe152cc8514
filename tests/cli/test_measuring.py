"""What the options of `yukawa evaluate` name: models, services and test sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from yukawa.cli.measuring import find_models, loading, make_recipe, named
from yukawa.cli.session import read_settings
from yukawa.core.errors import InputError
from yukawa.evaluation import report
from yukawa.evaluation.served_models import Service


def test_models_and_services(home):
    Path("yukawa.toml").write_text(
        '[models.far]\nbackend = "openai"\nmodel = "m"\nbase_url = "http://localhost:8000/v1"\n'
        '[models.quoting]\nbackend = "quote"\n'
    )
    rows = read_settings().models
    chosen = make_recipe(["set"], ["base=a", "a+b"], ["far"], loading("float32", True, "cpu"))
    assert (chosen.models, chosen.services) == ({"base": "a", "b": "a+b"}, ["far"])
    found = report.find_models(chosen, rows)
    assert [subject.name for subject in found] == ["base", "b", "far"]
    assert isinstance(found[2], Service)
    assert (found[1].source, found[1].adapter, found[1].dtype, found[1].load_in_4bit) == (
        "a",
        "b",
        "float32",
        True,
    )
    assert [row.name for row in report.find_rows(["far", "quoting"], rows)] == ["far", "quoting"]
    with pytest.raises(InputError, match="no model was named"):
        make_recipe(["set"], None, None, loading())
    with pytest.raises(InputError, match="two models are called 'a'"):
        find_models(["a", "x/a"], loading())
    with pytest.raises(InputError, match=r"no model 'fra' \(there are: .*far"):
        report.find_rows(["fra"], rows)
    with pytest.raises(InputError, match="names no server"):
        report.find_models(make_recipe(["set"], None, ["quoting"], loading()), rows)


def test_test_sets(data):
    chosen = make_recipe([str(data), f"other={data}"], ["a"], None, loading(), limit=2)
    found = report.read_tests(chosen)
    assert {name: len(documents) for name, documents in found.items()} == {"set": 2, "other": 2}
    with pytest.raises(InputError, match="two test sets are called 'set'"):
        make_recipe([str(data), str(data)], ["a"], None, loading())


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
