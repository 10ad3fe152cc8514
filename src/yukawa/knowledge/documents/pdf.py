"""The text layer of a PDF as plain text: pages between form feeds, larger lines as headings."""

import re
from collections import Counter
from typing import Any

from yukawa.core.errors import InputError, require
from yukawa.knowledge.documents.plain import PAGE

# pdfium marks a hyphen at a line's end by U+FFFE or U+0002; the word continues in the next line.
_HYPHEN = re.compile("[\ufffe\x02]\\s*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
# A heading is set larger than the text by this factor at least, and short.
_LARGER, _HEADING_WORDS, _LEVELS = 1.12, 16, 3

Line = tuple[str, float]  # text and size of its type in points


def pdf_text(data: bytes, name: str) -> str:
    """The text of a PDF, a form feed between two pages, '#' before what is set as a heading.

    Raises:
        InputError: it is encrypted, damaged, or has no text layer.
        MissingPackage: `pypdfium2` is missing.
    """
    pdfium = require("pypdfium2", "reading a PDF")
    try:
        document = pdfium.PdfDocument(data)
        try:
            pages = [_lines(pdfium.raw, document[number].get_textpage()) for number in range(len(document))]
        finally:
            document.close()
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            raise InputError(f"{name} is an encrypted PDF", hint="save it without a password") from None
        raise InputError(f"{name} is a damaged PDF", hint="save it anew") from None
    levels = _heading_levels([line for page in pages for line in page])
    text = PAGE.join(_page_text(page, levels) for page in pages)
    if not text.strip():
        raise InputError(
            f"{name} is a PDF without a text layer, such as a scan",
            hint="run text recognition on it first, such as ocrmypdf",
        )
    return text


def _lines(raw: Any, page: Any) -> list[Line]:
    """The lines of a page, each with the size of its first character."""
    text: str = page.get_text_range()
    exact = (
        len(text) == page.count_chars()
    )  # else a character's place in the text is not its number on the page
    found: list[Line] = []
    place = 0
    for line in text.splitlines(keepends=True):
        if line.strip():
            first = place + len(line) - len(line.lstrip())
            size = round(raw.FPDFText_GetFontSize(page, first), 1) if exact else 0.0
            found.append((line.strip("\r\n"), size))
        else:
            found.append(("", 0.0))
        place += len(line)
    return found


def _heading_levels(lines: list[Line]) -> dict[float, int]:
    """Sizes of headings, the largest first, with their levels from 1; the commonest size is the text's."""
    sizes: Counter[float] = Counter()
    for text, size in lines:
        sizes[size] += len(text)
    if not sizes:
        return {}
    body = sizes.most_common(1)[0][0]
    larger = sorted({size for _, size in lines if body and size >= _LARGER * body}, reverse=True)
    return {size: min(level, _LEVELS) for level, size in enumerate(larger, start=1)}


def _page_text(lines: list[Line], levels: dict[float, int]) -> str:
    """One page: words cut at a line's end are joined, and so are the lines of one heading."""
    parts: list[str] = []
    heading: float | None = None
    for text, size in lines:
        level = (
            levels.get(size) if len(text.split()) <= _HEADING_WORDS and re.search(r"[^\W\d_]", text) else None
        )
        if level is None:
            parts.append(f"\n\n{text}" if heading is not None else f"\n{text}")
            heading = None
        elif heading == size:
            parts.append(f" {text.strip()}")
        else:
            parts.append(f"\n\n{'#' * level} {text.strip()}")
            heading = size
    joined = _HYPHEN.sub("", "".join(parts))
    return _CONTROL.sub(" ", joined).strip()
