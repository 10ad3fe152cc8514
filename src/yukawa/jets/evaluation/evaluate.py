"""Evaluates one or more taggers on the same jets: finds models and jets, predicts, measures and writes the report."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError
from yukawa.jets.evaluation.prediction import predict
from yukawa.jets.evaluation.report import write
from yukawa.jets.evaluation.results import Scores, TaggerReport, compare, labelled_scores
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.io.manifest import MANIFEST
from yukawa.jets.io.source import open_source
from yukawa.runs.run import MODEL, RECIPE, Run

FOLDER = "evaluation"

Progress = Callable[[int, int], None]


def evaluate(
    models: Path | Sequence[Path] | Mapping[str, Path],
    data: Path | JetSource | None = None,
    *,
    split: str | None = None,
    out: Path | None = None,
    published: bool = False,
    batch: int = 1024,
    device: str | None = None,
    progress: Progress | None = None,
) -> TaggerReport:
    """Evaluate saved models or runs on the same labelled jets and write `report.json`, `.html`, `.md` and plots.

    Args:
        models: folders of saved models or of runs; with names, or named after their folders.
        data: the jets; None takes the data set of the (first) run.
        split: of a data set; None takes its test jets, or all jets where there are no splits.
        out: the folder to write to; None takes `evaluation` in the run, if there is only one.
        published: show the published values of jet origin as well.
        batch: jets that go through a network at once.
        device: of PyTorch; None takes a GPU if there is one.
        progress: called with the jets done and to do, over all models.

    Raises:
        NotFound: a folder holds neither a model nor a run.
        InputError: no folder is named for the report, the jets have no labels, a model's probabilities are not
            finite, the models have different classes or select different jets, or as in `predict`.
        StoreError: the disk refuses.
    """
    from yukawa.jets.models.tagger import model_folder  # needs torch

    named = _named(models)
    folder = _folder(list(named.values()), out)
    source, what = _source(next(iter(named.values())), data, split)
    total = len(source) * len(named)
    scores: dict[str, Scores] = {}
    for number, (name, path) in enumerate(named.items()):
        before = number * len(source)

        def report(done: int, _: int, before: int = before) -> None:
            if progress is not None:
                progress(before + done, total)

        predictions = predict(model_folder(path), source, batch=batch, device=device, progress=report)
        scores[name] = labelled_scores(predictions, name)
    return write(compare(scores, what, published=published), folder)


def _named(models: Path | Sequence[Path] | Mapping[str, Path]) -> dict[str, Path]:
    """Models by name; a model that lies in a run has the run's name."""
    if isinstance(models, Mapping):
        named = {name: Path(path) for name, path in models.items()}
    else:
        paths = [models] if isinstance(models, (str, Path)) else list(models)
        named = {}
        for path in map(Path, paths):
            whole = path.resolve()
            name = whole.parent.name if whole.name == MODEL else whole.name
            if name in named:
                raise InputError(
                    f"two models are called {name!r}", hint="give them different names: NAME=FOLDER"
                )
            named[name] = path
    if not named:
        raise InputError("no model was named", hint="name the folder of a run or of a model")
    for name in named:
        if not name or "/" in name or "\\" in name or name.startswith("."):
            raise InputError(
                f"{name!r} cannot name a model, since its plots have that name",
                hint="omit slashes and leading dots",
            )
    return named


def _run(path: Path) -> Path | None:
    """The run that a model belongs to, if any."""
    return next((folder for folder in (path, path.resolve().parent) if (folder / RECIPE).exists()), None)


def _folder(paths: Sequence[Path], out: Path | None) -> Path:
    if out is not None:
        return Path(out)
    run = _run(paths[0])
    if len(paths) > 1 or run is None:
        if len(paths) == 1:
            from yukawa.jets.models.tagger import model_folder  # needs torch

            model_folder(paths[0])  # raises where there is none
        what = "several models are" if len(paths) > 1 else f"{paths[0]} is not a run and is"
        raise InputError(f"{what} evaluated, and no folder is named for the report", hint="add --out FOLDER")
    return run / FOLDER


def _source(path: Path, data: Path | JetSource | None, split: str | None) -> tuple[JetSource, str]:
    """The jets, and their description."""
    if isinstance(data, JetSource):
        return data, ", ".join(dict.fromkeys(str(p.parent) for p in data.paths))
    if data is None:
        run = _run(path)
        recorded = _recorded(Run.open(run).recipe) if run else ()
        if len(recorded) != 1:
            came = f": it learned from {' and '.join(recorded)}" if recorded else ""
            raise InputError(
                f"{path} does not say which jets to evaluate on{came}", hint="name a data set: --data PATH"
            )
        data = Path(recorded[0])
    if split is None and (Path(data) / MANIFEST).exists():
        split = "test"
    return open_source(data, split), f"{data}" + (f", split {split}" if split else "")


def _recorded(recipe: Mapping[str, Any]) -> tuple[str, ...]:
    """Where the jets of a run lie; those of a mixture are the jets of its questions."""
    sources = [recipe.get("data") or {}]
    sources += [each for each in (recipe.get("mixture") or {}).values() if each.get("kind") == "questions"]
    return tuple(dict.fromkeys(source["path"] for source in sources if source.get("path") is not None))
