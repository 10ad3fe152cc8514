"""Mutants are made where the code runs, one place at a time; those that nobody noticed once are noticed."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = b'''"""About."""

import logging

LIMIT = 3


@frozen(slots=True)
def f(x: int | None, *, sure: bool = False) -> str | None:
    """Doc with a < b."""
    if x is not None and x < LIMIT or not sure:
        log.warning("less %s", x > 3)
        g(x + 1, mode="quick", deep=True, why=x)
        raise ValueError(f"{x + 1} < {LIMIT}")
    for _ in range(2):
        continue
    return x - 1.5
'''


@pytest.fixture(scope="module")
def mutations(script):
    return script("mutations")


@pytest.fixture(scope="module")
def found(mutations):
    return list(mutations.mutants("src/yukawa/a.py", CODE))


def test_every_mutant_is_another_program_that_can_be_read(found):
    trees = [ast.dump(ast.parse(mutant.applied(CODE))) for mutant in found]
    assert len({ast.dump(ast.parse(CODE)), *trees}) == len(found) + 1
    assert len({mutant.id for mutant in found}) == len(found)


def test_what_runs_is_changed_and_what_is_said_is_not(mutations, found):
    told = {mutant.id.split(":", 1)[1] for mutant in found}
    assert told == {
        ":constant:3 -> (3 + 1)", "f:boolean:False -> True",
        "f:boolean:x is not None and x < LIMIT or not sure -> ((x is not None and x < LIMIT) and (not sure))",
        "f:boolean:x is not None and x < LIMIT -> (x is not None or x < LIMIT)", "f:comparison:x is not None -> (x is None)",
        "f:comparison:x < LIMIT -> (x <= LIMIT)", "f:boolean:not sure -> (sure)", "f:arithmetic:x + 1 -> (x - 1)",
        "f:constant:1 -> (1 + 1)", "f:constant:1.5 -> (1.5 * 2 + 1)", "f:constant:2 -> (2 + 1)", "f:arithmetic:x - 1.5 -> (x + 1.5)",
        "f:removed statement:continue -> pass", "f:return value:return x - 1.5 -> return None",
        'f:keyword:g(x + 1, mode="quick", deep=True, why=x) -> (g(x + 1, mode=\'quick\', deep=False, why=x))',
        'f:keyword:g(x + 1, mode="quick", deep=True, why=x) -> (g(x + 1, mode=\'quick\', deep=True))',
        'f:string option:g(x + 1, mode="quick", deep=True, why=x) -> (g(x + 1, mode=\'quick_\', deep=True, why=x))',
        'f:removed statement:g(x + 1, mode="quick", deep=True, why=x) -> pass',
        'f:removed statement:raise ValueError(f"{x + 1} < {LIMIT}") -> pass',
    }  # fmt: skip


def test_the_draw_holds_when_other_code_changes(mutations, tmp_path):
    (tmp_path / "src/yukawa/knowledge").mkdir(parents=True)
    (tmp_path / "src/yukawa/llm").mkdir()
    (tmp_path / "src/yukawa/core").mkdir()
    (tmp_path / "src/yukawa/core/files.py").write_bytes(CODE)
    (tmp_path / "src/yukawa/llm/a.py").write_bytes(CODE)
    before = {mutant.id for mutant in mutations.drawn(tmp_path, 9, 15)}
    assert before != {mutant.id for mutant in mutations.drawn(tmp_path, 9, 16)}
    (tmp_path / "src/yukawa/knowledge/b.py").write_bytes(b"def g(a):\n    return a + 1\n")
    new = {mutant.id for mutant in mutations.drawn(tmp_path, 9, 15)} - before
    assert all(name.startswith("knowledge/b.py") for name in new)
    assert len(new) <= 3


def test_equivalent_mutants_have_a_reason_and_do_not_count(mutations, found):
    rows = [
        {"id": m.id, "file": m.file, "operator": m.operator, "status": "killed" if i else "survived"}
        for i, m in enumerate(found)
    ]
    counted = mutations.figures(rows)
    assert (counted["drawn"], counted["killed"], counted["survivors"]) == (
        len(rows), len(rows) - 1, [rows[0]["id"]],
    )  # fmt: skip


def test_what_was_unnoticed_is_still_in_the_code(mutations):
    for name in mutations.NAMED:
        mutant = mutations.named(ROOT, name)
        ast.parse(mutant.applied((ROOT / mutant.file).read_bytes()))


def noticed(tmp_path, names):
    command = [sys.executable, str(ROOT / "benchmarks/mutations.py"), "--scratch", str(tmp_path), "named"]
    done = subprocess.run([*command, *names], capture_output=True, text=True)
    assert (done.returncode, done.stderr[-2000:]) == (0, "")


def test_a_change_of_the_statistics_is_noticed(tmp_path):
    noticed(tmp_path, ["four standard deviations for three"])


@pytest.mark.slow
def test_every_change_that_was_unnoticed_once_is_noticed(mutations, tmp_path):
    noticed(tmp_path, list(mutations.NAMED))
