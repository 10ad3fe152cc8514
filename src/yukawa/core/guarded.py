"""Reads JSON, TOML and lines that others wrote, of bounded depth and size, with one line for what is wrong."""

import json
import math
import re
import tomllib
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from yukawa.core.errors import InputError

LONGEST_LINE = 11_000_000
"""Bytes of a line of JSON, of which a text of 5 MB, the longest that can be taught, takes no more than it has."""
LONGEST_NUMBER = 4300
"""Digits of a whole number, as many as Python reads."""
DEEPEST = 100
"""Lists and tables within each other: some readers take a time that grows with the square of it."""
# Of a few bytes JSON makes objects a hundred times as large: how many each of these makes at most, and all may together.
_PARTS, _LARGEST = {b"{": 240, b"[": 64, b",": 60}, 64 << 20
# A text ends with its quotation mark, or else with the line: nothing is looked at twice.
_QUOTED = re.compile(r"""\"(?:[^"\\]|\\.?)*+"?|'[^']*'?""")
_TEXT, _BLOCK = re.compile(rb'"[^"]*"?'), 1 << 16
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_HUGE = re.compile(r"[eE]\+?[0-9]{3}|[0-9]{64}")
_AT = re.compile(r"\(at (?:line (\d{1,9}), column \d{1,9}|end of document)\)\Z")


def parse_json(data: str | bytes, place: str) -> Any:
    """What a JSON text says: numbers that are finite, strings that are text, nested no deeper than Python reads.

    Raises:
        InputError: it is not such a text; the message begins with `place`.
    """
    try:
        text = data.decode("utf-8") if isinstance(data, bytes) else data
        may_be_infinite = _HUGE.search(text) is not None  # else the faster reading of numbers does
        found = json.loads(
            text, parse_constant=_refuse_constant, parse_float=_finite if may_be_infinite else None
        )
        if "\\u" in text:  # half a character, which no file and no database takes
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{place} is not UTF-8 text (byte {error.start})") from None
    except UnicodeEncodeError:
        raise InputError(f"{place} holds half of a character (a lone surrogate)") from None
    except RecursionError:
        raise InputError(f"{place} is nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{place} is not valid JSON: {reason_of(error)}") from None
    return found


def parse_row(line: bytes | str, place: str) -> dict[str, Any]:
    """The JSON object in `line`, of bytes in UTF-8 or text; an error message begins with `place`, such as `file:3`.

    Raises:
        InputError: the line is not UTF-8, not JSON or not an object.
    """
    row = parse_json(line, place)
    if not isinstance(row, dict):
        raise InputError(f"{place} holds {type(row).__name__}; expected a JSON object {{...}}")
    return row


def is_row(line: bytes) -> bool:
    """Whether a line is a whole JSON object; a row torn anywhere lacks its closing brace."""
    try:
        return bool(parse_row(line, ""))
    except InputError:
        return False


def parse_toml(text: str, place: str) -> dict[str, Any]:
    """What a TOML text says.

    Raises:
        InputError: it is not TOML, or is nested too deeply; the message begins with `place` and the line.
    """
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > DEEPEST and _dotted(line) > DEEPEST:
            raise InputError(
                f"{place}:{number} is nested too deeply: more than {DEEPEST} keys with dots between"
            )
    try:
        found = tomllib.loads(text)
        check_numbers(found)
        return found
    except RecursionError:
        raise InputError(f"{place} is nested too deeply") from None
    except ValueError as error:  # malformed, or a number of thousands of digits
        at = _AT.search(str(error))
        line_number = (at and at[1]) or len(text.splitlines()) or 1
        why = str(error)[: at.start()].rstrip() if at else reason_of(error)
        raise InputError(f"{place}:{line_number} is not valid TOML: {why}") from None


def _dotted(line: str) -> int:
    """The most keys in a row with dots between, as in `a.b.c = 1`; of a key all readers make one table in another."""
    longest = found = 0
    for part in _QUOTED.sub("q", line).split("."):
        found = found + 1 if _BARE.fullmatch(part.strip()) else 0
        longest = max(longest, found)
    return longest


def check_numbers(value: Any) -> None:
    """Refuse whole numbers that nobody can write out: in hexadecimal they are read however long they are.

    Raises:
        ValueError: there is one.
    """
    below = [value]
    while below:
        one = below.pop()
        if isinstance(one, dict):
            below += one.values()
        elif isinstance(one, list):
            below += one
        elif isinstance(one, int) and one.bit_length() > LONGEST_NUMBER * 3.3:
            raise ValueError(_TOO_LONG)


_TOO_LONG = f"a whole number has more than {LONGEST_NUMBER:,} digits"


def reason_of(error: Exception) -> str:
    """Why Python could not read a text, without its advice to programmers."""
    return _TOO_LONG if "integer string conversion" in str(error) else str(error)


def lines_of(readline: Callable[[int], bytes], place: str) -> Iterator[bytes]:
    """The lines that an open file gives by its `readline`, unpacked or not, each of a size that does not fill the memory.

    Raises:
        InputError: a line has more than `LONGEST_LINE` bytes, or too many lists, tables and values.
    """
    number = 0
    while line := readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise InputError(
                f"{place}:{number} has more than the {LONGEST_LINE:,} bytes of a line that are read"
            )
        if _size(line) > _LARGEST and _size_of_parts(line) > _LARGEST:
            raise InputError(f"{place}:{number} has too many lists, tables and values to be read")
        yield line


def _size(line: bytes) -> int:
    """Bytes of memory that a line takes at most when it is read, if its texts have no signs of lists and tables."""
    return sum(line.count(sign) * size for sign, size in _PARTS.items())


def _size_of_parts(line: bytes) -> int:
    """As `_size`, of what is outside the texts of a line; piece by piece, as there may be millions of texts."""
    plain = line.replace(b"\\\\", b"").replace(b'\\"', b"")
    size, opened = 0, b""
    for start in range(0, len(plain), _BLOCK):
        piece = opened + plain[start : start + _BLOCK]
        opened = b'"' if piece.count(b'"') % 2 else b""
        size += _size(_TEXT.sub(b"", piece))
    return size


def _finite(written: str) -> float:
    number = float(written)
    if math.isinf(number):
        raise ValueError(f"{written[:20]!r} begins a number that is too large")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
