"""A run is a folder: its recipe, its environment, the hash of every input, and its metrics step by step."""

import json
import os
import platform
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from importlib import metadata
from itertools import zip_longest
from pathlib import Path
from types import NoneType
from typing import Any, Self

from yukawa.core import files
from yukawa.core.errors import InputError, StoreError, not_a
from yukawa.core.files import expanded, real
from yukawa.core.reports import plain, write_json
from yukawa.core.yaml_files import differences, parse_yaml, read_table, to_yaml

RECIPE, ENVIRONMENT, DATA, METRICS = "recipe.yaml", "environment.json", "data.json", "metrics.jsonl"
# The folders of the trained model and of its checkpoints, and the page that goes with it.
MODEL, CHECKPOINTS, CARD = "model", "checkpoints", "card.md"


class Run:
    """One run of one recipe, in its own folder; made by `Run.create`, found again by `Run.open`.

    Attributes:
        folder: holds everything of the run.
        recipe: the recipe as resolved.
    """

    def __init__(self, folder: Path, recipe: dict[str, Any]) -> None:
        self.folder = folder
        self.recipe = recipe

    @classmethod
    def create(cls, folder: Path, recipe: Mapping[str, Any], inputs: Iterable[Path]) -> Self:
        """Begin a run: write `recipe.yaml`, `environment.json` and `data.json` into `folder`.

        Raises:
            InputError: the folder already holds a run, an input cannot be read, or the recipe holds more than
                plain YAML values.
            StoreError: the folder cannot be written.
        """
        folder = Path(folder)
        if (folder / RECIPE).exists():
            raise InputError(f"{folder} already holds a run", hint="resume it or choose another folder")
        text = to_yaml(recipe)
        hashes = [{"path": str(path), "sha256": files.hash_file(path)} for path in inputs]
        with files.report_write_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / ENVIRONMENT, environment())
        write_json(folder / DATA, {"inputs": hashes})
        files.atomic_write(folder / RECIPE, text)  # last: a folder with a recipe is a whole run
        return cls(folder, parse_yaml(text, RECIPE))

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Find a run made by `create`.

        Raises:
            NotFound: there is no run in `folder`.
            StoreError: its recipe is damaged.
        """
        folder = Path(folder)
        path = folder / RECIPE
        if not path.exists():
            raise not_a("run", folder, RECIPE)
        try:
            return cls(folder, read_table(path))
        except InputError as error:
            raise StoreError(f"the run in {folder} is damaged: {error.message}") from None

    @classmethod
    def find(
        cls, folder: Path, recipe: Mapping[str, Any], *, resume: bool, free: Iterable[str] = ()
    ) -> Self | None:
        """The run to resume; None where a new one is to be made and can be.

        Args:
            folder: of the run.
            recipe: of the run, as resolved.
            resume: whether to resume a run.
            free: in which values, by dotted name, the run's recipe may differ, such as where data lie (their hashes
                decide) and values that change no number; * stands for any name.

        Raises:
            InputError: the run was begun with another recipe; or `resume` is false and the folder holds a run, or
                anything else than what a killed training leaves before its first step.
            NotFound: there is no run to resume.
            StoreError: its recipe is damaged.
        """
        if not resume:
            check_new(folder)
            return None
        if not (folder / RECIPE).exists():
            raise not_a("run", folder, RECIPE, "begin it without --resume")
        run = cls.open(folder)
        for name, (old, new) in differences(run.recipe, recipe).items():
            whole = name.partition("[")[0]  # of a list that may differ, each element may
            if not any(fnmatchcase(whole, pattern) for pattern in free):
                raise InputError(
                    f"{folder} was begun with {name} {old!r}, not {new!r}",
                    hint="resume with its own recipe, or begin a new run in another folder",
                )
        return run

    def log(self, *, step: int, **metrics: object) -> None:
        """Append one line of metrics to `metrics.jsonl`.

        Scalars of NumPy and PyTorch become plain numbers; a metric that is not finite is written as null,
        since JSON has neither NaN nor infinity. After the call the line outlives the process.

        Raises:
            InputError: a metric is not a number, text or truth value.
            StoreError: the disk refuses.
        """
        row = plain({"step": step, **metrics})
        for name, value in row.items():
            if not isinstance(value, (float, int, str, NoneType)):
                raise InputError(
                    f"the metric {name!r} is a {type(value).__name__}, one number or text is expected"
                )
        path = self.folder / METRICS
        with files.report_write_errors(path), open(path, "ab+") as handle:
            files.mend_jsonl(handle)
            handle.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")

    def metrics(self) -> list[dict[str, Any]]:
        """Every logged line, oldest first; a last line torn by a crash is omitted.

        Raises:
            StoreError: a line before the last is damaged.
        """
        path = self.folder / METRICS
        if not path.exists():
            return []
        try:
            with files.open_file(path) as handle:
                content = handle.read()
        except InputError as error:
            raise StoreError(error.message) from None
        lines = content.split(b"\n")
        if not files.is_row(lines[-1]):
            lines.pop()
        try:
            return [
                files.parse_row(line, f"{path}:{n}") for n, line in enumerate(lines, start=1) if line.strip()
            ]
        except InputError as error:
            raise StoreError(error.message) from None

    def forget_after(self, step: int) -> None:
        """Remove the lines after a step: the run resumes there, and writes them again."""
        if (self.folder / METRICS).exists():
            files.write_jsonl(self.folder / METRICS, [row for row in self.metrics() if row["step"] <= step])

    def latest_metrics(self) -> dict[str, Any]:
        """The latest value of each logged metric."""
        rows = self.metrics()
        latest = {name: value for row in rows for name, value in row.items() if value is not None}
        return {name: value for name, value in latest.items() if name not in ("step", "epoch")}

    def inputs(self) -> list[tuple[str, str]]:
        """Paths and hashes of the files that the run began with.

        Raises:
            StoreError: `data.json` is missing or damaged.
        """
        path = self.folder / DATA
        try:
            return [(str(row["path"]), str(row["sha256"])) for row in files.read_object(path)["inputs"]]
        except InputError as error:
            raise StoreError(error.message) from None
        except (KeyError, TypeError) as error:
            raise StoreError(f"{path} is damaged: {error!r}") from None

    def check_inputs(self, inputs: Iterable[Path]) -> None:
        """Refuse to resume on other data than the run began with; a file may have moved, not changed.

        Raises:
            InputError: names the first file that differs, is missing or is new.
            StoreError: `data.json` is missing or damaged.
        """
        recorded = self.inputs()
        hint = "give the run its own data, or begin a new run in another folder"
        for old, new in zip_longest(recorded, list(inputs)):
            if new is None:
                raise InputError(f"{old[0]} is missing: {self.folder} began with it", hint=hint)
            if old is None:
                raise InputError(f"{new} is new: {self.folder} began without it", hint=hint)
            if files.hash_file(new) != old[1]:
                raise InputError(f"{new} differs from {old[0]} as {self.folder} began with it", hint=hint)


def check_new(folder: Path) -> None:
    """Refuse the folder of a new run if it holds a run, or anything else than a training leaves that was killed at its begin.

    Raises:
        InputError: says what it holds.
    """
    if is_run(folder):
        raise InputError(f"{folder} already holds a run", hint="add --resume or choose another folder")
    files.check_made_folder(folder, (ENVIRONMENT, "generated"), (DATA,))


def is_run(path: Path | str) -> bool:
    """Whether the folder `path` is a run."""
    return (Path(path) / RECIPE).is_file()


def model_folder(path: Path | str) -> Path:
    """The folder of the model itself, where `path` may be its run."""
    path = Path(path)
    return path / MODEL if is_run(path) else path


def run_folder(path: Path | str) -> Path | None:
    """The run of a model; `path` is the run itself, its model or one of its checkpoints. None: there is no run."""
    path = expanded(path)
    above = real(path).parents
    places = [path]
    if real(path).name == MODEL:
        places.append(above[0])
    elif path.name.startswith("checkpoint-") and len(above) > 1:
        places.append(above[1])
    return next((place for place in places if is_run(place)), None)


def own_places(path: Path) -> list[Path]:
    """What belongs to the runs in whose folders `path` lies: recipe, metrics, checkpoints, model and the like."""
    above = [folder for folder in Path(os.path.realpath(path)).parents if (folder / ENVIRONMENT).is_file()]
    names = (RECIPE, ENVIRONMENT, DATA, METRICS, CARD, MODEL, CHECKPOINTS)
    return [folder / name for folder in above if is_run(folder) for name in names]


def environment() -> dict[str, Any]:
    """The environment of a run: Python, platform, every package's version, the code's commit.

    `commit` is there only where Yukawa runs from a git checkout; it ends in `-dirty` if files were changed.
    """
    found = {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": dict(sorted((d.metadata["Name"], d.version) for d in metadata.distributions())),
    }
    commit = git_commit(Path(__file__))
    return found | ({"commit": commit} if commit else {})


def git_commit(path: Path) -> str | None:
    """The commit of the checkout that tracks the file `path`; None if there is no such checkout or no git."""
    git = shutil.which("git")
    if git is None:
        return None

    def ask(*arguments: str) -> str | None:
        done = subprocess.run(  # noqa: S603 -- fixed arguments, no shell
            [git, "-C", str(path.parent), *arguments], capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else None

    # An installed package may lie inside a foreign checkout that ignores it: that commit says nothing.
    if ask("ls-files", "--error-unmatch", path.name) is None:
        return None
    return ask("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
