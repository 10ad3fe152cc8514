"""Errors: one tree, one line, the exit code of who is to blame."""

from __future__ import annotations

import inspect
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core import errors
from yukawa.core.errors import InputError, MissingPackage, ModelError, YukawaError, nearest

TREE = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]


@given(message=st.text(), hint=st.text())
def test_an_error_reads_as_one_line_with_its_hint(message: str, hint: str) -> None:
    line = str(YukawaError(message, hint=hint))
    assert len(line.splitlines()) <= 1
    assert " ".join(message.split()) in line
    assert " ".join(hint.split()) in line


@pytest.mark.parametrize("kind", TREE)
def test_every_error_is_on_the_tree_and_blames_the_right_one(kind: type[YukawaError]) -> None:
    assert issubclass(kind, YukawaError)
    assert kind.exit_code == (2 if issubclass(kind, InputError) else 1)


@pytest.mark.parametrize(
    "error",
    [InputError("no", hint="yes"), MissingPackage("faiss", "pip install it", purpose="a large index")],
)
def test_an_error_travels_between_processes(error: YukawaError) -> None:
    found = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own
    assert type(found) is type(error)
    assert (str(found), found.message, found.hint) == (str(error), error.message, error.hint)


def test_a_failing_model_is_not_the_caller_s_mistake() -> None:
    assert ModelError("x").exit_code == 1


def test_a_missing_package_says_what_to_type() -> None:
    line = str(MissingPackage("faiss", "pip install 'yukawa-hep[large]'", purpose="a large index"))
    assert line == (
        "a large index needs the package 'faiss', which is not installed (type: pip install 'yukawa-hep[large]')"
    )


@given(names=st.lists(st.text("abcdef_", min_size=1), min_size=1))
def test_a_name_is_nearest_to_itself(names: list[str]) -> None:
    assert nearest(names[0], names) == names[0]


def test_nothing_near_is_nothing() -> None:
    assert nearest("embeding", iter(["url", "embedding"])) == "embedding"
    assert nearest("zzz", ["url", "embedding"]) == ""
    assert nearest("x", []) == ""
