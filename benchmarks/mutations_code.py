"""Where code can be changed, and the drawing of changes by a seed."""

from __future__ import annotations

import ast
import collections
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

AREAS = ("src/yukawa/knowledge", "src/yukawa/core/files.py", "src/yukawa/llm")
_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.Mult,
    ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr, ast.LShift: ast.RShift, ast.RShift: ast.LShift,
}  # fmt: skip

_CUT = (
    "tests/benchmarks/test_faults_power.py::test_every_disk_that_a_cut_may_leave_holds_what_was_acknowledged"
)
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
        "core/yaml_files.py", "class _Loader(yaml.SafeLoader)", "class _Loader(yaml.UnsafeLoader)",
        "tests/core/test_yaml_files.py::test_hostile_yaml_is_refused_in_one_line_at_once",
    ),
    "code that comes with a model": (
        "llm/loading.py", "trust_remote_code=trust_remote_code, **options", "trust_remote_code=True, **options",
        "tests/llm/test_loading_conformance.py::test_code_of_a_model_runs_where_it_is_allowed",
    ),
    "a teaching that is not on the disk": (
        "knowledge/store/database.py", "synchronous=FULL", "synchronous=OFF", f"{_CUT}[teach]",
    ),
    "erased text that stays in the file": (
        "knowledge/store/database.py", "secure_delete=ON", "secure_delete=OFF", f"{_CUT}[purge]",
    ),
    "a backup that is not on the disk": (
        "knowledge/store/transfer.py", "            os.fsync(handle.fileno())\n        os.replace(beside, target)",
        "            pass\n        os.replace(beside, target)", f"{_CUT}[carry]",
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
