"""What verbs may write over: a law over all of them, found in the tree of commands, so that a new one cannot be forgotten."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer

import yukawa
from yukawa.cli.main import app
from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.io.source import open_source
from yukawa.jets.table import Jets
from yukawa.knowledge import KnowledgeBase
from yukawa.runs.run import Run

# Parameters that name a file to be written, and a command line that is whole but for it.
FILES = {
    "jets convert target": ["jets", "convert", "in.parquet", "OUT"],
    "jets predict out": ["jets", "predict", "no-model", "--data", "in.parquet", "--out", "OUT"],
    "jets export-onnx out": ["jets", "export-onnx", "no-model", "OUT"],
    "generate out": ["generate", "own.dec", "--out", "OUT"],
    "generate draw": ["generate", "own.dec", "--draw", "OUT"],
    "write decay-card out": ["write", "decay-card", "psi(2S) to pi+ pi- J/psi", "--out", "OUT"],
    "write job-options out": ["write", "job-options", "psi(2S) to pi+ pi- J/psi", "--out", "OUT"],
    "write pythia out": ["write", "pythia", "e+ e- to Z at 91.2 GeV", "--out", "OUT"],
    "data select out": ["data", "select", "no.jsonl", "--out", "OUT"],
    "knowledge backup file": ["knowledge", "backup", "OUT"],
    "knowledge export file": ["knowledge", "export", "OUT"],
}
# The same for folders.
FOLDERS = {
    "data abstracts out": ["data", "abstracts", "no.jsonl", "--out", "OUT"],
    "data conversations out": ["data", "conversations", "no.jsonl", "--out", "OUT"],
    "data chats out": ["data", "chats", "no.json", "--out", "OUT"],
    "data compose out": ["data", "compose", "no-run", "--out", "OUT"],
    "data papers out": ["data", "papers", "no.tex", "--out", "OUT"],
    "data fetch out": ["data", "fetch", "no.jsonl", "--out", "OUT"],
    "data questions out": ["data", "questions", "no.tex", "--out", "OUT"],
    "data fission out": ["data", "fission", "particle physics", "--out", "OUT"],
    "evaluate perplexity out": ["evaluate", "perplexity", "no.jsonl", "--model", "none", "--out", "OUT"],
    "evaluate completions out": ["evaluate", "completions", "no.jsonl", "--model", "none", "--out", "OUT"],
    "evaluate report out": ["evaluate", "report", "no.jsonl", "--model", "none", "--out", "OUT"],
    "evaluate recipe out": ["evaluate", "recipe", "own.yaml", "--out", "OUT"],
    "evaluate answers out": ["evaluate", "answers", "no.jsonl", "--model", "none", "--out", "OUT"],
    "evaluate ranking out": ["evaluate", "ranking", "no.jsonl", "--out", "OUT"],
    "evaluate scores out": ["evaluate", "scores", "no.csv", "--out", "OUT"],
    "jets simulate out": ["jets", "simulate", "--jets-per-class", "1", "--out", "OUT"],
    "jets evaluate out": ["jets", "evaluate", "no-model", "--data", "in.parquet", "--out", "OUT"],
    "jets analyse out": ["jets", "analyse", "in.parquet", "--signal", "b", "--background", "c", "--out", "OUT"],
    "jets import-weaver out": ["jets", "import-weaver", "no.pt", "--data-config", "jetclass-kin", "--out", "OUT"],
    "jets train out": ["jets", "train", "particle-net-laptop", "data.path=none", "--out", "OUT"],
    "jets pretrain out": ["jets", "pretrain", "byte-model", "--out", "OUT"],
    "jets scaling out": ["jets", "scaling", "scaling-laptop", "data.path=none", "--out", "OUT"],
    "train out": ["train", "feyntune", "--out", "OUT"],
    "merge out": ["merge", "no-run", "--out", "OUT"],
}  # fmt: skip
# They keep one file for each model in any folder; a file of something else is refused by name.
BESIDE_OTHERS = {"evaluate perplexity out", "evaluate completions out", "evaluate answers out"}
READ = {
    "teach file", "teach paper", "teach sync", "knowledge restore-backup file", "knowledge import file", "data abstracts snapshots",
    "data abstracts table", "data abstracts evaluation", "data conversations files", "data conversations evaluation",
    "data check dataset", "data check against", "evaluate perplexity data", "evaluate completions data", "evaluate semscore files",
    "evaluate entropy files", "evaluate questions against", "evaluate ranking files", "evaluate scores files", "evaluate report data",
    "evaluate report completions", "evaluate report run", "jets show path",
    "data report run", "data review run", "data chats file", "data chats names", "data papers paths",
    "data papers evaluation", "data select metadata", "data questions papers", "data fetch papers",
    "data compose runs", "data compose evaluation",
    "jets convert source", "jets evaluate data", "jets predict model", "jets predict data", "jets import-weaver checkpoint",
    "knowledge purge search", "evaluate questions task_folder",
    "jets export-onnx model", "merge run", "check files", "check base", "check pdl", "generate card",  # --fix says itself what it changes
}  # fmt: skip
REFUSED = re.compile(
    "is there already|is a folder|is a file|it is a pipe|belongs to Yukawa itself|is read by the same command|holds "
)


def test_every_parameter_that_names_a_file_is_known() -> None:
    def walk(command: Any, name: str) -> Iterator[str]:
        for verb, below in getattr(command, "commands", {}).items():
            yield from walk(below, f"{name} {verb}".strip())
        for parameter in command.params if not hasattr(command, "commands") else ():
            words = re.findall(r"[A-Z]+", parameter.metavar or "")
            named = {"FILE", "DIR", "PATH", "FOLDER", "OUT", "IN", "DATA"} & set(words)
            if named or "Path" in str(parameter.type_descriptor.annotation):
                yield f"{name} {parameter.name}"

    assert set(walk(typer.main.get_command(app), "")) == {*FILES, *FOLDERS, *READ}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a base that is open, settings, jets, a run with a checkpoint, and files of a user."""
    folder = tmp_path_factory.mktemp("house")
    with KnowledgeBase.open(folder / "home" / "knowledge", embedding="hash") as base:
        base.set_meta("pdg", "test")
        base.teach("The BEPCII storage ring has a circumference of 237.5 m.", source="IHEP handbook")
    (folder / "yukawa.toml").write_text("threads = 1\n")
    scalars = {"jet_pt": np.ones(3, np.float32)}
    write_parquet(folder / "in.parquet", Jets.from_counts(np.ones(3, int), {"part_px": np.ones(3)}, scalars))
    (folder / "own.yaml").write_text("models: {a: none}\ntests: {t: no.jsonl}\n")
    run = Run.create(folder / "run", {"training": {"kind": "pretrain"}}, [])
    for name in ("model", "checkpoints/checkpoint-1"):
        (run.folder / name).mkdir(parents=True)
        (run.folder / name / "model.safetensors").write_bytes(b"weights")
    for name in ("full", "model-of-mine"):
        (folder / name / "model").mkdir(parents=True)
        (folder / name / "model" / "mine.txt").write_text("mine")
        (folder / name / "report.md").write_text("mine")
    (folder / "old").write_text("mine")
    base = folder / "home" / "knowledge" / "knowledge.sqlite"
    for suffix in (".parquet", ".onnx", ".gz"):
        (folder / f"old{suffix}").write_text("mine")
        os.symlink(base, folder / f"symbolic{suffix}")
        os.link(base, folder / f"hard{suffix}")
        os.link(folder / "yukawa.toml", folder / f"settings{suffix}")
        os.mkfifo(folder / f"pipe{suffix}")
        (folder / f"folder{suffix}").mkdir()
    os.symlink("in.parquet", folder / "same.parquet")
    os.link(folder / "in.parquet", folder / "linked.parquet")
    return folder


@pytest.fixture
def inside(house: Path, yukawa: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs a command line in the house, which must refuse and leave everything as it was."""
    monkeypatch.chdir(house)
    monkeypatch.setenv("YUKAWA_HOME", str(house / "home"))

    def refuse(words: list[str], out: str, *more: str) -> str:
        before = state(house)
        said = yukawa(*(out if word == "OUT" else word for word in words), *more).failed(2)
        assert REFUSED.search(said), said
        assert state(house) == before
        return str(said)

    return refuse


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every file and folder but those that a base makes while it is open, with number, time and content."""
    return {
        str(path): (found.st_ino, found.st_mtime_ns, path.read_bytes() if path.is_file() else b"")
        for path in sorted(folder.rglob("*"))
        if path.parent.name != "knowledge" or path.suffix == ".sqlite"
        for found in [path.lstat()]
        if found.st_size < 1 << 30
    }


def ending(words: list[str]) -> str:
    parquet = words[0] in ("jets", "generate") and "export-onnx" not in words
    return ".onnx" if "export-onnx" in words else ".parquet" if parquet else ".gz"


@pytest.mark.parametrize("verb", FILES)
def test_a_file_is_written_over_by_force_alone(verb: str, inside: Any) -> None:
    words = FILES[verb]
    assert "is there already" in inside(words, f"old{ending(words)}")


OWN = (
    "symbolic{}", "hard{}", "settings{}", "yukawa.toml", "home/yukawa.toml", "home/knowledge/knowledge.sqlite",
    "home/knowledge/knowledge.sqlite-wal", "home/knowledge/knowledge.sqlite-shm", "home/knowledge/knowledge.sqlite-journal",
    "home/server.db", "home/server.db-wal",
    "home/knowledge/knowledge.index", "home/knowledge/knowledge.scratch/x{}", "home/../home/knowledge/knowledge.sqlite",
    "home/knowledge/new{}",
    "run/recipe.yaml", "run/metrics.jsonl", "run/model/model.safetensors", "run/checkpoints/checkpoint-1/model.safetensors",
    "run/checkpoints/new{}", f"{Path(yukawa.__file__).parent}/recipes/new{{}}", f"{Path(yukawa.__file__).parent}/cli/main.py",
)  # fmt: skip


@pytest.mark.parametrize("verb", FILES)
def test_no_force_writes_over_what_belongs_to_the_program(verb: str, inside: Any) -> None:
    words = FILES[verb]
    # Every place, each with one of the verbs: they ask one function.
    for place in (OWN[0], *OWN[list(FILES).index(verb) :: len(FILES)]):
        assert "belongs to Yukawa itself" in inside(words, place.format(ending(words)), "--force"), place


@pytest.mark.parametrize("verb", FILES)
def test_no_force_writes_over_a_pipe_or_a_folder(verb: str, inside: Any) -> None:
    words = FILES[verb]
    assert "it is a pipe" in inside(words, f"pipe{ending(words)}", "--force")
    assert "it is a folder" in inside(words, f"folder{ending(words)}", "--force")


@pytest.mark.parametrize("verb", ["jets convert target", "jets predict out"])
@pytest.mark.parametrize("name", ["in.parquet", "./in.parquet", "same.parquet", "linked.parquet"])
def test_no_force_writes_over_what_is_read(verb: str, name: str, inside: Any) -> None:
    assert "is read by the same command" in inside(FILES[verb], name, "--force")


@pytest.mark.parametrize("verb", FOLDERS)
def test_a_folder_is_new_or_was_made_by_the_same_verb(verb: str, inside: Any) -> None:
    words = FOLDERS[verb]
    inside(words, "old")
    inside(words, "pipe.gz")
    more = ["--force"] if verb in ("jets evaluate out", "jets import-weaver out") else []
    for place in () if verb in BESIDE_OTHERS else ("full", "run"):
        if verb != "jets scaling out" or place == "full":  # it resumes a run, if that is its own
            inside(words, place, *more)


@pytest.mark.slow
@pytest.mark.parametrize("verb", FOLDERS)
def test_no_folder_is_made_within_the_program(verb: str, inside: Any) -> None:
    places = [place.format("") for place in OWN[11:] if ".." not in place]
    for place in places[list(FOLDERS).index(verb) % 4 :: 4]:
        assert "belongs to Yukawa itself" in inside(FOLDERS[verb], place), place


@pytest.mark.parametrize("verb", ["jets convert target", "knowledge backup file", "knowledge export file"])
def test_force_replaces_a_file_whole_or_not_at_all(
    verb: str, house: Path, yukawa: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(house)
    monkeypatch.setenv("YUKAWA_HOME", str(house / "home"))
    old = Path(f"old{ending(FILES[verb])}")
    content = old.read_bytes()
    words = [str(old) if word == "OUT" else word for word in FILES[verb]]

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    names = set(os.listdir())
    with monkeypatch.context() as broken:
        broken.setattr(os, "replace", full)
        done = yukawa(*words, "--force")
        assert (done.code, done.out) == (1, "")
        assert "the disk is full" in done.err
    assert old.read_bytes() == content
    assert set(os.listdir()) == names
    assert yukawa(*words, "--force").code == 0
    assert old.read_bytes() != content
    if old.suffix == ".parquet":
        assert len(open_source(old)) == 3
    old.write_bytes(content)
