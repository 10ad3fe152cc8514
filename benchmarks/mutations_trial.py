"""Tries changes of the code: each in a child process, which runs tests until one fails.

A change inside a function that nothing has called yet is made in the memory of a process that has the package and its tests imported
already, which takes no time; any other is tried by a process that imports them anew.
"""

from __future__ import annotations

import ast
import gc
import inspect
import itertools
import json
import os
import resource
import shutil
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from mutations_choice import TESTS, Chosen
from mutations_code import Mutant

_MEMORY = 8 << 30  # bytes that a changed program may take, so that it does not take all
_LEAST_S = 10.0  # of processor time that any test may take, and how often its usual time
_TIMES = 4.0
_QUIET = ("-q", "-p", "no:cacheprovider")
_QUICK = ("-m", "not slow")  # of all tests; one that is named runs however long it takes


class Trials:
    """Tries mutants in one copy of the tree, and appends what became of each to the results. It is also a plugin of pytest."""

    def __init__(self, scratch: Path, tree: Path, most_s: float) -> None:
        self.scratch, self.tree, self.most_s = scratch, tree, most_s
        self.chosen = Chosen(scratch, tree)
        self.out = os.fdopen(os.dup(1), "w", buffering=1)  # the other one is pytest's
        self.note, self.base = tree.with_name(f"{tree.name}.failed"), tree.with_name(f"{tree.name}.base")
        self._tests = tree.with_name(f"{tree.name}.tests")  # the names of all
        self.waiting: list[Mutant] = []  # for the process with everything in memory
        self.kept: Path | None = None  # what was made for all tests
        self.in_child = self.began = False

    def run(self, wanted: list[Mutant]) -> None:
        """Try them: those that can be made in memory in a process of their own, so that this one imports nothing of ours."""
        _preload()
        anew: list[Mutant] = []
        for mutant in wanted:
            source = (self.tree / mutant.file).read_bytes()
            if source[mutant.begin : mutant.end].decode(errors="replace") != mutant.before:
                self._keep(mutant, "moved", "", [], 0.0)
            else:
                (self.waiting if self._in_memory(mutant, source) else anew).append(mutant)
        if child := os.fork():
            os.waitpid(child, 0)
            self.chosen.there_are(json.loads(self._tests.read_text(encoding="utf-8")))
            for mutant in anew:
                self._try(mutant, self.anew)
        else:
            try:
                log = os.open(
                    self.tree.with_name(f"{self.tree.name}.log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC
                )
                for number in (1, 2):
                    os.dup2(log, number)
                self._pytest([*TESTS, *_QUICK])
            finally:
                os._exit(0)

    # ---- one mutant -----------------------------------------------------------------------------

    def _in_memory(self, mutant: Mutant, source: bytes) -> bool:
        place = function_around(source, mutant)
        if place is None or self.chosen.at_import(mutant, *place):
            return False
        before, after = (_functions(text, "") for text in (source, mutant.applied(source)))
        return [c.co_freevars for c in before] == [c.co_freevars for c in after]

    def _try(self, mutant: Mutant, tests_in: Callable[[Mutant, list[str]], int]) -> None:
        began = time.monotonic()
        tests = self.chosen.tests(mutant, self.most_s)
        status, test = (
            ("survived", "no test reaches it") if not tests else self.status(mutant, tests, tests_in)
        )
        self._keep(mutant, status, test, tests, time.monotonic() - began)

    def status(
        self, mutant: Mutant, tests: list[str], tests_in: Callable[[Mutant, list[str]], int]
    ) -> tuple[str, str]:
        """'killed', 'survived', 'timeout' or 'slow', and the test that failed first."""
        self.note.unlink(missing_ok=True)
        with self._changed(mutant):
            child = os.fork()
            if child == 0:
                self._child(mutant, tests, tests_in)
            code = _waited(child, 60 + _TIMES * sum(self.chosen.seconds.get(test, 30.0) for test in tests))
        shutil.rmtree(self.base, ignore_errors=True)
        if code in (-signal.SIGXCPU, -signal.SIGKILL):  # it runs for ever
            return "timeout", ""
        if code is None:  # it waits for ever, or the machine is busy: not counted, and tried again
            return "slow", ""
        if self.note.exists():
            return "killed", self.note.read_text(encoding="utf-8")
        if code < 0:
            return "killed", f"signal {-code}"
        return ("survived", "") if code == 0 else ("error", f"exit {code}")

    @contextmanager
    def _changed(self, mutant: Mutant) -> Iterator[None]:
        """The change in the file, too: programs that a test starts read it there."""
        path = self.tree / mutant.file
        original = path.read_bytes()
        try:
            path.write_bytes(mutant.applied(original))
            for cached in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
                cached.unlink()
            yield
        finally:
            path.write_bytes(original)

    def _child(self, mutant: Mutant, tests: list[str], tests_in: Callable[[Mutant, list[str]], int]) -> None:
        """Run the tests and never return."""
        code = 99
        try:
            os.setsid()
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (120, -1))
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
            sys.dont_write_bytecode = True
            self.in_child = True
            made_by_it = "/sources/" in mutant.file
            self.kept = None if made_by_it else self.scratch / "kept"
            code = tests_in(mutant, tests)
        finally:
            os._exit(code)

    def _keep(self, mutant: Mutant, status: str, test: str, tests: list[str], seconds: float) -> None:
        found = {"status": status, "test": test, "tests": len(tests), "seconds": round(seconds, 1)}
        with (self.scratch / "results.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(mutant) | found) + "\n")
        what = mutant.id.split(":", 2)[2]
        print(f"{status:9} {seconds:6.1f} s  {mutant.file}:{mutant.line}  {what}", file=self.out)

    # ---- its tests, imported anew or found in memory ---------------------------------------------

    def anew(self, _: Mutant, tests: list[str]) -> int:
        """Import everything and run the tests."""
        quiet = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(quiet, number)
        options = ["-x", f"--basetemp={self.base}"]
        code = self._pytest([*options, *tests])
        if code == 4 and self.began and not self.note.exists():  # its tests have other names
            files = dict.fromkeys(test.partition("::")[0] for test in tests)
            code = self._pytest([*options, *_QUICK, *files])
        if not self.began:  # what all tests need cannot be imported
            self.note.write_text("import", encoding="utf-8")
        return code

    def _found(self, session: Any, mutant: Mutant, tests: list[str]) -> int:
        """Change the functions in memory and run the tests."""
        path = self.tree / mutant.file
        after = path.read_bytes()
        rest = after[mutant.begin + len(mutant.after.encode()) :]
        source = after[: mutant.begin] + mutant.before.encode() + rest
        change(self.functions, source, after, str(path))
        items = [self.items[test] for test in tests if test in self.items]
        factory = session.config._tmp_path_factory
        factory._given_basetemp, factory._basetemp = self.base, None
        if any("kept" in item.fixturenames for item in items):
            self._copy_kept(factory.getbasetemp())
        for item, following in itertools.zip_longest(items, items[1:]):
            session.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.note.exists():
                break
        session._setupstate.teardown_exact(None)
        return 0

    def _pytest(self, words: list[str]) -> int:
        import pytest

        os.chdir(self.tree)
        os.environ["PYTHONPATH"] = str(self.tree / "src")
        sys.path.insert(0, str(self.tree / "src"))
        return int(pytest.main([*words, *_QUIET], plugins=[self]))

    def _copy_kept(self, base: Path) -> None:
        if self.kept is not None and self.kept.exists():
            shutil.copytree(self.kept, base, dirs_exist_ok=True)

    def _without_changes(self, session: Any) -> None:
        """Run everything that noticed a change once more where nothing is changed, and keep what fails all the same."""
        nothing = replace(self.waiting[0], after=self.waiting[0].before)
        rows = map(json.loads, (self.scratch / "results.jsonl").read_text(encoding="utf-8").splitlines())
        tests = list(dict.fromkeys(row["test"] for row in rows if row["status"] == "killed"))
        while tests:
            _, test = self.status(nothing, tests, lambda mutant, tests: self._found(session, mutant, tests))
            if test not in tests:
                break
            tests.remove(test)
            with (self.scratch / "results.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps({"id": f"nothing: {test}", "status": "fails", "test": test}) + "\n")
            print(f"fails without a change: {test}", file=self.out)

    # ---- what pytest calls ------------------------------------------------------------------------

    def pytest_sessionstart(self) -> None:
        """What all tests need could be imported."""
        self.began = True

    def pytest_collection_finish(self, session: Any) -> None:
        """A run of a child of its own gets what was made for all tests."""
        if self.in_child:
            self._copy_kept(session.config._tmp_path_factory.getbasetemp())

    def pytest_runtestloop(self, session: Any) -> bool | None:
        """Try the mutants in place of running the tests."""
        if self.in_child:
            return None
        self.items = {item.nodeid: item for item in session.items}
        self.chosen.there_are(list(self.items))
        self._tests.write_text(json.dumps(list(self.items)), encoding="utf-8")
        self.functions: dict[tuple[str, str, int], list[FunctionType]] = defaultdict(list)
        for thing in gc.get_objects():
            if type(thing) is FunctionType:  # others may answer for a class that they are not
                self.functions[key_of(thing.__code__)].append(thing)
        gc.freeze()
        for mutant in self.waiting:
            self._try(mutant, lambda mutant, tests: self._found(session, mutant, tests))
        self._without_changes(session)
        return True

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Whoever takes several times the usual time runs for ever."""
        used = sum(os.times()[:2])
        most = used + max(_LEAST_S, _TIMES * self.chosen.seconds.get(nodeid, 0.0))
        resource.setrlimit(resource.RLIMIT_CPU, (int(most) + 1, -1))

    def pytest_collectreport(self, report: Any) -> None:
        """A module of tests that cannot be imported notices as well."""
        if report.failed and not self.note.exists():
            self.note.write_text(f"collection of {report.nodeid}", encoding="utf-8")

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note the first failure."""
        if report.failed and not self.note.exists():
            self.note.write_text(report.nodeid, encoding="utf-8")


def function_around(source: bytes, mutant: Mutant) -> tuple[int, int] | None:
    """First and last line of the outermost function that holds the change in its body."""
    starts = [0, *itertools.accumulate(len(line) for line in source.splitlines(keepends=True))]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):  # outer ones come first
            body = node.body[0]
            if starts[body.lineno - 1] + body.col_offset <= mutant.begin and mutant.line <= (
                node.end_lineno or 0
            ):
                return body.lineno, node.end_lineno or 0
    return None


Functions = Mapping[tuple[str, str, int], Sequence[FunctionType]]


def change(functions: Functions, source: bytes, after: bytes, file: str) -> None:
    """Give functions in memory the code that those of a file have after a change, wherever they were imported to."""
    for old, new in zip(*(_functions(text, file) for text in (source, after)), strict=True):
        for function in functions.get(key_of(old), ()):
            function.__code__ = new


def _functions(source: bytes, file: str) -> list[CodeType]:
    """The code of all functions of a module and its classes, but not of those inside functions."""
    waiting: list[CodeType] = [compile(source, file, "exec", dont_inherit=True)]
    found: list[CodeType] = []
    for code in waiting:
        for inner in code.co_consts:
            if isinstance(inner, CodeType):
                (found if inner.co_flags & inspect.CO_OPTIMIZED else waiting).append(inner)
    return found


def key_of(code: CodeType) -> tuple[str, str, int]:
    """What tells a function from all others: its file, name and place."""
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _waited(child: int, most_s: float) -> int | None:
    """The exit code of a child; None if it had to be ended, and its children with it."""
    ends = time.monotonic() + most_s
    try:
        while time.monotonic() < ends:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.02)
        return None
    finally:
        with suppress(ProcessLookupError, ChildProcessError, PermissionError):
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _preload() -> None:
    """Import what most tests need, once and not for each mutant; nothing of ours."""
    for module in "pytest hypothesis numpy sqlalchemy alembic openai pydantic_settings typer pdg".split():
        __import__(module)
