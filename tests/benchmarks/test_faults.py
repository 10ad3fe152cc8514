"""Whatever verb is killed: nothing acknowledged is lost, nothing half. No verb that opens a base is missing."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
import typer

from yukawa.cli import main

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def verbs(script: Callable[[str], ModuleType]) -> ModuleType:
    return script("faults_verbs")


def test_every_verb_is_killed_or_named_as_one_that_is_not(verbs: ModuleType) -> None:
    command = typer.main.get_command(main.app)
    knowledge = command.commands["knowledge"].commands
    there = {*command.commands, *(f"knowledge {name}" for name in knowledge)} - {"knowledge"}
    assert there == {*verbs.VERBS, *verbs.OTHERS, *verbs.UNKILLED}


def test_only_modules_whose_verbs_are_killed_open_a_base() -> None:
    folder = Path(main.__file__).parent
    opening = {
        path.stem
        for path in folder.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute | ast.Name)
        and getattr(node, "attr", getattr(node, "id", ""))
        in ("plain_base", "taught_base", "open_base", "KnowledgeBase")
    }
    assert opening == {"ask", "check", "demo", "engine", "judging", "knowledge", "serve", "session"}


def run(name: str, *options: str, folder: Path) -> dict:
    file = folder / "figures.json"
    command = [sys.executable, str(BENCHMARKS / f"{name}.py"), *options, "--json", str(file)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: dict = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
def test_processes_killed_at_any_verb_lose_nothing(tmp_path: Path) -> None:
    found = run("faults", "--rounds", "2", "--processes", "3", folder=tmp_path)
    assert found["wrong"] == []
    assert found["acknowledged"] >= 6


@pytest.mark.slow
def test_a_killed_erasure_is_finished_and_a_full_disk_loses_nothing(
    script: Callable[[str], ModuleType], tmp_path: Path
) -> None:
    if why := script("faults_disk").available():
        pytest.skip(why)
    # A new base whose log cannot be written into it is none.
    options = ["--rounds", "4", "--points", "12", "--verbs", "import into a new base"]
    found = run("faults_purge", *options, folder=tmp_path)
    assert found["purge"]["wrong"] == found["full"]["wrong"] == []
    assert found["purge"]["killed"] >= 12
    assert found["small file system"] in ([], None)
