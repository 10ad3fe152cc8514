"""What every test stands on: no settings of the person who runs it, the same random examples each time."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings

from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.sources.loader import build_pdg
from yukawa.knowledge.sources.pdg.facts import Fact, facts

# Started in the background by a shell, this process would hand on to its children that they do not hear Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("yukawa", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("yukawa")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_mine() -> Iterator[None]:
    """Hide YUKAWA_* variables and point the home at an empty folder, for child processes too."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as home:
        for variable in list(os.environ):
            if variable.startswith("YUKAWA_") and not variable.startswith("YUKAWA_TEST_"):
                patch.delenv(variable)
        patch.setenv("YUKAWA_HOME", home)
        yield


@pytest.fixture(scope="session")
def pdg_facts() -> list[Fact]:
    """Every fact of the installed `pdg` package."""
    return list(facts())


@pytest.fixture(scope="session")
def _pdg_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """Built once for all processes of a test run: it takes seconds."""
    root = tmp_path_factory.getbasetemp()
    folder = (root if worker_id == "master" else root.parent) / "pdg-base"
    with FileLock(f"{folder}.lock"):
        if not (folder / "done").exists():
            with KnowledgeBase.open(folder / "base", embedding="hash") as base:
                build_pdg(base)
            (folder / "done").touch()
    return folder / "base"


@pytest.fixture
def pdg_base(_pdg_folder: Path, tmp_path: Path) -> Path:
    """The folder of a knowledge base of the whole PDG with the hash embedder: a copy that a test may change."""
    return Path(shutil.copytree(_pdg_folder, tmp_path / "pdg"))
