"""One report on several models: perplexities with intervals, paired differences, transfer, completions, plots."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.core.files import atomic_write, report_write_errors
from yukawa.core.plotting import matplotlib
from yukawa.core.reports import Block, Heading, Page, Picture
from yukawa.core.statistics import Comparison
from yukawa.data.rows import Document
from yukawa.embedding import open_embedder
from yukawa.embedding.base import Embedder
from yukawa.evaluation.completions import Completion, read_completions
from yukawa.evaluation.documents import by_archive
from yukawa.evaluation.entropy import Entropies, chat_surprisals, completion_entropies, textures
from yukawa.evaluation.perplexity import Losses
from yukawa.evaluation.plots import bootstrap_plot, entropy_plot, learning_plot, matrix_plot
from yukawa.evaluation.report_sections import (
    completions_chapter,
    matrix_chapter,
    opening_chapter,
    perplexity_chapter,
)
from yukawa.evaluation.results import (
    WORDS,
    Statistics,
    entropy_json,
    main_form,
    matrix_json,
    perplexity_figures,
    same_documents,
    semscore_json,
    texture_json,
)
from yukawa.evaluation.runner import Manner, Progress, Subject, Tell, Work, measure, slug
from yukawa.evaluation.semscore import semscore
from yukawa.evaluation.served_models import Service
from yukawa.llm.folders import find_origin
from yukawa.llm.loading import LanguageModel
from yukawa.runs.run import Run


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, and where it lies.

    Attributes:
        folder: holds `report.md`, `report.html`, `report.json`, `plots/` and `losses/`.
        data: the content of `report.json`.
    """

    folder: Path
    data: dict[str, Any]


def make_report(
    subjects: Sequence[Subject | Service],
    tests: Mapping[str, Sequence[Document]],
    out: Path,
    *,
    manner: Manner | None = None,
    archives: bool = False,
    limit: int | None = None,
    completions: Mapping[str, Path] | None = None,
    embedder: str = "minilm",
    runs: Mapping[str, Path] | None = None,
    statistics: Statistics | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> Report:
    """Measure models on test sets and write Markdown, HTML, JSON and plots into `out`.

    The first model is what the others are held against in the matrix of test sets. Losses are kept in `out`: an
    interrupted call goes on with the next model.

    Args:
        subjects: the models; learning curves of those that lie in their run's folder are drawn.
        tests: documents by the test set's name.
        out: a folder, made if need be.
        manner: how documents are measured.
        archives: divide the documents of all test sets by the archive of their primary category.
        limit: only the first so many documents of each test set, those of archives included.
        completions: files of completions by the system's name; entropies need a model of that name.
        embedder: for SemScore; see `yukawa.embedding.open_embedder`.
        runs: folders of more training runs by name, for learning curves.
        statistics: how intervals are made.
        progress: called with tokens done and all tokens.
        tell: called with a line as each model begins.

    Raises:
        InputError: something is missing, empty or named twice.
        MissingPackage: torch, transformers or matplotlib is not installed.
        ModelError: a model cannot be opened or measured.
        StoreError: the folder cannot be written.
    """
    matplotlib()  # what is wrong shall be told before hours have passed
    how, folder = statistics or Statistics(), Path(out)
    tests = by_archive(tests, limit) if archives else {name: some[:limit] for name, some in tests.items()}
    written = _Written.read(completions or {}, subjects, embedder)
    curves = _curves(subjects, runs or {})
    with report_write_errors(folder):
        (folder / "plots").mkdir(parents=True, exist_ok=True)
    kept, work = folder / "losses", written.work
    found = measure(subjects, tests, manner=manner, keep=kept, work=work, progress=progress, tell=tell)
    data, compared = _figures(found, written, manner or Manner(), how)
    page = Page(f"Evaluation of {_called([subject.name for subject in subjects])}")
    page.add(*opening_chapter(data, tests))
    _add_chapters(page, data, compared, written.entropies, curves, _Pictures(folder / "plots"))
    _write(folder, page, data)
    return Report(folder, data)


def _add_chapters(
    page: Page,
    data: Mapping[str, Any],
    compared: Mapping[str, tuple[str, Comparison]],
    entropies: Mapping[str, Entropies],
    curves: Mapping[str, Sequence[Mapping[str, Any]]],
    pictures: _Pictures,
) -> None:
    """What was found, each part with its picture."""
    if "matrix" in data:  # the whole at a glance, before its parts
        page.add(*matrix_chapter(data["matrix"]), pictures.matrix(data["matrix"]))
    for test, (form, comparison) in compared.items():
        page.add(*perplexity_chapter(test, data["tests"][test], WORDS))
        page.add(pictures.bootstrap(test, form, comparison, data["statistics"]["level"]))
    if "completions" in data:
        page.add(*completions_chapter(data["completions"]), *pictures.entropy(entropies))
    if curves:
        page.add(Heading("Learning curves"), pictures.learning(curves))


def _called(names: Sequence[str]) -> str:
    """The models for a title."""
    return ", ".join(names) if len(names) <= 4 else f"{names[0]} and {len(names) - 1} others"


@dataclass(slots=True)
class _Written:
    """Completions by the system's name, and what else the report needs to know of them.

    Attributes:
        options: how those of each system were made.
        rows: the completions.
        embedder: for SemScore; None where there are no completions.
        work: scores completions while their model is open.
        entropies: found by now.
    """

    options: dict[str, dict[str, Any]]
    rows: dict[str, list[Completion]]
    embedder: Embedder | None
    work: Work = field(default_factory=Work)
    entropies: dict[str, Entropies] = field(default_factory=dict)

    @classmethod
    def read(
        cls, files: Mapping[str, Path], subjects: Sequence[Subject | Service], embedder: str
    ) -> _Written:
        """The completions in the files; those of services come with log-probabilities or without."""
        found = {name: read_completions(path) for name, path in files.items()}
        written = cls(
            {name: options for name, (_, options, _) in found.items()},
            {name: rows for name, (_, _, rows) in found.items()},
            open_embedder(embedder) if found else None,
        )
        same_documents({name: [row.id for row in rows] for name, rows in written.rows.items()})
        local: set[str] = set()
        known = {subject.name: subject for subject in subjects if isinstance(subject, Subject)}
        for name, rows in written.rows.items():
            chat = written.options[name].get("chat")
            if chat and any(row.logprobs for row in rows):
                written.entropies[name] = chat_surprisals(rows)
            elif not chat and name in known and any(row.tokens for row in rows):
                known[name].check_wrote(written.options[name])
                local.add(name)
        written.work = Work(frozenset(local), written.score)
        return written

    def score(self, model: LanguageModel) -> None:
        """Entropies of what this model wrote."""
        rows, bos = self.rows[model.name], self.options[model.name].get("bos")
        self.entropies[model.name] = completion_entropies(model, rows, bos=bos)


def _curves(
    subjects: Sequence[Subject | Service], runs: Mapping[str, Path]
) -> dict[str, list[dict[str, Any]]]:
    """Rows of `metrics.jsonl`: of models that lie in their runs where these have logged a loss, and of `runs`."""
    found = {}
    for subject in subjects:
        origin = find_origin(subject.adapter or subject.source) if isinstance(subject, Subject) else None
        rows = Run.open(origin.run).metrics() if origin else []
        if any("loss" in row or "validation_loss" in row for row in rows):
            found[subject.name] = rows
    return {**found, **{name: Run.open(path).metrics() for name, path in runs.items()}}


def _figures(
    found: Mapping[str, Mapping[str, Losses]], written: _Written, manner: Manner, how: Statistics
) -> tuple[dict[str, Any], dict[str, tuple[str, Comparison]]]:
    """All of `report.json`, and of each test set the main form and the comparison by it."""
    models = next(iter(found.values()))
    data: dict[str, Any] = {
        "models": {
            name: {"options": {k: v for k, v in row.options.items() if k != "asked"}, "notes": list(row.notes)}
            for name, row in models.items()
        },
        "tests": {}, "statistics": asdict(how), "manner": asdict(manner),
    }  # fmt: skip
    compared = {}
    for test, losses in found.items():
        form = main_form(losses)
        data["tests"][test], forms = perplexity_figures(losses, how)
        compared[test] = (form, forms[form])
    if len(found) > 1 and len(models) > 1:
        data["matrix"] = matrix_json(data["tests"])
    if written.embedder is not None:
        data["completions"] = _completions(written, written.embedder, how)
    return data, compared


def _completions(written: _Written, embedder: Embedder, how: Statistics) -> dict[str, Any]:
    rows = written.rows
    texts = {name: [row.completion for row in some] for name, some in rows.items()}
    looks = {name: textures([row.id for row in rows[name]], some) for name, some in texts.items()}
    first = next(iter(rows.values()))
    looks["true continuation"] = textures([row.id for row in first], [row.reference for row in first])
    return {
        "semscore": semscore_json(semscore(rows, embedder), how),
        "texture": {name: texture_json(look, how) for name, look in looks.items()},
        "entropy": {name: entropy_json(value, how) for name, value in written.entropies.items()},
    }


@dataclass(frozen=True, slots=True)
class _Pictures:
    """Draws the plots of a report into its folder."""

    folder: Path

    def bootstrap(self, test: str, form: str, comparison: Comparison, level: float) -> Picture:
        path = self.folder / f"bootstrap-{slug(test)}.png"
        bootstrap_plot(comparison, path, f"{WORDS[form]} on {test}")
        return Picture(
            path, f"Resampled figures and paired differences on {test}, with {level:.0%} intervals"
        )

    def matrix(self, matrix: Mapping[str, Any]) -> Picture:
        models, tests = matrix["models"][1:], matrix["tests"]
        cells = [[matrix["change_percent"][m][t]["value"] for t in tests] for m in models]
        label = f"change of {matrix['words']} from {matrix['base']} [%]"
        path = matrix_plot(np.array(cells, np.float64), models, tests, self.folder / "matrix.png", label)
        return Picture(path, f"Transfer and forgetting: {label}; below zero is better")

    def entropy(self, entropies: Mapping[str, Entropies]) -> list[Block]:
        """The picture of entropies against position, if there are any; of a service they are surprisals."""
        if not entropies:
            return []
        courses = {
            f"{name}, surprisal" if value.entropies is None else name: value.course()
            for name, value in entropies.items()
        }
        path = entropy_plot(courses, self.folder / "entropy.png")
        return [Picture(path, "Bits of each new token against its position")]

    def learning(self, curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> Picture:
        return Picture(
            learning_plot(curves, self.folder / "learning.png"),
            "Loss against steps: training as lines, validation as marks",
        )


def _write(folder: Path, page: Page, data: Mapping[str, Any]) -> None:
    atomic_write(
        folder / "report.json", json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )
    atomic_write(folder / "report.html", page.html())
    atomic_write(folder / "report.md", page.markdown(folder))
