"""What a declarative sentence is made of, in order: things, transitions, properties, values, negations and other words."""

import functools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from yukawa.knowledge.parsing.channels import mode, read_channel
from yukawa.knowledge.parsing.decays import find_decays
from yukawa.knowledge.parsing.lexicon import lexicon
from yukawa.knowledge.parsing.particles import Mention, find_particles
from yukawa.knowledge.parsing.plan import Channel
from yukawa.knowledge.parsing.quantities import Quantity, find_quantities
from yukawa.knowledge.parsing.spelling import plain_ascii

# Who decays, the products, and the further steps and conditions.
Transition = tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, str], ...]]
Kind = Literal["thing", "transition", "property", "value", "negation", "word", "break"]

# Words that neither claim nor deny: the closed classes of grammar, and those that only say that a value is stated.
_NEUTRAL = frozenset(
    """
    a an the this that these those its it their they them he she his her of to in on at by for from with as and or is are was were
    be been being am has have had having do does did can could will would shall should may might must which who whom whose where when
    there here both each also then than so too into about between within per among over under respectively i we you one ones
    value values measured known found given stated listed reported determined quoted published according equal equals amounts
    average averages world pdg fit estimate evaluation data best current currently result results measurement measurements
    particle particles state states meson mesons baryon baryons boson bosons lepton leptons quark quarks hadron particle's
    approximately roughly around nearly ca circa error errors uncertainty uncertainties plus minus source sources passage
    passages review physics group edition main mode modes following namely produces produce gives give goes occurs occur happens
    full total mean what how such e.g i.e corresponds corresponding namely very only just currently
    """.split()
) - {"only"}  # fmt: skip
# Words of a limit, which the value holds already; without a value they claim something.
_LIMIT_WORDS = frozenset(
    "less greater smaller larger below above least most limit limits bound bounds upper lower excluded allowed exceed exceeds".split()
)
_NEGATIONS = frozenset(
    "not no never none neither nor without cannot n't non isn't aren't wasn't doesn't don't hasn't can't didn't".split()
)
_SYMBOLS = {"m": "mass", "M": "mass", "Gamma": "width", "tau": "lifetime"}
_SYMBOL_OF = re.compile(r"(?<![A-Za-z0-9_])(m|M|Gamma|tau)_(?=[A-Za-z])(?!tot)")
_SAME = (
    (re.compile(r"(?<![A-Za-z_])G\((?=[^()]{0,300}(?:→|total))"), "Gamma("),
    (re.compile(r"(?<![A-Za-z_])mass\("), "m("),
    (re.compile(r"(?<![A-Za-z_])l(?=[+-])|(?<=nu_)l\b|(?<=nubar_)l\b"), "lepton"),
    (re.compile(r"(?<![A-Za-z_])meanlife\("), "tau("),
    (re.compile(r"(?<![A-Za-z_])width\("), "Gamma("),
    (re.compile(r"(?<![A-Za-z_])Deltamass"), "Deltam"),
    (re.compile(r"\bbranching ratio(?=s? (?:of|for)\b(?! Gamma| G\())"), "branching fraction"),
)
_LEVEL = re.compile(
    r" {0,2}\(?(?:at|with)?(?: an?| the)? {0,2}(?P<level>\d{1,2}(?:\.\d{1,4})?) {0,2}\\?(?:%|percent|per cent) {0,2}"
    r"(?:confidence(?: level)?|credibility(?: level)?|C\.?L\.?\b)\.?\)?"
    r"|\(?\bC\.?L\.? {0,2}= {0,2}(?P<level2>\d{1,2}(?:\.\d{1,4})?) {0,2}\\?%\)?",
    re.IGNORECASE,
)
_MARK = "\ue000"  # the first of the private characters that replace values
_MARKED = re.compile("[\ue000-\uf8ff]")
_WORD = re.compile(r"(?<!')[A-Za-z][A-Za-z0-9'_*^+-]*|\d+(?:\.\d+)?|[^\W\d_]+")
_ABOUT = re.compile(
    r"(?:\b(?:about|approximately|around|roughly|ca\.?|circa|nearly|approx\.?)|[~≈≃∼]) *+\(? *+$",
    re.IGNORECASE,
)
_IS_BEFORE = re.compile(r"(?:\b(?:is|are|was|be|equals?)|(?<![<>])=|≈|:) *+$")
_ARROW_BEFORE = re.compile(r"(?:->|→|\\to) *+$")
_CONDITION = re.compile(r"(?:(?<![A-Za-z])[SLIJ]|helicity) ?=$")
_ANOTHER = re.compile(r" (?:and|to|or) [+-]?[\d.]")
_YEAR = re.compile(r"(?:19|20)\d\d")
_LIST_OF_MODES = re.compile(r"\bdecay (?:modes|channels)\b[^:]{0,200}:", re.IGNORECASE)
_SPEAKS_OF_DECAYS = re.compile(r"\b(?:decay|disintegrat|goes|go|turn|transform|branching|into)")
# What may come between the name of what decays and its products.
_VERB = re.compile(
    r" (?:(?:[a-z]+ ){0,6}(?:decay|disintegrat|turn|transform)[a-z]{0,4} (?:[a-z]+ ){0,3}(?:to|into|in|via)"
    r"|(?:[a-z]+ ){0,4}(?:to|into)) (?:[a-z]+ ){0,1}"
)
_MOST_VALUES = 400


@dataclass(frozen=True, slots=True)
class Part:
    """One element of a sentence: its kind, its meaning, and its place in the plain text."""

    kind: Kind
    start: int
    end: int
    names: tuple[str, ...] = ()  # of a thing
    transition: Transition | None = None
    text: str = ""  # of a property, a negation, a word, a break
    value: int = -1  # the number of the value


@dataclass(frozen=True, slots=True)
class Stated:
    """A quantity that a sentence states, and what belongs to it alone.

    Args:
        quantity: the number with errors, unit and bound.
        about: whether 'about' or the like precedes it.
        confidence_level: in percent, or None.
        text: as written.
        scale: what the number is multiplied with, unit and power of ten; 1 for a bare number.
    """

    quantity: Quantity
    about: bool
    confidence_level: float | None
    text: str
    scale: float


@dataclass(frozen=True, slots=True)
class Parts:
    """A sentence taken apart."""

    plain: str
    parts: tuple[Part, ...]
    values: tuple[Stated, ...]


@functools.lru_cache(maxsize=1024)
def sentence_parts(sentence: str) -> Parts:
    """Take a sentence apart, whoever wrote it: a source, a person or a model."""
    text, levels = _without_levels(_MARKED.sub(" ", sentence))
    brackets = _brackets(text)
    stated = [q for q in find_quantities(text)[:_MOST_VALUES] if _is_stated(text, q, brackets)]
    masked, done = [], 0
    for number, q in enumerate(stated):
        masked += [text[done : q.start], f" {chr(ord(_MARK) + number)} "]
        done = q.end
    plain = _deduplicated(_normal(plain_ascii("".join(masked) + text[done:])))
    values = tuple(_value(text, q, stated[n + 1 :], levels) for n, q in enumerate(stated))
    return Parts(plain, tuple(_merged(plain, _parts(plain))), values)


def _scale(written: str) -> float:
    """The size of the unit of 'NUMBER unit', 1 for a bare number."""
    unit = (
        find_quantities("1 " + written.lstrip("+-−0123456789.,() "))
        if written[-1:] in "%" or written[-1:].isalpha()
        else []
    )
    return unit[0].value if unit else 1.0


def _without_levels(text: str) -> tuple[str, list[tuple[int, float]]]:
    """`text` with confidence levels blanked, and these with their places."""
    levels = [(m.start(), float(m["level"] or m["level2"])) for m in _LEVEL.finditer(text)]
    return (_LEVEL.sub(lambda m: " " * len(m[0]), text) if levels else text), levels


def _value(text: str, q: Quantity, later: Sequence[Quantity], levels: Sequence[tuple[int, float]]) -> Stated:
    """A level of confidence belongs to the limits before it."""
    about = _ABOUT.search(text, max(0, q.start - 24), q.start) is not None
    level = next((level for place, level in levels if place >= q.end), None) if q.bound or not later else None
    written = text[q.start : q.end]
    return Stated(q, about, level, written, _scale(written))


def _is_stated(text: str, q: Quantity, brackets: Sequence[tuple[int, int]]) -> bool:
    """Whether a number is a value that the sentence states; counts, conditions in brackets, years and indices are words."""
    following = text[q.end : q.end + 1]
    if following.isalpha() or following in ("-", "‑") or text[q.start - 1 : q.start] == "-":
        return False
    if q.unit == "" and not q.errors and _is_count(text, q):
        return False
    in_brackets = any(a < q.start and q.end <= b for a, b in brackets)
    return not in_brackets or _ABOUT.search(text, max(0, q.start - 24), q.start) is not None


def _is_count(text: str, q: Quantity) -> bool:
    """Whether a bare number is a year, a number of things, or the value of an index."""
    written, first = text[q.start : q.end].strip(), max(0, q.start - 12)
    if (
        _YEAR.fullmatch(written)
        or _CONDITION.search(text, first, q.start)
        or _ARROW_BEFORE.search(text, first, q.start)
    ):
        return True
    counts = text[q.end + 1 : q.end + 2].isalpha() and not _ANOTHER.match(text, q.end)
    return len(written) < 3 and written.isdigit() and counts and not _IS_BEFORE.search(text, first, q.start)


def _brackets(text: str) -> list[tuple[int, int]]:
    """Where brackets open and close; one without its partner counts for nothing."""
    found: list[tuple[int, int]] = []
    opened: dict[str, list[int]] = {"(": [], "[": []}
    for position, character in enumerate(text):
        if character in opened:
            opened[character].append(position)
        elif character in ")]" and (starts := opened["(["[character == "]"]]):
            found.append((starts.pop(), position))
    return found


def _normal(plain: str) -> str:
    plain = _SYMBOL_OF.sub(lambda m: f"{_SYMBOLS[m[1]]} of ", plain)
    for pattern, name in _SAME:
        plain = pattern.sub(name, plain)
    return " ".join(plain.split())


def _deduplicated(plain: str) -> str:
    """`plain` without the brackets that repeat what precedes them, as sources do to give two notations of one name."""
    position = 0
    while (start := plain.find("(", position)) >= 0:
        position = start + 1
        end = _closing(plain, start)
        inner = plain[start + 1 : end].strip() if end else ""
        if inner and plain[:start].rstrip().endswith(inner):
            plain = f"{plain[:start].rstrip()} {plain[end + 1 :].lstrip()}" if end else plain
            position = max(0, start - 1)
    return plain.replace(" ,", ",").replace(" :", ":")


def _closing(text: str, start: int) -> int:
    """The bracket that closes the one at `start`, or 0."""
    depth = 0
    for position in range(start, min(len(text), start + 400)):
        depth += (text[position] == "(") - (text[position] == ")")
        if depth == 0:
            return position
    return 0


# ---- from plain text to parts ---------------------------------------------------------------------


def _parts(plain: str) -> list[Part]:
    found = [Part("value", m.start(), m.end(), value=ord(m[0]) - ord(_MARK)) for m in _MARKED.finditer(plain)]
    mentions = find_particles(plain)
    transitions = _transitions(plain, mentions)
    found += transitions
    for mention in mentions:
        if not any(t.start <= mention.start < t.end for t in transitions):
            found.append(Part("thing", mention.start, mention.end, names=mention.names))
    masked = _masked(plain, found)
    for match in _property_pattern().finditer(masked):
        found.append(Part("property", match.start(), match.end(), text=_property_of()[_key(match[0])]))
        masked = masked[: match.start()] + "¤" * len(match[0]) + masked[match.end() :]
    found += _words(masked, limits=any(part.kind == "value" for part in found))
    return sorted(found, key=lambda part: part.start)


def _masked(plain: str, parts: Sequence[Part]) -> str:
    characters = list(plain)
    for part in parts:
        characters[part.start : part.end] = "¤" * (part.end - part.start)
    return "".join(characters)


def _transitions(plain: str, mentions: Sequence[Mention]) -> list[Part]:
    """Decays written with an arrow or in words, and those of a list of modes: 'decay modes of the X: A B: …; C D: …'."""
    if (listed := _LIST_OF_MODES.search(plain)) and mentions and mentions[0].start < listed.end():
        return list(_listed(plain, listed.end(), mentions[0]))
    if "→" in plain:
        return list(_with_arrows(plain, mentions))
    if not _SPEAKS_OF_DECAYS.search(plain):
        return []
    return [
        Part("transition", d.subject.span[0], d.span[1], transition=_transition(d.subject.names, d.channel))
        for d in find_decays(plain)
        if d.subject is not None
        and d.channel.products
        and _VERB.fullmatch(plain, d.subject.span[1], d.channel.span[0])
    ]


def _with_arrows(plain: str, mentions: Sequence[Mention]) -> Iterator[Part]:
    done = 0
    while (arrow := plain.find("→", done)) >= 0:
        parent = next((m for m in reversed(mentions) if done <= m.start and m.end <= arrow), None)
        value = _MARKED.search(plain, arrow)
        channel, end = read_channel(plain, arrow + 1, value.start() if value else len(plain))
        done = max(end, arrow + 1)
        if parent is not None and channel.products:
            yield Part("transition", parent.start, done, transition=_transition(parent.names, channel))


def _listed(plain: str, start: int, parent: Mention) -> Iterator[Part]:
    for match in re.finditer(r"(?<![^;:])[^;:]{1,200}+(?=: {0,2}[^;:]{0,60}[\ue000-\uf8ff])", plain[start:]):
        first, last = start + match.start(), start + match.end()
        channel, end = read_channel(plain, first, last)
        if channel.products and not plain[end:last].strip():
            yield Part("transition", first, last, transition=_transition(parent.names, channel))


def _transition(parents: tuple[str, ...], channel: Channel) -> Transition:
    canonical = mode(channel)
    return tuple(sorted(parents)), canonical.channel, tuple(sorted(canonical.qualifiers.items()))


def _words(masked: str, *, limits: bool) -> Iterator[Part]:
    for match in _WORD.finditer(masked):
        word = match[0].lower().strip("'^+-*_")
        if word in _NEGATIONS or word.endswith("n't"):
            yield Part("negation", match.start(), match.end(), text=word)
        elif word and word not in _NEUTRAL and not (limits and word in _LIMIT_WORDS):
            yield Part("word", match.start(), match.end(), text=_stem(word))
    for match in re.finditer(r"[;:]", masked):
        yield Part("break", match.start(), match.end(), text=match[0])


def _stem(word: str) -> str:
    for ending, kept in (("'s", ""), ("ies", "y"), ("s", "")):
        if len(word) > 3 and word.endswith(ending) and not word.endswith(("ss", "us", "is")):
            return word[: -len(ending)] + kept
    return word


def _merged(plain: str, parts: Sequence[Part]) -> Iterator[Part]:
    """The parts with names in apposition made one: 'tau lepton (τ, tau)', 'Lambda_c baryon (Λ_c⁺, charmed Lambda)'."""
    position = 0
    while position < len(parts):
        part = parts[position]
        position += 1
        if part.kind == "thing" and plain.startswith(" (", part.end):
            end = _closing(plain, part.end + 1)
            names = _apposition(plain, part, parts[position:], end) if end else None
            if names:
                part = Part("thing", part.start, end + 1, names=names)
                while position < len(parts) and parts[position].start < end:
                    position += 1
        yield part


def _apposition(plain: str, thing: Part, following: Sequence[Part], end: int) -> tuple[str, ...] | None:
    """What a thing is by all the names in the bracket after it, or None if one of them is another thing."""
    inner = plain[thing.end + 2 : end]
    names, place, whole = set(thing.names), thing.end + 2, 0
    for element in re.split(r", ?", inner):
        start = plain.find(element, place)
        place = start + len(element)
        same = [p for p in following if p.kind == "thing" and p.start == start and p.end == place]
        if same:
            whole += 1
            common = names & set(same[0].names)
            if not common:
                return None
            names = common
        elif re.search(r"[\ue000-\uf8ff;:=<>→]", element):
            return None
    return tuple(sorted(names)) if whole else None


# ---- the lexicon of properties ---------------------------------------------------------------------


def _key(phrase: str) -> str:
    return " ".join(phrase.replace("-", " ").lower().split())


@functools.lru_cache(maxsize=1)
def _property_of() -> dict[str, str]:
    """The property that a phrase of the lexicon names; what it means in statements alone comes before what it may ask for."""
    found: dict[str, dict[str, str]] = {"stated": {}, "property": {}}
    for kind, name, phrase in lexicon("en").entries:
        if kind in found:
            found[kind].setdefault(_key(phrase), name)
    return found["property"] | found["stated"]


@functools.lru_cache(maxsize=1)
def _property_pattern() -> re.Pattern[str]:
    """The phrases of the lexicon, the longest first; those that begin alike are tried together, which takes a tenth of the time."""
    alike: dict[str, list[str]] = {}
    for phrase in sorted(_property_of(), key=len, reverse=True):
        ended = "" if phrase.endswith(("(", ")")) else r"(?![A-Za-z0-9_])"
        alike.setdefault(phrase[:2], []).append(_written(phrase[2:]) + ended)
    tried = (f"{_written(begin)}(?:{'|'.join(rest)})" for begin, rest in alike.items())
    return re.compile(rf"(?<![A-Za-z0-9_])(?:{'|'.join(tried)})", re.IGNORECASE)


def _written(phrase: str) -> str:
    return re.escape(phrase).replace(r"\ ", "[ -]")
