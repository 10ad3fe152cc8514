"""The words that questions are made of, in five languages, each with the part it plays in the grammar.

The files `words/LANGUAGE.txt` hold them: `[kind value]`, then phrases parted by semicolons. Capitals, hyphens and brackets
do not count; of phrases that begin alike the longest is read; of a phrase under several kinds the first kind comes first.
`words/physics.txt` and `words/everyday.txt` are measured (`tools/word_lists.py`).
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from yukawa.knowledge.parsing.names import ENGLISH, GERMAN, ROMANCE
from yukawa.knowledge.parsing.spelling import plain_ascii

Entry = tuple[str, Any, str]  # kind, value, phrase
LANGUAGES = ("en", "de", "fr", "zh", "ja")


@dataclass(frozen=True, slots=True)
class Lexicon:
    """One language: its phrases by part, and the names of particles and words of motion with the English ones read in their place."""

    entries: tuple[Entry, ...]
    names: Mapping[str, str]
    motion: Mapping[str, str]


@functools.lru_cache(maxsize=8)
def lexicon(language: str) -> Lexicon:
    """The words of a language of `LANGUAGES`."""
    entries: list[Entry] = []
    names: dict[str, str] = {}
    motion: dict[str, str] = {}
    kind, value = "", None
    for line in _lines(f"{language}.txt"):
        if line.startswith("["):
            kind, value = _heading(line[1:-1])
        elif kind in ("name", "motion"):
            written, _, english = line.partition(" = ")
            (names if kind == "name" else motion)[written] = english
        else:
            entries += [(kind, value, phrase) for part in line.split(";") if (phrase := part.strip())]
    if language != "en":  # in the spelling that questions are read in
        entries = [(kind, value, _plain(phrase)) for kind, value, phrase in entries]
    return Lexicon(tuple(entries), names, motion)


def _plain(phrase: str) -> str:
    """`plain_ascii`, which leaves plain words as they are."""
    plain = phrase.isascii() and phrase.replace(" ", "").isalpha() and not _SIGNS.search(phrase)
    return phrase if plain else plain_ascii(phrase)


_SIGNS = re.compile(r"plus|minus|[dD]elta")


def phrases(language: str) -> Iterator[Entry]:
    """The phrases that questions of a language are made of, with those of English, which are read in any language."""
    yield from (entry for entry in lexicon("en").entries if entry[0] != "stated")
    if language != "en":
        yield from lexicon(language).entries


@functools.lru_cache(maxsize=8)
def question_words(language: str) -> frozenset[str]:
    """The single words that open a question: 'what', 'wie', 'quel'."""
    found = [
        phrase.lower() for kind, value, phrase in phrases(language) if (kind, value) == ("function", "wh")
    ]
    return frozenset(phrase for phrase in found if " " not in phrase)


def _heading(text: str) -> tuple[str, Any]:
    """Split 'compare mass >' into a kind and its value; '-' means no property."""
    kind, _, rest = text.partition(" ")
    if kind in ("compare", "most"):
        name, sign = rest.split()
        return kind, ("" if name == "-" else name, sign)
    if kind == "qualifier":
        key, _, value = rest.partition(" ")
        return kind, (key, value)
    if kind in ("factor", "number", "power", "ordinal"):
        return kind, float(rest)
    return kind, rest or None


def _lines(name: str) -> Iterator[str]:
    text = resources.files("yukawa.knowledge.parsing").joinpath("words", name).read_text(encoding="utf-8")
    return (line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))


@functools.lru_cache(maxsize=4)
def word_list(name: str) -> frozenset[str]:
    """The measured list 'physics' or 'everyday'."""
    return frozenset(_lines(f"{name}.txt"))


@functools.lru_cache(maxsize=4)
def word_groups(name: str) -> Mapping[str, frozenset[str]]:
    """The single words under each heading of a file."""
    groups: dict[str, set[str]] = {}
    for line in _lines(f"{name}.txt"):
        if line.startswith("["):
            last = groups.setdefault(line[1:-1], set())
        else:
            last.update(line.split())
    return {heading: frozenset(words) for heading, words in groups.items()}


_NOTATION = re.compile(r"\d|[_^]|[a-z][A-Z]|^[A-Z]+$")


def is_notation(text: str) -> bool:
    """Whether a word looks like a symbol or an acronym rather than a word of a language."""
    return _NOTATION.search(text) is not None


def is_physics(word: str) -> bool:
    """Whether a word is far more frequent in papers of particle physics than in everyday language."""
    word = word.lower().removesuffix("'s").replace("isation", "ization")
    words = word_list("physics")
    return word in words or (word.endswith("s") and word[:-1] in words)


# ---- names of particles --------------------------------------------------------------------------


@functools.lru_cache(maxsize=8)
def _names_pattern(language: str) -> re.Pattern[str]:
    names = sorted({**lexicon(language).names, **lexicon(language).motion}, key=len, reverse=True)
    alternatives = "|".join(re.escape(n).replace(r"\ ", r"\s{1,3}") for n in names)
    boundless = language in ("zh", "ja")
    return re.compile(alternatives if boundless else rf"(?<![\w-])(?:{alternatives})s?(?!\w)", re.IGNORECASE)


def names_in(question: str, language: str) -> Iterator[tuple[int, int, str]]:
    """Names of particles and words of motion in a language: first character, one past the last, the English name."""
    names = {**lexicon(language).names, **lexicon(language).motion}
    for match in _names_pattern(language).finditer(question):
        written = re.sub(r"\s+", " ", match[0].lower())
        english = names.get(match[0]) or names.get(written) or names.get(written.removesuffix("s"))
        if english:
            yield match.start(), match.end(), english


# ---- which language ------------------------------------------------------------------------------

_KANA = re.compile("[\u3040-\u30ff]")
_HAN = re.compile("[\u3400-\u9fff]")
_WORD = re.compile(r"[^\W\d_]+")
_COMPOUND = re.compile(r"[a-z]{3}(?:massen?|lebensdauer|breite|ladung|zerfall|zerfalle|zerfalls)$")
_NOUN = re.compile(r"(?<=[\s-])(?!Delta|Lambda|Sigma|Omega|Upsilon|Higgs)[A-Z][a-z]{2,}")


def language_of(question: str) -> str:
    """The language, 'ja', 'zh', 'de', 'fr' or 'en', by script and by whose lexicon has most of the words; English where none has more."""
    if _KANA.search(question):
        return "ja"
    if len(_HAN.findall(question)) > 1:
        return "zh"
    words = [plain_ascii(word.lower()) for word in _WORD.findall(question)]
    if words and all(len(word) == 1 or word in _GREEK or word in _words("en") for word in words):
        return "en"  # the other lexicons need not be read
    known = {
        language: {word for word in words if word in _words(language)} for language in ("en", "de", "fr")
    }
    known["de"] |= {word for word in words if _COMPOUND.search(word)}
    for found in known.values():  # 'proton' is a word of them all
        found |= {word for word in words if word in ENGLISH}
    nouns = bool(_NOUN.search(question))  # German writes them with capitals

    def likeness(language: str) -> tuple[int, bool, bool, bool]:
        foreign = bool(known[language] - known["en"])
        return len(known[language]), foreign, language == "en", (language == "de") == nouns

    return max(known, key=likeness)


_GREEK = frozenset(
    "alpha beta gamma delta eta theta lambda mu nu xi pi rho sigma tau phi chi psi omega upsilon".split()
)


@functools.lru_cache(maxsize=4)
def _words(language: str) -> frozenset[str]:
    """The words of a lexicon and its words for particles, in plain letters; letters and their names are symbols in any language."""
    said = (_plain(phrase.lower()) for _, _, phrase in lexicon(language).entries)
    found = {word for phrase in said for word in _WORD.findall(phrase)}
    names = {"de": GERMAN, "fr": ROMANCE}.get(language, {})
    return frozenset(word for word in (*found, *names) if len(word) > 1 and word not in _GREEK)


# ---- languages that are not read -----------------------------------------------------------------

_OTHER_WORDS = {
    "Spanish": (
        "cuál cual cuales qué el los es en un una de con la las por para su cómo masa del vida media cuánto cuanto vive pesa partícula"
        " protón neutrón anchura muón kaón electrón según promedio"
    ),
    "Italian": (
        "qual quale quali è il lo gli di un una con per secondo che come massa della del dello vita media quanto vive pesa particella"
        " protone neutrone muone larghezza bosone elettrone decadimento"
    ),
    "Portuguese": (
        "qual quais é o os de um uma com para pelo como número massa do da dos vida média quanto vive pesa partícula próton nêutron"
        " elétron múon são largura obtido"
    ),
    "Dutch": "wat hoe het een van welke massa levensduur deeltje zwaar lang leeft",
}
_OTHER_SETS = {language: frozenset(words.split()) for language, words in _OTHER_WORDS.items()}
_SCRIPTS = (
    ("Russian", re.compile("[\u0400-\u04ff]{2}")),
    ("Korean", re.compile("[\uac00-\ud7af]{2}")),
    ("Arabic", re.compile("[\u0600-\u06ff]{2}")),
)


def other_language(question: str) -> str:
    """The language of a question that is in none of those that are read, else ''."""
    for language, script in _SCRIPTS:
        if script.search(question):
            return language
    words = [w.lower() for w in _WORD.findall(question)]
    scores = {language: sum(w in common for w in words) for language, common in _OTHER_SETS.items()}
    scores["Spanish"] += 2 * ("¿" in question)
    best = max(scores, key=lambda language: scores[language])
    return best if scores[best] > 1 and 2 * scores[best] >= len(words) - 2 else ""
