"""A missing optional package is answered with the line that installs it, with or without importing it."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

from yukawa.core import optional
from yukawa.core.errors import InputError, MissingPackage
from yukawa.core.optional import EXTRAS, check_installed, require

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_what_is_installed_is_given():
    assert require("json", "reading JSON") is json
    assert require("json.decoder", "reading JSON") is sys.modules["json.decoder"]


@pytest.mark.parametrize("ask", [require, check_installed])
@pytest.mark.parametrize(
    ("package", "extra"), [("uproot", "jets"), ("torch", "train"), ("pgvector", "postgres")]
)
def test_a_missing_package_is_answered_with_its_extra(ask, package, extra, monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for wanted in (package, f"{package}.inner") if ask is require else (package,):
        with pytest.raises(MissingPackage, match=f"reading needs the package '{package}'") as caught:
            ask(wanted, "reading")
        assert caught.value.hint == f"type: pip install 'yukawa-hep[{extra}]'"
        assert isinstance(caught.value, InputError)


@pytest.mark.parametrize(("package", "extra"), EXTRAS.items())
def test_the_table_says_what_the_project_says(package, extra):
    name = {"faiss": "faiss-cpu"}.get(package, package)
    assert any(line.partition("[")[0].partition(";")[0].split(">")[0].split("=")[0] == name
               for line in PROJECT["optional-dependencies"][extra])  # fmt: skip


def test_nobody_is_told_to_install_another_project_s_name():
    """`yukawa` on PyPI is not this project."""
    assert PROJECT["name"] == optional.DISTRIBUTION
    stray = re.compile(
        r"pip3? (?:install|download)[^\n]*[ '\"=]yukawa(?![\w-])(?!/)|(?<![\w.-])yukawa\[[a-z]"
    )
    assert stray.search("pip install yukawa")
    assert stray.search("pip install --upgrade 'yukawa[jets]'")
    pages = [page for page in ROOT.glob("*") if page.suffix in (".md", ".toml") or page.name == "Makefile"]
    for folder, kinds in {
        "src": ("py", "yaml", "md"),
        "docs": ("md",),
        "benchmarks": ("py", "md"),
        "tools": ("py",),
    }.items():
        pages += [page for kind in kinds for page in ROOT.glob(f"{folder}/**/*.{kind}")]
    assert len(pages) > 300
    found = {page.relative_to(ROOT): stray.search(page.read_text(encoding="utf-8")) for page in pages}
    assert not {page: match[0] for page, match in found.items() if match}


def test_a_package_is_found_without_being_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "slow_to_import.py").write_text("raise RuntimeError\n")
    monkeypatch.syspath_prepend(tmp_path)
    check_installed("slow_to_import", "reading")
    assert "slow_to_import" not in sys.modules
    with pytest.raises(RuntimeError):
        require("slow_to_import", "reading")


def test_a_package_that_is_broken_itself_is_not_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "broken_package.py").write_text("import something_that_is_nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_that_is_nowhere"):
        require("broken_package", "reading")


def test_the_distribution_bears_the_name_of_the_project():
    assert PROJECT["name"] == optional.DISTRIBUTION
