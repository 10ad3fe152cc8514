"""Keys and passwords that this process has read, kept out of every message, trace and reply.

A server may send back what it was sent, whole or in part, in another case or code: what has been read once is never shown.
Texts are compared by their letters and digits alone, in lower case. Each piece of a few characters of a secret, of its reverse
and of its usual codes is looked for, and each stretch of a text that consists of such pieces is masked whole.
"""

import base64
import html
import json
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

SHOWN = "[secret]"
"""The text that replaces a secret."""
_RUN = 6  # letters or digits in a row that give a secret away
_CODED = 12  # the same where each letter is written as a number, of which texts of physics have many
_SHORTEST = 4  # shorter ones would take ordinary words with them
_GAP = 16  # what is further apart than this many other characters does not belong together
_READ = 100_000  # characters of a text of which a few hundred are shown
# The shapes of API keys: a value that looks like one is never shown, whether it was read here or not.
SHAPES = re.compile(
    r"(?<![A-Za-z0-9])(?:sk|pk|gsk|hf|xai|nvapi|bearer)[-_ ]\S{1,200}|AIza\S{1,200}|ghp_\S{1,200}",
    re.IGNORECASE,
)
_WORD = re.compile(rf"{re.escape(SHOWN)}|[^\W_]+")
_CODES = (
    "{:02x}",
    "x{:02x}",
    "0x{:02x}",
    "u{:04x}",
    "u{:x}",
    "{:03o}",
    "{:d}",
)  # of a byte: hexadecimal, as in languages, octal, decimal


class _Known:
    """Secrets, and what gives them away; never changed, so that every thread sees a whole one.

    Args:
        values: the secrets.
    """

    def __init__(self, values: frozenset[str]) -> None:
        self.values = values
        self.runs: dict[int, set[str]] = {}  # by their length
        self.alone: set[str] = set()  # short secrets, which count where they are words of their own
        for value in values:
            for text in _written(value):
                self._add(text, _RUN, short=True)
            for made in {value, value[::-1], value.upper(), value.lower()}:  # which a code does not show
                for text in _in_base64(made):
                    self._add(text, _RUN)
                for code in _CODES:
                    self._add("".join(map(code.format, _data(made))), _CODED)
        self.ordered = sorted(set().union(*self.runs.values()))
        self.longest = max(self.runs, default=0)

    def _add(self, form: str, length: int, *, short: bool = False) -> None:
        """Note one form of a secret and its reverse, in pieces of this length."""
        forwards, _ = _normal(form)
        length = min(length, len(forwards))
        if length < _SHORTEST:
            return
        for text in (forwards, forwards[::-1]):
            pieces = {text[i : i + length] for i in range(len(text) - length + 1)}
            self.runs.setdefault(length, set()).update(pieces)
            if short and length < _RUN:
                self.alone |= pieces

    def stretches(self, text: str, normal: str, places: list[int]) -> Iterator[tuple[int, int]]:
        """Begin and end of each stretch of `text` that consists of pieces of secrets."""
        hits = sorted(
            (i, i + length)
            for length, runs in self.runs.items()
            for i in range(len(normal) - length + 1)
            if (run := normal[i : i + length]) in runs
            and not (run in self.alone and _in_a_word(text, places[i], places[i + length - 1]))
        )
        begin = end = 0
        for first, last in hits:
            if first < end:
                end = max(end, last)
                continue
            if end:
                yield places[begin], places[end - 1] + 1
            begin, end = first, last
        if end:
            yield places[begin], places[end - 1] + 1

    def may_begin(self, tail: str) -> bool:
        """Whether a piece of a secret begins with `tail`, or is it if only what follows it were known."""
        at = bisect_left(self.ordered, tail)
        if tail not in self.alone and self.ordered[at : at + 1] == [tail]:
            at += 1
        return at < len(self.ordered) and self.ordered[at].startswith(tail)


_known = _Known(frozenset())


def keep_secret(value: str) -> str:
    """Note a key or password that was just read, and return it; one of less than four letters and digits cannot be hidden."""
    global _known
    if value not in _known.values:
        _known = _Known(_known.values | {value})
    return value


def redacted(text: str) -> str:
    """`text` without the secrets that were noted."""
    return Redactor().piece(text, ended=True)


def redacted_values(value: Any) -> Any:
    """What becomes JSON, without secrets in its texts; redacted as a whole it might be JSON no more."""
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {redacted_values(key): redacted_values(item) for key, item in value.items()}
    return [redacted_values(item) for item in value] if isinstance(value, list | tuple) else value


def shortened(text: str, longest: int = 300) -> str:
    """One line of what others wrote: redacted before it is cut, which would leave half a secret."""
    line = " ".join(redacted(text[:_READ]).split())
    return line if len(line) <= longest else f"{line[:longest]}..."


class Redactor:
    """Redacts a text that comes in pieces: a secret may be broken between two of them."""

    def __init__(self) -> None:
        self._held = (
            ""  # the end of what came, from one character before the place where a secret may have begun
        )
        self._done = 0  # how much of it was shown, or masked

    def piece(self, text: str, *, ended: bool = False) -> str:
        """What can be shown by now; all there is, if the text has ended."""
        known, text, at = _known, self._held + text, self._done
        if not known.ordered:
            self._held, self._done = "", 0
            return text[at:]
        normal, places = _normal(text)
        begun = len(text)
        if not ended:
            tails = range(min(known.longest, len(normal)), 0, -1)
            begun = next((places[-size] for size in tails if known.may_begin(normal[-size:])), begun)
        shown = []
        for begin, end in known.stretches(text, normal, places):
            if begin >= begun:
                break
            if begin >= at:  # or it continues what was masked
                shown += [text[at:begin], SHOWN]
            at = end
        shown.append(text[at:begun])
        kept = max(begun - 1, 0)
        self._held, self._done = text[kept:], max(at, begun) - kept
        return "".join(shown)

    def rest(self) -> str:
        """What was held back when the text has ended."""
        return self.piece("", ended=True)


def _normal(text: str) -> tuple[str, list[int]]:
    """The letters and digits of a text in lower case, and the place of each in it; a blank where a secret cannot continue."""
    letters, places, end = [], list[int](), 0
    for found in _WORD.finditer(text):
        word, begin = found[0], found.start()
        if begin - end > _GAP or word == SHOWN:
            letters.append(" ")
            places.append(begin)
        if word != SHOWN:
            letters.append(word)
            places.extend(range(begin, found.end()))
        end = found.end()
    if len(text) - end > _GAP:
        letters.append(" ")
        places.append(len(text))
    joined = "".join(letters)
    if (
        not joined.isascii()
    ):  # wide and mathematical letters are letters too; some have forms of two characters
        joined = "".join(unicodedata.normalize("NFKC", letter)[0].lower()[0] for letter in joined)
    return joined.lower(), places


def _in_a_word(text: str, first: int, last: int) -> bool:
    """Whether a letter or digit stands next to the characters from `first` to `last`."""
    return text[max(first - 1, 0) : first].isalnum() or text[last + 1 : last + 2].isalnum()


def _data(value: str) -> bytes:
    return value.encode("utf-8", "surrogateescape")  # which the environment may hold


def _written(value: str) -> set[str]:
    """A secret as it is, and as it is written in an address, in an address within an address, in JSON and in HTML."""
    quoted = quote(_data(value), safe="")
    return {value, quote(_data(value)), quoted, quote(quoted), json.dumps(value)[1:-1], html.escape(value)}


def _in_base64(value: str) -> Iterator[str]:
    """The code of a secret that begins a text or is within one: less the characters that depend on its neighbours too."""
    for before in range(3):
        data = bytes(before) + _data(value)
        yield base64.b64encode(data).decode()[-(-before * 8 // 6) : len(data) * 8 // 6]
