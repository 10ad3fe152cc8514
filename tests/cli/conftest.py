"""Runs command lines in this process, on small bases that need no building."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from yukawa.cli.main import main
from yukawa.knowledge import KnowledgeBase

FACTS = (
    "The BEPCII storage ring has a circumference of 237.5 m.",
    "The drift chamber of BESIII has 43 sense wire layers.",
    "The CSNS target station uses tungsten.",
)


class Done(NamedTuple):
    """What a command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Stdout, which holds one JSON document and nothing else."""
        return json.loads(self.out)

    def failed(self, code: int) -> str:
        """The one line of an error: right exit code, nothing on stdout, one line on stderr."""
        assert self.code == code, self
        assert self.out == ""
        assert self.err.startswith("error: ")
        assert self.err.count("\n") == 1
        return self.err


Yukawa = Callable[..., Done]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a base that counts as built, holds three facts, and embeds without a model."""
    folder = tmp_path / "home"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("YUKAWA_HOME", str(folder))
    monkeypatch.setenv("YUKAWA_KNOWLEDGE__EMBEDDING", "hash")
    with KnowledgeBase.open(folder / "knowledge", embedding="hash") as base:
        base.set_meta("pdg", "test")
        for fact in FACTS:
            base.teach(fact, source="IHEP handbook", author="ada", url="https://example.org/handbook")
    return folder


@pytest.fixture
def base(home: Path) -> Iterator[KnowledgeBase]:
    """The base that the command line works on, to look behind it."""
    with KnowledgeBase.open(home / "knowledge", embedding="hash") as opened:
        yield opened


@pytest.fixture
def yukawa(home: Path, capsys: pytest.CaptureFixture[str]) -> Yukawa:
    """Runs a command line: `yukawa("ask", "…").out`."""

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        code = main(arguments)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of ten jets of each class, as the command line makes it."""
    folder = tmp_path_factory.mktemp("jets") / "set"
    assert main(["jets", "simulate", "--out", str(folder), "--jets-per-class", "10", "--json"]) == 0
    return folder


@pytest.fixture(scope="session")
def pdg_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose base the command line itself built from the PDG's data, with the hashing embedder."""
    folder = tmp_path_factory.mktemp("pdg")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("YUKAWA_HOME", str(folder))
        patch.setenv("YUKAWA_KNOWLEDGE__EMBEDDING", "hash")
        assert main(["knowledge", "build", "--json"]) == 0
    return folder
