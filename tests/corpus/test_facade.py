"""`import yukawa.corpus` costs nothing, and every name it promises is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import yukawa.corpus


def test_the_public_names_are_there_and_light():
    heavy = ("torch", "pyarrow", "msgspec", "numpy")
    code = f"import sys, yukawa.corpus; print([m for m in {heavy!r} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
    for name in yukawa.corpus.__all__:
        assert getattr(yukawa.corpus, name).__module__.startswith("yukawa.corpus.")
    assert sorted(yukawa.corpus._HOMES) == sorted(yukawa.corpus.__all__)


def test_another_name_is_no_name_of_it():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        yukawa.corpus.nothing  # noqa: B018
