"""A report as Markdown and as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_CSS = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "table{border-collapse:collapse;margin:1rem 0;font-size:.92em;display:block;overflow-x:auto}"
    "th,td{border:1px solid #ccc;padding:.3rem .6rem;text-align:left;font-variant-numeric:tabular-nums}"
    "th{background:#f3f3f3}img{max-width:100%;height:auto}figure{margin:1rem 0}figcaption{color:#555;font-size:.92em}"
)


@dataclass(frozen=True, slots=True)
class Heading:
    """A section's title."""

    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Plain text."""

    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Cells of plain text."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG within the report's folder, with an SVG of the same name beside it."""

    path: Path
    caption: str


Block = Heading | Paragraph | Table | Picture


@dataclass(slots=True)
class Page:
    """A title and blocks in order."""

    title: str
    blocks: list[Block] = field(default_factory=list)

    def add(self, *blocks: Block) -> None:
        """Put blocks at the end."""
        self.blocks += blocks

    def markdown(self, folder: Path) -> str:
        """As Markdown; pictures are linked relative to `folder`."""
        return "\n\n".join([f"# {_escaped(self.title)}", *(_markdown(b, folder) for b in self.blocks)]) + "\n"

    def html(self) -> str:
        """As one HTML file with its pictures inside, no script and nothing loaded from elsewhere."""
        title = html.escape(self.title)
        body = "\n".join([f"<h1>{title}</h1>", *map(_html, self.blocks)])
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<style>{_CSS}</style></head>\n<body>\n{body}\n</body></html>\n"
        )


def markdown_table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table whose cells are Markdown already; a vertical bar in a cell remains one."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def _markdown(block: Block, folder: Path) -> str:
    if isinstance(block, Heading):
        return f"## {_escaped(block.text)}"
    if isinstance(block, Paragraph):
        return _escaped(block.text)
    if isinstance(block, Picture):
        return f"![{_escaped(block.caption)}]({block.path.relative_to(folder).as_posix()})"
    lines = [list(block.head), ["---"] * len(block.head), *block.rows]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in line) + " |" for line in lines)


def _escaped(text: str) -> str:
    # A square bracket means something only before a round one, and `<` only before a letter.
    return re.sub(r"[\\`*_|]|\](?=\()|<(?=\S)", r"\\\g<0>", text)


def _html(block: Block) -> str:
    if isinstance(block, Heading):
        return f"<h2>{html.escape(block.text)}</h2>"
    if isinstance(block, Paragraph):
        return f"<p>{html.escape(block.text)}</p>"
    if isinstance(block, Picture):
        data = base64.b64encode(block.path.with_suffix(".svg").read_bytes()).decode()
        caption = html.escape(block.caption)
        return (
            f'<figure><img alt="{caption}" src="data:image/svg+xml;base64,{data}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in block.head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>\n" for row in block.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table>"
