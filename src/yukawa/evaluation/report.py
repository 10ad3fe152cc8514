"""One report on several models: perplexities with intervals, paired differences, transfer, completions, plots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from yukawa.core import reports
from yukawa.core.errors import InputError
from yukawa.core.files import report_write_errors
from yukawa.core.settings import ModelSettings
from yukawa.core.statistics import Comparison
from yukawa.data.rows import Document
from yukawa.embedding import open_embedder
from yukawa.embedding.base import Embedder
from yukawa.evaluation import completion_metrics as metrics
from yukawa.evaluation import plots, results
from yukawa.evaluation.completions import Completion, read_completion_files, read_completions
from yukawa.evaluation.perplexity import Losses
from yukawa.evaluation.recipe import EvaluationRecipe, ScoringOptions, Statistics
from yukawa.evaluation.runner import ModelSpec, OnMessage, PostHook, Progress, measure, read_documents, slug
from yukawa.evaluation.runner import by_archive as divided_by_archive
from yukawa.evaluation.served_models import Service
from yukawa.llm.folders import find_origin
from yukawa.llm.loading import LanguageModel
from yukawa.runs.run import RECIPE, Run


@dataclass(frozen=True, slots=True)
class Report:
    """The results of an evaluation, and where they lie.

    Attributes:
        folder: holds `report.md`, `report.html`, `report.json`, `plots/` and `losses/`.
        data: the content of `report.json`.
    """

    folder: Path
    data: dict[str, Any]


def evaluate(
    recipe: EvaluationRecipe,
    folder: Path,
    *,
    services: Mapping[str, ModelSettings] | None = None,
    progress: Progress | None = None,
    on_message: OnMessage | None = None,
) -> Report:
    """Do what a recipe says: `make_report` in a run's folder, which records the recipe and the hashes of its inputs.

    The same folder may be used again: losses that were measured with the same options are not measured again, and
    the newest recipe is the one that is recorded.

    Args:
        recipe: the models, the test sets and the options.
        folder: of the run, made if need be.
        services: the rows of `yukawa.toml`.
        progress: as for `make_report`.
        on_message: likewise.

    Raises:
        InputError: a service has no row, a file cannot be read, or as for `make_report`.
        ModelError, MissingPackage, StoreError: as for `make_report`.
    """
    rows, folder = services or {}, Path(folder)
    unknown = [name for name in recipe.services if name not in rows]
    if unknown:
        raise InputError(f"yukawa.toml has no model {unknown[0]!r}", hint=f"there are: {', '.join(rows)}")
    loading = recipe.loading.model_dump()
    models = [ModelSpec.parse(f"{name}={place}", **loading) for name, place in recipe.models.items()]
    # By archive, the first documents of a file may be of one archive only: it is divided before it is cut.
    limit = None if recipe.by_archive else recipe.limit
    places = {name: Path(place).expanduser() for name, place in recipe.tests.items()}
    files = [Path(file) for file in recipe.completions]
    report = make_report(
        [*models, *(Service(rows[name]) for name in recipe.services)],
        {name: read_documents(place, split=recipe.split, limit=limit) for name, place in places.items()},
        folder, scoring=recipe.scoring, archives=recipe.by_archive, limit=recipe.limit,
        completions=dict(zip(read_completion_files(files), files, strict=True)), embedder=recipe.embedder,
        runs={name: Path(run) for name, run in recipe.runs.items()}, statistics=recipe.statistics,
        progress=progress, on_message=on_message,
    )  # fmt: skip
    inputs = [place for place in places.values() if place.is_file()]
    inputs += [place / "manifest.json" for place in places.values() if (place / "manifest.json").is_file()]
    (folder / RECIPE).unlink(missing_ok=True)
    Run.create(folder, recipe.plain(), [*inputs, *files])
    return report


def make_report(
    models: Sequence[ModelSpec | Service],
    tests: Mapping[str, Sequence[Document]],
    out: Path,
    *,
    scoring: ScoringOptions | None = None,
    archives: bool = False,
    limit: int | None = None,
    completions: Mapping[str, Path] | None = None,
    embedder: str = "minilm",
    runs: Mapping[str, Path] | None = None,
    statistics: Statistics | None = None,
    progress: Progress | None = None,
    on_message: OnMessage | None = None,
) -> Report:
    """Measure models on test sets and write Markdown, HTML, JSON and plots into `out`.

    The matrix of test sets shows changes from the first model. Losses are kept in `out`: an interrupted call resumes
    with the next model.

    Args:
        models: learning curves of those that lie in their run's folder are drawn.
        tests: documents by the test set's name.
        out: a folder, made if need be.
        scoring: how documents are scored.
        archives: divide the documents of all test sets by the archive of their primary category.
        limit: only the first so many documents of each test set, those of archives included.
        completions: files of completions by the system's name; entropies need a model of that name.
        embedder: for SemScore; see `yukawa.embedding.open_embedder`.
        runs: folders of more training runs by name, for learning curves.
        statistics: how intervals are made.
        progress: called with tokens done and all tokens.
        on_message: called with a line as each model begins.

    Raises:
        InputError: something is missing, empty or named twice.
        MissingPackage: torch, transformers or matplotlib is not installed.
        ModelError: a model cannot be opened or measured.
        StoreError: the folder cannot be written.
    """
    reports.matplotlib()  # a missing package is reported before hours have passed
    scoring, statistics, folder = scoring or ScoringOptions(), statistics or Statistics(), Path(out)
    if archives:
        tests = divided_by_archive(tests, limit)
    tests = {name: documents[:limit] for name, documents in tests.items()}
    written = _Completions.read(completions or {}, models)
    vectors = open_embedder(embedder) if completions else None
    curves = _learning_curves(models, runs or {})
    with report_write_errors(folder):
        (folder / "plots").mkdir(parents=True, exist_ok=True)
    losses = measure(
        models, tests, scoring=scoring, cache=folder / "losses", post_hooks=written.post_hooks, progress=progress,
        on_message=on_message,
    )  # fmt: skip
    data, compared = _results(losses, scoring, statistics)
    if vectors is not None:
        data["completions"] = written.json(vectors, statistics)
    page = _page(data, tests, compared, written.entropies, curves, folder / "plots")
    page.write(folder, data)
    return Report(folder, data)


@dataclass(slots=True)
class _Completions:
    """Completions by the system's name, and their entropies as far as they are known.

    Attributes:
        rows: the completions.
        entropies: of those of services at once, of others when their hook has been called.
        post_hooks: score the completions of a model while it is open.
    """

    rows: dict[str, list[Completion]] = field(default_factory=dict)
    entropies: dict[str, metrics.Entropies] = field(default_factory=dict)
    post_hooks: dict[str, PostHook] = field(default_factory=dict)

    @classmethod
    def read(cls, files: Mapping[str, Path], models: Sequence[ModelSpec | Service]) -> Self:
        """The completions in the files; those of services come with log-probabilities or without."""
        found = cls()
        known = {model.name: model for model in models if isinstance(model, ModelSpec)}
        for name, path in files.items():
            _, options, rows = read_completions(path)
            found.rows[name] = rows
            chat = options.get("chat")
            if chat and any(row.logprobs for row in rows):
                found.entropies[name] = metrics.chat_surprisals(rows)
            elif not chat and name in known and any(row.tokens for row in rows):
                known[name].check_wrote(options)
                found.post_hooks[name] = partial(found._score, bos=options.get("bos"))
        results.check_same_documents({name: [row.id for row in rows] for name, rows in found.rows.items()})
        return found

    def _score(self, model: LanguageModel, bos: bool | None) -> None:
        self.entropies[model.name] = metrics.completion_entropies(model, self.rows[model.name], bos=bos)

    def json(self, vectors: Embedder, statistics: Statistics) -> dict[str, Any]:
        """SemScore, diversity (of the true continuations too) and entropy of each system."""
        first = next(iter(self.rows.values()))
        texts = {name: [(row.id, row.completion) for row in rows] for name, rows in self.rows.items()}
        texts["true continuation"] = [(row.id, row.reference) for row in first]
        return {
            "semscore": results.semscore_json(metrics.semscore(self.rows, vectors), statistics),
            "diversity": {
                name: results.diversity_json(metrics.diversity(*zip(*pairs, strict=True)), statistics)
                for name, pairs in texts.items()
            },
            "entropy": {name: results.entropy_json(e, statistics) for name, e in self.entropies.items()},
        }


def _learning_curves(
    models: Sequence[ModelSpec | Service], runs: Mapping[str, Path]
) -> dict[str, list[dict[str, Any]]]:
    """Rows of `metrics.jsonl`: of models that lie in their runs where these have logged a loss, and of `runs`."""
    found = {}
    for model in models:
        origin = find_origin(model.adapter or model.source) if isinstance(model, ModelSpec) else None
        rows = Run.open(origin.run).metrics() if origin else []
        if any("loss" in row or "validation_loss" in row for row in rows):
            found[model.name] = rows
    return {**found, **{name: Run.open(path).metrics() for name, path in runs.items()}}


def _results(
    found: Mapping[str, Mapping[str, Losses]], scoring: ScoringOptions, statistics: Statistics
) -> tuple[dict[str, Any], dict[str, tuple[str, Comparison]]]:
    """The data of `report.json` without completions, and of each test set the main form and its comparison."""
    models = next(iter(found.values()))
    data: dict[str, Any] = {
        "models": {
            name: {"options": row.public_options, "notes": list(row.notes)} for name, row in models.items()
        },
        "tests": {}, "statistics": statistics.plain(), "scoring": scoring.plain(),
    }  # fmt: skip
    compared = {}
    for test, losses in found.items():
        form = results.main_form(losses)
        data["tests"][test], forms = results.perplexity_results(losses, statistics)
        compared[test] = (form, forms[form])
    if len(found) > 1 and len(models) > 1:
        data["matrix"] = results.matrix_json(data["tests"])
    return data, compared


def _page(
    data: Mapping[str, Any],
    tests: Mapping[str, Sequence[Document]],
    compared: Mapping[str, tuple[str, Comparison]],
    entropies: Mapping[str, metrics.Entropies],
    curves: Mapping[str, Sequence[Mapping[str, Any]]],
    folder: Path,
) -> reports.Page:
    """The page, each section with its plot, which is drawn into `folder`."""
    names = list(data["models"])
    title = ", ".join(names) if len(names) <= 4 else f"{names[0]} and {len(names) - 1} others"
    page = reports.Page(f"Evaluation of {title}")
    page.add(*results.opening_section(data, tests))
    if "matrix" in data:  # the overview, before its parts
        page.add(*results.matrix_section(data["matrix"]), _matrix_picture(data["matrix"], folder))
    level = data["statistics"]["level"]
    for test, (form, comparison) in compared.items():
        page.add(*results.perplexity_section(test, data["tests"][test]))
        path = folder / f"bootstrap-{slug(test)}.png"
        plots.bootstrap_plot(comparison, path, f"{results.WORDS[form]} on {test}")
        caption = f"Resampled values and paired differences on {test}, with {level:.0%} intervals"
        page.add(reports.Picture(path, caption))
    if "completions" in data:
        page.add(*results.completions_section(data["completions"]))
        page.add(*_entropy_pictures(entropies, folder))
    if curves:
        path = plots.learning_plot(curves, folder / "learning.png")
        page.add(reports.Heading("Learning curves"))
        page.add(reports.Picture(path, "Loss against steps: training as lines, validation as markers"))
    return page


def _matrix_picture(matrix: Mapping[str, Any], folder: Path) -> reports.Picture:
    models, tests = matrix["models"][1:], matrix["tests"]
    cells = [[matrix["change_percent"][m][t]["value"] for t in tests] for m in models]
    label = f"change of {matrix['words']} from {matrix['base']} [%]"
    path = plots.matrix_plot(np.array(cells, np.float64), models, tests, folder / "matrix.png", label)
    return reports.Picture(path, f"Transfer and forgetting: {label}; below zero is better")


def _entropy_pictures(entropies: Mapping[str, metrics.Entropies], folder: Path) -> list[reports.Picture]:
    """The picture of bits against position, if there are any; those of a service are called surprisal."""
    if not entropies:
        return []
    systems = {
        name if found.kind == "entropy" else f"{name}, surprisal": found.series()
        for name, found in entropies.items()
    }
    path = plots.entropy_plot(systems, folder / "entropy.png")
    return [reports.Picture(path, "Bits of each new token against its position")]
