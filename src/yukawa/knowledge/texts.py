"""Texts as they may be taught: checked, and in one form for comparison."""

import re
import unicodedata

from yukawa.core.errors import InputError

MAX_BYTES = 5_000_000
# Of the control characters a text may hold tabs, line ends, and form feeds, which separate pages.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\ud800-\udfff]")
_RAISED = re.compile("([⁰¹²³⁴-⁾₀-₎]+)")


def checked_text(text: str, what: str = "the text") -> str:
    """`text` stripped, if it is text of a size that can be taught.

    Raises:
        InputError: it is empty, larger than 5 MB, or holds control characters as binary files do.
    """
    text = _stripped(text.strip(" \t\r\n").removeprefix("\ufeff"))
    if not text.strip():
        raise InputError(f"{what} is empty", hint="give at least one word")
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_BYTES:
        raise InputError(
            f"{what} has {size:,} bytes; at most {MAX_BYTES:,} can be taught at once",
            hint="split it into parts",
        )
    if found := _CONTROL.search(text):
        raise InputError(
            f"{what} is not plain text: character U+{ord(found[0]):04X} at position {found.start()}",
            hint="give UTF-8 text, Markdown or a PDF with a text layer",
        )
    return text


def normalised(text: str) -> str:
    """`text` with one form of each character and single spaces; 10⁵ stays distinct from 105."""
    pieces = _RAISED.split(text)
    pieces[::2] = [unicodedata.normalize("NFKC", piece) for piece in pieces[::2]]
    return re.sub(r"\s+", " ", "".join(pieces)).strip()


def _stripped(text: str) -> str:
    """`text` without white space around it, but for the form feeds that count empty first pages."""
    first = text[: len(text) - len(text.lstrip())]
    return "\f" * first.count("\f") + text.strip()
