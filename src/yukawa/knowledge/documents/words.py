"""Words of questions and documents in one form: stems of English words, parts of identifiers, and the words that only join."""

import functools
import re

from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.parsing.things import edit_distance
from yukawa.knowledge.parsing.typos import allowed_slips

# Words of closed classes: articles, pronouns, auxiliaries, prepositions, conjunctions. They name nothing.
CLOSED = frozenset(
    """
    a an the this that these those some any each every all both no not i me my we us our you your he him his she her it
    its they them their one ones who whom whose which what when where why how am is are was were be been being do does did
    done doing have has had having will would shall should can could may might must ought of in on at to from by with
    without into onto over under between within for as than then if so and or but nor because while there here out up
    about per via during after before again also just only too very more most many much other such same own let lets get
    """.split()
)
# Past tenses that share no stem with the verb.
_IRREGULAR = {
    form: verb for verb, forms in {
        "write": "wrote written", "begin": "began begun", "choose": "chose chosen", "find": "found", "hold": "held",
        "keep": "kept", "know": "knew known", "lead": "led", "make": "made", "mean": "meant", "run": "ran", "say": "said",
        "see": "saw seen", "send": "sent", "show": "shown", "speak": "spoke spoken", "take": "took taken", "teach": "taught",
        "think": "thought", "build": "built", "bring": "brought", "break": "broke broken", "draw": "drew drawn", "fall": "fell fallen",
        "give": "gave given", "go": "went gone", "grow": "grew grown", "leave": "left", "lose": "lost", "rise": "rose risen",
        "understand": "understood", "stand": "stood", "store": "storage", "use": "used using",
        "get": "got gotten", "meet": "met", "set": "setting", "analyse": "analysis analyze",
    }.items() for form in forms.split()
}  # fmt: skip
_TOKEN = re.compile(r"[^\W\d_]\w*(?:[-+.'’][^\W_]\w*)*|\d+(?:\.\d+)*\w*|[!$%#@&*~^]{2,}")
_ADDRESS = re.compile(r"https?://\S+")
_PART = re.compile(r"[-+._'’]|(?<=[a-z])(?=[A-Z])")
_POSSESSIVE = re.compile(r"['’]s?$")
_COMPOUND = re.compile(r"[a-z]+(?:-[a-z]+)+")  # 'polar-angle': each of its words counts
_DOUBLED = re.compile(r"([bdgmnprt])\1$")
# Of two words that differ the common beginning must be this long, and this share of the longer.
_BEGINNING, _SHARE, _ENOUGH = 4, 0.6, 7


@functools.lru_cache(maxsize=16384)
def stem(word: str) -> str:
    """The stem of an English word: 'describes', 'described' and 'describing' have one."""
    word = _POSSESSIVE.sub("", word.lower())
    word = _IRREGULAR.get(word, word)
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    if len(word) > 5 and word.endswith("ly"):
        word = word[:-2]
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 2 and word.endswith(ending):
            word = _DOUBLED.sub(r"\1", word[: -len(ending)])
            break
    return word[:-1] if len(word) > 3 and word.endswith("e") else word


def stems(text: str) -> tuple[str, ...]:
    """The stems of all words of `text` but addresses; an identifier gives itself and its parts (`Electron_dxy`, `electron`, `dxy`)."""
    found: list[str] = []
    if not text.isascii():  # 'τ' is 'tau'
        text = plain_ascii(text)
    for match in _TOKEN.finditer(_ADDRESS.sub(" ", text)):
        word = match[0]
        found.append(stem(word))
        parts = _PART.split(word)
        if len(parts) > 1:
            found += [stem(part) for part in parts if len(part) > 1]
            if "-" in word:  # 'speed-up' is 'speedup' too
                found.append(stem(word.replace("-", "")))
    return tuple(found)


@functools.lru_cache(maxsize=8192)
def stem_set(text: str) -> frozenset[str]:
    """The stems of `text`, each once."""
    return frozenset(stems(text))


def named(question: str) -> dict[str, str]:
    """The stems of what `question` names with the words as written, in order: all words but those of closed classes."""
    found: dict[str, str] = {}
    for match in _TOKEN.finditer(question if question.isascii() else plain_ascii(question)):
        parts = (
            [part for part in match[0].split("-") if len(part) > 1] if _COMPOUND.fullmatch(match[0]) else []
        )
        for word in parts or [match[0]]:
            if word.lower() not in CLOSED:
                found.setdefault(stem(word), word)
    return found


def alike(word: str, words: frozenset[str]) -> frozenset[str]:
    """The stems among `words` that begin as `word` does ('locat', 'location'); a name with digits or signs is like no other."""
    if len(word) < _BEGINNING or not word.isalpha():
        return frozenset()
    return frozenset(other for other in words if other[0] == word[0] and _begin_alike(word, other))


def _begin_alike(one: str, other: str) -> bool:
    pairs = enumerate(zip(one, other, strict=False))
    common = next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))
    return common >= _ENOUGH or (common >= _BEGINNING and common >= _SHARE * max(len(one), len(other)))


def misspelt(word: str, words: frozenset[str]) -> frozenset[str]:
    """The stems among `words` that `word` may be a slip of ('verison', 'version'); the first letter is right."""
    slips = allowed_slips(len(word))
    if not slips or not word.isalpha():
        return frozenset()
    near = (w for w in words if w[0] == word[0] and w.isalpha() and abs(len(w) - len(word)) <= slips)
    return frozenset(w for w in near if edit_distance(word, w, slips) <= slips)
