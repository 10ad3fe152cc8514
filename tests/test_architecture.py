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


# ---- reading files ---------------------------------------------------------------------------------

# What reads or parses without limits, and the guarded way.
BARE = {
    "open": "core.files.open_file", "os.open": "core.files.open_file", "io.open": "core.files.open_file",
    "gzip.open": "core.files.open_file", "bz2.open": "core.files.open_file", "lzma.open": "core.files.open_file",
    ".read_text": "core.files.read_text", ".read_bytes": "core.files.read_bytes",
    "json.load": "core.files.read_object", "json.loads": "core.files.parse_json",
    ".model_validate_json": "core.files.read_object",
    "yaml.load": "core.yaml_files.read_table", "yaml.safe_load": "core.yaml_files.read_table",
    "yaml.full_load": "core.yaml_files.read_table",
    "tomllib.load": "core.guarded.parse_toml", "tomllib.loads": "core.guarded.parse_toml",
    "pickle.load": "nothing", "pickle.loads": "nothing", "np.load": "nothing", "numpy.load": "nothing", "np.fromfile": "nothing",
    "np.loadtxt": "nothing", "np.genfromtxt": "nothing", "np.memmap": "nothing", "torch.load": "jets.models.weaver.read_checkpoint",
    ".safe_open": "llm.folders.saved_tensors", ".load_file": "jets.models.tagger.read_weights", "h5py.File": "jets.io.hdf5",
    "uproot.open": "jets.io.jetclass.opened", "parquet.ParquetFile": "data.rows", "parquet.read_table": "data.rows",
    ".iterparse": "nothing",
    ".expanduser": "core.files.expanded: a home folder that is not known raises",
    "httpx.Client": "core.transport.client", "httpx.AsyncClient": "core.transport.async_client",
    "urllib.request.urlopen": "core.transport.client", "requests.get": "core.transport.client",
}  # fmt: skip
# Where they are allowed: the guarded readers themselves, files of our own making or of the package, and writing.
ALLOWED = {
    "core/files.py": {"open", "os.open", "gzip.open", ".expanduser"},
    "core/guarded.py": {"json.loads", "tomllib.loads"},
    "core/yaml_files.py": {"yaml.load"},
    "core/errors.py": {"json.loads"},  # what pip wrote
    "core/transport.py": {"httpx.Client", "httpx.AsyncClient"},
    "core/reports.py": {".read_bytes"},  # a plot just drawn
    "cli/main.py": {"os.open"},  # /dev/null
    "evaluation/completions.py": {
        "open",
        "json.loads",
    },  # appends after core.files.begins_with; a copy of options
    "evaluation/judging/answering.py": {
        "open",
        "json.loads",
    },  # appends after core.files.begins_with; a copy of options
    "runs/run.py": {"open"},  # appends
    "jets/simulation/production.py": {"open", "os.open"},  # appends; locks a folder
    "jets/io/hdf5.py": {"h5py.File"},
    "jets/io/jetclass.py": {"uproot.open"},
    "jets/io/parquet.py": {"parquet.ParquetFile"},
    "jets/models/weaver.py": {"torch.load"},  # plain weights only
    "jets/pretraining/sources.py": {"gzip.open"},  # of a file that core.files.open_file opened
    "llm/folders.py": {".safe_open"},
    "runs/checkpoints.py": {".load_file"},
    "llm/base.py": {".model_validate_json"},  # a reply, whose length is limited
    "data/engine/calls.py": {".model_validate_json"},  # a reply, whose length is limited
    "data/engine/tables.py": {"open"},  # a lock
    "data/conversations.py": {"gzip.open"},  # of a file that core.files.open_file opened
    "data/rows.py": {"parquet.ParquetFile"},
    "embedding/bert.py": {"np.memmap"},
    "knowledge/store/sealing.py": {"open"},  # a backup just written
    "generators/evtgen.py": {".read_bytes"},  # of the package
    "generators/pythia_runs.py": {"os.open"},  # /dev/null
    "generators/isolation.py": {
        "os.open",
        "json.loads",
        "json.load",
    },  # folders to confine; a report of limited length
    "generators/snippets.py": {"json.loads"},  # the same
    # Tables of the package.
    "knowledge/parsing/lexicon.py": {".read_text"},
    "knowledge/routing.py": {".read_bytes", ".read_text", "json.loads"},
    "knowledge/sources/constants.py": {".read_text"},
    "knowledge/parsing/proposals.py": {".model_validate_json"},  # a reply, whose length is limited
    # The base's own files and columns.
    "knowledge/search/segments.py": {"json.loads", "np.memmap", "open"},
    "knowledge/store/checksums.py": {"json.loads"},
    "knowledge/store/identity.py": {"open"},
    "knowledge/store/ledger.py": {"json.loads"},
    "knowledge/store/places.py": {".read_text", "json.loads", "open"},
    "knowledge/store/database.py": {"json.loads"},
    "knowledge/store/traces.py": {
        "gzip.open"
    },  # searched block by block, of a file that is opened by its guard
    "knowledge/store/transfer.py": {"open"},
}


def bare_calls(tree: ast.Module) -> set[str]:
    """The calls of `BARE` in a module: of a function by its name, of a method whatever it belongs to."""
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        method = f".{node.func.attr}" if isinstance(node.func, ast.Attribute) else ""
        if called.startswith("files.") or (method == ".read_text" and "metadata.distribution" in called):
            continue
        found |= {called, method} & set(BARE)
    return found


def test_files_are_read_by_guarded_readers() -> None:
    """What a stranger may have written is opened, decoded and parsed in one place each, which knows its limits."""
    calls = {module: bare_calls(tree) for module, tree in trees().items()}
    bare = {module: sorted(found - ALLOWED.get(module, set())) for module, found in calls.items()}
    assert not {module: {name: BARE[name] for name in names} for module, names in bare.items() if names}
