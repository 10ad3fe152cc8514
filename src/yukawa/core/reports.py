"""Writes reports as Markdown, HTML and JSON: the same bytes for the same content."""

import base64
import dataclasses
import html
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yukawa.core.files import atomic_write

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
class Bullets:
    """A list of plain texts."""

    texts: Sequence[str]


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


ReportBlock = Heading | Paragraph | Bullets | Table | Picture


@dataclass(slots=True)
class Page:
    """A title and blocks in order."""

    title: str
    blocks: list[ReportBlock] = field(default_factory=list)

    def add(self, *blocks: ReportBlock) -> None:
        """Put blocks at the end."""
        self.blocks += blocks

    def markdown(self, folder: Path) -> str:
        """The page as Markdown; pictures are linked relative to `folder`."""
        return "\n\n".join([f"# {_escaped(self.title)}", *(_markdown(b, folder) for b in self.blocks)]) + "\n"

    def html(self) -> str:
        """The page as one HTML file that contains its pictures, has no scripts and loads nothing from elsewhere."""
        title = html.escape(self.title)
        body = "\n".join([f"<h1>{title}</h1>", *map(_html, self.blocks)])
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<style>{_CSS}</style></head>\n<body>\n{body}\n</body></html>\n"
        )

    def write(self, folder: Path, data: Any) -> None:
        """Write `report.json` with `data`, `report.html` and `report.md` into `folder`.

        Raises:
            StoreError: the disk refuses.
        """
        write_json(folder / "report.json", data)
        atomic_write(folder / "report.html", self.html())
        atomic_write(folder / "report.md", self.markdown(folder))


def write_json(path: Path, data: Any) -> None:
    """Write `data` as JSON, made plain.

    Raises:
        StoreError: the disk refuses.
    """
    atomic_write(path, json.dumps(plain(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def plain(value: Any) -> Any:
    """A value as JSON can hold it: numbers that are not finite become null, data classes and named tuples tables, arrays lists."""
    if dataclasses.is_dataclass(value):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    if hasattr(value, "_asdict"):  # named tuples
        return plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if hasattr(value, "tolist"):  # arrays and scalars of NumPy
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def markdown_table(head: Sequence[object], rows: Iterable[Sequence[object]]) -> str:
    """A table whose cells are Markdown already; a vertical bar in a cell remains one."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines
    )


def facts(rows: Mapping[str, object]) -> str:
    """A Markdown table of two columns without headings: names, and what is known by them."""
    return markdown_table(["", ""], list(rows.items()))


def in_columns(table: Table, width: int) -> list[str]:
    """A table as lines of text; where it is wider, its columns follow below each other, each with the first column."""
    columns = list(zip(table.head, *table.rows, strict=True))
    widths = [max(map(len, column)) for column in columns]
    lines: list[str] = []
    shown = [0]
    for k in [*range(1, len(columns)), None]:
        if k is not None and (len(shown) == 1 or sum(widths[j] + 2 for j in [*shown, k]) - 2 <= width):
            shown.append(k)
            continue
        lines += [""] if lines else []
        for cells in zip(*(columns[j] for j in shown), strict=True):
            lines.append(
                "  ".join(cell.ljust(widths[j]) for cell, j in zip(cells, shown, strict=True)).rstrip()
            )
        shown = [0, k or 0]
    return lines


def _markdown(block: ReportBlock, folder: Path) -> str:
    match block:
        case Heading(text):
            return f"## {_escaped(text)}"
        case Paragraph(text):
            return _escaped(text)
        case Bullets(texts):
            return "\n".join(f"- {_escaped(text)}" for text in texts)
        case Picture(path, caption):
            return f"![{_escaped(caption)}]({path.relative_to(folder).as_posix()})"
        case Table(head, rows):
            # Bars are escaped by the table itself.
            first, *others = [[_escaped(cell, special="`*_") for cell in line] for line in (head, *rows)]
            return markdown_table(first, others)


def _escaped(text: str, special: str = "`*_|") -> str:
    # A square bracket means something only before a round one, and `<` only before a letter.
    return re.sub(rf"[\\{special}]|\](?=\()|<(?=\S)", r"\\\g<0>", text)


def _html(block: ReportBlock) -> str:
    """A block of a report as HTML, with its picture in the page."""
    match block:
        case Heading(text):
            return f"<h2>{html.escape(text)}</h2>"
        case Paragraph(text):
            return f"<p>{html.escape(text)}</p>"
        case Bullets(texts):
            return "<ul>" + "".join(f"<li>{html.escape(text)}</li>" for text in texts) + "</ul>"
        case Picture(path, caption):
            data = base64.b64encode(path.with_suffix(".svg").read_bytes()).decode()
            said = html.escape(caption)
            image = f'<img alt="{said}" src="data:image/svg+xml;base64,{data}">'
            return f"<figure>{image}<figcaption>{said}</figcaption></figure>"
        case Table(head, rows):
            heads = "".join(f"<th>{html.escape(cell)}</th>" for cell in head)
            cells = ["".join(f"<td>{html.escape(cell)}</td>" for cell in row) for row in rows]
            body = "".join(f"<tr>{row}</tr>\n" for row in cells)
            return f"<table><thead><tr>{heads}</tr></thead><tbody>\n{body}</tbody></table>"
