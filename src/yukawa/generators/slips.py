"""Which name a misspelt word was meant to be: one letter added, lost, replaced or swapped, or other marks."""

from collections.abc import Iterable

from yukawa.core.errors import nearest

_SHORTEST = 3  # letters of a word for which a name that is merely alike is offered


def is_slip(word: str, name: str) -> bool:
    """Whether a word differs from a name by one letter added, lost or replaced, or by two neighbours swapped."""
    if abs(len(word) - len(name)) > 1:
        return False
    same = next(
        (at for at, (a, b) in enumerate(zip(word, name, strict=False)) if a != b), min(len(word), len(name))
    )
    rest, its = word[same:], name[same:]
    if rest[1:] == its[1:] or rest[1:] == its or rest == its[1:]:
        return True
    return rest[2:] == its[2:] and rest[:2] == its[1::-1]


def folded(name: str) -> str:
    """A name in lower case without the marks that people forget; a charge at its end is kept."""
    return name.lower().replace("-", "").replace("_", "") + ("-" if name.endswith("-") else "")


def candidates(word: str, names: Iterable[str]) -> list[str]:
    """The names for which a word can be misspelt, the best first; one alone is certain enough to be put in its place."""
    listed = list(dict.fromkeys(names))
    same = [name for name in listed if name.lower() == word.lower()]
    own = folded(word)
    return same or [name for name in listed if folded(name) == own or is_slip(word, name)]


def nearest_word(word: str, names: Iterable[str]) -> str:
    """The name that differs least from a word; '' if none is near."""
    listed = list(names)
    found = candidates(word, listed)
    if found:
        return found[0] if len(found) == 1 else nearest(word, found) or found[0]
    return nearest(word, listed) if len(word) >= _SHORTEST else ""
