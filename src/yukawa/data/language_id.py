"""Keeps the rows of one language; formulas and short texts do not make a document foreign."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from typing import Any

from yukawa.core.errors import InputError, nearest
from yukawa.core.optional import require
from yukawa.data.ngrams import split_words
from yukawa.data.rows import Conversation, Document, Preference, texts_of

UNDETERMINED = "und"  # ISO 639-2's code
SURE = 0.8  # probability from which a language counts as recognised
ENGLISH_SHARE = 0.15
# Frequent English words that no other language's frequent words are spelled like (so not "in", "is", "an", "we").
_ENGLISH = frozenset(
    "the of and to that for with this by are from which it be can has have these our its their between".split()
)
_MATHEMATICS = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|\\[A-Za-z]+", re.DOTALL)


class LanguageFilter:
    """Tells languages apart, keeps the documents of one, and counts the others.

    English is recognised by its function words alone where they are at least 15 % of a text, which takes a
    fiftieth of the time; every other text goes to the identifier of py3langid (139 languages; after Lui and
    Baldwin, langid.py, ACL 2012), without its formulas.

    Attributes:
        language: ISO 639 code of the language to keep.
        kept: documents kept so far.
        undetermined: of these, how many because no language was recognised with a probability of 0.8.
        dropped: documents dropped so far, by their language as a reason.

    Raises:
        MissingPackage: py3langid is not installed.
        InputError: it does not know the language.
    """

    def __init__(self, language: str = "en") -> None:
        langid = require("py3langid.langid", "telling languages apart")
        self._model: Any = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
        known = self._model.labels
        if language not in known:
            near = nearest(language, known)
            hint = (
                f"did you mean {near!r}? " if near else ""
            ) + "a code such as en, de, fr or zh is expected"
            raise InputError(f"{language!r} is no language that can be recognised", hint=hint)
        self.language = language
        self.kept = self.undetermined = 0
        self.dropped: Counter[str] = Counter()

    def recognise(self, text: str) -> str:
        """The ISO 639 code of a text's language, or `und` where it is not sure."""
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
        """What decided, for a manifest."""
        return {
            "filter": "language",
            "about": f"texts recognised as another language than {self.language} are left out; "
            f"{self.undetermined:,} in which none is recognised stay.",
            "language": self.language,
            "undetermined": self.undetermined,
            "model": f"py3langid {version('py3langid')}",
        }

    def keeps(self, rows: Iterable[Document | Conversation | Preference]) -> Iterator[bool]:
        """Say of each row, in order, whether it is of the language or of none that is recognised."""
        return map(self._stays, rows)

    def __call__(self, documents: Iterable[Document]) -> Iterator[Document]:
        """The documents of the language and those in which none is recognised, in order, counted."""
        return filter(self._stays, documents)

    def _stays(self, row: Document | Conversation | Preference) -> bool:
        code = self.recognise(" ".join(texts_of(row)))
        if code not in (self.language, UNDETERMINED):
            self.dropped[f"in another language ({code})"] += 1
            return False
        self.kept += 1
        self.undetermined += code == UNDETERMINED
        return True
