"""One report on several models: perplexities with intervals, paired differences, transfer, completions, plots."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.corpus.extras import require
from yukawa.corpus.rows import Document
from yukawa.embedding import open_embedder
from yukawa.embedding.base import Embedder
from yukawa.errors import InputError
from yukawa.evaluation import perplexity
from yukawa.evaluation.chapters import (
    completions_chapter,
    matrix_chapter,
    opening_chapter,
    perplexity_chapter,
)
from yukawa.evaluation.completions import Completion, read_completions
from yukawa.evaluation.entropy import Entropies, Textures, chat_surprisals, completion_entropies, textures
from yukawa.evaluation.measuring import Manner, Progress, Subject, Tell, Work, measure, slug
from yukawa.evaluation.models import LanguageModel
from yukawa.evaluation.pages import Heading, Page, Picture
from yukawa.evaluation.perplexity import Losses
from yukawa.evaluation.plots import bootstrap_plot, entropy_plot, learning_plot, matrix_plot
from yukawa.evaluation.semscore import SemScores, semscore
from yukawa.evaluation.shares import holm
from yukawa.evaluation.statistics import (
    LEVEL,
    RESAMPLES,
    Comparison,
    Sample,
    check_options,
    compare,
    estimate,
)
from yukawa.evaluation.texts import by_archive
from yukawa.files import atomic_write, report_write_errors
from yukawa.runs import Run

WORDS = {
    "document_perplexity": "perplexity, mean over documents",
    "corpus_perplexity": "perplexity of the corpus",
    "bits_per_byte": "bits per byte",
}


@dataclass(frozen=True, slots=True)
class Statistics:
    """How intervals are made; as for `compare`.

    Raises:
        InputError: an option is out of range.
    """

    level: float = LEVEL
    resamples: int = RESAMPLES
    seed: int = 0

    def __post_init__(self) -> None:
        check_options(self.level, resamples=self.resamples)


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
    subjects: Sequence[Subject],
    tests: Mapping[str, Sequence[Document]],
    out: Path,
    *,
    manner: Manner | None = None,
    archives: bool = False,
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
        subjects: the models.
        tests: documents by the test set's name.
        out: a folder, made if need be.
        manner: how documents are measured.
        archives: divide the documents of all test sets by the archive of their primary category.
        completions: files of completions by the system's name; entropies need a model of that name.
        embedder: for SemScore; see `yukawa.embedding.open_embedder`.
        runs: folders of training runs by name, for learning curves.
        statistics: how intervals are made.
        progress: called with tokens done and all tokens.
        tell: called with a line as each model begins.

    Raises:
        InputError: something is missing, empty or named twice.
        MissingPackage: torch, transformers or matplotlib is not installed.
        ModelError: a model cannot be opened or measured.
        StoreError: the folder cannot be written.
    """
    # What is wrong shall be told before hours have passed.
    require("matplotlib", "a report")
    how, folder = statistics or Statistics(), Path(out)
    tests = by_archive(tests) if archives else tests
    written = {name: read_completions(path) for name, path in (completions or {}).items()}
    same_documents({name: [row.id for row in rows] for name, (_, _, rows) in written.items()})
    model_of_meaning = open_embedder(embedder) if written else None
    curves = {name: Run.open(path).metrics() for name, path in (runs or {}).items()}
    with report_write_errors(folder):
        (folder / "plots").mkdir(parents=True, exist_ok=True)
    entropies: dict[str, Entropies] = {}
    work = _entropy_work(subjects, written, entropies)
    found = measure(
        subjects, tests, manner=manner, keep=folder / "losses", work=work, progress=progress, tell=tell
    )
    page = Page(f"Evaluation of {', '.join(subject.name for subject in subjects)}")
    data: dict[str, Any] = {
        "models": _models(found), "tests": {}, "statistics": asdict(how), "manner": asdict(manner or Manner()),
    }  # fmt: skip
    page.add(*opening_chapter(data, tests))
    for test, losses in found.items():
        data["tests"][test], compared = _test(losses, how)
        form = _main_form(losses)
        plot = bootstrap_plot(
            compared[form], folder / "plots" / f"bootstrap-{slug(test)}.png", f"{WORDS[form]} on {test}"
        )
        page.add(*perplexity_chapter(test, data["tests"][test], WORDS), Picture(
            plot, f"Resampled figures on {test} with {how.level:.0%} intervals"
        ))  # fmt: skip
    if len(found) > 1 and len(subjects) > 1:
        data["matrix"] = _matrix(data["tests"])
        page.add(*matrix_chapter(data["matrix"]), _matrix_picture(data["matrix"], folder))
    if model_of_meaning is not None:
        rows = {name: rows for name, (_, _, rows) in written.items()}
        data["completions"] = _completions(rows, entropies, model_of_meaning, how)
        page.add(*completions_chapter(data["completions"]))
        if entropies:
            courses = {name: value.course() for name, value in entropies.items()}
            page.add(
                Picture(
                    entropy_plot(courses, folder / "plots" / "entropy.png"),
                    "Bits of each new token against its position",
                )
            )
    if curves:
        page.add(Heading("Learning curves"))
        page.add(Picture(learning_plot(curves, folder / "plots" / "learning.png"), "Loss against steps"))
    _write(folder, page, data)
    return Report(folder, data)


def compared_json(
    samples: Mapping[str, Sample],
    how: Statistics,
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> tuple[dict[str, Any], Comparison]:
    """Estimates and differences of systems as JSON, p-values corrected by Holm for the number of pairs."""
    found = compare(samples, level=how.level, resamples=how.resamples, seed=how.seed, pairs=pairs)
    corrected = holm([row.p_permutation for row in found.differences.values()])
    rows = [
        {"first": first, "second": second, **plain(asdict(row)), "p_holm": p}
        for ((first, second), row), p in zip(found.differences.items(), corrected, strict=True)
    ]
    estimates = {name: plain(asdict(row)) for name, row in found.estimates.items()}
    return {"estimates": estimates, "differences": rows}, found


def plain(value: Any) -> Any:
    """A value as JSON can hold it: what is not finite becomes null."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def perplexity_json(losses: Mapping[str, Losses], how: Statistics) -> dict[str, Any]:
    """Figures and differences of models on one test set, as in a report."""
    return _test(losses, how)[0]


def _test(losses: Mapping[str, Losses], how: Statistics) -> tuple[dict[str, Any], dict[str, Comparison]]:
    """All of one test set, and the comparison of each form."""
    first = next(iter(losses.values()))
    alike = _same_tokens(losses)
    forms, compared = {}, {}
    for form in perplexity.FORMS:
        samples = {name: row.sample(form) for name, row in losses.items()}
        # Perplexities of different tokens are different things; only bits per byte then mean the same.
        none: list[tuple[str, str]] | None = None if alike or form == "bits_per_byte" else []
        forms[form], compared[form] = compared_json(samples, how, pairs=none)
    data = {
        "documents": len(first.ids), "bytes": {name: int(row.bytes.sum()) for name, row in losses.items()},
        "tokens": {name: int(row.tokens.sum()) for name, row in losses.items()},
        "long_documents": {name: row.long for name, row in losses.items()}, "same_tokens": alike, "forms": forms,
    }  # fmt: skip
    return data, compared


def _same_tokens(losses: Mapping[str, Losses]) -> bool:
    rows = [row.tokens for row in losses.values()]
    return all(np.array_equal(row, rows[0]) for row in rows)


def _main_form(losses: Mapping[str, Losses]) -> str:
    return "document_perplexity" if _same_tokens(losses) else "bits_per_byte"


def _models(found: Mapping[str, Mapping[str, Losses]]) -> dict[str, Any]:
    rows = next(iter(found.values()))
    return {
        name: {"options": {k: v for k, v in row.options.items() if k != "asked"}, "notes": list(row.notes)}
        for name, row in rows.items()
    }


def _matrix(tests: Mapping[str, Any]) -> dict[str, Any]:
    """Every model on every test set, and its change from the first model, in percent."""
    alike = all(test["same_tokens"] for test in tests.values())
    form = "document_perplexity" if alike else "bits_per_byte"
    names = list(next(iter(tests.values()))["forms"][form]["estimates"])
    base = names[0]
    values = {n: {t: row["forms"][form]["estimates"][n]["value"] for t, row in tests.items()} for n in names}
    changes: dict[str, dict[str, Any]] = {name: {} for name in names[1:]}
    for test, row in tests.items():
        scale = 100 / values[base][test]
        for pair in row["forms"][form]["differences"]:
            if pair["first"] == base:
                ends = {k: None if pair[k] is None else pair[k] * scale for k in ("value", "low", "high")}
                changes[pair["second"]][test] = {**ends, "p": pair["p_permutation"]}
    cells = [cell for row in changes.values() for cell in row.values()]
    for cell, p in zip(cells, holm([cell["p"] for cell in cells]), strict=True):
        cell["p_holm"] = p
    return {
        "form": form, "words": WORDS[form], "base": base, "tests": list(tests), "models": names, "values": values,
        "change_percent": changes,
    }  # fmt: skip


def _matrix_picture(matrix: Mapping[str, Any], folder: Path) -> Picture:
    models, tests = matrix["models"][1:], matrix["tests"]
    values = np.array([[matrix["change_percent"][m][t]["value"] for t in tests] for m in models], np.float64)
    label = f"change of {matrix['words']} from {matrix['base']} [%]"
    path = matrix_plot(values, models, tests, folder / "plots" / "matrix.png", label)
    return Picture(path, f"Transfer and forgetting: {label}; below zero is better")


Written = Mapping[str, tuple[str, dict[str, Any], list[Completion]]]


def _entropy_work(subjects: Sequence[Subject], written: Written, found: dict[str, Entropies]) -> Work:
    """Scores completions while their model is open; those of services come with log-probabilities or without."""
    names = {subject.name for subject in subjects}
    for name, (_, options, rows) in written.items():
        if options.get("chat") and any(row.logprobs for row in rows):
            found[name] = chat_surprisals(rows)
    local = {
        name for name, (_, options, rows) in written.items()
        if name in names and not options.get("chat") and any(row.tokens for row in rows)
    }  # fmt: skip

    def score(model: LanguageModel) -> None:
        _, options, rows = written[model.name]
        found[model.name] = completion_entropies(model, rows, bos=options.get("bos"))

    return Work(frozenset(local), score)


def _completions(
    rows: Mapping[str, Sequence[Completion]],
    entropies: Mapping[str, Entropies],
    embedder: Embedder,
    how: Statistics,
) -> dict[str, Any]:
    found: dict[str, Any] = {"semscore": semscore_json(semscore(rows, embedder), how)}
    first = next(iter(rows.values()))
    texts = {name: [row.completion for row in some] for name, some in rows.items()}
    looks = {name: textures([row.id for row in rows[name]], some) for name, some in texts.items()}
    looks["true continuation"] = textures([row.id for row in first], [row.reference for row in first])
    found["texture"] = {name: texture_json(look, how) for name, look in looks.items()}
    found["entropy"] = {name: entropy_json(value, how) for name, value in entropies.items()}
    return found


def semscore_json(scores: Mapping[str, SemScores], how: Statistics) -> dict[str, Any]:
    """SemScores of systems with differences; FeynTune's form beside."""
    same_documents({name: score.ids for name, score in scores.items()})
    forms = {
        form: compared_json({name: score.sample(form) for name, score in scores.items()}, how)[0]
        for form in ("continuation", "whole")
    }
    return {
        "embedder": next(iter(scores.values())).embedder, "documents": len(next(iter(scores.values())).ids),
        "empty": {name: score.empty for name, score in scores.items()}, **forms,
    }  # fmt: skip


def same_documents(ids: Mapping[str, Sequence[str]]) -> None:
    """Refuse systems that completed different documents.

    Raises:
        InputError: names two such systems.
    """
    names = list(ids)
    for name in names[1:]:
        if set(ids[name]) != set(ids[names[0]]):
            raise InputError(
                f"{names[0]} and {name} completed different documents",
                hint="let each of them complete the same test set",
            )


def texture_json(look: Textures, how: Statistics) -> dict[str, Any]:
    """Means with intervals of how varied texts are, and shares with artefacts."""
    return {
        **{
            name: plain(asdict(estimate(look.sample(name), level=how.level, resamples=how.resamples, seed=how.seed)))
            for name in look.values
        },
        "artefacts": look.shares(how.level),
    }  # fmt: skip


def entropy_json(value: Entropies, how: Statistics) -> dict[str, Any]:
    """Mean bits a token with its interval, and the course over positions."""
    course = value.course()
    mean = estimate(value.sample(), level=how.level, resamples=how.resamples, seed=how.seed)
    return {
        "kind": "surprisal" if value.entropies is None else "entropy", "completions": len(value.ids),
        "bits_per_token": plain(asdict(mean)),
        "course": {
            "position": course.positions.tolist(), "mean": course.mean.tolist(),
            "error": [plain(float(error)) for error in course.error], "count": course.count.tolist(),
        },
    }  # fmt: skip


def _write(folder: Path, page: Page, data: Mapping[str, Any]) -> None:
    atomic_write(
        folder / "report.json", json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )
    atomic_write(folder / "report.html", page.html())
    atomic_write(folder / "report.md", page.markdown(folder))
