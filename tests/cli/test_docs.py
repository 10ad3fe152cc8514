"""docs/cli.md is the help text of every verb, and sessions are what commands print; YUKAWA_TEST_WRITE_DOCS=1 renews them."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
import typer

from yukawa.cli.main import app

FILE = Path(__file__).parents[2] / "docs" / "cli.md"
HOW = "type: YUKAWA_TEST_WRITE_DOCS=1 python -m pytest tests/cli/test_docs.py"
HEAD = "# The command line\n\nThe help text of every verb, as `--help` prints it.\n"


def verbs():
    """All command lines, a group followed by its own."""
    yield from (path for path, _ in commands((), typer.main.get_command(app)))


def commands(path, command):
    yield path, command
    for name, found in getattr(command, "commands", {}).items():
        yield from commands((*path, name), found)


def test_the_page_is_what_help_prints(yukawa):
    page = HEAD
    for verb in verbs():
        text = yukawa(*verb, "--help").out.strip()
        page += f"\n## {' '.join(('yukawa', *verb))}\n\n```text\n{text}\n```\n"
    if os.environ.get("YUKAWA_TEST_WRITE_DOCS"):
        FILE.write_text(page, encoding="utf-8")
    assert FILE.read_text(encoding="utf-8") == page, HOW


SESSION = re.compile(r"(?<=```text\n)\$ yukawa (.*)\n([^`]*)(?=```)")


@pytest.mark.slow
@pytest.mark.parametrize("page", sorted(FILE.parent.glob("**/*.md")), ids=lambda page: page.stem)
def test_a_session_in_a_guide_shows_what_its_command_prints(yukawa, page):
    """Blocks that begin with `$ yukawa`; those of other outputs, which depend on a training, are records."""

    def now(match):
        return f"$ yukawa {match[1]}\n{yukawa(*shlex.split(match[1])).out}"

    text = page.read_text(encoding="utf-8")
    renewed = SESSION.sub(now, text)
    if os.environ.get("YUKAWA_TEST_WRITE_DOCS"):
        page.write_text(renewed, encoding="utf-8")
    assert renewed == page.read_text(encoding="utf-8"), HOW


def test_a_help_text_says_what_a_thing_is_or_does() -> None:
    """It is a sentence that begins with a noun or a verb: 'Seed of the random numbers.', never 'Of the random numbers.'."""
    odd = re.compile(
        r"(Of|Whose|Why|Who|When|Where|How|Which|What|Most|With|Without|For|By)\b|[^A-Z\-]", re.ASCII
    )
    texts = {
        " ".join((*verb, parameter.name)): parameter.help
        for verb, command in commands((), typer.main.get_command(app))
        for parameter in command.params
        if getattr(parameter, "help", None)
    }
    assert len(texts) > 300
    assert {
        name: text for name, text in texts.items() if odd.match(text) or not text.endswith((".", "…"))
    } == {}


def test_every_verb_offers_json_and_debug(yukawa):
    groups = {(), ("knowledge",), ("data",), ("evaluate",), ("jets",), ("serve", "keys"), ("write",)}
    for verb in set(verbs()) - groups:
        text = yukawa(*verb, "--help").out
        assert "--json" in text or verb == ("mcp",)  # which speaks nothing else
        assert "--debug" in text


@pytest.mark.slow
def test_the_commands_of_the_evaluation_guide_run(yukawa, data, models):
    page = FILE.with_name("evaluation.md").read_text(encoding="utf-8")
    data.rename("abstracts")
    Path("base").symlink_to(models["base"])
    Path("runs/tuned").mkdir(parents=True)
    Path("runs/tuned/model").symlink_to(models["adapter"])
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    assert len(lines) == 5
    shown = ""
    for line in lines:
        name, *words = shlex.split(line)
        assert name == "yukawa"
        more = ["--embedder", "hash"] if {"semscore", "report"} & set(words) else []
        done = yukawa(*words, *more)
        assert done.code == 0, done.err
        shown += done.out
    headers = [match[1] for match in re.finditer(r"^(model  .*|second minus first  .*)$", page, re.MULTILINE)]
    assert len(headers) > 5
    assert not [name for header in headers for name in re.split("  +", header) if name not in shown]
    assert Path("report/plots/entropy.svg").is_file()
