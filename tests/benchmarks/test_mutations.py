"""Mutants are made where the code runs, one place at a time; those that nobody noticed once are noticed."""

from __future__ import annotations

import ast
import inspect
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
def code(script):
    return script("mutations_code")


@pytest.fixture(scope="module")
def trial(script):
    return script("mutations_trial")


@pytest.fixture(scope="module")
def found(code):
    return list(code.mutants("src/yukawa/a.py", CODE))


def test_every_mutant_is_another_program_that_can_be_read(found):
    trees = [ast.dump(ast.parse(mutant.applied(CODE))) for mutant in found]
    assert len({ast.dump(ast.parse(CODE)), *trees}) == len(found) + 1
    assert len({mutant.id for mutant in found}) == len(found)


def test_what_runs_is_changed_and_what_is_said_is_not(found):
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


def test_no_kind_of_keyword_is_left_out(code):
    (guard,) = code.mutants("src/yukawa/a.py", b"pairs = zip(a, b, strict=True)\n")
    assert guard.after == "(zip(a, b, strict=False))"


def test_the_draw_holds_when_other_code_changes(code, tmp_path):
    (tmp_path / "src/yukawa/knowledge").mkdir(parents=True)
    (tmp_path / "src/yukawa/llm").mkdir()
    (tmp_path / "src/yukawa/core").mkdir()
    (tmp_path / "src/yukawa/core/files.py").write_bytes(CODE)
    (tmp_path / "src/yukawa/llm/a.py").write_bytes(CODE)
    before = {mutant.id for mutant in code.drawn(tmp_path, 9, 15)}
    assert before != {mutant.id for mutant in code.drawn(tmp_path, 9, 16)}
    (tmp_path / "src/yukawa/knowledge/b.py").write_bytes(b"def g(a):\n    return a + 1\n")
    new = {mutant.id for mutant in code.drawn(tmp_path, 9, 15)} - before
    assert all(name.startswith("knowledge/b.py") for name in new)
    assert len(new) <= 3


MODULE = b"""
LIMIT = 3


def double(x):
    return [y * 2 for y in range(x) if y < LIMIT]


class A:
    def __init__(self, start=1):
        self.start = start

    def more(self, by, *, least=0):
        def inner(z):
            return z + by

        return inner(self.start) if by > 1 else None


def both(x):
    return double(x), A(2).more(x), A().more(3)
"""


def outcome(names):
    try:
        return [names["both"](x) for x in range(5)]
    except Exception as error:  # noqa: BLE001 - a changed program may do anything
        return repr(error)


def test_a_function_changed_in_memory_does_what_it_does_when_imported(code, trial):
    tried = 0
    for mutant in code.mutants("src/yukawa/a.py", MODULE):
        names, anew = {}, {}
        exec(compile(MODULE, "a.py", "exec"), names)  # noqa: S102
        exec(compile(mutant.applied(MODULE), "a.py", "exec"), anew)  # noqa: S102
        if trial.function_around(MODULE, mutant) is None:
            continue
        tried += 1
        functions = {trial.key_of(f.__code__): [f] for f in (names["double"], names["both"], *vars(names["A"]).values())
                     if inspect.isfunction(f)}  # fmt: skip
        trial.change(functions, MODULE, mutant.applied(MODULE), "a.py")
        assert outcome(names) == outcome(anew), mutant
    assert tried > 12


def test_what_runs_at_import_is_in_no_function(code, trial):
    outside = [m for m in code.mutants("src/yukawa/a.py", MODULE) if trial.function_around(MODULE, m) is None]
    assert {m.id.split(":", 1)[1] for m in outside} == {
        ":constant:3 -> (3 + 1)", "A.__init__:constant:1 -> (1 + 1)", "A.more:constant:0 -> (0 + 1)",
    }  # fmt: skip


def test_equivalent_mutants_have_a_reason_and_do_not_count(mutations, found):
    rows = [
        {"id": m.id, "file": m.file, "operator": m.operator, "status": "killed" if i else "survived"}
        for i, m in enumerate(found)
    ]
    assert mutations.figures([row | {"test": "a"} for row in rows], {"a"})["killed"] == 0
    counted = mutations.figures(rows)
    assert (counted["drawn"], counted["killed"], counted["survivors"]) == (
        len(rows), len(rows) - 1, [rows[0]["id"]],
    )  # fmt: skip


def test_what_was_unnoticed_is_still_in_the_code(code):
    for name in code.NAMED:
        mutant = code.named(ROOT, name)
        ast.parse(mutant.applied((ROOT / mutant.file).read_bytes()))


def noticed(tmp_path, names):
    command = [sys.executable, str(ROOT / "benchmarks/mutations.py"), "--scratch", str(tmp_path), "named"]
    done = subprocess.run([*command, *names], capture_output=True, text=True)
    assert (done.returncode, done.stderr[-2000:]) == (0, "")


@pytest.mark.slow
def test_a_change_of_the_statistics_is_noticed(tmp_path):
    noticed(tmp_path, ["four standard deviations for three"])


@pytest.mark.slow
def test_every_change_that_was_unnoticed_once_is_noticed(code, tmp_path):
    noticed(tmp_path, list(code.NAMED))
