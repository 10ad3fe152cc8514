"""Texts as they may be taught: checked, and in one form for comparison."""

import re
import unicodedata

from yukawa.core.errors import InputError

MAX_BYTES = 5_000_000
LONGEST_LABEL = 1000
"""Characters of a name, a source, an address or a reason."""
# Of the control characters a text may hold tabs, line ends, and form feeds, which separate pages.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\ud800-\udfff]")
_RAISED = re.compile("([⁰¹²³⁴-⁾₀-₎]+)")
# What turns the order of characters round, moves the cursor or is not seen: a reader would read another text than a program.
_UNSEEN = re.compile(
    "[\x7f-\x9f\u2028\u2029\u00ad\u034f\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\U000e0000-\U000e007f]"
)
_LINE_ENDS = re.compile("[\x85\u2028\u2029]")  # in documents; besides those of all texts
_LETTERS = re.compile(r"[^\W\d_]+")
_NUMBER = re.compile(r"\d[\d.,]*")
_OVERLAID = re.compile(r"\d[\u0300-\u036f\u0488\u0489\u20d0-\u20ff]")
# Letters of other alphabets that look like those of ours; the small Greek ones are symbols of physics, but for the omicron.
_LIKE_OURS = str.maketrans(
    "АВЕЅІЈКМНОРСТХҮԀԌаеѕіјорсхуһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΧο", "ABESIJKMHOPCTXYDGaesijopcxyhdqwABEZHIKMNOPTXo"
)
_LIKE_OURS_CHARACTERS = frozenset(map(chr, _LIKE_OURS))
# Alphabets that are written together with ours in one word: 'Δm', 'Z玻色子'.
_TOGETHER = ("LATIN", "GREEK", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "MICRO", "KELVIN", "ANGSTROM", "OHM")
_MATHEMATICAL = re.compile("[\U0001d400-\U0001d7ff]+")  # letters and digits of ours in other faces


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
    check_plain(text, what)
    return text


def check_plain(text: str, what: str) -> None:
    """Refuse control characters as binary files hold them, and halves of characters.

    Raises:
        InputError: there is one.
    """
    if found := _CONTROL.search(text):
        raise InputError(
            f"{what} is not plain text: character U+{ord(found[0]):04X} at position {found.start()}",
            hint="give UTF-8 text, Markdown or a PDF with a text layer",
        )


def checked_label(label: str, what: str) -> str:
    """A name, a source, an address or a reason as one line without characters that are not seen.

    Raises:
        InputError: it is longer than 1,000 characters, or holds control characters.
    """
    line = plain_label(label)
    check_plain(line, what)
    if len(line) > LONGEST_LABEL:
        raise InputError(
            f"{what} has {len(line):,} characters; at most {LONGEST_LABEL:,} are kept",
            hint="shorten it; what it says at length can be taught as a text",
        )
    return line


def plain_label(label: str) -> str:
    """A label on one line, without characters that are not seen."""
    return without_unseen(" ".join(label.split())).strip()


def check_legible(text: str, what: str = "the text") -> None:
    """Refuse a text that people read otherwise than programs do.

    Raises:
        InputError: it holds characters that are not seen or turn the order round, a word in letters of two alphabets that
            look alike, or a number in digits of two scripts.
    """
    if found := _UNSEEN.search(text):
        raise InputError(
            f"{what} holds the invisible character U+{ord(found[0]):04X} at position {found.start()}",
            hint="type it anew without it",
        )
    wrong = next((m[0] for m in _LETTERS.finditer(text) if not m[0].isascii() and _is_mixed(m[0])), None)
    if wrong is None:
        numbers = (m[0] for m in _NUMBER.finditer(text) if not m[0].isascii())
        wrong = next(
            (n for n in numbers if len({ord(c) - unicodedata.digit(c) for c in n if c.isdigit()}) > 1), None
        )
    if wrong is None and (found := _OVERLAID.search(text)):
        wrong = found[0]
    if wrong is not None:
        names = ", ".join(f"U+{ord(c):04X} {unicodedata.name(c, '')}" for c in wrong if not c.isascii())
        raise InputError(
            f"{what} mixes look-alike characters in {wrong!r} ({names})", hint="type it in one script"
        )


def _is_mixed(word: str) -> bool:
    """Whether a word has letters of ours and others that only look like them."""
    ours = any("LATIN" in unicodedata.name(c, "") for c in word)
    return ours and any(
        c in _LIKE_OURS_CHARACTERS or not unicodedata.name(c, "LATIN").startswith(_TOGETHER)
        for c in word
        if c.isalpha() and not c.isascii()
    )


def without_unseen(text: str) -> str:
    """`text` without the characters that are not seen, as extracted documents often hold, and with letters in plain faces."""
    return plain_faces(_UNSEEN.sub("", _LINE_ENDS.sub("\n", text)))


def plain_faces(text: str) -> str:
    """`text` with mathematical letters and digits, such as bold ones, as plain ones."""
    return _MATHEMATICAL.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)


def looks_like(text: str) -> str:
    """`text` as it looks: one form of each character, and our letters for their look-alikes."""
    return unicodedata.normalize("NFKC", _UNSEEN.sub("", text)).translate(_LIKE_OURS)


def normalised(text: str) -> str:
    """`text` with one form of each character and single spaces; 10⁵ stays distinct from 105."""
    pieces = _RAISED.split(text)
    pieces[::2] = [unicodedata.normalize("NFKC", piece) for piece in pieces[::2]]
    return re.sub(r"\s+", " ", "".join(pieces)).strip()


def _stripped(text: str) -> str:
    """`text` without white space around it, but for the form feeds that count empty first pages."""
    first = text[: len(text) - len(text.lstrip())]
    return "\f" * first.count("\f") + text.strip()
