"""Reads declarative sentences: of what thing and property each states which value, limit, level or word, and what it denies."""

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from yukawa.knowledge.parsing.quantities import Quantity
from yukawa.knowledge.parsing.sentence_parts import Part, Parts, Transition, sentence_parts

_ABBREVIATIONS = (
    r"(?<!\be\.g)(?<!\bi\.e)(?<!\bc\.c)(?<!\bex)(?<!\bexcl)(?<!\bneut)"
    r"(?<!\bet al)(?<!\bvs)(?<!\bca)(?<!\bapprox)(?<!\bRef)(?<!\bFig)(?<!\bEq)(?<!\bC\.L)"
)
_CITED = r"(?: {0,2}\[\d{1,6}(?:, ?\d{1,6})*+\]){0,8}+"
_END = re.compile(
    rf"(?:{_ABBREVIATIONS}[.!?]{_CITED}[\"')]?(?=\s|$)|[。！？]{_CITED}|{_CITED}\n)(?! {{0,2}}[a-z]{{2,}})"
)
_MARKUP = re.compile(r"\*\*|__|`|^ {0,3}(?:#{1,6}|[-*•]|\d{1,2}\.) ", re.MULTILINE)
_RANGE = re.compile(r"\b(?:between|from) *+$")
_PRONOUN = re.compile(r"(?:its?|their|they|this|these)\b", re.IGNORECASE)
_JOINED = re.compile(r"[\ue000-\uf8ff] ?(?:and|to|or|,|-|, and) ?[\ue000-\uf8ff]")


@dataclass(frozen=True, slots=True)
class Assertion:
    """What one sentence states of one quantity, or, where it gives none, what it says as a whole.

    Args:
        sentence: the number of the sentence in the text, from 0.
        things: what it is about, each as the PDG names that it can mean.
        properties: names as in `yukawa.knowledge.facts.PROPERTIES`; () where the words say it.
        transitions: decays: (who decays, products, further steps and conditions).
        words: other words that tell this quantity from others: 'pole', 'charged', 'parameter'.
        others: words that follow the value, such as its basis and conditions.
        quantity: the value with errors and unit, or None.
        bound: 'upper' or 'lower' for a limit, 'from' or 'to' for the ends of a range, 'about', or None.
        confidence_level: in percent, or None.
        negated: whether it denies.
        text: the words of the value in the sentence, for messages.
    """

    sentence: int
    things: tuple[tuple[str, ...], ...] = ()
    properties: frozenset[str] = frozenset()
    transitions: tuple[Transition, ...] = ()
    words: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    quantity: Quantity | None = None
    bound: str | None = None
    confidence_level: float | None = None
    negated: bool = False
    text: str = ""


def sentences(text: str) -> list[tuple[int, int]]:
    """Where each sentence of `text` begins and ends; citations after its full stop belong to it."""
    found, start = [], 0
    for match in _END.finditer(text):
        found.append((start, match.end()))
        start = match.end()
    found.append((start, len(text)))
    return [(a, b) for a, b in found if text[a:b].strip()]


def statements(text: str) -> list[Assertion]:
    """What `text` states, sentence by sentence; a sentence that names no thing speaks of that of the sentence before."""
    return list(_statements(text))


@functools.lru_cache(maxsize=512)
def _statements(text: str) -> tuple[Assertion, ...]:
    clean = _without_markup(text)
    return tuple(s for found in read_sentences([clean[a:b] for a, b in sentences(clean)]) for s in found)


def read_sentences(parts: Sequence[str]) -> list[list[Assertion]]:
    """What each of several sentences states, one after the other; their number is that in the list."""
    found: list[list[Assertion]] = []
    before = Assertion(-1)
    for number, part in enumerate(parts):
        sentence = " ".join(_without_markup(part).split()).rstrip(".!?。")
        new = _of_sentence(number, sentence_parts(sentence), before)
        if _PRONOUN.match(sentence) and before.things:
            new = [replace(s, things=tuple(dict.fromkeys(before.things + s.things))) for s in new]
        found.append(new)
        before = next((s for s in reversed(new) if s.things or s.transitions), before)
    return found


def _without_markup(text: str) -> str:
    """`text` with the marks of Markdown blanked, at the same length."""
    return _MARKUP.sub(lambda m: " " * len(m[0]), text)


@dataclass
class _Segment:
    """The parts of a sentence between two values."""

    things: list[tuple[str, ...]] = field(default_factory=list)
    properties: list[str] = field(default_factory=list)
    transitions: list[Transition] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    negated: bool = False
    start: int = 0

    def add(self, part: Part) -> None:
        """Take in a part: a thing, a property, a transition, a word or a negation."""
        if part.kind == "thing" and part.names not in self.things:
            self.things.append(part.names)
        elif part.kind == "property":
            self.properties.append(part.text)
        elif part.kind == "transition" and part.transition is not None:
            if part.transition not in self.transitions:
                self.transitions.append(part.transition)
        elif part.kind == "word":
            self.words.append(part.text)
        elif part.kind == "negation":
            self.negated = True

    @property
    def names_something(self) -> bool:
        return bool(self.things or self.properties or self.transitions)


def _of_sentence(number: int, taken: Parts, before: Assertion) -> list[Assertion]:
    segments, notes = _segments(taken)
    values = [p.value for p in taken.parts if p.kind == "value"]
    if not values:
        return [_normal(_statement(number, segments[0], before))]
    rest = segments[-1]
    if not segments[0].names_something and rest.names_something and len(values) == 1:
        segments[0], rest = rest, segments[0]  # '91.19 GeV is the mass of the Z'
    found: list[Assertion] = []
    for segment, value, note in zip(segments, values, notes, strict=False):
        context = _statement(number, segment, found[-1] if found else before)
        found.append(_with_value(context, taken, value, note))
    further = _after_values(number, found, rest)
    found = _respectively(taken, _with_shared_units(taken, _ranges(taken, found)))
    return [_normal(s) for s in (*found, *further)]


def _after_values(number: int, found: list[Assertion], rest: _Segment) -> list[Assertion]:
    """What follows the last value: more about it, or, with a property of its own, another statement without value."""
    last = found[-1]
    if rest.properties and (last.properties or last.transitions):  # '…, spin J not known'
        things = tuple(rest.things) or last.things
        return [
            Assertion(
                number,
                things,
                frozenset(rest.properties),
                tuple(rest.transitions),
                frozenset(rest.words),
                negated=rest.negated,
            )
        ]
    if rest.properties:  # 'the Z, at 91.19 GeV mass'
        last = replace(last, properties=frozenset(rest.properties))
    found[-1] = replace(last, others=last.others | _all_words(rest), negated=last.negated or rest.negated)
    return []


def _segments(taken: Parts) -> tuple[list[_Segment], list[_Segment]]:
    """The parts before each value and after the last one, and for each value the note in brackets after it."""
    segments, notes = [_Segment()], []
    note_end = 0
    for part in taken.parts:
        if part.kind == "value":
            note_end = _note_end(taken.plain, part.end)
            notes.append(_Segment())
            segments.append(_Segment(start=part.end))
        elif part.start < note_end:
            notes[-1].add(part)
        else:
            segments[-1].add(part)
    return segments, notes


def _note_end(plain: str, position: int) -> int:
    """Where the bracket that follows a value ends, 0 if none does or if it holds another value."""
    if not plain.startswith("(", position) and not plain.startswith(" (", position):
        return 0
    depth = 0
    for end in range(position, min(len(plain), position + 400)):
        depth += (plain[end] == "(") - (plain[end] == ")")
        if plain[end] >= "\ue000":
            return 0
        if depth == 0 and plain[end] == ")":
            return end
    return 0


def _statement(number: int, segment: _Segment, before: Assertion) -> Assertion:
    """What a segment names, completed by what was named before it."""
    if not segment.names_something and not segment.words and before.sentence == number:
        return replace(
            before,
            negated=segment.negated,
            others=frozenset(),
            quantity=None,
            bound=None,
            confidence_level=None,
        )
    things, transitions = tuple(segment.things), tuple(segment.transitions)
    if not things and not transitions:
        things, transitions = before.things, before.transitions
    properties = frozenset(segment.properties)
    words = frozenset(segment.words)
    if not properties and not transitions and (before.sentence == number or not segment.names_something):
        properties, words = before.properties, words | before.words
    elif not properties and segment.transitions and before.sentence == number:
        properties = before.properties
    return Assertion(number, things, properties, transitions, words, negated=segment.negated)


def _with_value(context: Assertion, taken: Parts, value: int, note: _Segment) -> Assertion:
    stated = taken.values[value]
    q = stated.quantity
    return replace(
        context, quantity=q, bound=q.bound or ("about" if stated.about else None), confidence_level=stated.confidence_level,
        others=_all_words(note), text=stated.text,
    )  # fmt: skip


def _all_words(segment: _Segment) -> frozenset[str]:
    return (
        frozenset(segment.words)
        | frozenset(segment.properties)
        | {"/".join(names) for names in segment.things}
    )


def _normal(statement: Assertion) -> Assertion:
    """One name for what has several: a ratio to the total width is a branching fraction."""
    properties = set(statement.properties)
    if statement.transitions:
        properties.discard("decays")
    if len(properties) > 1:
        properties -= {"quantum-numbers", "decays"}
    pure = statement.quantity is None or statement.quantity.unit == ""
    if "branching-ratio" in properties or ("partial-width" in properties and pure and statement.quantity):
        properties.discard("partial-width")
        properties.add("branching-ratio" if len(statement.transitions) > 1 else "branching-fraction")
    if len(statement.transitions) < 2 and "branching-ratio" in properties:
        properties = properties - {"branching-ratio"} | {"branching-fraction"}  # as people call it
    if statement.transitions and not properties and pure and statement.quantity:
        properties.add("branching-fraction")
    if "cp-asymmetry" in properties or (statement.transitions and statement.quantity is None):
        properties.discard("branching-fraction")  # 'the decay … has been seen'
    return replace(statement, properties=frozenset(properties))


# ---- several values of one sentence -----------------------------------------------------------------


def _ranges(taken: Parts, found: Sequence[Assertion]) -> list[Assertion]:
    """The two ends of 'between 30 % and 60 %' are marked as such."""
    result = list(found)
    places = [p for p in taken.parts if p.kind == "value"]
    for n, (first, second) in enumerate(itertools.pairwise(places)):
        between = taken.plain[first.end : second.start].strip()
        opened = _RANGE.search(taken.plain, max(0, first.start - 12), first.start) is not None
        if (opened and between in ("and", "to")) or between in ("-", "to", ""):
            result[n] = replace(result[n], bound="from")
            result[n + 1] = replace(result[n + 1], bound="to")
    return result


def _with_shared_units(taken: Parts, found: Sequence[Assertion]) -> list[Assertion]:
    """'80.4 and 91.2 GeV': the first number has the unit of the second."""
    result = list(found)
    places = [p for p in taken.parts if p.kind == "value"]
    for n in range(len(result) - 2, -1, -1):
        q, following = result[n].quantity, result[n + 1].quantity
        joined = _JOINED.fullmatch(taken.plain, places[n].start, places[n + 1].end)
        bare = q is not None and not q.unit and taken.values[n].scale == 1.0
        if joined and q and following and bare:
            result[n] = replace(result[n], quantity=_scaled(q, taken.values[n + 1].scale, following.unit))
    return result


def _scaled(q: Quantity, size: float, unit: str) -> Quantity:
    up, down = (None if e is None else e * size for e in (q.error_plus, q.error_minus))
    errors = tuple(
        replace(e, plus=e.plus * size, minus=e.minus * size, resolution=e.resolution * size) for e in q.errors
    )
    return replace(
        q,
        value=q.value * size,
        error_plus=up,
        error_minus=down,
        unit=unit,
        resolution=q.resolution * size,
        errors=errors,
    )


def _respectively(taken: Parts, found: Sequence[Assertion]) -> list[Assertion]:
    """'The masses of the W and the Z are 80.4 and 91.2 GeV': the things or properties belong to the values one by one."""
    count = len(found)
    places = [p for p in taken.parts if p.kind == "value"]
    if count < 2 or not all(
        _JOINED.fullmatch(taken.plain, a.start, b.end) for a, b in itertools.pairwise(places)
    ):
        return list(found)
    if any(s.bound in ("from", "to") for s in found):
        return list(found)
    first = found[0]
    if len(first.things) == count:
        return [replace(s, things=(thing,)) for s, thing in zip(found, first.things, strict=True)]
    named = list(
        dict.fromkeys(p.text for p in taken.parts if p.kind == "property" and p.start < places[0].start)
    )
    if len(named) == count:
        return [replace(s, properties=frozenset({name})) for s, name in zip(found, named, strict=True)]
    if len(first.transitions) == count:
        return [replace(s, transitions=(t,)) for s, t in zip(found, first.transitions, strict=True)]
    return list(found)


def whole_sentences(found: Sequence[Assertion]) -> Iterator[Assertion]:
    """One statement for each sentence: everything that it names, without values."""
    sentences: dict[int, list[Assertion]] = {}
    for statement in found:
        sentences.setdefault(statement.sentence, []).append(statement)
    for number, same in sentences.items():
        yield Assertion(
            number, tuple(dict.fromkeys(t for s in same for t in s.things)), frozenset().union(*(s.properties for s in same)),
            tuple(dict.fromkeys(t for s in same for t in s.transitions)), frozenset().union(*(s.words for s in same)),
            frozenset().union(*(s.others for s in same)), negated=any(s.negated for s in same),
        )  # fmt: skip
