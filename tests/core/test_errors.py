"""Errors read as one line and blame the right one; a missing optional package is answered with its install line."""

from __future__ import annotations

import inspect
import json
import pickle
import re
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core import errors
from yukawa.core.errors import (
    EXTRAS,
    InputError,
    MissingPackage,
    ModelError,
    YukawaError,
    check_installed,
    nearest,
    require,
)

TREE = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, Exception)]


@given(message=st.text(), hint=st.text())
def test_an_error_reads_as_one_line_with_its_hint(message: str, hint: str) -> None:
    line = str(YukawaError(message, hint=hint))
    assert len(line.splitlines()) <= 1
    assert " ".join(message.split()) in line
    assert " ".join(hint.split()) in line


@pytest.mark.parametrize("kind", TREE)
def test_every_error_is_on_the_tree_and_blames_the_right_one(kind: type[YukawaError]) -> None:
    assert issubclass(kind, YukawaError)
    assert kind.exit_code == (2 if issubclass(kind, InputError) else 1)


@pytest.mark.parametrize(
    "error",
    [InputError("no", hint="yes"), MissingPackage("faiss", "pip install it", purpose="a large index")],
)
def test_an_error_travels_between_processes(error: YukawaError) -> None:
    found = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own
    assert type(found) is type(error)
    assert (str(found), found.message, found.hint) == (str(error), error.message, error.hint)


def test_a_failing_model_is_not_the_caller_s_mistake() -> None:
    assert ModelError("x").exit_code == 1


def test_a_missing_package_says_what_to_type() -> None:
    line = str(MissingPackage("faiss", "pip install '.[large]'", purpose="a large index"))
    assert line == (
        "a large index needs the package 'faiss', which is not installed (type: pip install '.[large]')"
    )


@given(names=st.lists(st.text("abcdef_", min_size=1), min_size=1))
def test_a_name_is_nearest_to_itself(names: list[str]) -> None:
    assert nearest(names[0], names) == names[0]


def test_nothing_near_is_nothing() -> None:
    assert nearest("embeding", iter(["url", "embedding"])) == "embedding"
    assert nearest("zzz", ["url", "embedding"]) == ""
    assert nearest("x", []) == ""


@pytest.mark.parametrize(
    ("name", "reason", "hint"),
    [
        ("masses.jsn", "No such file", "did you mean {0}/masses.json?"),
        ("zzz", "No such file", "type: ls {0}"),
        ("no/masses.json", "No such file", "there is no folder {0}/no"),
        ("", "it is a folder", "name a file in it"),
        ("latin.txt", "it is not UTF-8 text", "save it as UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(name, reason, hint, tmp_path):
    (tmp_path / "masses.json").touch()
    (tmp_path / "latin.txt").write_bytes(b"\xe9")
    try:
        (tmp_path / name).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found = errors.unreadable(tmp_path / name, error, "the table")
    assert found.message.startswith(f"the table {tmp_path / name} cannot be read: {reason}")
    assert found.hint == hint.format(tmp_path)


ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def test_what_is_installed_is_given():
    assert require("json", "reading JSON") is json
    assert require("json.decoder", "reading JSON") is sys.modules["json.decoder"]


@pytest.mark.parametrize("ask", [require, check_installed])
@pytest.mark.parametrize(
    ("package", "extra"), [("uproot", "jets"), ("torch", "train"), ("pgvector", "postgres")]
)
def test_a_missing_package_is_answered_with_its_extra(ask, package, extra, monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for wanted in (package, f"{package}.inner") if ask is require else (package,):
        with pytest.raises(MissingPackage, match=f"reading needs the package '{package}'") as caught:
            ask(wanted, "reading")
        assert re.fullmatch(rf"type: .*pip install '.*\[{extra}\]'.*", caught.value.hint)
        assert isinstance(caught.value, InputError)


def test_a_package_of_several_extras_is_answered_with_the_one_in_use(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingPackage, match=r"\[jets\]"):
        require("torch", "tagging", "jets")


@pytest.mark.parametrize("kind", ["clone", "wheel.whl"])
def test_an_extra_comes_from_where_yukawa_came_from(kind, tmp_path, monkeypatch):
    """No index has Yukawa: pip is given the folder or wheel that it installed (PEP 610), if that is still there."""
    source = tmp_path / "with a blank" / kind
    record = json.dumps({"url": source.as_uri(), "archive_info": {}})
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: _Distribution(record))
    assert errors.install_line("jets").endswith("pip install '.[jets]' in a clone of Yukawa")
    source.mkdir(parents=True)
    assert errors.install_line("jets").endswith(f"pip install '{source}[jets]'")


@pytest.mark.parametrize(
    "record", [None, '{"url": "https://example.org/yukawa", "vcs_info": {"vcs": "git"}}']
)
def test_an_extra_of_a_yukawa_from_elsewhere_comes_from_a_clone(record, monkeypatch):
    monkeypatch.setattr("importlib.metadata.distribution", lambda name: _Distribution(record))
    assert errors.install_line("jets").endswith("pip install '.[jets]' in a clone of Yukawa")


class _Distribution:
    def __init__(self, record):
        self.record = record

    def read_text(self, name):
        assert name == "direct_url.json"
        return self.record


def test_pip_is_that_of_this_python(monkeypatch, tmp_path):
    monkeypatch.setattr("shutil.which", lambda name: str(tmp_path / name))
    assert errors.pip_install("it") == f"{sys.executable} -m pip install it"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert errors.pip_install("it") == "pip install it"


@pytest.mark.parametrize(("package", "extra"), EXTRAS.items())
def test_the_table_says_what_the_project_says(package, extra):
    name = {"faiss": "faiss-cpu"}.get(package, package)
    assert any(line.partition("[")[0].partition(";")[0].split(">")[0].split("=")[0] == name
               for line in PROJECT["optional-dependencies"][extra])  # fmt: skip


def test_nobody_is_sent_to_an_index_for_yukawa():
    """`yukawa` on PyPI is another project, and `yukawa-hep` is not published there."""
    stray = re.compile(
        r"pip3? (?:install|download)[^\n]*[ '\"=]yukawa(?:-hep)?(?![\w-])(?!/)|(?<![\w.-])yukawa\[[a-z]"
    )
    assert stray.search("pip install yukawa")
    assert stray.search("pip install --upgrade 'yukawa[jets]'")
    assert stray.search("pip install 'yukawa-hep[large]'")
    assert not stray.search("pip install dist/yukawa_hep-0.2.0-py3-none-any.whl")
    pages = [page for page in ROOT.glob("*") if page.suffix in (".md", ".toml") or page.name == "Makefile"]
    for folder, kinds in {
        "src": ("py", "yaml", "md"),
        "docs": ("md", "ipynb"),
        "benchmarks": ("py", "md"),
        "tools": ("py",),
    }.items():
        pages += [page for kind in kinds for page in ROOT.glob(f"{folder}/**/*.{kind}")]
    assert len(pages) > 200
    found = {page.relative_to(ROOT): stray.search(page.read_text(encoding="utf-8")) for page in pages}
    assert not {page: match[0] for page, match in found.items() if match}


def test_a_package_that_no_extra_brings_is_named_as_pip_knows_it():
    """What `require` is called with is in an extra, in the core, or known to be called so on the index."""
    core = {re.split(r"[\[<>=]", line)[0] for line in PROJECT["dependencies"]}
    call = re.compile(r'(?:require|check_installed)\(\s*"([\w.]+)"')
    named = {
        name.partition(".")[0]
        for path in ROOT.glob("src/**/*.py")
        for name in call.findall(path.read_text("utf-8"))
    }
    assert named - set(EXTRAS) - core == {"lm_eval", "sentence_transformers"}


def test_a_package_is_found_without_being_imported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "slow_to_import.py").write_text("raise RuntimeError\n")
    monkeypatch.syspath_prepend(tmp_path)
    check_installed("slow_to_import", "reading")
    assert "slow_to_import" not in sys.modules
    with pytest.raises(RuntimeError):
        require("slow_to_import", "reading")


def test_a_package_that_is_broken_itself_is_not_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "broken_package.py").write_text("import something_that_is_nowhere\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_that_is_nowhere"):
        require("broken_package", "reading")


def test_the_distribution_bears_the_name_of_the_project():
    assert PROJECT["name"] == errors.DISTRIBUTION
