"""Words beside a particle that repeat what the Review lists of it: 'the neutral pseudoscalar pi0', 'the doubly charmed Xi_cc++'.

They are checked against its quantum numbers: where they agree the question is the same without them, where they contradict them
something else is meant.
"""

import contextlib
import functools
import itertools
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from yukawa.knowledge.parsing.lexicon import lexicon
from yukawa.knowledge.parsing.particles import database_path, particle_table
from yukawa.knowledge.parsing.tokens import Token
from yukawa.knowledge.sources.pdg.flavour import flavour
from yukawa.knowledge.sources.pdg.states import classes

_TIMES = {"singly": 1, "doubly": 2, "triply": 3}
_CHARGES = {"neutral": 0, "charged": None, "positively": 1, "negatively": -1, "positive": 1, "negative": -1}
_FLAVOURS = {
    "charmed": "charm", "charm": "charm", "strange": "strangeness", "bottom": "bottomness", "beauty": "bottomness",
    "beautiful": "bottomness",
}  # fmt: skip
_BY_SPIN = {"scalar": "0", "vector": "1"}
_BASES = {
    "tetraquark": "meson", "pentaquark": "baryon", "charmonium": "meson", "bottomonium": "meson", "quarkonium": "meson",
}  # fmt: skip
_NOUNS = frozenset("meson baryon lepton quark boson fermion hadron".split())
_FREE = frozenset("and , - electrically electric".split())


@dataclass(frozen=True, slots=True)
class _Listed:
    """What is listed of one charge state: its charge in e, classes, additive quantum numbers, spin, and the PDG's class letter."""

    charge: float
    classes: frozenset[str]
    numbers: dict[str, float]
    spin: str
    letter: str


@functools.lru_cache(maxsize=256)
def _listed(name: str) -> _Listed | None:
    """What the Review lists of a state; None of one that it only describes."""
    with contextlib.closing(sqlite3.connect(f"file:{database_path()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        row = connection.execute(
            "SELECT p.*, i.flags FROM pdgparticle p JOIN pdgid i ON i.pdgid = p.pdgid WHERE p.name = ?",
            (name,),
        ).fetchone()
    if row is None or row["charge"] is None:
        return None
    made_of = flavour(name, row["flags"], row["charge"], is_antiparticle=row["cc_type"] == "A")
    numbers = {key: float(value) for key, value in made_of.numbers.items()} if made_of else {}
    return _Listed(
        row["charge"], frozenset(classes(row, row["flags"], made_of)), numbers, row["quantum_j"] or "", row["flags"]
    )  # fmt: skip


def belongs(class_name: str, names: Sequence[str]) -> bool:
    """Whether a state of `names` can be of a class: no muon is a tetraquark, no rho a scalar meson.

    A class that is not of quantum numbers, and a state of which nothing is listed, are taken as said.
    """
    adjective, _, noun = class_name.rpartition(" ")
    heavy = noun in _BASES
    noun = _BASES.get(noun, noun)
    states = [_listed(name) for name in names if name in particle_table().particles]
    if noun not in _NOUNS or not states or None in states:
        return True
    return any(
        state is not None and _is_of(state, adjective, noun) and (not heavy or _HEAVY & state.classes)
        for state in states
    )


_HEAVY = {
    "tetraquark",
    "pentaquark",
    "charmonium",
    "bottomonium",
    "charmed meson",
    "bottom meson",
    "charmed baryon",
}


def _is_of(state: _Listed, adjective: str, noun: str) -> bool:
    """Whether one state is of the class of a noun and an adjective before it, if any."""
    if state.letter == "G" and adjective in _BY_SPIN and state.spin == _BY_SPIN[adjective]:
        return True  # 'the scalar H', 'the vector particle Z'
    if adjective in ("", "gauge", "elementary", "exotic"):
        return noun in state.classes
    known = {"pseudoscalar", "scalar", "vector", "axial vector", "tensor", "strange", "charmed", "bottom"}
    return f"{adjective} {noun}" in state.classes if adjective in known else noun in state.classes


def agrees(words: Sequence[str], names: Sequence[str]) -> bool | None:
    """Whether every state of `names` is what `words` say; None where a word says nothing that is listed."""
    states = [_listed(name) for name in names]
    said = [word for word in words if word not in _FREE]
    if not said or not states or None in states:
        return None
    times, verdicts = 0, []
    for word in said:
        if word in _TIMES:
            times = _TIMES[word]
            continue
        found = [_says(word, times, state) for state in states if state is not None]
        if None in found:
            return None
        verdicts += found
        times = 0
    return None if times else all(verdicts)


def _says(word: str, times: int, state: _Listed) -> bool | None:
    """Whether one word is true of a state, `times` over where it is said so; None of a word that cannot be checked."""
    if word in _CHARGES:
        meant = _CHARGES[word]
        if meant is None:
            return abs(state.charge) == times if times else state.charge != 0
        return bool(state.charge == 0) if meant == 0 else state.charge * meant > 0
    if word in _FLAVOURS:
        size = abs(state.numbers.get(_FLAVOURS[word], 0.0))
        return size == times if times else size > 0
    if times:
        return None
    named = {f"{word} meson", f"{word} boson", f"{word} particle", word}
    if word in _BY_SPIN and state.letter == "G":
        return state.spin == _BY_SPIN[word]
    if named & state.classes:
        return True
    return False if word in _NOUNS or word in _BY_SPIN or word in ("pseudoscalar", "tensor") else None


def descriptions(tokens: list[Token]) -> list[Token]:
    """Set aside the words right ahead of a thing that repeat what is listed of it; where one contradicts it, they stay unread."""
    found = list(tokens)
    for place, token in enumerate(tokens):
        if token.kind != "thing" or not token.value.names:
            continue
        if any(
            word in _NOUNS and not belongs(word, token.value.names) for word in token.text.lower().split()
        ):
            found[place] = replace(token, kind="word")  # 'the baryon K+'
            continue
        first = place
        while first and _may_describe(tokens[first - 1]):
            first -= 1
        while first < place and tokens[first].text.lower() in _FREE:
            first += 1
        group = tokens[first:place]
        own = itertools.takewhile(_CHARGES.__contains__, token.text.lower().split())  # 'charged Delta++'
        said = [word for t in group for word in t.text.lower().replace("-", " ").split()] + list(own)
        verdict = agrees(said, token.value.names) if group else None
        if verdict is None:
            continue
        for i in range(first, place):
            if tokens[i].text.lower() in _FREE:
                continue
            found[i] = replace(tokens[i], kind="aside" if verdict else "appended", value=None, otherwise=())
    return found


def glosses(tokens: list[Token]) -> list[Token]:
    """Set aside what repeats the meaning of a symbol: 'epsilon, the indirect CP violation parameter in the kaon system'.

    The words of a symbol are those by which the lexicon knows the same quantity.
    """
    found = list(tokens)
    for place, token in enumerate(tokens):
        first = next((i for i in range(place + 1, len(tokens)) if tokens[i].text != "|"), place)
        if token.kind != "identifier" or first == place or tokens[first].text not in (",", "("):
            continue
        own = _words_of(str(token.value))
        ends = (i for i in range(first + 1, len(tokens)) if tokens[i].text in (",", ")", "?", ":", "-"))
        end = next(ends, len(tokens))
        said = [i for i in range(first + 1, end) if tokens[i].kind not in ("function", "mark", "join")]
        if said and all(set(tokens[i].text.lower().split()) <= own for i in said):
            for i in said:
                found[i] = replace(tokens[i], kind="aside", value=None, otherwise=())
    for place, token in enumerate(tokens):
        if token.kind != "identifier":
            continue
        own = _words_of(str(token.value))
        for step in (-1, 1):  # 'the oscillation frequency Delta m_d', '|epsilon| in kaon mixing'
            i = place + step
            while 0 <= i < len(tokens) and (tokens[i].kind in _WITHIN or _repeats(tokens[i], own)):
                if tokens[i].kind not in _WITHIN:
                    found[i] = replace(tokens[i], kind="aside", value=None, otherwise=())
                i += step
    return found


_WITHIN = ("function", "aside", "thing", "mark")


def _repeats(token: Token, own: frozenset[str]) -> bool:
    """Whether a word says of a quantity what its own names say."""
    said = token.kind == "word" or (token.kind == "qualifier" and token.value[0] == "condition")
    return said and set(token.text.lower().split()) <= own


@functools.lru_cache(maxsize=64)
def _words_of(identifier: str) -> frozenset[str]:
    """The words of all phrases that mean a quantity of the source, and those that every quantity may have."""
    said = (
        phrase
        for kind, value, phrase in lexicon("en").entries
        if kind == "identifier" and value == identifier
    )
    return frozenset(word for phrase in said for word in phrase.lower().split()) | _OF_ANY


_OF_ANY = frozenset("parameter quantity system sector so called number mixing".split())


def _may_describe(token: Token) -> bool:
    """Whether a word can precede the name that it describes."""
    texts = token.text.lower().split()
    known = {
        *_TIMES,
        *_CHARGES,
        *_FLAVOURS,
        *_BY_SPIN,
        *_NOUNS,
        *_FREE,
        *_BASES,
        "pseudoscalar",
        "tensor",
        "axial",
    }
    return token.kind in ("word", "sign", "class", "property", "mark", "join", "function", "aside", "appended",
                          "factor") and all(
        word.removesuffix("s") in known or word in known for word in texts
    )  # fmt: skip
