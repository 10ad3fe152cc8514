"""What a run of the data engine made, in figures: the funnel with its reasons, the calls and their cost, the tree of questions."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from yukawa.core.reports import Bullets, Heading, Page, Paragraph, Table
from yukawa.data.engine.likeness import features
from yukawa.data.engine.tables import ACCEPTED, WorkStore, calls, candidates, evidence, pairs, reviews

_REASONS, _DEEPEST = 12, 4
_OF_TREE = 80  # lines


def figures(store: WorkStore) -> dict[str, Any]:
    """Everything that the report shows, as JSON."""
    with store.read() as connection:
        found = [
            dict(row)
            for row in connection.execute(sa.select(candidates).order_by(candidates.c.id)).mappings()
        ]
        answers = [dict(row) for row in connection.execute(sa.select(pairs).order_by(pairs.c.id)).mappings()]
        columns = (
            calls.c.role,
            calls.c.state,
            calls.c.sent,
            calls.c.prompt_tokens,
            calls.c.completion_tokens,
            calls.c.seconds,
        )
        made = [
            dict(row) for row in connection.execute(sa.select(*columns)).mappings()
        ]  # without their texts
        of_accepted = sa.select(sa.func.count()).join_from(evidence, pairs).where(pairs.c.state.in_(ACCEPTED))
        quotes = connection.execute(of_accepted).scalar() or 0
        judged = Counter(connection.execute(sa.select(reviews.c.verdict)).scalars())
    asked = [row for row in found if row["state"] != "seed"]
    accepted = [row for row in answers if row["state"] in ACCEPTED]
    tokens = sum(row["prompt_tokens"] + row["completion_tokens"] for row in made)
    return {
        "candidates": dict(sorted(Counter(row["state"] for row in asked).items())),
        "reasons": dict(
            Counter(_kind(row["reason"]) for row in asked if row["reason"]).most_common(_REASONS)
        ),
        "pairs": dict(sorted(Counter(row["state"] for row in answers).items())),
        "domains": dict(sorted(Counter(row["domain"] for row in accepted).items())),
        "read": sum(bool(features(row["question"]).keys) for row in accepted),
        "quotations": quotes,
        "calls": _calls(made),
        "tokens": tokens,
        "seconds": round(sum(row["seconds"] for row in made), 1),
        "tokens_per_pair": round(tokens / len(accepted), 1) if accepted else None,
        "reviews": dict(sorted(judged.items())),
    }


def _kind(reason: str) -> str:
    """A reason without what is special to one question."""
    return reason.partition(":")[0]


def _calls(made: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """Calls by role and state; `sent` counts those sent again after an interruption twice."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in made:
        found[row["role"]][row["state"]] += 1
        found[row["role"]]["sent"] += row["sent"]
    return {role: dict(sorted(counts.items())) for role, counts in sorted(found.items())}


def write_report(folder: Path) -> dict[str, Any]:
    """Write `report.md`, `report.html` and `report.json` into the folder of a run, and return the figures.

    Raises:
        NotFound: the folder is not a run of the data engine.
        StoreError: the disk refuses.
    """
    store = WorkStore(folder)
    try:
        data = figures(store)
        page = Page(f"Data engine: {Path(folder).resolve().name}")
        page.add(*report_blocks(data), Heading("Tree of questions"), Bullets(tree(store)))
        page.write(Path(folder), data)
        return data
    finally:
        store.close()


def report_blocks(data: Mapping[str, Any]) -> list[Any]:
    """The report without its tree."""
    accepted = sum(data["pairs"].get(state, 0) for state in ACCEPTED)
    found: list[Any] = [
        Heading("Funnel"),
        Table(("candidates", "number"), [(name, f"{count:,}") for name, count in data["candidates"].items()]),
        Table(("pairs", "number"), [(name, f"{count:,}") for name, count in data["pairs"].items()]),
        Table(
            ("dropped because", "number"), [(name, f"{count:,}") for name, count in data["reasons"].items()]
        ),
        Paragraph(
            f"Of {accepted:,} pairs, {data['read']:,} ask what Yukawa reads as a plan. Every sentence of an answer rests on a "
            f"verbatim quotation, but for what reviewers wrote: {data['quotations']:,} in all."
        ),
        Heading("Fields"),
        Table(("field", "pairs"), [(name, f"{count:,}") for name, count in data["domains"].items()]),
    ]
    if data["calls"]:
        states = ("done", "refused", "failed", "queued", "sent")
        rows = [
            (role, *(f"{counts.get(state, 0):,}" for state in states))
            for role, counts in data["calls"].items()
        ]
        cost = f"{data['tokens']:,} tokens, {data['tokens_per_pair']} per accepted pair; {data['seconds']:,} s of waiting for replies."
        found += [Heading("Calls of the model"), Table(("role", *states), rows), Paragraph(cost)]
    if data["reviews"]:
        rows = [(verdict, f"{count:,}") for verdict, count in data["reviews"].items()]
        found += [Heading("Review"), Table(("verdict", "number"), rows)]
    return found


def tree(store: WorkStore, most: int = _OF_TREE) -> list[str]:
    """The questions that were asked, each indented below the one whose answer raised it, with the number of questions it raised."""
    with store.read() as connection:
        rows = [
            dict(row)
            for row in connection.execute(sa.select(candidates).order_by(candidates.c.id)).mappings()
        ]
    below: dict[int | None, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        if row["round"] is not None:
            below[row["parent_id"]].append(row)
    lines: list[str] = []
    left = [(row, 0) for row in reversed(below[None])]
    while left:
        row, depth = left.pop()
        raised = f" ({len(row['raised'])} raised)" if row["raised"] else ""
        state = "" if row["state"] in ("answered", "seed") else f" [{row['state']}]"
        lines.append(f"{'· ' * min(depth, _DEEPEST)}{row['question']}{state}{raised}")
        left += [(child, depth + 1) for child in reversed(below[row["id"]])]
    return lines if len(lines) <= most else [*lines[:most], f"and {len(lines) - most:,} more"]
