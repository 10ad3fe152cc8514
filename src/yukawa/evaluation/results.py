"""Metrics of several models as JSON: estimates with intervals, paired differences, the matrix of test sets."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from yukawa.core.errors import InputError
from yukawa.core.reports import plain
from yukawa.core.statistics import Comparison, Sample, compare, estimate, holm
from yukawa.evaluation.completion_metrics import Diversity, Entropies, SemScores
from yukawa.evaluation.perplexity import FORMS, Losses
from yukawa.evaluation.recipe import Statistics

WORDS = {
    "document_perplexity": "perplexity, mean over documents",
    "corpus_perplexity": "perplexity of the corpus",
    "bits_per_byte": "bits per byte",
}

# Options that should be equal where models are compared, and what people call them.
_ALIKE = {"dtype": "dtype", "load_in_4bit": "four bits", "bos": "BOS", "eos": "EOS", "context": "context"}


def compared_json(
    samples: Mapping[str, Sample],
    how: Statistics,
    *,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> tuple[dict[str, Any], Comparison]:
    """Estimates and differences of systems as JSON, p-values corrected by Holm for the number of pairs."""
    found = compare(samples, **how.plain(), pairs=pairs)
    corrected = holm([row.p_permutation for row in found.differences.values()])
    rows = [
        {"first": first, "second": second, **plain(row), "p_holm": p}
        for ((first, second), row), p in zip(found.differences.items(), corrected, strict=True)
    ]
    return {"estimates": plain(found.estimates), "differences": rows}, found


def perplexity_json(losses: Mapping[str, Losses], how: Statistics) -> dict[str, Any]:
    """Metrics and differences of models on one test set."""
    return perplexity_results(losses, how)[0]


def perplexity_results(
    losses: Mapping[str, Losses], how: Statistics
) -> tuple[dict[str, Any], dict[str, Comparison]]:
    """`perplexity_json`, and the comparison of each form."""
    first = next(iter(losses.values()))
    alike = _same_tokens(losses)
    forms, compared = {}, {}
    for form in FORMS:
        samples = {name: row.sample(form) for name, row in losses.items()}
        # Perplexities of different tokens are different quantities; only bits per byte then mean the same.
        none: list[tuple[str, str]] | None = None if alike or form == "bits_per_byte" else []
        forms[form], compared[form] = compared_json(samples, how, pairs=none)
    data = {
        "documents": len(first.ids), "bytes": {name: int(row.bytes.sum()) for name, row in losses.items()},
        "tokens": {name: int(row.tokens.sum()) for name, row in losses.items()},
        "long_documents": {name: row.long for name, row in losses.items()}, "same_tokens": alike,
        "measured_differently": measured_differently(losses), "forms": forms,
    }  # fmt: skip
    return data, compared


def measured_differently(losses: Mapping[str, Losses]) -> dict[str, dict[str, Any]]:
    """Options that differ among the models, by their words: part of the models' difference is due to them.

    The context counts only where documents are longer than one of them.
    """
    found = {}
    for key, words in _ALIKE.items():
        values = {name: row.options[key] for name, row in losses.items() if key in row.options}
        matters = key != "context" or any(row.long for row in losses.values())
        if matters and len(set(values.values())) > 1:
            found[words] = values
    return found


def main_form(losses: Mapping[str, Losses]) -> str:
    """The form by which these models are to be compared."""
    return "document_perplexity" if _same_tokens(losses) else "bits_per_byte"


def _same_tokens(losses: Mapping[str, Losses]) -> bool:
    rows = [row.tokens for row in losses.values()]
    return all(np.array_equal(row, rows[0]) for row in rows)


def matrix_json(tests: Mapping[str, Any]) -> dict[str, Any]:
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


def semscore_json(scores: Mapping[str, SemScores], how: Statistics) -> dict[str, Any]:
    """SemScores of systems with differences; FeynTune's form beside."""
    check_same_documents({name: score.ids for name, score in scores.items()})
    first = next(iter(scores.values()))
    forms = {
        form: compared_json({name: score.sample(form) for name, score in scores.items()}, how)[0]
        for form in ("continuation", "whole")
    }
    empty = {name: score.empty for name, score in scores.items()}
    return {"embedder": first.embedder, "documents": len(first.ids), "empty": empty, **forms}


def check_same_documents(ids: Mapping[str, Sequence[str]]) -> None:
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


def diversity_json(found: Diversity, how: Statistics) -> dict[str, Any]:
    """Means with intervals of how varied texts are, and shares of texts with artefacts."""
    return {
        **{name: plain(estimate(found.sample(name), **how.plain())) for name in found.values},
        "artefacts": {
            name: {"texts": count, "share": share.value, "low": share.low, "high": share.high}
            for name, (count, share) in found.shares(how.level).items()
        },
    }


def entropy_json(found: Entropies, how: Statistics) -> dict[str, Any]:
    """Mean bits per token with its interval, and the series over positions."""
    series = found.series()
    return {
        "kind": found.kind, "completions": len(found.ids),
        "bits_per_token": plain(estimate(found.sample(), **how.plain())),
        "series": plain({"position": series.positions, "mean": series.mean, "error": series.error, "count": series.count}),
    }  # fmt: skip
