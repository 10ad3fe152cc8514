"""The sections of a report: its metrics as tables and sentences for people."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from yukawa.core.reports import Block, Heading, Paragraph, Table

_PAIRS = 15  # of more, only those with the first are shown: nobody finds the true ones among so many
_NAMES = 3  # more of one kind are counted, not listed


def opening_section(data: Mapping[str, Any], tests: Mapping[str, Sequence[Any]]) -> list[Block]:
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
            f"Intervals hold the true value in {how['level']:.0%} of cases: studentized bootstrap over documents, "
            f"{how['resamples']:,} resamples. Differences are paired by document; p-values are of a permutation test "
            "that exchanges the two models within documents, corrected by Holm for the number of pairs of models."
        ),
    ]


def perplexity_section(test: str, data: Mapping[str, Any], words: Mapping[str, str]) -> list[Block]:
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
    blocks: list[Block] = [
        Heading(f"Perplexity on {test}"),
        Table(["model", *(words[form] for form in forms), "tokens scored"], rows),
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
                f"The models were not measured alike ({'; '.join(_unlike(*row) for row in unlike.items())}): part of "
                "their differences is that. Options such as --dtype, --4bit and --bos make them equal."
            )
        )
    for form in forms:
        if forms[form]["differences"]:
            blocks += differences(forms[form]["differences"], f"Differences in {words[form]}")
    return blocks


def differences(rows: Sequence[Mapping[str, Any]], title: str = "Differences") -> list[Block]:
    """Paired differences with their intervals and p-values; of many systems only those from the first."""
    first = rows[0]["first"]
    shown = [row for row in rows if row["first"] == first] if len(rows) > _PAIRS else rows
    if len(shown) < len(rows):
        title += f", from {first} only: JSON holds all {len(rows)} pairs, for which p (Holm) is corrected"
    return [Paragraph(f"{title}:"), _differences(shown)]


def _differences(rows: Sequence[Mapping[str, Any]]) -> Table:
    return Table(
        ["second minus first", "difference", "p", "p (Holm)", "p (bootstrap)"],
        [
            [
                f"{row['second']} − {row['first']}", with_interval(row, signed=True),
                *(probability(row[key]) for key in ("p_permutation", "p_holm", "p_bootstrap")),
            ]
            for row in rows
        ],
    )  # fmt: skip


def matrix_section(matrix: Mapping[str, Any]) -> list[Block]:
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


def completions_section(data: Mapping[str, Any]) -> list[Block]:
    """SemScore, variety, artefacts and entropy."""
    score, rows = data["semscore"], data["diversity"]
    blocks: list[Block] = [
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
            "Texts with metadata that does not belong to an abstract, in percent, with Wilson's interval:"
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
    """Entropy, variety and artefacts of completions in brief, a row a model."""
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


def with_interval(row: Mapping[str, Any], *, signed: bool = False) -> str:
    """A value with its interval, to two digits of the interval's half width."""
    value, low, high = row["value"], row["low"], row["high"]
    if value is None:
        return "–"
    sign = "+" if signed else ""
    if low is None or high is None:
        return f"{value:{sign}.4g}"
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
    star = " *" if cell["p_holm"] < 0.05 else ""
    return with_interval(cell, signed=True) + star


def share(row: Mapping[str, Any]) -> str:
    """A share in percent, with its interval."""
    return f"{100 * row['share']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"
