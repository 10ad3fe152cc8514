"""Which rows stay out of a data set: other languages, near duplicates, pieces of evaluation sets."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, require
from yukawa.core.files import hash_file, real
from yukawa.core.manifest import MANIFEST
from yukawa.data.dataset import open_items
from yukawa.data.decontamination import Decontamination
from yukawa.data.deduplication import DuplicateFilter
from yukawa.data.fields import FieldFilter
from yukawa.data.ngrams import split_words
from yukawa.data.rows import AnyRow, RowFilter, texts_of

UNDETERMINED = "und"  # ISO 639-2's code
SURE = 0.8  # probability from which a language counts as recognised
ENGLISH_SHARE = 0.15
# Frequent English words that no other language's frequent words are spelled like (so not "in", "is", "an", "we").
_ENGLISH = frozenset(
    "the of and to that for with this by are from which it be can has have these our its their between".split()
)
_MATHEMATICS = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|\\[A-Za-z]+", re.DOTALL)


def make_filters(
    *,
    language: str | None = None,
    evaluation: Sequence[Path] = (),
    near_duplicates: float | None = None,
    fields: Sequence[str] = (),
) -> list[RowFilter]:
    """The requested filters, the cheapest first.

    Args:
        language: ISO 639 code of the language to keep, such as en.
        evaluation: data sets (their test splits) and files of which no row may hold a piece.
        near_duplicates: Jaccard index of word 5-grams from which two texts count as one.
        fields: the fields whose papers are kept, by their categories on arXiv; all papers if there are none.

    Raises:
        InputError: the language or a field is unknown, an evaluation set cannot be read or is empty, or the index is not
            in (0, 1].
        MissingPackage: a language is given and py3langid is not installed.
    """
    filters: list[RowFilter] = []
    if near_duplicates is not None:
        filters.append(DuplicateFilter(near_duplicates))
    if evaluation:
        filters.append(read_evaluation(evaluation))
    if language is not None:
        filters.append(LanguageFilter(language))
    if fields:
        filters.append(FieldFilter(fields))
    return filters[::-1]


def read_evaluation(paths: Sequence[Path]) -> Decontamination:
    """A filter against the texts of these evaluation sets, which `open_items` reads.

    Raises:
        InputError: a set cannot be read, or all are empty.
    """
    items = chain.from_iterable(open_items(Path(path)) for path in paths)
    return Decontamination(items, sets=[_identity(Path(path)) for path in paths])


def filter_lines(filters: Iterable[RowFilter]) -> list[str]:
    """What the filters did, a line of Markdown each."""
    return [f"* Filter: {one.settings['about']}" for one in filters]


def _identity(path: Path) -> dict[str, str]:
    """Name and hash of an evaluation set; a data set's manifest holds the hashes of its files."""
    return {"name": real(path).name, "sha256": hash_file(path / MANIFEST if path.is_dir() else path)}


class LanguageFilter(RowFilter):
    """Keeps the rows of one language and counts the others; formulas and short texts do not make a text foreign.

    English is recognised by its function words alone if they are at least 15 % of a text, which takes a fiftieth of
    the time; every other text goes without its formulas to py3langid (139 languages; after Lui and Baldwin,
    langid.py, ACL 2012).

    Attributes:
        language: ISO 639 code of the language to keep.
        undetermined: number of rows kept so far because no language was recognised with a probability of 0.8.

    Raises:
        MissingPackage: py3langid is not installed.
        InputError: it does not know the language.
    """

    def __init__(self, language: str = "en") -> None:
        langid = require("py3langid.langid", "recognising languages")
        self._model: Any = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
        if language not in self._model.labels:
            raise InputError(f"unknown language code {language!r}", hint="write it like en, de, fr or zh")
        self.language = language
        self.undetermined = 0
        self.dropped: Counter[str] = Counter()

    def recognise(self, text: str) -> str:
        """The ISO 639 code of a text's language, or `und` if it is not certain."""
        words = split_words(text)
        english = sum(map(_ENGLISH.__contains__, words))
        if words and english >= ENGLISH_SHARE * len(words):
            return "en"
        plain = _MATHEMATICS.sub(" ", text)
        if not any(map(str.isalpha, plain)):
            return UNDETERMINED
        code, probability = self._model.classify(plain)
        return UNDETERMINED if probability < SURE or code == "zxx" else str(code)  # zxx: no language at all

    @property
    def settings(self) -> dict[str, Any]:
        """What decides, for the manifest."""
        return {
            "filter": "language",
            "about": f"texts recognised as another language than {self.language} are omitted; "
            f"{self.undetermined:,} in which no language is recognised are kept.",
            "language": self.language,
            "undetermined": self.undetermined,
            "model": f"py3langid {version('py3langid')}",
        }

    def keeps(self, rows: Iterable[AnyRow]) -> Iterator[bool]:
        """Say of each row, in order, whether it is in the language or in none that is recognised."""
        return map(self._stays, rows)

    def _stays(self, row: AnyRow) -> bool:
        code = self.recognise(" ".join(texts_of(row)))
        if code not in (self.language, UNDETERMINED):
            self.dropped[f"in another language ({code})"] += 1
            return False
        self.undetermined += code == UNDETERMINED
        return True
