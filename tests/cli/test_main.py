"""Exit codes, the one line of an error, and what a cold start costs."""

from __future__ import annotations

import os
import resource
import shlex
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from yukawa import __version__
from yukawa.cli import session
from yukawa.cli.main import main
from yukawa.core.errors import InputError, StoreError
from yukawa.knowledge import KnowledgeBase

RUN = [sys.executable, "-c", "from yukawa.cli.main import run; run()"]


def test_help_and_version_go_to_stdout(yukawa):
    assert yukawa("--version").out == f"yukawa {__version__}\n"
    for arguments in ((), ("--help",), ("-h",), ("knowledge",), ("ask", "--help")):
        done = yukawa(*arguments)
        assert done.code == 0
        assert done.out.startswith("Usage: yukawa")
        assert done.err == ""


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("yukawa kn", "knowledge"),
        ("yukawa knowledge his", "history"),
        ("yukawa ask --expl", "--explain"),
        ("yukawa train smo", "smoke"),
    ],
)
def test_the_shell_completes_verbs_options_and_recipes(monkeypatch, capsys, line, offered):
    monkeypatch.setenv("_YUKAWA_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(line.count(" ")))
    with pytest.raises(SystemExit, match="0"):
        main([])
    assert capsys.readouterr() == (f"{offered}\n", "")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [(["aks", "x"], "'ask'"), (["knowledge", "hstory"], "'history'"), (["ask", "x", "--jso"], "--json")],
)
def test_a_misspelt_verb_or_option_is_guessed(yukawa, arguments, meant):
    assert meant in yukawa(*arguments).failed(2)


def test_a_wrong_number_is_refused_in_our_words(yukawa):
    line = yukawa("search", "a", "-k", "few").failed(2)
    assert "Invalid value for '-k': expected a whole number (type: yukawa search --help)" in line


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask"],
        ["ask", "a", "b"],
        ["knowledge", "resolve", "x"],
        ["knowledge", "list", "--limit", "0"],
        ["search", "a", "-k", "few"],
    ],
)
def test_wrong_usage_is_one_line_and_the_verb_s_own_help(yukawa, arguments):
    line = yukawa(*arguments).failed(2)
    assert f"(type: yukawa {arguments[0]}" in line
    assert line.rstrip().endswith("--help)")


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (InputError("that is\nwrong", hint="type: x"), 2, "error: that is wrong (type: x)\n"),
        (StoreError("the disk is full"), 1, "error: the disk is full\n"),
        (PermissionError(13, "Permission denied", "/a/b"), 1, "error: Permission denied: /a/b\n"),
        (
            ZeroDivisionError("by\nzero"),
            1,
            "error: this is a bug in Yukawa: ZeroDivisionError: by zero (--debug shows where)\n",
        ),
    ],
)
def test_each_kind_of_error_has_its_line_and_code(yukawa, monkeypatch, error, code, shown):
    def fails():
        raise error

    monkeypatch.setattr(session, "read_settings", fails)
    assert yukawa("ask", "x") == (code, "", shown)
    debugged = yukawa("ask", "x", "--debug")
    assert debugged.code == code
    assert debugged.err.startswith("Traceback")
    assert debugged.err.endswith(shown)
    assert "Traceback" not in yukawa("ask", "--", "--debug").err


def test_ctrl_c_is_one_line_and_130(yukawa, monkeypatch):
    def interrupted():
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "read_settings", interrupted)
    done = yukawa("ask", "x")
    assert done.code == 130
    assert done.err.startswith("interrupted")
    assert done.err.count("\n") == 1


def test_an_unknown_setting_is_refused_with_the_nearest(yukawa, monkeypatch):
    Path("yukawa.toml").write_text('defalt_model = "quote"\n')
    assert "default_model" in yukawa("ask", "x").failed(2)


def test_a_base_made_by_a_newer_version_is_left_alone(yukawa, home):
    file = home / "knowledge" / "knowledge.sqlite"
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = file.read_bytes()
    for arguments in (["ask", "x"], ["teach", "x is 1"], ["knowledge", "stats"], ["knowledge", "verify"]):
        assert "newer" in yukawa(*arguments).failed(1)
    assert file.read_bytes() == before


def test_a_reader_that_leaves_causes_no_complaint(home):
    with subprocess.Popen(
        [*RUN, "knowledge", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_what_the_shell_has_closed_goes_nowhere_and_into_no_file(home, tmp_path, closed):
    """A file that got the number of standard output would be written into by whoever prints."""
    command = shlex.join([*RUN, "teach", "The ring is cold."])
    subprocess.run(["sh", "-c", f"{command} {closed}"], check=True, capture_output=True)
    command = shlex.join([*RUN, "knowledge", "backup", str(tmp_path / "copy")])
    subprocess.run(["sh", "-c", f"{command} {closed}"], check=True, capture_output=True)
    KnowledgeBase.restore_backup(tmp_path / "copy", tmp_path / "again")
    with KnowledgeBase.open(tmp_path / "again") as base:
        assert "The ring is cold." in [item.text for item in base.list()]
    command = shlex.join([*RUN, "teach", "--file", "-"])  # which is empty
    assert subprocess.run(["sh", "-c", f"{command} <&-"], check=False, capture_output=True).returncode == 2


def test_a_folder_that_is_gone_is_told_of_in_one_line(home, tmp_path):
    (tmp_path / "gone").mkdir()
    command = f"cd {tmp_path}/gone && rmdir {tmp_path}/gone && {shlex.join([*RUN, 'knowledge', 'list'])}"
    done = subprocess.run(["sh", "-c", command], check=False, capture_output=True)
    assert done.stderr == b"error: the current folder does not exist any more (type: cd)\n"
    assert done.returncode == 2


def test_a_terminal_without_greek_gets_the_rest(home):
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    subprocess.run([*RUN, "teach", "The τ is a lepton."], env=environment, check=True, capture_output=True)
    done = subprocess.run(
        [*RUN, "search", "lepton", "-k", "1"], env=environment, check=True, capture_output=True
    )
    assert b"The ? is a lepton." in done.stdout


def test_a_cold_ask_is_quick_and_loads_only_what_it_needs(pdg_home):
    code = (
        "import sys; from yukawa.cli.main import main; assert main(sys.argv[1:]) == 0;"
        "print(*{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)"
    )
    environment = {**os.environ, "YUKAWA_HOME": str(pdg_home)}
    command = [sys.executable, "-c", code, "ask", "What is the mass of the tau lepton?", "--json"]
    costs = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert "1776.93 ± 0.09 MeV" in done.stdout
    unneeded = {"alembic", "openai", "pdg", "psycopg", "pypdfium2", "rich", "torch", "transformers"}
    assert not unneeded & set(done.stderr.split())
    # A shared machine counts up to twice the processor time of a quiet one, where this is about 0.5 s.
    assert min(costs) < 1.5


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_ctrl_c_during_a_build_keeps_what_was_taught(tmp_path):
    environment = {**os.environ, "YUKAWA_HOME": str(tmp_path), "YUKAWA_KNOWLEDGE__EMBEDDING": "hash"}
    with subprocess.Popen(
        [*RUN, "knowledge", "build"], stderr=subprocess.PIPE, env=environment, text=True
    ) as process:
        first = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert first.startswith("building the knowledge base")
    assert process.returncode == 130
    assert rest.startswith("interrupted")
    assert rest.count("\n") == 1
