"""Finds the particles a question speaks of, with their places in it: names, Monte Carlo numbers, identifiers."""

import functools
import re
from collections.abc import Iterable

from yukawa.knowledge.parsing.listed import squeeze
from yukawa.knowledge.parsing.particles import Mention, find_particles, mention_at, particle_table
from yukawa.knowledge.parsing.plan import Span, Thing
from yukawa.knowledge.parsing.spelling import Spelled, plain_ascii, spell

# Marks that make another thing of a name: Z' is not the Z, a top with a tilde is not the top.
_MARKED = re.compile(
    r"(?<![A-Za-z0-9_\\])(?P<base>[A-Za-z]{1,10}(?:_[A-Za-z0-9]+)?(?:\(\d+\w?\))?)(?P<mark>'+(?![A-Za-z])|tilde|\*+)[+\-0]*"
)
_OTHER_KIND = re.compile(
    r"(?<![A-Za-z])(?:excited|dark|sterile|supersymmetric|mirror|hidden|exotic|vector[- ]like|fourth[- ]generation|charged|neutral"
    r"|doubly[- ]charged) $",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"(?<![A-Za-z])(?:particle(?: with)?(?: the)?(?: (?:code|number|id))?|teilchen|particule|粒子(?:编号|番号)?|code|pid"
    r"|(?:pdg|mc|monte[- ]?carlo)[ -]?(?:id|code|number|particle(?: id| number)?)|pdgid|mcid|kf(?: code)?)"
    r"(?: (?:code|number|no\.?|id))?(?: (?:is|of))?[ :#=]{0,3}(?P<number>-?\d{1,9})(?![\d.])",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(
    r"(?<![A-Za-z0-9])(?P<root>[A-Z]\d{3})(?P<quantity>[A-Z][A-Z0-9]{0,6}|)(?P<mode>\.\d{1,4})?(?![A-Za-z0-9])"
)
_OTHER_NUMBERS = re.compile(
    r"(?:corsika|geant ?[34]?|herwig|isajet|sherpa)(?: (?:code|id|number|particle))* $", re.IGNORECASE
)
# Letters that are units, constants or parts of words where no particle is meant: 'in s', '5 g', 'c tau', 'hbar c', 'a-t-il', 'e.g.'.
_UNIT = re.compile(r"(?:\bin|\bper|/|\d|hbar|\blight|-) ?$")
_NOT_NAMES = re.compile(
    r"\bc ?[*x]? ?tau\b(?! ?lepton| ?neutrino|[+-])|\b[A-Za-z]\.[A-Za-z]\.|-t-(?=ils?\b|elles?\b|on\b)|0\.\d+ ?c\b|MeV/c"
)
# 'e' is 'and' in Italian and Portuguese: 'del protone e del neutrone'.
_ROMANCE = re.compile(
    r"\b(?:del|della|dello|il|lo|qual|quale|quanto|massa|vida|do|da|el|los|las)\b", re.IGNORECASE
)
_LEAST_LETTERS = 4  # of a misspelt name


def find_things(text: str) -> list[Thing]:
    """The particles that `text`, a question in any notation, names, in order.

    A thing without names is one that looks like a particle's name and is none known here, such as the Z' or a charged
    Higgs boson: nothing may be answered of the plain name within.
    """
    spelled = spell(text)
    plain = spelled.plain
    found: list[tuple[int, int, tuple[str, ...], bool]] = []
    for match in _NUMBER.finditer(plain):
        known = not _OTHER_NUMBERS.search(plain, 0, match.start())
        name = particle_table().numbers.get(int(match["number"])) if known else None
        found.append((*match.span(), (name,) if name else (), True))
    for match in _IDENTIFIER.finditer(plain):
        members = particle_table().families.get(match["root"])
        if members and not match["quantity"] and not match["mode"]:
            found.append((*match.span(), members, False))
    taken = [match.span() for match in _NOT_NAMES.finditer(plain)]
    for mention in find_particles(plain):
        if any(start <= mention.start < end for start, end in taken):
            continue
        if not _is_unit(plain, mention) and not _covered(mention.start, found):
            found.append(_thing(plain, mention))
    for match in _MARKED.finditer(plain):
        if not _covered(match.start(), found) and _is_name(match["base"]):
            found.append((*match.span(), (), True))
    return [_placed(text, spelled, *one) for one in sorted(found)]


def find_identifiers(text: str) -> list[tuple[str, Span]]:
    """Identifiers of single quantities in a question, 'S035M', 'S035.7', with their places."""
    return [(m[0], m.span()) for m in _IDENTIFIER.finditer(text) if m["quantity"] or m["mode"]]


def _placed(text: str, spelled: Spelled, start: int, end: int, names: tuple[str, ...], given: bool) -> Thing:
    span = spelled.span(start, end)
    particles = particle_table().particles
    ordered = tuple(sorted(names, key=lambda n: (particles[n].is_antiparticle, names.index(n))))
    return Thing(ordered, text[slice(*span)], span, given)


def _thing(plain: str, mention: Mention) -> tuple[int, int, tuple[str, ...], bool]:
    """A mention, or an unknown thing where a word before it makes another thing of it."""
    if other := _OTHER_KIND.search(plain, max(0, mention.start - 24), mention.start):
        return other.start(), mention.end, (), True
    spaced = (
        3 if plain.endswith(" en", mention.start, mention.end) else 0
    )  # 'proton en kg' holds no German 'Protonen'
    return mention.start, mention.end - spaced, mention.names, mention.charge_given


def _covered(position: int, found: Iterable[tuple[int, int, tuple[str, ...], bool]]) -> bool:
    return any(start <= position < end for start, end, *_ in found)


def _is_unit(plain: str, mention: Mention) -> bool:
    word = plain[mention.start : mention.end]
    if word == "e" and _ROMANCE.search(plain):
        return True
    return len(word) == 1 and word in "sgdubtceKWTHa" and _UNIT.search(plain, 0, mention.start) is not None


def _is_name(word: str) -> bool:
    mention = mention_at(word, 0)
    return mention is not None and mention.end == len(word)


# ---- misspelt names -------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1024)
def nearest_name(word: str) -> tuple[str, tuple[str, ...]] | None:
    """The known name that `word` most likely misspells, as (its spelling, PDG names); None if several are as near.

    One letter may be wrong, missing, added or exchanged with its neighbour, two in words of eight letters or more.
    Digits and signs must agree: psi(2S) is not a misspelt psi(3S). Proposes only: whether to accept is the caller's decision.
    """
    key = squeeze(plain_ascii(word)).lower()
    letters = _LETTERS.sub("", key)
    if len(letters) < _LEAST_LETTERS or key in particle_table().folded.names:
        return None
    most = 2 if len(letters) >= 8 else 1
    nearest: dict[tuple[str, ...], str] = {}
    best = most
    for known, others, length, names in _by_rest().get(_NO_LETTERS.sub("", key), ()):
        if abs(length - len(letters)) > best:
            continue
        distance = edit_distance(letters, others, best)
        if distance < best:
            nearest, best = {}, distance
        if distance == best:
            nearest.setdefault(names, known)
    if len(nearest) != 1:
        return None
    ((names, known),) = nearest.items()
    return known, names


@functools.lru_cache(maxsize=1)
def _by_rest() -> dict[str, list[tuple[str, str, int, tuple[str, ...]]]]:
    """Names of letters enough by their digits and signs: spelling, letters, number of letters, PDG names."""
    found: dict[str, list[tuple[str, str, int, tuple[str, ...]]]] = {}
    for known, names in particle_table().folded.names.items():
        letters = _LETTERS.sub("", known)
        if len(letters) >= _LEAST_LETTERS - 1:
            found.setdefault(_NO_LETTERS.sub("", known), []).append((known, letters, len(letters), names))
    return found


_LETTERS = re.compile(r"[^a-z]")
_NO_LETTERS = re.compile(r"[a-z]")


def edit_distance(one: str, other: str, most: int) -> int:
    """The number of letters to insert, delete, replace or exchange with a neighbour; `most` + 1 if it is more."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        two_before, before, row = before, row, [i]
        for j, b in enumerate(other, start=1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, two_before[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
