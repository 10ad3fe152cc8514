"""A regular expression, and the texts that may hurt it, made from the pattern as `re` parses it."""

from __future__ import annotations

import functools
import importlib
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

# How `re` itself reads a pattern.
codes: Any = importlib.import_module("re._constants")
parser: Any = importlib.import_module("re._parser")
_OFTEN = 16
# What a repetition or a whole text may be made of.
_PALETTE = " \n\t1a0A.,;:-+*/=()[]{}<>|_^~'\"\\$#!?éΛ±×→„漢\xa0"
_PLAIN = (
    " ",
    "\n",
    "a",
    "A",
    "1",
    "a ",
    "1 ",
    "1.",
    "1,",
    "a-",
    "a_",
    "(",
    "a, ",
    "1 a ",
    "\n ",
    "a\n",
    "漢",
    "-",
    ".",
    "[",
    "*",
    "a1",
)
TAILS = ("", "\0", "a", "1")


@dataclass(frozen=True)
class Pattern:
    """A pattern, where it is written, and whether it is only tried at the beginning of a text."""

    place: str
    text: str | bytes
    flags: int
    one_place: bool

    @functools.cached_property
    def compiled(self) -> re.Pattern[Any]:
        """As `re` runs it."""
        return re.compile(self.text, self.flags)

    @functools.cached_property
    def unbounded(self) -> bool:
        """Whether it repeats anything very often, at any depth."""
        return any(most > _OFTEN for _, _, most in _repeated(list(parser.parse(self.text, self.flags)), ""))

    def run(self, text: str | bytes) -> None:
        """Find everything that it finds in a text, as the package would."""
        if self.one_place:
            self.compiled.match(text)
            self.compiled.fullmatch(text)
        else:
            for _ in self.compiled.finditer(text):
                pass


def texts(pattern: Pattern) -> list[tuple[str, str, str]]:
    """What is said once, what is said again and again after it, and how it ends."""
    tree = parser.parse(pattern.text, pattern.flags)
    found: dict[tuple[str, str], None] = {("", plain): None for plain in _PLAIN}
    for before, body, _ in _repeated(list(tree), ""):
        for again in _bodies(body):
            found[before, again] = None
            found["", before + again] = None
            found["", before + again * 3 + " "] = None
    for begin in _beginnings(list(tree)):
        found["", begin] = None
        found["", begin + " "] = None
    return [(before, again, tail) for before, again in found if again for tail in TAILS]


def _repeated(items: Sequence[tuple[Any, Any]], before: str) -> Iterator[tuple[str, list[Any], int]]:
    """What each repetition repeats, with the shortest text that leads to it, and how often at most."""
    for code, value in items:
        inner: list[list[Any]] = []
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            if value[1] > 3:
                yield before, list(value[2]), int(value[1])
            inner = [list(value[2])]
        elif code is codes.SUBPATTERN:
            inner = [list(value[3])]
        elif code is codes.ATOMIC_GROUP:
            inner = [list(value)]
        elif code is codes.BRANCH:
            inner = [list(one) for one in value[1]]
        elif code in (codes.ASSERT, codes.ASSERT_NOT):
            inner = [list(value[1])]
        elif code is codes.GROUPREF_EXISTS:
            inner = [list(one) for one in value[1:] if one]
        for one in inner:
            yield from _repeated(one, before)
        before += _shortest([(code, value)])


def _beginnings(items: Sequence[tuple[Any, Any]]) -> Iterator[str]:
    """The shortest text of the first parts of a pattern, for each number of them, and of each alternative."""
    text = ""
    for code, value in items:
        parts = []
        if code is codes.BRANCH:
            parts = [list(one) for one in value[1][:40]]
        elif code is codes.SUBPATTERN:
            parts = [list(value[3])]
        elif code is codes.ATOMIC_GROUP:
            parts = [list(value)]
        elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            parts = [list(value[2])]
        for one in parts:
            for begin in _beginnings(one):
                yield text + begin
        text += _shortest([(code, value)])
        yield text


def _bodies(body: list[tuple[Any, Any]]) -> Iterator[str]:
    """Texts that a repeated part matches: each character of a class, each alternative, with and without what is optional."""
    if len(body) == 1:
        code, value = body[0]
        if code is codes.SUBPATTERN:
            yield from _bodies(list(value[3]))
            return
        if code is codes.BRANCH:
            for one in value[1][:12]:
                yield from _bodies(list(one))
            return
        if code in (codes.IN, codes.NOT_LITERAL, codes.ANY):
            yield from itertools.islice(_characters((code, value)), 6)
            return
    yield _shortest(body)
    yield _shortest(body, optional=True)
    for index, (code, value) in enumerate(body):
        if code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            for again in itertools.islice(_bodies(list(value[2])), 3):
                yield _shortest(body[:index]) + again * 3 + _shortest(body[index + 1 :])


def _characters(item: tuple[Any, Any]) -> Iterator[str]:
    """Characters that one part of a pattern matches, plain ones first."""
    code, value = item
    if code is codes.ANY:
        yield from " a1."
    elif code is codes.LITERAL:
        yield chr(value)
    elif code is codes.NOT_LITERAL:
        yield from (one for one in " a1.,-" if ord(one) != value)
    elif code is codes.IN:
        yield from (one for one in _PALETTE if _is_in(one, value))
        if value[0][0] is not codes.NEGATE:
            yield from (
                chr(v if c is codes.LITERAL else v[0]) for c, v in value if c in (codes.LITERAL, codes.RANGE)
            )


_CATEGORIES: dict[Any, Callable[[str], bool]] = {
    codes.CATEGORY_DIGIT: str.isdecimal,
    codes.CATEGORY_NOT_DIGIT: lambda one: not one.isdecimal(),
    codes.CATEGORY_SPACE: str.isspace,
    codes.CATEGORY_NOT_SPACE: lambda one: not one.isspace(),
    codes.CATEGORY_WORD: lambda one: one.isalnum() or one == "_",
    codes.CATEGORY_NOT_WORD: lambda one: not one.isalnum() and one != "_",
}


def _is_in(one: str, items: Sequence[tuple[Any, Any]]) -> bool:
    """Whether a character is of a class."""
    negated = items[0][0] is codes.NEGATE
    for code, value in items:
        if (
            (code is codes.LITERAL and ord(one) == value)
            or (code is codes.RANGE and value[0] <= ord(one) <= value[1])
            or (code is codes.CATEGORY and _CATEGORIES[value](one))
        ):
            return not negated
    return negated


def _shortest(items: Sequence[tuple[Any, Any]], optional: bool = False) -> str:
    """A short text that the parts match, with what is optional once if so wished; assertions are not heeded."""
    text = ""
    for code, value in items:
        if code in (codes.LITERAL, codes.NOT_LITERAL, codes.IN, codes.ANY):
            text += next(
                (one for one in _characters((code, value)) if one not in " \n\t"),
                next(_characters((code, value)), ""),
            )
        elif code in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
            text += _shortest(list(value[2]), optional) * max(value[0], int(optional))
        elif code is codes.SUBPATTERN:
            text += _shortest(list(value[3]), optional)
        elif code is codes.ATOMIC_GROUP:
            text += _shortest(list(value), optional)
        elif code is codes.BRANCH:
            text += _shortest(list(value[1][0]), optional)
    return text
