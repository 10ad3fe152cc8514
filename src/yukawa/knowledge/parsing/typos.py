"""Finds the words of the lexicon that a word which nothing knows can be a slip of."""

import functools
import re
from collections.abc import Iterable, Sequence

from yukawa.knowledge.parsing.lexicon import lexicon, word_list
from yukawa.knowledge.parsing.names import ENGLISH, GERMAN, ROMANCE
from yukawa.knowledge.parsing.things import edit_distance
from yukawa.knowledge.parsing.tokens import Token, pieces_of

_SHORT, _LONG = 4, 8  # letters of a word with one slip at most, with two
_MOST = 4  # meanings that are weighed
# Words of names that are written with a space ('bottom quark') and so are not names by themselves, and units in full.
_NAMING = (
    "muon pion kaon muons pions kaons bottom strange charmed anti quark lepton boson meson baryon hadron higgs lambda sigma omega delta"
    " upsilon neutral charged particle singly doubly triply"
).split()
_NAMES = {"en": ENGLISH, "de": ENGLISH | GERMAN, "fr": ENGLISH | ROMANCE}
_UNITS = {
    "en": (
        "seconds microseconds nanoseconds picoseconds femtoseconds minutes hours years kilograms grams metres meters centimetres"
        " femtometres micrometres joules electronvolts nuclear magnetons"
    ).split(),
    "de": (
        "sekunden mikrosekunden nanosekunden pikosekunden femtosekunden minuten jahren kilogramm gramm metern joule kernmagnetonen"
        " elektronenvolt"
    ).split(),
    "fr": "secondes microsecondes nanosecondes picosecondes femtosecondes annees kilogrammes grammes metres coulombs".split(),
}
# Slips so frequent that counts of everyday words hold them.
_FREQUENT = {"wich": "which", "whch": "which", "wat": "what", "wha": "what", "hwo": "how", "teh": "the"}


def corrections(words: Sequence[str], language: str = "en") -> dict[str, tuple[str, ...]]:
    """The words of the lexicon that each misspelt word may be, the likeliest first, one for each meaning.

    Args:
        words: words that nothing knows. Words of everyday language and of physics papers are never taken for slips.
        language: 'en', 'de' or 'fr'; words of others are left.
    """
    if language not in _NAMES:
        return {}
    return {word: meant for word in words if (meant := meanings(word.lower(), language))}


@functools.lru_cache(maxsize=2048)
def meanings(word: str, language: str = "en") -> tuple[str, ...]:
    """The words of the lexicon that `word` may be a slip of, one for each meaning, the likeliest first."""
    if word in _FREQUENT and language == "en":
        return (_FREQUENT[word],)
    targets = vocabulary(language)
    if language == "de" and (plain := _TWO_LETTERS.sub(r"\1", word)) != word and plain in targets:
        return (plain,)
    if not word.isalpha() or not word.isascii() or len(word) < 3 or _is_word(word, language):
        return ()
    if (
        word in targets
        or word + "s" in _UNITS[language]
        or word.removesuffix("s") in {"tau", *_NAMES[language]}
        or any(word.startswith(p) and word.removeprefix(p) in targets for p in _OTHERS)
    ):  # 'sneutrino' is another particle, 'diquark' none
        return ()
    if len(word) == 3:
        return tuple(t for t in swapped(word) if t in targets)[:1]
    for slips in range(1, allowed_slips(len(word)) + 1):
        near = sorted(
            (
                t
                for t in neighbours(word, slips, language)
                if language != "de" or not _is_other_degree(word, t, targets[t])
            ),
            key=lambda t: (unlikeliness(word, t), ":" not in targets[t], t),
        )
        if near:
            best: dict[str, str] = {}
            for target in near:
                best.setdefault(targets[target], target)
            return tuple(best.values())[:_MOST]
    return parted(word, language)


def _is_other_degree(word: str, target: str, meant: str) -> bool:
    """Whether only an ending makes a comparison of a German word, as in 'langlebige' and 'langlebiger'."""
    return meant.startswith(("compare", "most")) and target.startswith(word[:-1])


def parted(word: str, language: str) -> tuple[str, ...]:
    """The two words of the lexicon that 'massof', 'themuon', 'ofthe', 'muonmass' join."""
    targets = vocabulary(language)

    def stands(half: str) -> bool:
        known = targets.get(half, "factor:")
        return half in _NAMES[language] or (
            not known.startswith("factor:") and (len(half) >= _SHORT or known == "function")
        )

    halves = ((word[:place], word[place:]) for place in range(2, len(word) - 1))
    return next(((f"{one} {other}",) for one, other in halves if stands(one) and stands(other)), ())


def unlikeliness(written: str, meant: str) -> int:
    """0 where letters were doubled, half a double was dropped or two were swapped; more for other slips."""
    squeezed = [_DOUBLE.sub(r"\1", w) for w in (written, meant)]
    if squeezed[0] == squeezed[1] or meant in swapped(written):
        return 0
    return 1 + (written[0] != meant[0]) + (len(meant) == len(written))


_OTHERS = ("s", "di", "tri", "lepto")
_DOUBLE = re.compile(r"(.)\1+")


_TWO_LETTERS = re.compile("([aou])e")  # 'fuer', where questions are read without the dots of an umlaut


def _is_word(word: str, language: str) -> bool:
    """Whether it is a word of everyday language or of physics, and so no slip."""
    real = language != "en" and word in word_list(f"everyday_{language}")
    return real or word in word_list("everyday") or word in word_list("physics")


def neighbours(word: str, slips: int, language: str = "en") -> list[str]:
    """The words of the lexicon that are at most this many slips away."""
    letters = _letters(word)
    return [
        target
        for size in range(len(word) - slips, len(word) + slips + 1)
        for target, own in _targets(size, language)
        # Words with other letters are far apart: this alone rules out nearly all.
        if (letters & ~own).bit_count() <= slips
        and (own & ~letters).bit_count() <= slips
        and edit_distance(word, target, slips) <= slips
    ]


def _letters(word: str) -> int:
    """The letters of a word as bits."""
    found = 0
    for letter in word:
        found |= 1 << (ord(letter) & 31)
    return found


def allowed_slips(length: int) -> int:
    """How many letters of a word of this length may be wrong."""
    return 0 if length < _SHORT else 1 if length < _LONG else 2


def swapped(word: str) -> list[str]:
    """The words that two swapped letters make of it."""
    return [word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)]


@functools.lru_cache(maxsize=3)
def vocabulary(language: str = "en") -> dict[str, str]:
    """Words with what they mean; words of one meaning are not rivals ('mass', 'masses')."""
    found: dict[str, str] = {}
    entries = [(pieces_of(phrase), kind, value) for kind, value, phrase in lexicon(language).entries]
    for pieces, kind, value in sorted(entries, key=lambda e: (len(e[0]) > 1, e[1] not in _QUIET)):
        for piece in pieces:
            if piece.isalpha() and (len(piece) >= _SHORT or kind == "function"):
                alone = len(pieces) == 1
                found.setdefault(
                    piece, kind if alone and kind in _QUIET else f"{kind}:{value}" if alone else piece
                )
    for name, symbol in _NAMES[language].items():  # names of other languages are near to many English words
        if name.isalpha() and len(name) > _SHORT:
            # Also where a phrase has the word: 'types of neutrino'.
            found[name] = f"thing:{symbol}"
            if not name.endswith("s"):
                found[name + "s"] = found[name]
    for name in (*(_NAMING if language == "en" else ()), *_UNITS[language]):
        found.setdefault(name, name.removesuffix("s"))
    return found


_QUIET = ("function", "neutral")


@functools.lru_cache(maxsize=96)
def _targets(size: int, language: str) -> tuple[tuple[str, int], ...]:
    """The words of the lexicon with `size` letters, and their letters as bits."""
    return tuple((w, _letters(w)) for w in vocabulary(language) if len(w) == size and len(w) >= _SHORT)


def unknown_words(tokens: Iterable[Token]) -> list[Token]:
    """The tokens that may be slips."""
    return [t for t in tokens if t.kind == "word" and t.text.isalpha()]


def is_content(word: str, language: str = "en") -> bool:
    """Whether a word of the lexicon names something, so that taking a slip for it is worth saying."""
    return ":" in vocabulary(language).get(word, "") or word in _NAMING
