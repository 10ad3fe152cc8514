"""Makes the word lists by which questions are read: words of physics, and real words that look like those of the lexicon.

    python tools/word_lists.py ABSTRACTS.jsonl.gz [MORE.jsonl.gz ...]

The files hold one JSON object per line with `title` and `abstract` of papers on particle physics. Everyday frequencies are
those of the package `wordfreq` (CC BY-SA 4.0), the descriptions those of the package `pdg`.
"""

from __future__ import annotations

import gzip
import itertools
import json
import math
import re
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from wordfreq import top_n_list, word_frequency

from yukawa.knowledge.parsing import typos
from yukawa.knowledge.parsing.particles import database_path
from yukawa.knowledge.parsing.spelling import plain_ascii

FOLDER = Path(__file__).parents[1] / "src/yukawa/knowledge/parsing/words"
EXCESS = 0.8  # decades by which a word is more frequent in papers than in everyday language
SEEN = 30  # times, at least
PAPERS = 60_000
EVERYDAY = 60_000  # most frequent words that are real words and no slips
SLIP = 200  # times less frequent than the word it is a slip of
_ARTICLE = re.compile("(?:of|in|to|for|on|at|by|from|with|is|and)the$|(?:de|dans|sur|avec)la$")  # 'ofthe'
_WORD = re.compile(r"[a-z]{2,}")


def paper_words(paths: Iterable[str]) -> Iterator[str]:
    """The words of titles and abstracts, and of the descriptions of the Review of Particle Physics."""
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in itertools.islice(lines, PAPERS):
                row = json.loads(line)
                yield from _WORD.findall(f"{row.get('title', '')} {row.get('abstract', '')}".lower())
    with sqlite3.connect(database_path()) as connection:
        for (text,) in connection.execute("SELECT description FROM pdgid"):
            yield from _WORD.findall((text or "").lower())


def physics_words(paths: Iterable[str]) -> list[str]:
    """Words that are far more frequent in physics than in everyday language."""
    counts = Counter(paper_words(paths))
    total = sum(counts.values())
    return sorted(
        word for word, count in counts.items()
        if count >= SEEN and math.log10(count / total / word_frequency(word, "en", minimum=1e-9)) >= EXCESS
    )  # fmt: skip


def near_words(language: str) -> list[str]:
    """Everyday words that could be taken for slips of a word of the lexicon, as questions are read: without accents."""
    vocabulary = set(typos.vocabulary(language))
    words = {plain_ascii(word): word for word in reversed(top_n_list(language, EVERYDAY))}
    return sorted(
        plain for plain, word in words.items()
        if re.fullmatch("[a-z]{3,}", plain) and plain not in vocabulary and not _is_known_slip(word, vocabulary, language)
        and not _ARTICLE.match(plain)
        and (len(plain) == 3 or typos.neighbours(plain, typos.allowed_slips(len(plain)), language) or typos.parted(plain, language))
    )  # fmt: skip


def _is_known_slip(word: str, vocabulary: set[str], language: str) -> bool:
    """Whether it is a common slip itself: two letters swapped of a word that is far more frequent ('teh', 'waht')."""
    frequency = word_frequency(word, language)
    return any(
        word_frequency(other, language) > SLIP * frequency
        for other in typos.swapped(word)
        if other in vocabulary
    )


def main() -> None:
    """Write the lists."""
    lists = {"physics.txt": physics_words(sys.argv[1:]), "everyday.txt": near_words("en")}
    lists |= {f"everyday_{language}.txt": near_words(language) for language in ("de", "fr")}
    for name, words in lists.items():
        (FOLDER / name).write_text("\n".join(words) + "\n", encoding="utf-8")
        print(f"{name}: {len(words):,} words")


if __name__ == "__main__":
    main()
