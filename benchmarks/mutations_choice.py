"""Which tests execute a line, and in what order they are worth running for a change of it."""

from __future__ import annotations

import ast
import collections
import difflib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mutations_code import Mutant

ROOT = Path(__file__).resolve().parents[1]
TESTS = (
    "tests/knowledge tests/llm tests/core tests/assistant "
    "tests/cli/test_knowledge.py tests/cli/test_ask.py tests/cli/test_session.py"
).split()


class _Recorder:
    """A plugin of pytest that tells coverage which test runs, and keeps what it took and what was made for all."""

    def __init__(self, coverage: Any, scratch: Path) -> None:
        self.coverage, self.scratch = coverage, scratch
        self.seconds: collections.Counter[str] = collections.Counter()
        self.failed: set[str] = set()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.coverage.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed or report.skipped:
            self.failed.add(report.nodeid)

    def pytest_sessionfinish(self, session: Any) -> None:
        made = session.config._tmp_path_factory.getbasetemp()
        for folder in made.glob("kept-*"):
            if folder.is_dir() and (folder / "done").exists():
                shutil.copytree(folder, self.scratch / "kept" / folder.name, dirs_exist_ok=True)
        kept = {name: seconds for name, seconds in self.seconds.items() if name not in self.failed}
        file = self.scratch / "seconds.json"
        before = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        file.write_text(json.dumps(before | kept), encoding="utf-8")


def record(scratch: Path, tests: list[str]) -> None:
    """Run the tests in a copy under coverage, and add to the map of lines to tests."""
    import coverage
    import pytest

    tree = copy(scratch / f"recorded-{os.getpid()}")
    os.chdir(tree)
    os.environ["PYTHONPATH"] = str(tree / "src")
    sys.path.insert(0, str(tree / "src"))
    measured = coverage.Coverage(
        str(scratch / f"coverage.{os.getpid()}"), source_pkgs=["yukawa"], branch=False, config_file=False
    )
    measured.start()
    pytest.main(
        [*tests, "-q", "-m", "not slow", "-p", "no:cacheprovider"], plugins=[_Recorder(measured, scratch)]
    )
    measured.stop()
    measured.save()
    parts = [str(path) for path in scratch.glob("coverage*") if path.suffix != ".all"]
    whole = coverage.Coverage(str(scratch / "coverage.all"), config_file=False)
    whole.combine(parts, keep=True)
    whole.save()


def copy(tree: Path) -> Path:
    """A copy of the files under version control, as they are now."""
    shutil.rmtree(tree, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    return tree


class Chosen:
    """Which tests are worth running for a mutant.

    Args:
        scratch: where the map of lines to tests is, and in `before.jsonl` results of an earlier run: what noticed a mutant then
            is tried first.
        tree: a copy of the code.
    """

    def __init__(self, scratch: Path, tree: Path) -> None:
        import coverage

        self._data = coverage.CoverageData(str(scratch / "coverage.all"))
        self._data.read()
        self._root = tree
        self._lines: dict[str, dict[int, set[str]]] = {}
        file = scratch / "seconds.json"
        #: of processor time that each test took, under coverage
        self.seconds: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        self._new: list[str] = []
        before = scratch / "before.jsonl"
        rows = map(json.loads, before.read_text(encoding="utf-8").splitlines()) if before.exists() else ()
        self._noticed = {row["id"]: row["test"] for row in rows if row["status"] == "killed"}

    def there_are(self, tests: Sequence[str]) -> None:
        """Which tests there are now: some may be newer than the map, and others gone."""
        self._new = [test for test in tests if test not in self.seconds]
        self.seconds = {test: self.seconds.get(test, 0.1) for test in tests}

    def tests(self, mutant: Mutant, most_s: float) -> list[str]:
        """Those of its module that execute the line, then those of each other file in turn, of these `most_s` seconds.

        A line that runs when its module is imported is everybody's: it is tested where the names that it gives are used.
        """
        lines = self._of(mutant.file)
        end = mutant.line + mutant.before.count("\n")
        reaching = {test for line in range(mutant.line, end + 1) for test in lines.get(line, ())}
        if "" in reaching or not reaching:
            users = self._users(mutant) or lines
            reaching |= {test for line in users for test in lines.get(line, ())}
        home = Path(mutant.file.replace("src/yukawa/", "tests/")).with_name(f"test_{Path(mutant.file).stem}")
        home = home.with_suffix("")
        own = [test for test in self.seconds if test.startswith((f"{home}.py", f"{home}_"))]
        reaching.update(test for test in self._new if test in own)
        if not reaching:  # not measured, as what runs in a process of its own is not
            near = next(folder for folder in home.parents if (self._root / folder).is_dir())
            reaching.update(test for test in self.seconds if Path(test.partition("::")[0]).parent == near)
        chosen = [t for t in {*reaching, *own, self._noticed.get(mutant.id)} if t in self.seconds]

        turns: collections.Counter[str] = collections.Counter()

        def rank(test: str) -> tuple[bool, bool, bool, int, bool, float]:
            file = test.partition("::")[0]
            turns[file] += 1  # each file in turn: what one does not notice another may
            return (
                test != self._noticed.get(mutant.id),
                test not in reaching,
                not file.startswith(str(home)),
                turns[file],
                Path(file).parent != home.parent,
                self.seconds[test],
            )

        chosen.sort(key=lambda test: self.seconds[test])
        found: list[str] = []
        used = 0.0
        for test in sorted(chosen, key=rank):
            its_own = test in reaching and test.startswith(str(home))
            if its_own or used + self.seconds[test] < most_s or not found:
                used += 0.0 if its_own else self.seconds[test]
                found.append(test)
        return found

    def at_import(self, mutant: Mutant, first: int, last: int) -> bool:
        """Whether one of these lines ran before any test did."""
        lines = self._of(mutant.file)
        return any("" in lines.get(line, ()) for line in range(first, last + 1))

    def _of(self, file: str) -> dict[int, set[str]]:
        if file not in self._lines:
            self._lines[file] = self._reaching(file)
        return self._lines[file]

    def _users(self, mutant: Mutant) -> set[int]:
        """The lines of the file that use what the statement of the module, or of a class, with the change gives a name."""
        tree = ast.parse((self._root / mutant.file).read_bytes())
        blocks: list[ast.Module | ast.ClassDef] = [
            tree,
            *(node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)),
        ]
        names: set[str] = set()
        for node in (statement for block in blocks for statement in block.body):
            if node.lineno <= mutant.line <= (node.end_lineno or node.lineno):
                names |= {
                    n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
                }
                names |= {node.name} if isinstance(node, ast.FunctionDef | ast.ClassDef) else set()
        uses = (n for n in ast.walk(tree) if isinstance(n, ast.Name | ast.Attribute))
        return {n.lineno for n in uses if (n.id if isinstance(n, ast.Name) else n.attr) in names}

    def _reaching(self, file: str) -> dict[int, set[str]]:
        """The tests of each line as the file is now; several maps, of this tree or of older ones, are taken together."""
        here = (self._root / file).read_text(encoding="utf-8").splitlines()
        found: dict[int, set[str]] = collections.defaultdict(set)
        for measured in self._data.measured_files():
            if not measured.endswith(f"/{file}") or not Path(measured).exists():
                continue
            there = Path(measured).read_text(encoding="utf-8").splitlines()
            by_line = self._data.contexts_by_lineno(measured)
            for block in difflib.SequenceMatcher(None, there, here, autojunk=False).get_matching_blocks():
                for number in range(block.size):
                    found[block.b + number + 1].update(by_line.get(block.a + number + 1, ()))
        return found
