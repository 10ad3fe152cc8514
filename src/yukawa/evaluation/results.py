"""Metrics of several models as JSON, and the sections of a report that show them as tables and sentences."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from yukawa.core.bootstrap import FEWEST
from yukawa.core.errors import InputError
from yukawa.core.reports import Heading, Paragraph, ReportBlock, Table, plain
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
_PAIRS = 15  # of more, only those with the first are shown: nobody finds the true ones among so many
_NAMES = 3  # more of one kind are counted, not listed


def compared_json(
    samples: Mapping[str, Sample], how: Statistics, *, pairs: Sequence[tuple[str, str]] | None = None
) -> tuple[dict[str, Any], Comparison]:
    """Estimates and differences of systems as JSON, p-values corrected by Holm for the number of pairs."""
    found = compare(samples, **how.plain(), pairs=pairs)
    adjusted = corrected([row.p_permutation for row in found.differences.values()])
    rows = [
        {"first": first, "second": second, **plain(row), "p_holm": p}
        for ((first, second), row), p in zip(found.differences.items(), adjusted, strict=True)
    ]
    return {"estimates": plain(found.estimates), "differences": rows}, found


def corrected(p_values: Sequence[float | None]) -> list[float | None]:
    """P-values after Holm's correction; None where there was no test."""
    found = holm([math.nan if p is None else p for p in p_values])
    return [None if math.isnan(p) else p for p in found]


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
                changes[pair["second"]][test] = {**ends, "method": pair["method"], "p": pair["p_permutation"]}
    cells = [cell for row in changes.values() for cell in row.values()]
    for cell, p in zip(cells, corrected([cell["p"] for cell in cells]), strict=True):
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
            name: {"texts": int(sample.numerators.sum()), **plain(estimate(sample, **how.plain()))}
            for name, sample in found.shares().items()
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


def opening_section(data: Mapping[str, Any], tests: Mapping[str, Sequence[Any]]) -> list[ReportBlock]:
    """The models, the test sets and the statistics."""
    how, rows = data["statistics"], []
    for name, model in data["models"].items():
        options = model["options"]
        rows.append([
            name, str(options.get("model", "")), str(options.get("adapter") or ""), options.get("dtype", ""),
            _yes(options.get("load_in_4bit")), _yes(options["bos"]), _yes(options["eos"]),
            str(options["context"] or "unlimited"),
        ])  # fmt: skip
    sets = ", ".join(f"{name} ({len(documents):,} documents)" for name, documents in tests.items())
    notes = [
        Paragraph(f"{name}: {note}.") for name, model in data["models"].items() for note in model["notes"]
    ]
    return [
        Paragraph(f"Test sets: {sets}."),
        Table(["model", "weights", "adapter", "dtype", "4 bit", "BOS", "EOS scored", "context"], rows),
        *notes,
        Paragraph(
            f"Intervals at {how['level']:.0%} are of bootstrap-t over documents with {how['resamples']:,} resamples, within "
            "the range of the measure; of shares they are exact. Differences are paired by document; p-values are of a "
            "permutation test that exchanges the two models within documents, corrected by Holm for the number of pairs "
            f"of models. Fewer than {FEWEST} documents have neither."
        ),
    ]


def perplexity_section(test: str, data: Mapping[str, Any]) -> list[ReportBlock]:
    """Metrics of each model on one test set, and the differences."""
    forms = data["forms"]
    names = list(forms["bits_per_byte"]["estimates"])
    rows = [
        [
            name,
            *(with_interval(forms[form]["estimates"][name]) for form in forms),
            f"{data['tokens'][name]:,}",
        ]
        for name in names
    ]
    blocks: list[ReportBlock] = [
        Heading(f"Perplexity on {test}"),
        Table(["model", *(WORDS[form] for form in forms), "tokens scored"], rows),
    ]
    long = data["long_documents"]
    if any(long.values()):
        counts = _by_value({name: f"{count:,}" for name, count in long.items()})
        blocks.append(
            Paragraph(
                f"Longer than the context, read in overlapping windows with every token scored once: {counts}."
            )
        )
    if not data["same_tokens"]:
        blocks.append(
            Paragraph("The models cut these texts into different tokens: compare them by bits per byte.")
        )
    unlike = data["measured_differently"]
    if unlike:
        blocks.append(
            Paragraph(
                f"The models were not measured alike ({'; '.join(_unlike(*row) for row in unlike.items())}), which "
                "explains part of their differences. Options such as --dtype, --4bit and --bos make them equal."
            )
        )
    for form in forms:
        if forms[form]["differences"]:
            blocks += differences(forms[form]["differences"], f"Differences in {WORDS[form]}")
    return blocks


def differences(rows: Sequence[Mapping[str, Any]], title: str = "Differences") -> list[ReportBlock]:
    """Paired differences with their intervals and p-values; of many systems only those from the first."""
    first = rows[0]["first"]
    shown = [row for row in rows if row["first"] == first] if len(rows) > _PAIRS else rows
    if len(shown) < len(rows):
        title += f", from {first} only: JSON holds all {len(rows)} pairs, for which p (Holm) is corrected"
    head = ["second minus first", "difference", "p", "p (Holm)"]
    cells = [
        [
            f"{row['second']} − {row['first']}", with_interval(row, signed=True),
            *(probability(row[key]) for key in ("p_permutation", "p_holm")),
        ]
        for row in shown
    ]  # fmt: skip
    return [Paragraph(f"{title}:"), Table(head, cells)]


def matrix_section(matrix: Mapping[str, Any]) -> list[ReportBlock]:
    """Every model on every test set."""
    tests, base = matrix["tests"], matrix["base"]
    values = [[name, *(f"{matrix['values'][name][t]:.4g}" for t in tests)] for name in matrix["models"]]
    changes = [[name, *(_change(row[t]) for t in tests)] for name, row in matrix["change_percent"].items()]
    return [
        Heading("Transfer and forgetting"),
        Paragraph(f"Each model on each test set: {matrix['words']}."),
        Table(["model", *tests], values),
        Paragraph(
            f"Change from {base} in percent, with its interval (the base's value taken as exact); below zero is "
            "better. A star: p < 0.05 after Holm's correction for all cells."
        ),
        Table(["model", *tests], changes),
    ]


def completions_section(data: Mapping[str, Any]) -> list[ReportBlock]:
    """SemScore, variety, artefacts and entropy."""
    score, rows = data["semscore"], data["diversity"]
    blocks: list[ReportBlock] = [
        Heading("Completions"),
        Paragraph(
            f"SemScore of {score['documents']:,} completions by {score['embedder']}: cosine with the true "
            "continuation; of whole abstracts, as FeynTune has it, lifted by the half that both share."
        ),
        semscores(score),
    ]
    if score["continuation"]["differences"]:
        blocks += differences(score["continuation"]["differences"])
    metrics = [name for name in next(iter(rows.values())) if name != "artefacts"]
    kinds = list(next(iter(rows.values()))["artefacts"])
    blocks += [
        Paragraph(
            "Variety: entropy of the words' own frequencies in bits, different n-grams, longest repeat:"
        ),
        Table(
            ["text of", *map(_spaced, metrics)],
            [[name, *(with_interval(row[metric]) for metric in metrics)] for name, row in rows.items()],
        ),
        Paragraph(
            "Texts with metadata that does not belong to an abstract, in percent, with exact intervals:"
        ),
        Table(
            ["text of", *map(_spaced, kinds)],
            [[name, *(share(row["artefacts"][kind]) for kind in kinds)] for name, row in rows.items()],
        ),
    ]
    if data["entropy"]:
        bits = [
            [name, row["kind"], with_interval(row["bits_per_token"]), f"{row['completions']:,}"]
            for name, row in data["entropy"].items()
        ]
        blocks.append(Table(["model", "of new tokens", "bits per token", "completions"], bits))
    return blocks


def diversity_table(found: Mapping[str, Mapping[str, Any]]) -> Table:
    """Entropy, variety and artefacts of completions in brief, one row per model."""
    metrics = ("words", "word_entropy", "distinct_2", "longest_repeat")
    cells = [
        [name, with_interval(row["entropy"]["bits_per_token"]) if "entropy" in row else "–",
         *(with_interval(row["diversity"][metric]) for metric in metrics),
         share(row["diversity"]["artefacts"]["any"])]
        for name, row in found.items()
    ]  # fmt: skip
    return Table(["model", "bits per token", *map(_spaced, metrics), "% with artefacts"], cells)


def semscores(score: Mapping[str, Any]) -> Table:
    """SemScores of systems, FeynTune's form beside ours."""
    forms = ("continuation", "whole")
    rows = [
        [name, *(with_interval(score[form]["estimates"][name]) for form in forms), str(empty)]
        for name, empty in score["empty"].items()
    ]
    return Table(["model", "SemScore of the continuation", "of the whole abstract", "empty"], rows)


def code_section(found: Mapping[str, Any]) -> list[ReportBlock]:
    """Shares of decay cards that are right, and their paired differences from the first writer."""
    marks = list(next(iter(found["shares"].values())))
    shares = [
        [name, *(with_interval(row[mark]) for mark in marks), str(found["refused"][name])]
        for name, row in found["shares"].items()
    ]
    blocks: list[ReportBlock] = [
        Paragraph(f"{found['tasks']} sentences; shares of the cards with 95 % intervals:"),
        Table(["writer", *marks, "refused"], shares),
    ]
    if found["differences"]:
        cells = [
            [
                f"{row['second']} − {row['first']}",
                row["mark"],
                with_interval(row, signed=True),
                probability(row["p"]),
            ]
            for row in found["differences"]
        ]
        blocks.append(Table(["second minus first", "share", "difference", "p (McNemar)"], cells))
    return blocks


def with_interval(row: Mapping[str, Any], *, signed: bool = False) -> str:
    """A value with its interval, to two digits of the interval's half width."""
    value, low, high = row["value"], row["low"], row["high"]
    if value is None:
        return "–"
    sign = "+" if signed else ""
    if low is None or high is None:
        return f"{value:{sign}.4g} ({row['method']})" if row.get("method") else f"{value:{sign}.4g}"
    half = (high - low) / 2
    digits = min(max(0, 1 - math.floor(math.log10(half))), 6) if half > 0 else 4
    return f"{value:{sign}.{digits}f} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def probability(p: float | None) -> str:
    """A p-value with two digits."""
    if p is None:
        return "–"
    return "< 0.0001" if p < 0.0001 else f"{p:.2g}"


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def _yes(value: Any) -> str:
    return "yes" if value else "no"


def _unlike(words: str, values: Mapping[str, Any]) -> str:
    """Such as `dtype: float32 for base, bfloat16 for tuned`."""
    texts = {name: _yes(value) if isinstance(value, bool) else str(value) for name, value in values.items()}
    return f"{words}: {_by_value(texts)}"


def _by_value(texts: Mapping[str, str]) -> str:
    """Such as `float32 for base, bfloat16 for the other 12`."""
    groups: dict[str, list[str]] = {}
    for name, text in texts.items():
        groups.setdefault(text, []).append(name)
    most = max(groups.values(), key=len)
    said = []
    for text, names in sorted(groups.items(), key=lambda group: group[1] is most and len(most) > _NAMES):
        if names is not most or len(names) <= _NAMES:
            who = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
        else:
            who = f"the other {len(names)}" if len(groups) > 1 else f"all {len(names)}"
        said.append(f"{text} for {who}")
    return ", ".join(said)


def _change(cell: Mapping[str, Any]) -> str:
    star = " *" if cell["p_holm"] is not None and cell["p_holm"] < 0.05 else ""
    return with_interval(cell, signed=True) + star


def share(row: Mapping[str, Any]) -> str:
    """A share in percent, with its interval."""
    if row["low"] is None:
        return f"{100 * row['value']:.1f} ({row['method']})"
    return f"{100 * row['value']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
