"""Takes a word that nothing knows for the one word of the lexicon that it is a slip of, and says so."""

import functools
from collections.abc import Iterable, Sequence

from yukawa.knowledge.parsing.lexicon import lexicon, word_list
from yukawa.knowledge.parsing.names import ENGLISH
from yukawa.knowledge.parsing.things import edit_distance
from yukawa.knowledge.parsing.tokens import Token, pieces_of

_SHORT, _LONG = 4, 8  # letters of a word with one slip at most, with two
# Words of names that are written with a space ('bottom quark') and so are not names by themselves.
_NAMING = (
    "muon pion kaon muons pions kaons bottom strange charmed anti quark lepton boson meson baryon hadron higgs lambda sigma omega delta"
    " upsilon neutral charged particle"
)


def corrections(words: Sequence[str]) -> dict[str, str]:
    """For each word that is a slip of exactly one word of the lexicon, that word.

    Args:
        words: words that nothing knows. Words of everyday language and of physics papers are never taken for slips.
    """
    found = {}
    for word in words:
        meant = correction(word.lower())
        if meant is not None:
            found[word] = meant
    return found


@functools.lru_cache(maxsize=2048)
def correction(word: str) -> str | None:
    """The word of the lexicon that `word` is a slip of, if there is exactly one nearest."""
    if not word.isalpha() or not word.isascii() or len(word) < 3 or _is_word(word):
        return None
    targets = vocabulary()
    if word in targets or (word[0] == "s" and word[1:] in targets):  # 'sneutrino' is another particle
        return None
    if len(word) == 3:
        return next((t for t in swapped(word) if t in targets), None)
    for slips in range(1, allowed_slips(len(word)) + 1):
        near = neighbours(word, slips)
        if len({targets[t] for t in near}) == 1:
            return min(
                near, key=lambda t: (t not in swapped(word), t[0] != word[0], abs(len(t) - len(word)), t)
            )
        if near:
            return None
    return None


def _is_word(word: str) -> bool:
    """Whether it is a word of everyday language or of physics, and so no slip."""
    return word in word_list("everyday") or word in word_list("physics")


def neighbours(word: str, slips: int) -> list[str]:
    """The words of the lexicon that are at most so many slips away."""
    letters = _letters(word)
    return [
        target
        for size in range(len(word) - slips, len(word) + slips + 1)
        for target, own in _targets(size)
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


@functools.lru_cache(maxsize=1)
def vocabulary() -> dict[str, str]:
    """Words with what they mean; words of one meaning are not rivals ('mass', 'masses')."""
    found: dict[str, str] = {}
    for kind, value, phrase in sorted(
        lexicon("en").entries, key=lambda entry: entry[0] not in ("function", "neutral")
    ):
        pieces = pieces_of(phrase)
        for piece in pieces:
            if piece.isalpha() and (len(piece) >= _SHORT or kind == "function"):
                alone = (
                    kind
                    if kind in ("function", "neutral")
                    else f"{kind}:{value}"
                    if len(pieces) == 1
                    else piece
                )
                found.setdefault(piece, alone)
    for name in ENGLISH:  # names of other languages are near to many English words
        if name.isalpha() and len(name) > _SHORT:
            # Also where a phrase has the word: 'types of neutrino'.
            found[name] = found[name + "s"] = f"thing:{ENGLISH[name]}"
    for name in _NAMING.split():
        found.setdefault(name, name)
    return found


@functools.lru_cache(maxsize=32)
def _targets(size: int) -> tuple[tuple[str, int], ...]:
    """The words of the lexicon with `size` letters, and their letters as bits."""
    return tuple((w, _letters(w)) for w in vocabulary() if len(w) == size and len(w) >= _SHORT)


def unknown_words(tokens: Iterable[Token]) -> list[Token]:
    """The tokens that may be slips."""
    return [t for t in tokens if t.kind == "word" and t.text.isalpha()]


def is_content(word: str) -> bool:
    """Whether a word of the lexicon names something, so that taking a slip for it is worth saying."""
    return ":" in vocabulary().get(word, "") or word in _NAMING.split()
