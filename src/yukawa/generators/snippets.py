"""Checks Python code for HEP analysis: parsed, its packages and their names looked up, run in isolation on generated files."""

import ast
import json
import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.machinery import BuiltinImporter, FrozenImporter, PathFinder
from pathlib import Path
from typing import Any

from yukawa.core.errors import nearest
from yukawa.generators.diagnostics import Diagnostic

_EVENTS = 1000  # of a generated file
_TREE = "Events"
_LONGEST = 500  # characters of a name of a file
_FILE = re.compile(r"(?<![^\s:?])[^\s:?]{1,200}\.(root|parquet|json)(?=$|:)")
_COLLECTIONS = ("Muon", "Electron", "Jet", "Photon", "Tau")
_FLAT = {"px": 2.0, "py": 2.0, "pz": 8.0, "E": 10.0, "energy": 10.0, "pt": 3.0, "eta": 1.0, "phi": 1.5, "mass": 0.5, "m": 0.5,
         "x": 1.0, "y": 1.0, "z": 1.0, "weight": 0.1, "MET_pt": 20.0, "MET_phi": 1.5}  # fmt: skip
_IDENTIFIER = re.compile(r"[A-Za-z_]\w{0,60}$")
# A workspace of pyhf: one channel with a signal and a background whose size is uncertain.
_WORKSPACE = {
    "channels": [{"name": "SR", "samples": [
        {"name": "signal", "data": [5.0, 10.0], "modifiers": [{"name": "mu", "type": "normfactor", "data": None}]},
        {"name": "background", "data": [50.0, 60.0], "modifiers": [{"name": "b", "type": "shapesys", "data": [5.0, 12.0]}]},
    ]}],
    "observations": [{"name": "SR", "data": [52.0, 63.0]}],
    "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": []}}], "version": "1.0.0",
}  # fmt: skip

_PROBE = """
import importlib, json
found = []
for at, (module, names) in enumerate(json.loads({wanted!r})):
    try:
        value = importlib.import_module(module)
    except ImportError as error:
        found.append([at, -1, str(error), []])
        continue
    except Exception:
        continue
    for place, name in enumerate(names):
        try:
            value = getattr(value, name)
        except AttributeError:
            try:
                value = importlib.import_module(module + "." + ".".join(names[:place + 1]))
            except Exception:
                found.append([at, place, "", [each for each in dir(value) if not each.startswith("_")]])
                break
        except Exception:
            break
        if type(value).__name__ != "module" and not isinstance(value, type):
            break
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True)
class SnippetRun:
    """What became of a snippet.

    Args:
        found: what is wrong with it; empty if it ran to its end.
        output: what it printed.
        notes: which files were generated for it, and how long it ran.
    """

    found: tuple[Diagnostic, ...]
    output: str
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Name:
    """A name of a package that the code uses: `module` and the attributes behind it."""

    module: str
    names: tuple[str, ...]
    line: int
    column: int

    def __str__(self) -> str:
        return ".".join((self.module, *self.names))


def check_snippet(text: str) -> list[Diagnostic]:
    """What is wrong with Python code as far as that is seen without running anything: its grammar, and missing packages."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None) or 1
        return [
            Diagnostic(
                "E-SYNTAX",
                line,
                getattr(error, "offset", None) or 1,
                f"not Python: {getattr(error, 'msg', error)}",
            )
        ]
    found = []
    for each in _imported(tree):
        top = each.module.partition(".")[0]
        if not _installed(top):
            found.append(Diagnostic("E-IMPORT", each.line, each.column, f"no package {top} is installed"))
    return found


def _installed(top: str) -> bool:
    """Whether a package is there, found without importing it and without looking beside the code."""
    from sys import path

    places = [each for each in path if each and Path(each).resolve() != Path.cwd().resolve()]
    return any(
        finder.find_spec(top, where) is not None
        for finder, where in ((BuiltinImporter, None), (FrozenImporter, None), (PathFinder, places))
    )


def run_snippet(text: str, name: str) -> SnippetRun:
    """Check Python code, then run it in isolation, in a folder with the files that it reads, which are generated.

    Args:
        text: the code.
        name: of its file.

    Raises:
        InputError: the system offers no isolation; nothing was run.
    """
    from yukawa.generators.isolation import run_isolated

    found = check_snippet(text)
    if found:
        return SnippetRun(tuple(found), "", ())
    tree = ast.parse(text)
    with tempfile.TemporaryDirectory(prefix="yukawa-snippet-") as place:
        folder = Path(place).resolve()
        found = _unknown_names(tree, folder)
        if found:
            return SnippetRun(tuple(found), "", ())
        ready, notes = _with_files(text, tree, folder)
        run = run_isolated(ready, name, folder)
    if run.error:
        found = [Diagnostic("E-RUN", max(run.line, 1), 1, run.error.replace(place, "."))]
    return SnippetRun(tuple(found), run.output, (*notes, f"it ran for {run.seconds:.1f} s"))


# ---- names ---------------------------------------------------------------------------------------


def _imported(tree: ast.Module) -> Iterator[_Name]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                yield _Name(each.name, (), node.lineno, node.col_offset + 1)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for each in node.names:
                yield _Name(
                    node.module, () if each.name == "*" else (each.name,), node.lineno, node.col_offset + 1
                )


def _used(tree: ast.Module) -> Iterator[_Name]:
    """Attributes of imported modules: `ak.flatten` after `import awkward as ak`; not of a name that is bound again."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                modules[each.asname or each.name.partition(".")[0]] = (
                    each.name if each.asname else each.name.partition(".")[0]
                )
    bound = {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        names: list[str] = []
        inner: ast.expr | ast.AST = node
        while isinstance(inner, ast.Attribute):
            names.insert(0, inner.attr)
            inner = inner.value
        if names and isinstance(inner, ast.Name) and inner.id in modules and inner.id not in bound:
            yield _Name(modules[inner.id], tuple(names), inner.lineno, inner.col_offset + 1)


def _unknown_names(tree: ast.Module, folder: Path) -> list[Diagnostic]:
    """Names that the installed packages lack; the packages are imported in isolation too."""
    from yukawa.generators.isolation import run_isolated

    names = [*_imported(tree), *_used(tree)]
    wanted = json.dumps([[each.module, each.names] for each in names])
    output = run_isolated(_PROBE.format(wanted=wanted), "names.py", folder).output.strip()
    try:
        rows = json.loads(output.rpartition("\n")[2] or "[]")
    except (ValueError, RecursionError):
        rows = []  # a package that prints; the run itself will show what is missing
    found: dict[tuple[int, str], Diagnostic] = {}
    for at, place, why, there in rows:
        each = names[at]
        if place < 0:
            finding = Diagnostic(
                "E-IMPORT", each.line, each.column, f"{each.module} cannot be imported: {why}"[:300]
            )
        else:
            owner, lacking = ".".join((each.module, *each.names[:place])), each.names[place]
            near = nearest(lacking, there)
            finding = Diagnostic(
                "E-NAME", each.line, each.column, f"{owner} has no {lacking}", f'"{near}"' if near else ""
            )
        found.setdefault((each.line, finding.text), finding)
    return list(found.values())


# ---- files ---------------------------------------------------------------------------------------


def _with_files(text: str, tree: ast.Module, folder: Path) -> tuple[str, list[str]]:
    """Generate each file whose name is in the code; the code with places elsewhere replaced by names in the folder."""
    trees, branches = _trees(tree), _branches(tree)
    notes = []
    lines = text.splitlines(keepends=True)
    places = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and _text(node) and node.end_lineno == node.lineno
    ]
    for node in sorted(places, key=lambda node: (node.lineno, node.col_offset), reverse=True):
        whole = _text(node).rpartition("://")[2]
        match = _FILE.search(whole)
        if not match:
            continue
        name, tail = Path(match[0]).name.replace("*", "1"), whole[match.end() :]
        own = {tail.removeprefix(":")} if tail else trees
        made = _generate(folder / name, match[1], branches - own, own or {_TREE})
        if not made:
            continue
        notes.append(f"line {node.lineno}: {name} was generated: {made}")
        line = lines[node.lineno - 1].encode()
        new = repr(name + tail).encode()
        lines[node.lineno - 1] = (line[: node.col_offset] + new + line[node.end_col_offset :]).decode()
    return "".join(lines), list(dict.fromkeys(reversed(notes)))


def _text(node: ast.AST) -> str:
    """The text of a constant, '' of anything else and of a long one."""
    return (
        node.value
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < _LONGEST
        else ""
    )


def _called_name(node: ast.AST) -> str:
    """The last word of what a call calls: 'open' of `uproot.open(…)`."""
    if not isinstance(node, ast.Call):
        return ""
    return (
        node.func.attr
        if isinstance(node.func, ast.Attribute)
        else node.func.id
        if isinstance(node.func, ast.Name)
        else ""
    )


def _bound_to(tree: ast.Module, called: str) -> set[str]:
    """The names that hold the result of a call: `file = uproot.open(…)`, `with uproot.open(…) as file`."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and _called_name(node.value) == called:
            found |= {each.id for each in node.targets if isinstance(each, ast.Name)}
        if (
            isinstance(node, ast.withitem)
            and _called_name(node.context_expr) == called
            and isinstance(node.optional_vars, ast.Name)
        ):
            found.add(node.optional_vars.id)
    return found


def _trees(tree: ast.Module) -> set[str]:
    """The names by which trees are taken out of files that were opened."""
    files = _bound_to(tree, "open")
    return {
        _text(node.slice) for node in ast.walk(tree) if isinstance(node, ast.Subscript)
        and (_called_name(node.value) == "open" or (isinstance(node.value, ast.Name) and node.value.id in files))
    } - {""}  # fmt: skip


def _branches(tree: ast.Module) -> set[str]:
    """The names by which columns are read: subscripts, arguments of `array` and `arrays`, attributes of their result."""
    arrays = _bound_to(tree, "arrays")
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript):
            found |= {_text(each) for each in ast.walk(node.slice)}
        elif _called_name(node) in ("array", "arrays", "iterate") and isinstance(node, ast.Call):
            found |= {_text(each) for argument in node.args[:2] for each in ast.walk(argument)}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in arrays:
            found.add(node.attr)
    return {name for name in found if _IDENTIFIER.match(name)}


def _generate(path: Path, kind: str, branches: set[str], trees: set[str]) -> str:
    """Write a file of toy events and say what is in it; '' if the package that writes it is missing."""
    if kind == "json":
        path.write_text(json.dumps(_WORKSPACE), encoding="utf-8")
        return "a workspace of pyhf with one channel"
    try:
        import awkward
        import uproot
    except ImportError:
        return ""
    columns = _events(branches)
    if kind == "parquet":
        flat = {
            f"{key}_{field}": value[field]
            for key, value in columns.items()
            for field in awkward.fields(value)
        }
        flat |= {key: value for key, value in columns.items() if not awkward.fields(value)}
        awkward.to_parquet(awkward.zip(flat, depth_limit=1), str(path))
        return f"{_EVENTS:,} toy events"
    names = sorted(trees)
    with uproot.recreate(path) as file:
        for name in names:  # as TTree: an assignment would make the newer RNTuple
            types = {
                key: getattr(value, "dtype", None) or awkward.type(value).content
                for key, value in columns.items()
            }
            file.mktree(name, types).extend(columns)
    return f"{_EVENTS:,} toy events in {', '.join(names)}"


def _events(branches: set[str]) -> dict[str, Any]:
    """Columns of toy events: flat ones, and collections as NanoAOD names them; and whatever else the code reads, flat."""
    import awkward
    import numpy as np

    random = np.random.default_rng(1)
    columns: dict[str, Any] = {"run": np.ones(_EVENTS, np.int32), "event": np.arange(_EVENTS)}
    columns |= {name: np.abs(random.normal(0, scale, _EVENTS)) for name, scale in _FLAT.items()}
    for collection in _COLLECTIONS:
        counts = random.integers(0, 5, _EVENTS)
        total = int(counts.sum())
        own = {
            "pt": random.exponential(30, total) + 5, "eta": random.normal(0, 1.2, total), "phi": random.uniform(-np.pi, np.pi, total),
            "mass": np.full(total, 0.105), "charge": random.choice([-1, 1], total),
        }  # fmt: skip
        more = {word.partition("_")[2] for word in branches if word.startswith(f"{collection}_")} - own.keys()
        own |= {name: random.uniform(0, 1, total) for name in more}
        columns[collection] = awkward.zip(
            {name: awkward.unflatten(values, counts) for name, values in own.items()}
        )
    return columns | {
        word: np.abs(random.normal(5, 2, _EVENTS))
        for word in sorted(branches - columns.keys())
        if not _of_collection(word)
    }


def _of_collection(word: str) -> bool:
    return word.partition("_")[0].removeprefix("n") in _COLLECTIONS
