"""Every package with public names gives them all, and costs nothing before one is used."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

HEAVY = {"torch", "transformers", "numpy", "pyarrow", "pydantic", "sqlalchemy", "msgspec"}
FACADES = ("bytelm", "corpus", "evaluation", "jets", "jets.simulation", "knowledge", "training")


def loaded(code: str) -> set[str]:
    report = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", report], text=True).split())


def test_importing_all_of_them_loads_nothing_heavy():
    assert not HEAVY & loaded("\n".join(f"import yukawa.{name}" for name in FACADES))


def test_bytes_need_no_torch():
    code = "from yukawa.bytelm import ByteTokenizer, Text\nassert len(ByteTokenizer().encode(Text('a'))) == 4"
    assert not {"torch", "transformers"} & loaded(code)


@pytest.mark.parametrize("name", FACADES)
def test_every_name_is_there(name):
    package = importlib.import_module(f"yukawa.{name}")
    assert sorted(package.__all__) == sorted(package._HOMES)
    for public in package.__all__:
        found = getattr(package, public)
        assert getattr(found, "__module__", package.__name__).startswith(package.__name__)


@pytest.mark.parametrize("name", FACADES)
def test_another_name_is_no_name_of_it(name):
    with pytest.raises(AttributeError, match=f"module 'yukawa.{name}' has no attribute 'nothing'"):
        importlib.import_module(f"yukawa.{name}").nothing  # noqa: B018
