"""The façade names everything, and loads nothing before it is used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import yukawa.bytelm


def loaded(code: str) -> set[str]:
    report = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", report], text=True).split())


def test_the_import_loads_nothing_heavy() -> None:
    assert not {"numpy", "torch", "transformers"} & loaded("import yukawa.bytelm")


def test_encoding_needs_no_torch() -> None:
    code = "from yukawa.bytelm import ByteTokenizer, Text\nassert len(ByteTokenizer().encode(Text('a'))) == 4"
    assert not {"torch", "transformers"} & loaded(code)


@pytest.mark.parametrize("name", yukawa.bytelm.__all__)
def test_every_name_resolves(name: str) -> None:
    assert getattr(yukawa.bytelm, name).__name__ == name


def test_all_and_the_homes_name_the_same() -> None:
    assert yukawa.bytelm.__all__ == sorted(yukawa.bytelm._HOMES)


def test_an_unknown_name() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Jets'"):
        _ = yukawa.bytelm.Jets
