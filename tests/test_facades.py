"""Every package with public names gives them all, and costs nothing before one is used."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import yukawa

ROOT = Path(yukawa.__file__).parent
HEAVY = {"torch", "transformers", "numpy", "pyarrow", "pydantic", "sqlalchemy", "msgspec"}
FACADES = sorted(".".join(stub.parent.relative_to(ROOT).parts) for stub in ROOT.rglob("__init__.pyi"))


def loaded(code: str) -> set[str]:
    report = f"{code}\nimport sys\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", report], text=True).split())


def test_importing_all_of_them_loads_nothing_heavy():
    assert {"bytelm", "data", "evaluation", "jets", "jets.simulation", "knowledge", "training"} <= set(
        FACADES
    )
    assert not HEAVY & loaded("\n".join(f"import yukawa.{name}" for name in FACADES))


def test_bytes_need_no_torch():
    code = "from yukawa.bytelm import ByteTokenizer, Text\nassert len(ByteTokenizer().encode(Text('a'))) == 4"
    assert not {"torch", "transformers"} & loaded(code)


@pytest.mark.parametrize("name", FACADES)
def test_every_name_is_there(name):
    package = importlib.import_module(f"yukawa.{name}")
    assert package.__all__
    for public in package.__all__:
        found = getattr(package, public)
        assert getattr(found, "__module__", package.__name__).startswith(package.__name__)


@pytest.mark.parametrize("name", FACADES)
def test_no_function_or_class_has_the_name_of_a_submodule(name):
    """Importing such a submodule anywhere would replace the public function by the module."""
    package = importlib.import_module(f"yukawa.{name}")
    submodules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    assert all(inspect.ismodule(getattr(package, public)) for public in submodules & set(package.__all__))


@pytest.mark.parametrize("name", FACADES)
def test_an_unknown_name_is_refused(name):
    with pytest.raises(AttributeError, match="nothing"):
        importlib.import_module(f"yukawa.{name}").nothing  # noqa: B018
