"""The house keeps its shape: light import, floors, opening sentences, sizes, names, a test for every module."""

from __future__ import annotations

import ast
import collections
import functools
import graphlib
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "yukawa"
MODULES = sorted(path.relative_to(SOURCE).as_posix() for path in SOURCE.rglob("*.py"))
# Façades are tested through what they name, migrations whenever a store is opened.
WORKERS = [name for name in MODULES if not name.endswith("__init__.py") and "/migrations/" not in name]

CORE = [f"yukawa.core.{name[5:-3]}" for name in WORKERS if name.startswith("core/")]

# Workers whose whole effect is seen through another module, and the tests of that module.
TESTED_ELSEWHERE = {
    # One suite for both databases.
    "knowledge/base.py": "knowledge/test_conformance.py",
    # Its sentences are the text of the facts.
    "knowledge/sources/pdg/sentences.py": "knowledge/sources/pdg/test_facts.py",
}


@functools.cache
def trees() -> dict[str, ast.Module]:
    return {module: ast.parse((SOURCE / module).read_text(encoding="utf-8")) for module in MODULES}


def height(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def seconds(code: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - began


def test_import_costs_next_to_nothing() -> None:
    # In turn, so that a busy moment slows both alike.
    pairs = [(seconds("pass"), seconds("import yukawa")) for _ in range(9)]
    assert statistics.median(full - bare for bare, full in pairs) < 0.1


def test_the_ground_floor_loads_nothing_heavy() -> None:
    # A module that is only promised (lazy_loader) has not been loaded.
    code = (
        f"import sys, yukawa, {', '.join(CORE)}, yukawa.runs.run\n"
        "for name, module in sys.modules.items():\n"
        "    if type(module).__name__ != '_LazyModule': print(name.partition('.')[0])"
    )
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert "yukawa" in loaded
    assert not {"numpy", "torch", "transformers", "sqlalchemy", "openai"} & set(loaded)


def test_there_is_no_import_circle() -> None:
    """Imports inside functions and for types alone count, and so do the names that a façade promises."""
    import grimp  # comes with import-linter

    graph = grimp.build_graph("yukawa", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    for stub in SOURCE.rglob("__init__.pyi"):
        package = ".".join(stub.parent.relative_to(SOURCE.parent).parts)
        named = re.findall(r"^from \.([\w.]+) import", stub.read_text(encoding="utf-8"), re.MULTILINE)
        imports[package] |= {f"{package}.{name}" for name in named}
    graphlib.TopologicalSorter(imports).prepare()  # raises CycleError, which names the circle


def test_imports_run_downward_only() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_module_opens_with_one_sentence() -> None:
    """The first sentence fills one line and ends in a full stop, and then comes a blank line."""
    docstrings = {module: ast.get_docstring(trees()[module]) or "" for module in MODULES}
    openings = {module: text.split("\n\n")[0] for module, text in docstrings.items()}
    assert not [module for module, text in openings.items() if "\n" in text or not text.endswith(".")]


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in SOURCE.rglob("*.py") if "migrations" not in path.parts}
    # Alembic loads migrations by path; everything else must be seen by the import linter.
    assert not [str(folder) for folder in folders if not (folder / "__init__.py").exists()]


def test_a_module_has_its_test() -> None:
    homes = {name: ROOT / "tests" / Path(name).parent / f"test_{Path(name).name}" for name in WORKERS}
    there = {name for name, home in homes.items() if home.exists()}
    assert set(WORKERS) - there == set(TESTED_ELSEWHERE)


# Laws that hold across modules, or of programs as a whole.
OF_SEVERAL_MODULES = {
    "assistant/test_questions.py",
    "assistant/test_real_model.py",
    "cli/test_docs.py",
    "jets/simulation/test_physics.py",
    "knowledge/parsing/test_languages.py",
    "knowledge/test_conformance.py",
    "knowledge/test_crash.py",
    "training/test_distributed.py",
    "training/test_kinds.py",
}


def test_a_test_is_named_after_its_module() -> None:
    """`test_MODULE.py`, or `test_MODULE_PART.py` where a module has several."""
    nameless = set()
    for path in (ROOT / "tests").glob("*/**/test_*.py"):
        home = path.parent.relative_to(ROOT / "tests")
        words = path.stem.removeprefix("test_").split("_")
        starts = ["_".join(words[:count]) for count in range(1, len(words) + 1)]
        if not any((SOURCE / home / f"{start}.py").exists() for start in starts):
            nameless.add((home / path.name).as_posix())
    assert {name for name in nameless if not name.startswith("benchmarks/")} == OF_SEVERAL_MODULES


def test_the_list_of_exceptions_names_only_what_is_there() -> None:
    assert set(TESTED_ELSEWHERE) <= set(WORKERS)
    assert not [name for name in TESTED_ELSEWHERE.values() if not (ROOT / "tests" / name).exists()]


# ---- size and names ------------------------------------------------------------------------------


def test_a_class_name_means_one_thing() -> None:
    homes: dict[str, list[str]] = collections.defaultdict(list)
    for module in MODULES:
        for node in trees()[module].body:
            if isinstance(node, ast.ClassDef):
                homes[node.name].append(module)
    assert not {name: modules for name, modules in homes.items() if len(modules) > 1}


def test_few_files_are_short_and_none_is_long() -> None:
    lines = {module: (SOURCE / module).read_text(encoding="utf-8").count("\n") for module in MODULES}
    assert not {module: count for module, count in lines.items() if count > 500}
    assert len([module for module in WORKERS if lines[module] < 60]) <= 15


def test_a_function_fits_on_a_page() -> None:
    long = [
        f"{module}:{node.lineno} {node.name}"
        for module in MODULES
        for node in ast.walk(trees()[module])
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and height(node) > 60
    ]
    assert not long


def test_imports_are_a_small_share() -> None:
    imports = sum(
        height(node)
        for module in MODULES
        for node in ast.walk(trees()[module])
        if isinstance(node, ast.Import | ast.ImportFrom)
    )
    total = sum((SOURCE / module).read_text(encoding="utf-8").count("\n") for module in MODULES)
    assert imports / total <= 0.05, f"{imports} of {total} lines are imports"


# ---- files of others -----------------------------------------------------------------------------

# What reads a file or a text of others with limits lives in core/{files,config,settings}.py; these modules may read without.
OWN_READERS = {
    "cli/main.py": "the null device",
    "knowledge/parsing/lexicon.py": "words that ship with the package",
    "knowledge/routing.py": "a classifier that ships with the package",
    "knowledge/search/segments.py": "its own index, with a checksum",
    "knowledge/sources/constants.py": "constants that ship with the package",
    "knowledge/store/checksums.py": "columns of its own database",
    "knowledge/store/identity.py": "its own database",
    "knowledge/store/ledger.py": "columns of its own database",
    "knowledge/store/places.py": "its own notes",
    "knowledge/store/reader.py": "columns of its own database",
    "knowledge/store/transfer.py": "files that it writes",
}
GUARDED = ("assistant", "cli", "data", "embedding", "knowledge")
UNGUARDED = {
    "open", "json.load", "json.loads", "yaml.load", "yaml.safe_load", "tomllib.load", "tomllib.loads", "gzip.open", "os.open", "io.open",
}  # fmt: skip


def bare_readers(module: str) -> set[str]:
    """Calls in a module that read a file or parse its text without limits: `open_file(…)` given to one makes it safe."""
    found = set()
    for node in ast.walk(trees()[module]):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            guarded = name == "gzip.open" and ast.unparse(node.args[0]) in ("raw", "handle")
            if (name in UNGUARDED and not guarded) or name.endswith((".read_text", ".read_bytes")):
                found.add(name)
            if name.endswith(".open") and name.startswith(("Path", "path")):
                found.add(name)
    return found


def test_files_of_others_are_read_with_limits() -> None:
    """`core.files` refuses pipes, devices, depth and sizes; `core.config` aliases too."""
    modules = [module for module in MODULES if module.startswith(tuple(f"{name}/" for name in GUARDED))]
    bare = {module: found for module in modules if (found := bare_readers(module))}
    assert set(bare) == set(OWN_READERS), bare
