"""docs/cli.md is the help text of every verb; YUKAWA_TEST_WRITE_DOCS=1 writes it anew."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import typer

from yukawa.cli.main import app

FILE = Path(__file__).parents[2] / "docs" / "cli.md"
HEAD = "# The command line\n\nThe help text of every verb, as `--help` prints it.\n"


def verbs():
    """All command lines, a group followed by its own."""
    root = typer.main.get_command(app)
    yield ()
    for name, command in root.commands.items():
        yield (name,)
        yield from ((name, below) for below in getattr(command, "commands", {}))


def test_the_page_is_what_help_prints(yukawa):
    page = HEAD
    for verb in verbs():
        text = yukawa(*verb, "--help").out.strip()
        page += f"\n## {' '.join(('yukawa', *verb))}\n\n```text\n{text}\n```\n"
    if os.environ.get("YUKAWA_TEST_WRITE_DOCS"):
        FILE.write_text(page, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == page, (
        "type: YUKAWA_TEST_WRITE_DOCS=1 python -m pytest tests/cli/test_docs.py"
    )


def test_every_verb_offers_json_and_debug(yukawa):
    groups = {(), ("knowledge",), ("data",), ("evaluate",), ("jets",)}
    for verb in set(verbs()) - groups:
        text = yukawa(*verb, "--help").out
        assert "--json" in text
        assert "--debug" in text


def test_the_commands_of_the_evaluation_guide_run(yukawa, data, models):
    page = FILE.with_name("evaluation.md").read_text(encoding="utf-8")
    data.rename("abstracts")
    Path("base").symlink_to(models["base"])
    Path("runs/tuned").mkdir(parents=True)
    Path("runs/tuned/model").symlink_to(models["adapter"])
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    assert len(lines) == 5
    for line in lines:
        name, *words = shlex.split(line)
        assert name == "yukawa"
        more = ["--embedder", "hash"] if {"semscore", "report"} & set(words) else []
        done = yukawa(*words, *more)
        assert done.code == 0, done.err
    assert Path("report/plots/entropy.svg").is_file()
