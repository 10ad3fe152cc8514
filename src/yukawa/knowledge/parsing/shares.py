"""Writes shares that are said in words as numbers: 'two thirds of the time', 'once in ten thousand', 'one in a million decays'.

A share said as a fraction is meant to two digits, as people say it.
"""

import math
import re
from collections.abc import Iterator

_SMALL = {word: number for number, word in enumerate("one two three four five six seven eight nine ten eleven twelve".split(), 1)} | {
    "a": 1, "an": 1, "twenty": 20, "thirty": 30, "fifty": 50,
}  # fmt: skip
_LARGE = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12}
_PARTS = {"half": 2, "halves": 2} | {
    word + end: number
    for number, word in {3: "third", 4: "quarter", 5: "fifth", 6: "sixth", 7: "seventh", 8: "eighth", 9: "ninth", 10: "tenth",
                         100: "hundredth", 1000: "thousandth", 1e6: "millionth"}.items()
    for end in ("", "s")
}  # fmt: skip
_OF_ALL = r"of (?:the time|(?:all |the |its |their |all its |all the )?(?:cases|decays|events|occasions))"
_NUMBER = r"(?:\d{1,3}(?:[, ]\d{3}(?!\d)){1,4}|\d{1,9}|" + "|".join((*_SMALL, *_LARGE)) + ")"
_SHARE = re.compile(
    rf"\b(?:(?P<top>{_NUMBER})[ -])?(?P<part>{'|'.join(sorted(_PARTS, key=len, reverse=True))}) (?={_OF_ALL}\b)",
    re.IGNORECASE,
)
_ODDS = re.compile(
    r"\b(?:only )?(?P<top>once|twice|one|1|\d{1,3}|two|three|four|five) (?:time |times |decay |decays )?(?:in|out of|per)"
    r"(?: every| each)?"
    rf" (?P<all>{_NUMBER}(?:[ -]{_NUMBER}){{0,3}})(?: (?:decays|cases|times|events)| of (?:them|its decays))?\b(?! ?[%\w])",
    re.IGNORECASE,
)
_LEAST = 10  # of which one is a share, and no 'two out of three'


def shares(question: str) -> Iterator[tuple[int, int, str]]:
    """Where each begins and ends, and the number in its place."""
    for match in _SHARE.finditer(question):
        share = _number(match["top"] or "one") / _PARTS[match["part"].lower()]
        if share < 1:
            yield (*match.span(), f"{_plain(100 * share, 2)} % ")
    for match in _ODDS.finditer(question):
        top = {"once": 1.0, "twice": 2.0}.get(match["top"].lower()) or _number(match["top"])
        every = _number(match["all"])
        words = not match["top"].isdigit() or not _GROUPED.sub("", match["all"]).isdigit()
        if words and every >= _LEAST and top < every:
            yield (*match.span(), f"{_plain(100 * top / every, 3)} %")


def _plain(value: float, digits: int) -> str:
    """A number without an exponent, which behind a final state would be an electron: '1e-8'."""
    return f"{float(f'{value:.{digits}g}'):.15f}".rstrip("0").rstrip(".")


_GROUPED = re.compile(r"(?<=\d)[, ](?=\d{3}(?!\d))")


def _number(text: str) -> float:
    """The number that words say: 'a hundred thousand', '10,000', 'two million', 'twenty-five'; NaN where they say none."""
    whole = part = 0.0  # what is said of thousands and more, and what follows
    before = math.inf
    for word in re.split("[ -]", _GROUPED.sub("", text.lower())):
        if factor := _LARGE.get(word):
            part = (part or 1) * factor
            before = math.inf
            if factor > _LARGE["hundred"]:
                whole, part = whole + part, 0.0
            continue
        number = _SMALL.get(word) or float(word)
        if number >= before or (part and before < _TENS):  # 'five twenty', '10 5'
            return math.nan
        part, before = part + number, number
    return whole + part


_TENS = 20  # from here on units may follow
