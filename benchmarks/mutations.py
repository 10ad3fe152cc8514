"""Changes the code in one place at a time and counts the changes that a test notices.

Four hundred mutants, drawn by a seed over the knowledge base, the models and the files, are made in a copy of the tree, never in
place; the tests that execute the changed line, known from coverage, run until one fails. Results are appended line by line, so that an
interrupted run is taken up where it ended. A mutant that behaves as the original does is named, with the reason, in
`mutations_equivalent.toml`.

    python benchmarks/mutations.py --scratch ~/mutants record       # which test executes which line; once
    python benchmarks/mutations.py --scratch ~/mutants run --json FILE
    python benchmarks/mutations.py --scratch ~/mutants again        # the survivors once more, by all tests that reach them
    python benchmarks/mutations.py --scratch ~/mutants named        # those that were once unnoticed
"""

from __future__ import annotations

import argparse
import ast
import collections
import difflib
import hashlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
AREAS = ("src/yukawa/knowledge", "src/yukawa/core/files.py", "src/yukawa/llm")
TESTS = (
    "tests/knowledge tests/llm tests/core tests/assistant "
    "tests/cli/test_knowledge.py tests/cli/test_ask.py tests/cli/test_session.py"
).split()
EQUIVALENT = Path(__file__).with_name("mutations_equivalent.toml")
SEED, COUNT = 15, 400
_QUICK_S = 30.0  # of recorded test time for each mutant; `again` takes three times as much
_WALL_S = 600.0
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip

# Changes that no test noticed once, each with the test that has to.
NAMED = {
    "four standard deviations for three": (
        "knowledge/parsing/quantities.py", "> 3 * math.hypot", "> 4 * math.hypot",
        "tests/knowledge/parsing/test_quantities.py::test_three_standard_deviations_are_the_limit",
    ),
    "time that runs backwards": (
        "knowledge/store/reader.py", 'ORDER BY seq DESC LIMIT 1", [wanted]', 'ORDER BY time DESC LIMIT 1", [wanted]',
        "tests/knowledge/store/test_ledger.py::test_one_wrong_clock_hides_nothing_that_others_teach_later[sqlite]",
    ),
    "any class of YAML": (
        "core/config.py", "class _Loader(yaml.SafeLoader)", "class _Loader(yaml.UnsafeLoader)",
        "tests/core/test_config.py::test_hostile_yaml_is_refused_in_one_line_at_once",
    ),
    "code that comes with a model": (
        "llm/loading.py", "trust_remote_code=trust_remote_code, **options", "trust_remote_code=True, **options",
        "tests/llm/test_loading_conformance.py::test_code_of_a_model_runs_where_it_is_allowed",
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: the bytes from `begin` to `end` of `file` become `after`."""

    id: str
    file: str
    line: int
    operator: str
    begin: int
    end: int
    before: str
    after: str

    def applied(self, source: bytes) -> bytes:
        """The source with the change."""
        return source[: self.begin] + self.after.encode() + source[self.end :]


# ---- where code can be changed ---------------------------------------------------------------------


def mutants(file: str, source: bytes) -> Iterator[Mutant]:
    """Every change of a file that the operators know."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    counted: collections.Counter[str] = collections.Counter()
    for node, place in _code(ast.parse(source)):
        for operator, after in _changes(node):
            begin = starts[node.lineno - 1] + node.col_offset
            end = starts[(node.end_lineno or node.lineno) - 1] + (node.end_col_offset or 0)
            before = source[begin:end].decode()
            name = (
                f"{file.removeprefix('src/yukawa/')}:{place}:{operator}:{_short(before)} -> {_short(after)}"
            )
            counted[name] += 1
            ident = name if counted[name] == 1 else f"{name} ({counted[name]})"
            yield Mutant(ident, file, node.lineno, operator, begin, end, before, after)


def _short(code: str) -> str:
    code = " ".join(code.split())
    return code if len(code) <= 90 else f"{code[:60]}…{hashlib.sha256(code.encode()).hexdigest()[:6]}"


def _code(tree: ast.Module) -> Iterator[tuple[Any, str]]:
    """Statements and expressions that run, each with the name of its function; no annotations, decorators, or words for people."""
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, place = waiting.pop()
        if isinstance(node, ast.JoinedStr | ast.Raise) or _is_log(node):
            if isinstance(node, ast.Raise):
                yield node, place
            continue  # what is said is not tested word by word
        if hasattr(node, "lineno"):
            yield node, place
        if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
            continue  # changed with its call
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            place = f"{place}.{node.name}".lstrip(".")
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "bases"):
                continue
            inner = value if isinstance(value, list) else [value]
            waiting += [(child, place) for child in inner if isinstance(child, ast.AST)]


def _is_log(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log.")


def _changes(node: Any) -> Iterator[tuple[str, str]]:
    """The operator and the new code of each change of a node."""
    match node:
        case ast.Compare(ops=[op]) if type(op) in _COMPARISONS:
            yield "comparison", _with(node, ops=[_COMPARISONS[type(op)]()])
        case ast.BinOp(op=op) if type(op) in _ARITHMETIC:
            yield "arithmetic", _with(node, op=_ARITHMETIC[type(op)]())
        case ast.BoolOp(op=op):
            yield "boolean", _with(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
            yield "boolean" if isinstance(node.op, ast.Not) else "arithmetic", f"({ast.unparse(operand)})"
        case ast.Constant(value=bool() as value):
            yield "boolean", str(not value)
        case ast.Constant(value=int() | float() as value):
            yield "constant", f"({value!r} + 1)" if isinstance(value, int) else f"({value!r} * 2 + 1)"
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield "return value", "return None"
        case (
            ast.Expr(value=ast.Call())
            | ast.AugAssign()
            | ast.Raise(exc=ast.expr())
            | ast.Continue()
            | ast.Break()
        ):
            if not (isinstance(node, ast.Expr) and _is_log(node.value)):
                yield "removed statement", "pass"
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "removed statement", "pass"
        case ast.Call() if not _is_log(node):
            yield from _of_call(node)
    if isinstance(node, ast.Compare):
        for number, inner in enumerate(node.comparators):
            if _is_option(inner):
                changed: list[ast.expr] = [*node.comparators]
                changed[number] = _other(inner)
                yield "string option", _with(node, comparators=changed)


def _of_call(node: ast.Call) -> Iterator[tuple[str, str]]:
    for number, keyword in enumerate(node.keywords):
        if keyword.arg is None:
            continue
        new = [*node.keywords]
        if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, bool | int):
            value = keyword.value.value
            new[number] = ast.keyword(
                keyword.arg, ast.Constant(not value if isinstance(value, bool) else value + 1)
            )
            yield "keyword", _with(node, keywords=new)
        elif _is_option(keyword.value):
            new[number] = ast.keyword(keyword.arg, _other(keyword.value))
            yield "string option", _with(node, keywords=new)
        else:
            yield "keyword", _with(node, keywords=[k for k in node.keywords if k is not keyword])


def _is_option(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and 0 < len(node.value) <= 24


def _other(node: ast.expr) -> ast.Constant:
    return ast.Constant(f"{ast.literal_eval(node)}_")


def _with(node: Any, **changed: Any) -> str:
    fields = {name: getattr(node, name) for name in node._fields} | changed
    return f"({ast.unparse(type(node)(**fields))})"


def named(root: Path, name: str) -> Mutant:
    """One of `NAMED`.

    Raises:
        ValueError: the code is no longer as it was.
    """
    file, before, after, _ = NAMED[name]
    source = (root / "src/yukawa" / file).read_bytes()
    if source.count(before.encode()) != 1:
        raise ValueError(f"{file} does not hold {before!r} once")
    begin = source.index(before.encode())
    line = source.count(b"\n", 0, begin) + 1
    return Mutant(
        name, f"src/yukawa/{file}", line, "named", begin, begin + len(before.encode()), before, after
    )


def drawn(root: Path, count: int, seed: int) -> list[Mutant]:
    """`count` mutants of the areas. A change elsewhere in the code does not change the draw."""
    found = [mutant for file in files(root) for mutant in mutants(file, (root / file).read_bytes())]
    return sorted(found, key=lambda mutant: hashlib.sha256(f"{seed} {mutant.id}".encode()).digest())[:count]


def files(root: Path) -> list[str]:
    """The files of the areas."""
    paths = [
        path
        for area in AREAS
        for path in ([root / area] if area.endswith(".py") else (root / area).rglob("*.py"))
    ]
    return sorted(path.relative_to(root).as_posix() for path in paths if path.name != "__init__.py")


# ---- which tests execute a line --------------------------------------------------------------------


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
    """Run the tests in the copy under coverage, and add to the map of lines to tests."""
    import coverage
    import pytest

    tree = scratch / "tree" if (scratch / "tree").exists() else copy(scratch)
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


class Chosen:
    """Which tests are worth running for a mutant."""

    def __init__(self, scratch: Path) -> None:
        import coverage

        self._data = coverage.CoverageData(str(scratch / "coverage.all"))
        self._data.read()
        self._root = scratch / "tree"
        self._seconds: dict[str, float] = json.loads((scratch / "seconds.json").read_text(encoding="utf-8"))
        self._lines: dict[str, dict[int, set[str]]] = {}

    def tests(self, mutant: Mutant, most_s: float) -> list[str]:
        """Those of the module itself first, then the quick ones, as many as run in `most_s` seconds.

        A line that runs when its module is imported, or once for all tests, is everybody's: then the tests of the module and
        whatever reaches any line of it.
        """
        if mutant.file not in self._lines:
            self._lines[mutant.file] = self._reaching(mutant.file)
        lines = self._lines[mutant.file]
        end = mutant.line + mutant.before.count("\n")
        reaching = {test for line in range(mutant.line, end + 1) for test in lines.get(line, []) if test}
        everybodys = any("" in lines.get(line, []) for line in range(mutant.line, end + 1))
        home = mutant.file.replace("src/yukawa/", "tests/").replace(
            Path(mutant.file).name, f"test_{Path(mutant.file).stem}"
        )
        own = {test for test in self._seconds if test.split("::")[0].startswith(home)}
        touching = {test for tests in lines.values() for test in tests if test}
        rest = touching if everybodys else set()
        ranked = sorted(
            (reaching | own | rest) & self._seconds.keys(),
            key=lambda test: (
                most_s > _QUICK_S and "_kept.py" in test,
                test in reaching,
                test in own,
                "postgresql" not in test,
                -self._seconds[test],
            ),
            reverse=True,
        )
        kept: list[str] = []
        used = 0.0
        for test in ranked:
            used += self._seconds[test] + 0.005
            if kept and used > most_s:
                break
            kept.append(test)
        if most_s > _QUICK_S:  # tests that are newer than the map, too
            whole = [path.as_posix() for path in Path(self._root, home).parent.glob(f"{Path(home).name}*.py")]
            inside = [Path(name).relative_to(self._root).as_posix() for name in whole]
            kept = inside + [test for test in kept if test.split("::")[0] not in inside]
        return kept

    def _reaching(self, file: str) -> dict[int, set[str]]:
        """The tests of each line as the file is now; several maps, of this tree or of older ones, are taken together."""
        here = (self._root / file).read_text(encoding="utf-8").splitlines()
        found: dict[int, set[str]] = collections.defaultdict(set)
        for measured in self._data.measured_files():
            if not measured.endswith(f"/{file}") or not Path(measured).exists():
                continue
            there, by_line = (
                Path(measured).read_text(encoding="utf-8").splitlines(),
                self._data.contexts_by_lineno(measured),
            )
            for block in difflib.SequenceMatcher(None, there, here, autojunk=False).get_matching_blocks():
                for number in range(block.size):
                    found[block.b + number + 1].update(by_line.get(block.a + number + 1, ()))
        return found


def copy(scratch: Path) -> Path:
    """A copy of the files under version control, as they are now."""
    tree = scratch / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True).stdout
    for name in listed.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)
    return tree


# ---- running them ----------------------------------------------------------------------------------


class _First:
    """A plugin of pytest that gives a run what was made for all tests, and notes the first failure."""

    def __init__(self, kept: Path | None, note: Path) -> None:
        self.kept, self.note = kept, note

    def pytest_collection_finish(self, session: Any) -> None:
        if self.kept is not None and self.kept.exists():
            shutil.copytree(self.kept, session.config._tmp_path_factory.getbasetemp(), dirs_exist_ok=True)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and not self.note.exists():
            self.note.write_text(report.nodeid, encoding="utf-8")


def notices(mutant: Mutant, scratch: Path, tests: list[str], limit_s: float) -> tuple[str, str]:
    """'killed', 'survived', 'timeout' or 'slow', and the test that failed first. Must run in a process without `yukawa`."""
    tree, note = scratch / "tree", scratch / f"failed-{os.getpid()}"
    path = tree / mutant.file
    original = path.read_bytes()
    note.unlink(missing_ok=True)
    try:
        path.write_bytes(mutant.applied(original))
        for cached in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
            cached.unlink()
        child = os.fork()
        if child == 0:
            _run_tests(tree, note, tests, None if "/sources/" in mutant.file else scratch / "kept", limit_s)
        code = _waited(child, _WALL_S)
        if code in (-signal.SIGXCPU, -signal.SIGKILL):  # it runs for ever
            return "timeout", ""
        if code is None:  # it waits for ever, or the machine is busy: not counted, and tried again
            return "slow", ""
        failed = note.read_text(encoding="utf-8") if note.exists() else "collection"
        return ("survived", "") if code == 0 else ("killed", failed)
    finally:
        path.write_bytes(original)
        note.unlink(missing_ok=True)


def _run_tests(tree: Path, note: Path, tests: list[str], kept: Path | None, limit_s: float) -> None:
    """The tests, in a child that never returns."""
    code = 99
    try:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s), int(limit_s) + 5))
        quiet = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(quiet, number)
        os.chdir(tree)
        os.environ |= {"PYTHONPATH": str(tree / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        sys.path.insert(0, str(tree / "src"))
        sys.dont_write_bytecode = True
        import pytest

        base = note.with_suffix(".base")
        more = ["-x", "-q", "-p", "no:cacheprovider", f"--basetemp={base}"]
        code = int(pytest.main([*tests, *more], plugins=[_First(kept, note)]))
        shutil.rmtree(base, ignore_errors=True)
    finally:
        os._exit(code)


def _waited(child: int, most_s: float) -> int | None:
    """The exit code of a child; None if it had to be ended, and its children with it."""
    ends = time.monotonic() + most_s
    try:
        while time.monotonic() < ends:
            done, status = os.waitpid(child, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        return None
    finally:
        try:
            os.killpg(child, signal.SIGKILL)
            os.waitpid(child, 0)
        except (ProcessLookupError, ChildProcessError, PermissionError):
            pass


def run(scratch: Path, wanted: list[Mutant], most_s: float) -> None:
    """Try each mutant and append what became of it."""
    _preload()
    chosen = Chosen(scratch)
    for mutant in wanted:
        began = time.monotonic()
        current = (scratch / "tree" / mutant.file).read_bytes()
        tests = chosen.tests(mutant, most_s)
        if current[mutant.begin : mutant.end].decode(errors="replace") != mutant.before:
            status, test = "moved", ""
        elif not tests:
            status, test = "survived", "no test reaches it"
        else:
            status, test = notices(mutant, scratch, tests, most_s / 2 + 20)
        row = asdict(mutant) | {
            "status": status,
            "test": test,
            "tests": len(tests),
            "seconds": round(time.monotonic() - began, 1),
        }
        with (scratch / "results.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(
            f"{status:9} {row['seconds']:6.1f} s  {mutant.file}:{mutant.line}  {mutant.id.split(':', 2)[2]}",
            flush=True,
        )


def unnoticed(scratch: Path, names: list[str]) -> list[str]:
    """Which of `NAMED` their tests do not notice, and which tests fail without them."""
    _preload()
    wrong = []
    for name in names:
        mutant, tests = named(scratch / "tree", name), [NAMED[name][3]]
        nothing = replace(mutant, after=mutant.before)
        if notices(nothing, scratch, tests, 120)[0] != "survived":
            wrong.append(f"{name}: {tests[0]} fails without it")
        elif notices(mutant, scratch, tests, 120)[0] != "killed":
            wrong.append(f"{name}: not noticed")
    return wrong


def _preload() -> None:
    for module in (
        "pytest",
        "hypothesis",
        "numpy",
        "sqlalchemy",
        "alembic",
        "openai",
        "pydantic_settings",
        "typer",
        "pdg",
    ):
        __import__(module)  # once, not for each mutant; nothing of ours


def latest(scratch: Path) -> dict[str, dict[str, Any]]:
    """The last result of each mutant, by its id."""
    file = scratch / "results.jsonl"
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return {row["id"]: row for row in map(json.loads, lines)}


def figures(found: list[dict[str, Any]]) -> dict[str, Any]:
    """Counts by operator and area; what is equivalent does not count."""
    same = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8")) if EQUIVALENT.exists() else {}
    rows = [row for row in found if row["id"] not in same]
    dead = [row for row in rows if row["status"] in ("killed", "timeout")]

    def shares(key: Callable[[dict[str, Any]], str]) -> dict[str, list[int]]:
        all_, killed = (collections.Counter(map(key, some)) for some in (rows, dead))
        return {name: [killed[name], count] for name, count in sorted(all_.items())}

    return {
        "drawn": len(found), "equivalent": len(found) - len(rows), "killed": len(dead), "share": len(dead) / max(len(rows), 1),
        "operators": shares(lambda row: row["operator"]),
        "areas": shares(lambda row: "/".join(row["file"].split("/")[2:4])),
        "survivors": sorted(row["id"] for row in rows if row not in dead),
    }  # fmt: skip


def main() -> None:
    """Record, run, run again, or count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=["record", "run", "again", "list", "named"])
    parser.add_argument(
        "names", nargs="*", help="for `named` and `record`: which changes or tests, by default all"
    )
    scratch = Path(tempfile.gettempdir()) / "yukawa-mutants"
    parser.add_argument("--scratch", type=Path, default=scratch, help="folder outside the repository")
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--json", type=Path, help="write the figures here")
    given = parser.parse_args()
    # Whoever ends this leaves the copy as it was; started in the background, it would not hear Ctrl-C.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    scratch = given.scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    if given.what == "record":
        return record(scratch, given.names or TESTS)
    if given.what == "named":
        copy(scratch)
        sys.exit("\n".join(unnoticed(scratch, given.names or list(NAMED))) or 0)
    if given.what == "again" or not (scratch / "tree").exists():
        copy(scratch)
    wanted, known = drawn(scratch / "tree", given.count, given.seed), latest(scratch)
    if given.what == "run":
        run(scratch, [mutant for mutant in wanted if mutant.id not in known], _QUICK_S)
    elif given.what == "again":
        run(
            scratch,
            [m for m in wanted if known.get(m.id, {}).get("status") not in ("killed", "timeout")],
            3 * _QUICK_S,
        )
    else:
        for mutant in wanted:
            print(mutant.id)
    known = latest(scratch)
    result = figures([known[mutant.id] for mutant in wanted if mutant.id in known])
    if given.json:
        given.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    print(json.dumps({key: value for key, value in result.items() if key != "survivors"}))


if __name__ == "__main__":
    main()
