"""The card of a data set: what is in it, where it came from, how it was made, as Markdown for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from yukawa.data.manifest import DatasetManifest

CARD = "card.md"
_SHOWN = 30  # categories; the manifest has all


def render_card(manifest: DatasetManifest, sections: Iterable[tuple[str, str]] = ()) -> str:
    """The text of `card.md`.

    Args:
        sections: pairs of heading and Markdown that say how the data set was made.
    """
    parts = [f"# {manifest.title}", _table(manifest)]
    parts += [f"## {heading}\n\n{text.strip()}" for heading, text in sections]
    parts += [
        "## Categories\n\n" + _counts(manifest, "categories", f"Rows by {_WHAT[manifest.kind]}."),
        "## Sources and licences\n\n"
        + _counts(manifest, "sources", "")
        + "\n\n"
        + _counts(manifest, "licences", ""),
    ]
    return "\n\n".join(parts) + "\n"


_WHAT = {
    "document": "primary category",
    "conversation": "category",
    "preference": "category",
}


def _table(manifest: DatasetManifest) -> str:
    counted = manifest.tokenizer is not None
    heads = ["split", "file", "rows", "characters", *["tokens"] * counted, "SHA-256"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for split in manifest.splits:
        tokens = [f"{split.tokens or 0:,}"] * counted
        cells = [split.name, f"`{split.path}`", f"{split.rows:,}", f"{split.characters:,}", *tokens]
        lines.append(f"| {' | '.join(cells)} | `{split.sha256[:16]}…` |")
    if counted:
        lines += ["", f"Tokens of the texts alone, counted with the tokenizer `{manifest.tokenizer}`."]
    return "\n".join(lines)


def _counts(manifest: DatasetManifest, field: str, caption: str) -> str:
    """A table of rows by the values of one field, most frequent first."""
    names = [split.name for split in manifest.splits]
    total: Counter[str] = Counter()
    for split in manifest.splits:
        total.update(getattr(split, field))
    ranked = sorted(total, key=lambda value: (-total[value], value))
    lines = [f"| {field} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for value in ranked[:_SHOWN]:
        counts = " | ".join(f"{getattr(split, field).get(value, 0):,}" for split in manifest.splits)
        lines.append(f"| {value} | {counts} |")
    if len(ranked) > _SHOWN:
        lines.append(f"| {len(ranked) - _SHOWN} more, see the manifest |{' |' * len(names)}")
    return (f"{caption}\n\n" if caption else "") + "\n".join(lines)
