"""Reads what can be taught from a file: Markdown, plain text, or the text layer of a PDF."""

import re
import sys
from pathlib import Path

from yukawa.core.errors import InputError, require
from yukawa.knowledge.items import MAX_BYTES, checked_text

MAX_PDF_BYTES = 200_000_000
STDIN = "-"
_PDF = b"%PDF-"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
# pdfium marks a hyphen at a line's end by U+FFFE or U+0002; the word continues in the next line.
_HYPHEN = re.compile("[\ufffe\x02]\\s*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")


def read_document(path: str | Path) -> str:
    """The text of a file (`-` is standard input), whose kind is found from its content and not from its name.

    Raises:
        InputError: no such file, a folder, a binary file, text that is not UTF-8 or larger than 5 MB, an
            encrypted or damaged PDF or one without a text layer.
        MissingPackage: a PDF needs `pypdfium2`.
    """
    name = "standard input" if str(path) == STDIN else str(path)
    data = _bytes(path, name)
    if data.startswith(_PDF):
        return checked_text(_pdf_text(data, name), name)
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{name} holds more than {MAX_BYTES:,} bytes, the most that can be taught at once",
            hint="split it into parts",
        )
    return checked_text(_decoded(data, name), name)


def _bytes(path: str | Path, name: str) -> bytes:
    try:
        if str(path) == STDIN:
            return _head(sys.stdin.buffer)
        if Path(path).is_dir():
            raise InputError(f"{name} is a folder", hint="name a file in it")
        with Path(path).open("rb") as file:
            return _head(file)
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror or error}") from None
    except ValueError:  # a null character in the name
        raise InputError(f"{name!r} is not a file name") from None


def _head(file: object) -> bytes:
    """The file, or enough of it to see that it is too large."""
    read = file.read  # type: ignore[attr-defined]
    data: bytes = read(MAX_BYTES + 1)
    return data + read(MAX_PDF_BYTES) if data.startswith(_PDF) else data


def _decoded(data: bytes, name: str) -> str:
    hint = f"type: iconv -f LATIN1 -t UTF-8 {name if name != 'standard input' else 'FILE'} > utf8.txt, with its real encoding"
    if data.startswith(_UTF_16):
        raise InputError(f"{name} is UTF-16, not UTF-8 (byte 0)", hint=hint.replace("LATIN1", "UTF-16"))
    if (place := data.find(b"\0")) >= 0:
        raise InputError(
            f"{name} is a binary file (zero byte at {place})",
            hint="give UTF-8 text, Markdown or a PDF with a text layer",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder counts from behind a byte order mark.
        start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        raise InputError(
            f"{name} is not UTF-8: byte 0x{data[start]:02X} at offset {start}", hint=hint
        ) from None


def _pdf_text(data: bytes, name: str) -> str:
    pdfium = require("pypdfium2", "reading a PDF")
    try:
        document = pdfium.PdfDocument(data)
        try:
            pages = [_page_text(document[number]) for number in range(len(document))]
        finally:
            document.close()
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            raise InputError(f"{name} is an encrypted PDF", hint="save it without a password") from None
        raise InputError(f"{name} is a damaged PDF", hint="save it anew") from None
    text = "\n\n".join(pages).strip()
    if not text:
        raise InputError(
            f"{name} is a PDF without a text layer, such as a scan",
            hint="run text recognition on it first, such as ocrmypdf",
        )
    return text


def _page_text(page: object) -> str:
    """One page's text layer; words that were cut at a line's end are joined."""
    text: str = page.get_textpage().get_text_bounded()  # type: ignore[attr-defined]
    return _CONTROL.sub(" ", _HYPHEN.sub("", text.replace("\r\n", "\n"))).strip()
