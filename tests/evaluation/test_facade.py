"""The façade is light, and names what is there."""

from __future__ import annotations

import subprocess
import sys

import pytest

import yukawa.evaluation


def test_every_name_is_there():
    for name in yukawa.evaluation.__all__:
        assert getattr(yukawa.evaluation, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = yukawa.evaluation.nothing


def test_the_import_is_light():
    code = "import sys, yukawa.evaluation; print([m for m in ('torch', 'numpy', 'transformers', 'pyarrow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
