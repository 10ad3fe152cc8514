"""Groups of verbs, and groups of options that several verbs take."""

from __future__ import annotations

import inspect
from pathlib import Path

from yukawa.cli import evaluate
from yukawa.cli.main import app, main
from yukawa.cli.options import new_app, run_folder, with_options


def test_groups_of_options_become_options_of_the_command():
    found = inspect.signature(evaluate.entropy).parameters
    assert {"dtype", "four_bit", "device", "level", "resamples", "seed", "files", "as_json"} < set(found)
    assert not {"loading", "statistics"} & set(found)


def test_a_verb_gets_what_its_groups_make_of_their_options():
    def both(first: int = 1, second: int = 2) -> int:
        return first + second

    seen = []

    @with_options(both)
    def verb(name: str, both: int = 0) -> None:
        seen.append((name, both))

    verb(name="a", first=3, second=4)
    assert seen == [("a", 7)]


def test_a_verb_is_called_like_its_function_without_the_underscore():
    def import_() -> None: ...
    def restore_backup() -> None: ...

    assert [verb.name for verb in new_app("Help.", import_, restore_backup).registered_commands] == [
        "import",
        "restore-backup",
    ]
    assert "demo" in {verb.name for verb in app.registered_commands}


def test_the_help_of_every_group_fits_80_columns(capsys):
    for group in ((), ("knowledge",), ("data",), ("evaluate",), ("jets",)):
        assert main([*group, "--help"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert not [line for line in lines if line.endswith("...") and not line.startswith("Usage")]


def test_the_folder_of_a_run_follows_from_the_recipe():
    assert run_folder(None, "recipes/mine.yaml") == Path("runs/mine")
    assert run_folder(Path("there"), "smoke") == Path("there")
