"""Measures what the checks of answers catch: sentences of the Review perturbed in one way each, and rewritten in another notation.

Run `python benchmarks/checks.py --json FILE`: each of 2,000 sentences is checked against itself as the passage, after
one change to a digit, the power of ten, the sign, the unit, the error, the limit, the subject, the property or what is
denied (each must be caught), and after rewriting number, unit and name without changing what is stated (each must
pass). A change that leaves the statement the same, such as the sign of zero, is found by computing with decimal
numbers and left out.
"""

from __future__ import annotations

import argparse
import json
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

SIZE = 2_000
_RAISED = str.maketrans("0123456789+-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻")
_PLAIN = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻−", "0123456789+--")
_VALUE = re.compile(
    r"^(?P<open>\()?(?P<value>−?\d+(?:\.\d+)?)(?: ± (?P<error>[\d.]+)| \+(?P<plus>[\d.]+) −(?P<minus>[\d.]+))?(?P<close>\))?"
    r"(?: × 10(?P<power>[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))?(?: (?P<unit>%|TeV|GeV|MeV|keV|eV|s|years|degrees|rad|fm|μ_N|e cm|e))?"
    r"(?=\.(?!\d)| \(| at |;|$)"
)
_IS = re.compile(r" is (?P<bound>less than |greater than )?")
_NOUNS = {
    "full width": "mass", "Breit-Wigner mass": "full width", "mass": "full width", "lifetime (mean life)": "full width",
    "branching fraction": "mass difference", "branching ratio": "mass", "partial mean life": "partial width",
    "partial width": "mass", "CP violation": "lifetime", "polarization": "charge", "decay parameter": "lifetime",
    "form factor": "branching fraction", "magnetic moment": "mass", "asymmetry": "width",
}  # fmt: skip
_SHIFTS = {
    "TeV": 12,
    "GeV": 9,
    "MeV": 6,
    "keV": 3,
    "eV": 0,
    "s": 0,
    "ms": -3,
    "μs": -6,
    "ns": -9,
    "ps": -12,
    "fs": -15,
    "%": -2,
    "": 0,
}
_KINDS = (("TeV", "GeV", "MeV", "keV", "eV"), ("s", "ms", "μs", "ns", "ps", "fs"), ("%", ""))


@dataclass(frozen=True)
class Value:
    """The value of a sentence, as printed: digits, errors, power of ten, unit."""

    value: str
    plus: str
    minus: str
    power: int
    unit: str

    def number(self) -> Decimal:
        """The value without its unit."""
        return Decimal(self.value).scaleb(self.power)

    def text(self) -> str:
        """As the Review prints it."""
        value = self.value.replace("-", "−")
        errors = f" ± {self.plus}" if self.plus == self.minus else f" +{self.plus} −{self.minus}"
        shown = value + (errors if self.plus else "")
        if self.plus and (self.power or self.unit == "%"):
            shown = f"({shown})"
        if self.power:
            shown += f" × 10{str(self.power).translate(_RAISED)}"
        return f"{shown} {self.unit}".rstrip()


@dataclass(frozen=True)
class Sentence:
    """A sentence of the Review taken apart around its value."""

    text: str
    frame: str  # up to ' is '
    bound: str
    value: Value
    rest: str

    def written(self, value: str | None = None, *, frame: str | None = None, bound: str | None = None) -> str:
        """The sentence with another value, beginning or limit."""
        limit = self.bound if bound is None else bound
        return f"{frame or self.frame} is {limit}{self.value.text() if value is None else value}{self.rest}"


def take_apart(text: str) -> Sentence | None:
    """The sentence around its value, or None where it states none in the usual form."""
    places = [m for m in _IS.finditer(text) if _VALUE.match(text, m.end()) or _VALUE.match(text[m.end() :])]
    if not places:
        return None
    first = places[0]
    match = _VALUE.match(text[first.end() :])
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    plus = match["error"] or match["plus"] or ""
    power = int(match["power"].translate(_PLAIN)) if match["power"] else 0
    value = Value(
        match["value"].replace("−", "-"),
        plus,
        match["error"] or match["minus"] or "",
        power,
        match["unit"] or "",
    )
    found = Sentence(
        text, text[: first.start()], first["bound"] or "", value, text[first.end() + match.end() :]
    )
    return found if found.written() == text else None


# ---- what must be caught -----------------------------------------------------------------------------


def perturbations(one: Sentence, others: list[Sentence], chance: random.Random) -> Iterator[tuple[str, str]]:
    """(kind, sentence that states something else): one of each kind that there is."""
    v = one.value
    digits = [i for i, c in enumerate(v.value) if c.isdigit()]
    yield "digit", one.written(_with(v, value=_other_digit(v.value, chance.choice(digits), chance)).text())
    if Decimal(v.value):
        power = v.power + chance.choice((-3, -2, -1, 1, 2, 3))
        yield "exponent", one.written(_with(v, power=power).text())
        if v.power:
            yield "exponent", one.written(_with(v, power=0).text())
            yield "exponent", one.written(_with(v, power=-v.power).text())
        negative = v.value[1:] if v.value.startswith("-") else f"-{v.value}"
        yield "sign", one.written(_with(v, value=negative).text())
        if units := [u for kind in _KINDS if v.unit in kind for u in kind if u != v.unit and u]:
            yield "unit", one.written(_with(v, unit=chance.choice(units)).text())
        if v.unit:
            yield "unit", one.written(_with(v, unit="").text())
        yield (
            "unit",
            one.written(_with(v, unit=chance.choice([u for u in ("GeV", "s", "fm") if u != v.unit])).text()),
        )
    yield from _error_perturbations(one, chance)
    if one.bound:
        yield "limit", one.written(bound="greater than " if one.bound == "less than " else "less than ")
        yield "limit", one.written(bound="")
        if "90 % confidence" in one.rest:
            yield "level", one.text.replace("90 % confidence", "95 % confidence")
    else:
        yield "limit", one.written(bound=chance.choice(("less than ", "greater than ")))
    if other := next(
        (o for o in chance.sample(others, min(40, len(others))) if _another_subject(one, o)), None
    ):
        yield "subject", one.written(frame=other.frame)
    if noun := next((n for n in _NOUNS if n in one.frame), None):
        yield "property", one.written(frame=one.frame.replace(noun, _NOUNS[noun]))
    yield "negation", f"{one.frame} is not {one.bound}{v.text()}{one.rest}"


def _error_perturbations(one: Sentence, chance: random.Random) -> Iterator[tuple[str, str]]:
    v = one.value
    if not v.plus:
        return
    place = chance.choice([i for i, c in enumerate(v.plus) if c.isdigit()])
    changed = _other_digit(v.plus, place, chance)
    yield "error", one.written(_with(v, plus=changed, minus=changed if v.plus == v.minus else v.minus).text())
    if Decimal(v.plus) != abs(Decimal(v.value)):  # the error given as the value
        yield "error", one.written(_with(v, value=v.plus, plus="", minus="").text())
    if _last_digit(v.value) * 3 < max(Decimal(v.plus), Decimal(v.minus)):  # more digits than are known
        yield "error", one.written(_with(v, plus="", minus="").text())


def _another_subject(one: Sentence, other: Sentence) -> bool:
    """Whether the other sentence begins with the same property of another thing."""
    noun = next((n for n in _NOUNS if n in one.frame), None)
    return noun is not None and noun in other.frame and _letters(one.frame) != _letters(other.frame)


def _letters(frame: str) -> str:
    return re.sub(r"\W", "", frame)


def _with(v: Value, **changes: object) -> Value:
    return Value(**{**v.__dict__, **changes})


def _other_digit(digits: str, place: int, chance: random.Random) -> str:
    new = chance.choice([d for d in "0123456789" if d != digits[place]])
    return digits[:place] + new + digits[place + 1 :]


def _last_digit(digits: str) -> Decimal:
    return Decimal(1).scaleb(int(Decimal(digits).as_tuple().exponent))


# Numbers that sentences in other forms state: quantum numbers, ranges, lists of decay modes.
_STATED = re.compile(
    r"(?<=charge )[+−]?\d|(?<= [IJ] = )\d(?:/2)?|(?<=parity )[PC]? ?[+−]1|(?<=between )−?\d[\d.]*|(?<= and )−?\d[\d.]*(?= [%MGk(])"
    r"|(?<=: \()\d[\d.]*|(?<= ± )\d[\d.]*|(?<=× 10)⁻[⁰¹²³⁴⁵⁶⁷⁸⁹]+"
)
_HEAD = re.compile(r"(?= has (?:not |possibly )?been|: charge| and their)")
_OPPOSITES = (
    (" has been ", " has not been "), (" has not been ", " has been "), (" has possibly been ", " has not been "),
    (" is between ", " is not between "),
    (" charge ", " not charge "), ("branching fractions: ", "branching fractions are not: "), (" is about ", " is not about "),
)  # fmt: skip


def other_perturbations(text: str, others: list[str], chance: random.Random) -> Iterator[tuple[str, str]]:
    """As `perturbations`, of a sentence that states several values, words or none."""
    if places := list(_STATED.finditer(text)):
        for match in chance.sample(places, min(3, len(places))):
            yield "number", text[: match.start()] + _other_number(match[0], chance) + text[match.end() :]
    if pair := next((p for p in _OPPOSITES if p[0] in text), None):
        yield "negation", text.replace(*pair, 1)
    for start in ("Quantum numbers of the ", "Main decay modes of the ", "The decay "):
        same = [o for o in others if o.startswith(start) and o != text] if text.startswith(start) else []
        if same:
            mine, theirs = (_HEAD.split(t, maxsplit=1)[0] for t in (text, chance.choice(same)))
            if _letters(mine) != _letters(theirs):
                yield "subject", theirs + text[len(mine) :]


def _other_number(written: str, chance: random.Random) -> str:
    if written[-1] in "⁰¹²³⁴⁵⁶⁷⁸⁹":
        power = int(written.translate(_PLAIN))
        return str(power + chance.choice((-2, -1, 1, 2))).translate(_RAISED)
    if written[-2:-1] in "+−" and written[-2:-1]:
        return written.translate(str.maketrans("+−", "−+")) if written[-1] != "0" else "1"
    if "/" in written:
        return {"1/2": "3/2"}.get(written, "1/2")
    digits = [i for i, c in enumerate(written) if c.isdigit()]
    changed = _other_digit(written, chance.choice(digits), chance)
    return (
        changed
        if Decimal(changed.replace("−", "-")) != Decimal(written.replace("−", "-"))
        else _other_number(written, chance)
    )


# ---- what must pass -----------------------------------------------------------------------------------


def reformattings(one: Sentence, chance: random.Random) -> Iterator[tuple[str, str]]:
    """(kind, sentence that states the same in another way): one of each kind that there is."""
    yield "itself", one.text
    v = one.value
    value, errors, unit = (
        v.value,
        (f" ± {v.plus}" if v.plus == v.minus else f" +{v.plus} −{v.minus}") if v.plus else "",
        v.unit,
    )
    after = f" {unit}".rstrip()
    if v.power:
        yield "e-10", one.written(_scientific(v) + after)
        body = f"({value}{errors})" if errors else value
        yield "x10^-10", one.written(f"{body} x 10^{v.power}{after}")
        yield (
            "latex",
            one.written(
                f"${body.replace('±', chr(92) + 'pm').replace('−', '-')} \\times 10^{{{v.power}}}${after}"
            ),
        )
    if (
        v.plus
        and v.plus == v.minus
        and (count := Decimal(v.plus) / _last_digit(v.value)) == int(count)
        and count > 0
    ):
        power = f" × 10{str(v.power).translate(_RAISED)}" if v.power else ""
        yield "brackets", one.written(f"{value.replace('-', '−')}({int(count)}){power}{after}")
    for kind in _KINDS:
        if v.unit in kind and (v.unit or v.power == -2):
            target = chance.choice([u for u in kind if u != v.unit])
            shifted = _shifted(v, _SHIFTS[v.unit] - _SHIFTS[target], target)
            yield "unit", one.written(shifted)
    if rounded := _rounded(v):
        yield "rounding", one.written(rounded)
    yield from _frames(one)
    if " (PDG" in one.rest:
        yield "no notes", f"{one.frame} is {one.bound}{v.text()}."


def _scientific(v: Value) -> str:
    def scaled(digits: str) -> str:
        return f"{digits}e{v.power}"

    if not v.plus:
        return scaled(v.value)
    errors = f" ± {scaled(v.plus)}" if v.plus == v.minus else f" +{scaled(v.plus)} -{scaled(v.minus)}"
    return scaled(v.value) + errors


def _shifted(v: Value, shift: int, unit: str) -> str:
    value, plus, minus = (
        format(Decimal(d).scaleb(v.power + shift), "f") if d else "" for d in (v.value, v.plus, v.minus)
    )
    return Value(value, plus, minus, 0, unit).text()


def _rounded(v: Value) -> str:
    """The value to as few digits as its error leaves, without the error."""
    if not v.plus or not Decimal(v.plus):
        return ""
    step = _last_digit(v.value)
    while step * 3 < max(Decimal(v.plus), Decimal(v.minus)):
        step = step.scaleb(1)
    value = (
        Decimal(v.value).quantize(step, ROUND_HALF_EVEN)
        if step < 1
        else (Decimal(v.value) / step).quantize(Decimal(1), ROUND_HALF_EVEN) * step
    )
    if not value or step > 1:  # zeros at the end would claim to be known
        return ""
    return Value(format(value, "f"), "", "", v.power, v.unit).text()


def _frames(one: Sentence) -> Iterator[tuple[str, str]]:
    """The name in one notation only, and the statement in another order of words."""
    if (
        match := re.fullmatch(r"The (?P<what>[^()→]+?) of (?P<one>\S.*→.*) \((?P<two>.*-->.*)\)", one.frame)
    ) and (match["one"].count("→") == match["two"].count("-->")):
        yield "one name", one.written(frame=f"The {match['what']} of {match['one']}")
        yield "one name", one.written(frame=f"The {match['what']} of {match['two']}")
        if match["what"] == "branching fraction":
            yield "order", one.written(frame=f"B({match['one']})")
    elif match := re.fullmatch(
        r"The (?P<what>mass|full width|lifetime \(mean life\)) of the (?P<name>[^(),]+?) \((?P<names>.*)\)",
        one.frame,
    ):
        what = match["what"].replace(" (mean life)", "").replace("full ", "")
        names = re.split(r", (?![^()]*\))", match["names"])
        yield "one name", one.written(frame=f"The {what} of the {names[-1]}")
        yield "one name", one.written(frame=f"The {what} of the {match['name']}")
        if not one.bound:
            yield "order", f"The {match['name']} has a {what} of {one.value.text()}."
            yield "order", f"{one.value.text()} is the {what} of the {match['name']}."


# ---- counting -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Quoted:
    """A passage of the Review."""

    text: str
    url: str | None = None


def pdg_sentences(size: int, seed: int = 0) -> list[str]:
    """Sentences of the Review, drawn at random."""
    from yukawa.knowledge.sources.pdg import facts

    texts = sorted({s.text for s in facts.statements()})
    return random.Random(seed).sample(texts, size)


def cited(text: str) -> str:
    """`text` with a citation in each of its sentences."""
    return re.sub(r"\.(?= Its? |$)| $", " [1].", text if text.endswith(".") else f"{text}.")


def measure(size: int, seed: int = 0) -> dict[str, Any]:
    """For each kind of perturbation and of reformatting: (right, all); and the first failures of each."""
    from yukawa.knowledge.citing import check

    chance = random.Random(seed)
    texts = pdg_sentences(size, seed)
    usual = [s for text in texts if (s := take_apart(text)) is not None]
    taken = {s.text: s for s in usual}
    right: dict[str, Counter[str]] = {"caught": Counter(), "passed": Counter()}
    total: dict[str, Counter[str]] = {"caught": Counter(), "passed": Counter()}
    failures: list[tuple[str, str, str, str]] = []
    for source in texts:
        if one := taken.get(source):
            tried = [("caught", *p) for p in perturbations(one, usual, chance)]
            tried += [("passed", *p) for p in reformattings(one, chance)]
        else:
            tried = [("caught", *p) for p in other_perturbations(source, texts, chance)] + [
                ("passed", "itself", source)
            ]
        for wanted, kind, text in tried:
            problems = check(cited(text), [Quoted(source)])
            total[wanted][kind] += 1
            if bool(problems) == (wanted == "caught"):
                right[wanted][kind] += 1
            else:
                failures.append(
                    (wanted, kind, text, "; ".join(f"{p.rule}: {p.detail}" for p in problems) or source)
                )
    result = {w: {k: [right[w][k], total[w][k]] for k in total[w]} for w in total}
    return {**result, "failures": failures, "sentences": len(texts)}


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE, help="how many sentences")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--failures", type=int, default=0, help="show this many failures of each kind")
    options = parser.parse_args()
    result = measure(options.size, options.seed)
    shown: Counter[tuple[str, str]] = Counter()
    for wanted, kind, text, why in result["failures"]:
        shown[wanted, kind] += 1
        if shown[wanted, kind] <= options.failures:
            print(f"{wanted} {kind}: {text}\n    {why}")
    print(f"{result['sentences']} sentences")
    for wanted in ("caught", "passed"):
        counts = result[wanted].values()
        done, of = sum(c[0] for c in counts), sum(c[1] for c in counts)
        print(f"{wanted}: {done} of {of} ({done / of:.2%})")
        for kind, (good, all_of) in sorted(result[wanted].items()):
            print(f"  {kind:12} {good:5} of {all_of:5} ({good / all_of:.2%})")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
