"""Reads how often each mode of a decay happens: "60% A and 40% B", "0.6 A + 0.4 B", "A or B with weights 5 to 1", "half to A …"."""

import re
from collections.abc import Sequence

# A fraction becomes one character of a private plane before the first daughter of its mode: no word, no particle, no number.
_FIRST, _FINEST = 0xF0000, 60_000
_MARK = re.compile(f"[{chr(_FIRST)}-{chr(_FIRST + _FINEST)}]")
_NUMBER = r"\d{1,9}+(?:\.\d{1,9}+)?"
_SHARE = re.compile(
    rf"\(?\s{{0,3}}(?:\b(?:in|with|at|by) )?(?<![\d.])(?:({_NUMBER})\s{{0,3}}(?:[%％]|per ?cent\b)|per ?cent\s{{0,3}}({_NUMBER})(?![\d.%])"
    r"|(\bhalf\b|一半)|(0?\.\d{1,6}+)(?![\d.]|\s{0,3}[A-Za-z]?eV|\s?[%％]))"
    r"(?:\s{0,3}(?:of (?:the )?(?:time|decays|cases|events)|probability|的概率|概率))?\s{0,3}\)?",
    re.IGNORECASE,
)
_ARROW = re.compile(r"→|\b(?:in)?to\b|到|成为?")
_ENDS_IN_ARROW = re.compile(rf"(?:{_ARROW.pattern})\s{{0,3}}$")
_NUMBERS = re.compile(_NUMBER)
_JOIN = r"(?:;|\bor\b|\band\b|或者?|和|以及|/|(?<=\s)\+(?=\s)|\s)"
_JOINED_BEFORE, _JOINED_BEHIND = (
    re.compile(rf"(?=(?s:.){{0,60}}+$){_JOIN}{{1,12}}$"),
    re.compile(rf"^{_JOIN}{{1,12}}"),
)
# What precedes a fraction that belongs to the mode behind it.
_OPENS = re.compile(
    r"(?:^|→|[;.:]|\b(?:or|and|(?:in)?to|decays?|goes|go|where|with|then)|或者?|和|以及|到|中|有|衰变|(?<=\s)\+)\s*$",
    re.IGNORECASE,
)
_OF_PARENT = re.compile(r"\s*(?:of (?:the )?)?[^\s;→]+\s*(?:decays? |goes |go )?(?:→|\b(?:in)?to\b|到)")
_RATIO = re.compile(
    r"[;\s]{0,4}+(?:\b(?:with|in|at) )?(?:the |a |an )?(?:relative |branching )?\b(?:weights?|ratios?|fractions?|proportions?)"
    rf"(?: of| are|:|=)?\s{{1,3}}({_NUMBER}(?:\s{{0,3}}(?:to|:|/|and|;)\s{{0,3}}{_NUMBER})++)"
    rf"|[;\s]{{0,4}}+(?:权重|比例)[为是：:]?\s{{0,3}}({_NUMBER}(?:\s{{0,3}}[:：比]\s{{0,3}}{_NUMBER})++)",
    re.IGNORECASE,
)


def marked(plain: str) -> str:
    """A sentence with a mark before each mode that has a fraction; without a change where the modes are not certain.

    Args:
        plain: with arrows in one form, and semicolons for commas.
    """
    whole = [found for found in _SHARE.finditer(plain) if _value(found) == 1]
    for found in reversed(whole):  # of one mode, which needs none
        plain = f"{plain[: found.start()]} {plain[found.end() :]}"
    shares = list(_SHARE.finditer(plain))
    if not shares:
        return _with_ratio(plain)
    if whole or len(shares) == 1 or any(not 0 < _value(found) < 1 for found in shares):
        return plain
    before = _OPENS.search(plain[: shares[0].start()])
    return (_marked_behind if before else _marked_before)(plain, shares)


def share_of(gap: str) -> float | None:
    """The fraction that a mark between two particles stands for; None without a mark."""
    found = _MARK.search(gap)
    return (ord(found[0]) - _FIRST) / _FINEST if found else None


def _mark(share: float) -> str:
    return f" {chr(_FIRST + max(1, round(share * _FINEST)))} "


def _value(found: re.Match[str]) -> float:
    return 0.5 if found[3] else float(found[4]) if found[4] else float(found[1] or found[2]) / 100


def _marked_behind(plain: str, shares: Sequence[re.Match[str]]) -> str:
    """Fractions before their modes: "60% A and 40% B", "half to A and half to B"."""
    parts: list[str] = []
    last = 0
    for number, found in enumerate(shares):
        before, after = plain[last : found.start()], plain[found.end() :]
        own = _OF_PARENT.match(after)
        to = re.match(r"\s*(?:→|\b(?:in)?to\b|到|成为?)", after)
        if own and not to:  # "60% D+ → A"
            parts += [before, " ", own[0], _mark(_value(found))]
            last = found.end() + own.end()
            continue
        if number:
            before = _JOINED_BEFORE.sub("", before) + " or "
        elif not _ENDS_IN_ARROW.search(before):
            before += " → "
        parts += [before, _mark(_value(found))]
        last = found.end() + (to.end() if to else 0)
    return "".join((*parts, plain[last:]))


def _marked_before(plain: str, shares: Sequence[re.Match[str]]) -> str:
    """Fractions behind their modes: "A (90%) or B (10%)"."""
    parts: list[str] = []
    last = 0
    for number, found in enumerate(shares):
        mode = plain[last : found.start()]
        arrows = list(_ARROW.finditer(mode))
        if arrows:
            start = arrows[-1].end()
            parts += [mode[:start], _mark(_value(found)), mode[start:]]
        elif number:
            parts += [" or ", _mark(_value(found)), _JOINED_BEHIND.sub("", mode)]
        else:
            return plain
        parts.append(" ")
        last = found.end()
    return "".join((*parts, plain[last:]))


def _with_ratio(plain: str) -> str:
    """The weights of the modes before them: "A or B with weights 5 to 1"."""
    found = _RATIO.search(plain)
    arrows = list(_ARROW.finditer(plain, 0, found.start())) if found else []
    if found is None or not arrows:
        return plain
    numbers = list(map(float, _NUMBERS.findall(found[1] or found[2])))
    start = arrows[-1].end()
    modes = re.split(r"\s{0,3}+;?\s{0,3}+(?:\bor\b|或者?)\s{0,3}", plain[start : found.start()])
    if len(modes) != len(numbers) or sum(numbers) <= 0:
        return plain
    listed = " or ".join(
        _mark(number / sum(numbers)) + mode for number, mode in zip(numbers, modes, strict=True)
    )
    return f"{plain[:start]}{listed} {plain[found.end() :]}"
