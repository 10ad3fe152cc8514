"""A tiny base of PDG facts and taught statements, and an assistant whose model says what a test wants."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from yukawa.assistant import Assistant
from yukawa.core.settings import ModelSettings, Settings, load_settings
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.sources.loader import pdg_items
from yukawa.knowledge.sources.pdg.facts import Statement
from yukawa.llm import Message
from yukawa.llm.scripted import ScriptedModel

TAUGHT = [
    "The BESIII time-of-flight endcap reaches a resolution of 60 ps.",
    "The circumference of the CEPC ring is 100 km.",
    "BOSS 7.0.9 needs the command 'setupBoss' before the first job.",
    "The HEPS storage ring runs at an electron energy of 6 GeV.",
    "CSNS delivers a proton beam power of 160 kW to its target.",
    "LHAASO stands at 4410 m above sea level near Daocheng.",
    "The JUNO detector holds 20 kilotons of liquid scintillator.",
    "The night shift of BESIII begins at midnight.",
    "Coffee in the control room of BEPCII costs two yuan.",
    "The drift chamber gas is a mixture of helium and propane.",
]

Script = Sequence[str] | Callable[[Sequence[Message]], str]


@pytest.fixture(scope="session")
def _tiny_folder(pdg_statements: list[Statement], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "base"
    few = [
        f
        for f in pdg_statements
        if f.particle in {"S035", "S004", "M070", "S043"} and f.kind != "branching ratio"
    ]
    with KnowledgeBase.open(folder, embedding="hash") as made:
        made.teach_many(pdg_items(few), actor="test")
        for text in TAUGHT:
            made.teach(text, source="handbook", author="Li")
    return folder


@pytest.fixture
def base(tmp_path: Path, _tiny_folder: Path) -> Iterator[KnowledgeBase]:
    """Facts on tau, muon, J/psi and W, and ten taught statements; a copy that a test may change."""
    with KnowledgeBase.open(shutil.copytree(_tiny_folder, tmp_path / "base")) as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The default settings, with no file."""
    return load_settings(tmp_path)


@pytest.fixture
def assistant(base: KnowledgeBase, settings: Settings) -> Assistant:
    """Answers by quoting."""
    return Assistant(base, settings)


@pytest.fixture
def scripted(base: KnowledgeBase, settings: Settings) -> Callable[[Script], tuple[Assistant, ScriptedModel]]:
    """An assistant whose default model is a script, and the script, which remembers what it was asked."""

    def make(script: Script) -> tuple[Assistant, ScriptedModel]:
        model = ScriptedModel(script, name="actor")
        rows = {**settings.models, "actor": ModelSettings(name="actor", backend="scripted")}
        changed = settings.model_copy(update={"models": rows, "default_model": "actor"})
        return Assistant(base, changed, models={"actor": model}), model

    return make
