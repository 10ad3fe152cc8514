"""One report on several models: perplexities with intervals, paired differences, transfer, completions, plots."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

import numpy as np

from yukawa.core import plotting, reports
from yukawa.core.errors import InputError
from yukawa.core.files import check_made_folder, expanded, report_write_errors
from yukawa.core.manifest import MANIFEST
from yukawa.core.processes import Progress
from yukawa.core.settings import ModelSettings
from yukawa.core.statistics import Comparison
from yukawa.data.rows import Document
from yukawa.embedding import open_embedder
from yukawa.embedding.base import Embedder
from yukawa.evaluation import completion_metrics as metrics
from yukawa.evaluation import plots, results
from yukawa.evaluation.completions import Completion, read_completion_files
from yukawa.evaluation.perplexity import Losses
from yukawa.evaluation.recipe import EvaluationRecipe, Statistics
from yukawa.evaluation.runner import ModelSpec, OnMessage, PostHook, by_archive, measure, read_documents, slug
from yukawa.evaluation.served_models import Service
from yukawa.llm.folders import find_origin
from yukawa.llm.loading import LanguageModel
from yukawa.runs.run import DATA, ENVIRONMENT, RECIPE, Run

LOSSES = "losses"
_MADE = ((LOSSES,), ("report.json", "report.html", "report.md", "plots", RECIPE, ENVIRONMENT, DATA))


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
    """Measure models on test sets as a recipe says, and write Markdown, HTML, JSON and plots into a run's folder.

    The run records the recipe and the hashes of its inputs. The matrix of test sets shows changes from the first
    model; learning curves of models that lie in their run's folder are drawn. The same folder may be used again:
    losses that were measured with the same options are not measured again, so that an interrupted call resumes with
    the next model, and the newest recipe is the one that is recorded.

    Args:
        recipe: the models, the test sets and the options.
        folder: of the run, made if need be.
        services: the rows of `yukawa.toml`.
        progress: called with tokens done and all tokens.
        on_message: called with a line as each model begins.

    Raises:
        InputError: a service has no row, a file cannot be read, or something is empty or named twice; the folder holds
            what no evaluation wrote.
        MissingPackage: torch, transformers or matplotlib is not installed.
        ModelError: a model cannot be opened or measured.
        StoreError: the folder cannot be written.
    """
    plotting.matplotlib()  # a missing package is reported before hours have passed
    check_made_folder(Path(folder), *_MADE)
    folder, files = Path(folder), [Path(file) for file in recipe.completions]
    models, tests = find_models(recipe, services or {}), read_tests(recipe)
    written = _Completions.read(files, models)
    vectors = open_embedder(recipe.embedder) if files else None
    curves = _learning_curves(models, recipe.runs)
    with report_write_errors(folder):
        (folder / LOSSES).mkdir(parents=True, exist_ok=True)
        (folder / "plots").mkdir(exist_ok=True)
    losses = measure(
        models, tests, scoring=recipe.scoring, cache=folder / LOSSES, post_hooks=written.post_hooks,
        progress=progress, on_message=on_message,
    )  # fmt: skip
    data, compared = _results(losses, recipe)
    if vectors is not None:
        data["completions"] = written.json(vectors, recipe.statistics)
    _page(data, tests, compared, written.entropies, curves, folder / "plots").write(folder, data)
    places = [expanded(place) for place in recipe.tests.values()]
    inputs = [file for place in places for file in (place, place / MANIFEST) if file.is_file()]
    (folder / RECIPE).unlink(missing_ok=True)
    Run.create(folder, recipe.plain(), [*inputs, *files])
    return Report(folder, data)


def find_models(recipe: EvaluationRecipe, services: Mapping[str, ModelSettings]) -> list[ModelSpec | Service]:
    """The models of a recipe, none of which is opened, and its services from the rows of `yukawa.toml`.

    Raises:
        InputError: there is no such row, or it names no server.
    """
    rows = find_rows(recipe.services, services)
    loading = recipe.loading.model_dump()
    models = [ModelSpec.parse(f"{name}={place}", **loading) for name, place in recipe.models.items()]
    return [*models, *map(Service, rows)]


def find_rows(names: Iterable[str], rows: Mapping[str, ModelSettings]) -> list[ModelSettings]:
    """The rows of `yukawa.toml` of these names.

    Raises:
        InputError: there is no such row.
    """
    for name in names:
        if name not in rows:
            raise InputError(f"yukawa.toml has no model {name!r}", hint=f"there are: {', '.join(rows)}")
    return [rows[name] for name in names]


def read_tests(recipe: EvaluationRecipe) -> dict[str, list[Document]]:
    """The documents of a recipe, by the test set's name or by archive.

    Raises:
        InputError: as for `read_documents` and `by_archive`.
    """
    # By archive, the first documents of a file may be of one archive only: it is divided before it is cut.
    limit = None if recipe.by_archive else recipe.limit
    places = recipe.tests.items()
    tests = {name: read_documents(Path(place), split=recipe.split, limit=limit) for name, place in places}
    return by_archive(tests, recipe.limit) if recipe.by_archive else tests


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
    def read(cls, files: Sequence[Path], models: Sequence[ModelSpec | Service]) -> Self:
        """The completions in the files; those of services come with log-probabilities or without."""
        found = cls()
        known = {model.name: model for model in models if isinstance(model, ModelSpec)}
        for name, (options, rows) in read_completion_files(files).items():
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
    models: Sequence[ModelSpec | Service], runs: Mapping[str, str]
) -> dict[str, list[dict[str, Any]]]:
    """Rows of `metrics.jsonl`: of models that lie in their runs where these have logged a loss, and of `runs`."""
    found = {}
    for model in models:
        origin = find_origin(model.adapter or model.source) if isinstance(model, ModelSpec) else None
        rows = Run.open(origin.run).metrics() if origin else []
        if any("loss" in row or "validation_loss" in row for row in rows):
            found[model.name] = rows
    return {**found, **{name: Run.open(Path(path)).metrics() for name, path in runs.items()}}


def _results(
    found: Mapping[str, Mapping[str, Losses]], recipe: EvaluationRecipe
) -> tuple[dict[str, Any], dict[str, tuple[str, Comparison]]]:
    """The data of `report.json` without completions, and of each test set the main form and its comparison."""
    models = next(iter(found.values()))
    data: dict[str, Any] = {
        "models": {
            name: {"options": row.public_options, "notes": list(row.notes)} for name, row in models.items()
        },
        "tests": {}, "statistics": recipe.statistics.plain(), "scoring": recipe.scoring.plain(),
    }  # fmt: skip
    compared = {}
    for test, losses in found.items():
        form = results.main_form(losses)
        data["tests"][test], forms = results.perplexity_results(losses, recipe.statistics)
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
