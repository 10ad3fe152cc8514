"""Finds pieces of evaluation sets in training rows: by shared word n-grams and whole short questions."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt

from yukawa.core.errors import InputError
from yukawa.data.ngrams import Hashes, hash_sequences, hash_words, split_words
from yukawa.data.rows import AnyRow, Conversation, Document, Preference, Row, RowFilter, texts_of

WORDS = 13
SHORTEST = 4  # words: "what is QCD" is in too many texts to mean anything
REASON = "with a piece of an evaluation set"
_BATCH = 256  # documents
_TABLE_BITS = 22  # a first look in a table of 4 MB spares the search for nearly every n-gram
_Spans = dict[str, list[tuple[int, int]]]


@dataclass(frozen=True)
class EvaluationText:
    """One text of an evaluation set.

    Attributes:
        id: names it in the report.
        text: a question, an answer or a whole document.
        question: whether the text counts as found where a document holds all of it although it has fewer words
            than an n-gram. Short answers ("the Higgs boson") occur everywhere.
    """

    id: str
    text: str
    question: bool = True


@dataclass(frozen=True)
class Leak:
    """A row that holds a piece of an evaluation text.

    Attributes:
        document: the id of the row.
        item: the id of the evaluation text.
        words: how many words of the row are covered by shared n-grams or the whole question.
        text: the first run of such words, normalised.
    """

    document: str
    item: str
    words: int
    text: str


@dataclass(frozen=True)
class ContaminationCounts:
    """How many documents and items there were, how many were hit, and how many items were too short to judge."""

    documents: int
    documents_hit: int
    items: int
    items_hit: int
    items_too_short: int


def evaluation_items(rows: Iterable[AnyRow]) -> Iterator[EvaluationText]:
    """The texts of evaluation rows: documents, every turn of user and assistant, prompts and chosen replies.

    System messages are omitted, since they are the same everywhere.
    """
    for row in rows:
        if isinstance(row, Document):
            yield EvaluationText(row.id, row.text)
            continue
        for turn in row.messages if isinstance(row, Conversation) else row.prompt:
            if turn.role != "system":
                yield EvaluationText(row.id, turn.content, question=turn.role == "user")
        if isinstance(row, Preference):
            yield EvaluationText(row.id, row.chosen, question=False)


class Decontamination(RowFilter):
    """Compares training rows with an evaluation set and reports which row holds a piece of which text.

    Two texts share a piece if `words` consecutive words agree, case, spacing and punctuation aside. GPT-3's authors
    filtered training text by 13 (Brown et al., arXiv:2005.14165, appendix C). A question of fewer words, but
    `shortest` or more, is searched for as a whole. Texts with the same id are one item.

    Args:
        sets: name and hash of the files of the evaluation texts, for the manifest.

    Attributes:
        hits: what `check` has found so far.

    Raises:
        InputError: the evaluation set is empty, or `words` or `shortest` is less than one.
    """

    def __init__(
        self,
        items: Iterable[EvaluationText],
        words: int = WORDS,
        shortest: int = SHORTEST,
        sets: Sequence[Mapping[str, str]] = (),
    ) -> None:
        if words < 1 or shortest < 1:
            raise InputError(
                f"n-grams need at least one word, got {min(words, shortest)}", hint="choose one or more"
            )
        self.hits: list[Leak] = []
        self._words, self._shortest, self._sets = words, shortest, sets
        self._documents = 0
        self.dropped: Counter[str] = Counter()
        self._items_hit: set[str] = set()
        self._items: dict[str, bool] = {}  # by id: whether any of its texts is long enough
        tables: dict[int, _HashTable] = {}
        remaining = iter(items)
        while batch := list(islice(remaining, _BATCH)):
            wanted: dict[int, list[tuple[str, list[str]]]] = defaultdict(list)
            for item in batch:
                words_of_item = split_words(item.text)
                length = self._length(item, len(words_of_item))
                self._items[item.id] = self._items.get(item.id, False) or length > 0
                if length:
                    wanted[length].append((item.id, words_of_item))
            for length, texts in wanted.items():
                tables.setdefault(length, _HashTable(length)).add(texts)
        if not self._items:
            raise InputError("the evaluation set is empty", hint="name files with questions or documents")
        self._tables = [tables[length] for length in sorted(tables)]

    def check(self, rows: Iterable[Row]) -> Iterator[tuple[Row, list[Leak]]]:
        """Yield each row with its leaks, in order; rows are read a few hundred at a time.

        All texts of a row are searched, each by itself; in a preference row the rejected reply too.
        """
        for row, hits in self._examined(rows):
            self.hits += hits
            yield row, hits

    def keeps(self, rows: Iterable[Row]) -> Iterator[bool]:
        """Say of each row, in order, whether it holds nothing; leaks are counted and not kept."""
        return (not hits for _, hits in self._examined(rows))

    def _examined(self, rows: Iterable[Row]) -> Iterator[tuple[Row, list[Leak]]]:
        remaining = iter(rows)
        while batch := list(islice(remaining, _BATCH)):
            texts = [[split_words(text) for text in texts_of(row)] for row in batch]
            self._documents += len(batch)
            found = iter(self._search([words for row in texts for words in row]))
            for row, parts in zip(batch, texts, strict=True):
                hits = self._hits(row.id, parts, list(islice(found, len(parts))))
                if hits:
                    self.dropped[REASON] += 1
                self._items_hit.update(hit.item for hit in hits)
                yield row, hits

    @property
    def settings(self) -> dict[str, Any]:
        """What decides, for the manifest."""
        counts = self.counts
        names = ", ".join(f"`{one['name']}`" for one in self._sets) or "an evaluation set"
        return {
            "filter": "decontamination",
            "about": f"rows that share {self._words} consecutive words, or a whole question of {self._shortest} or more, "
            f"with {names} are omitted: they hold pieces of {counts.items_hit:,} of {counts.items:,} items; "
            f"{counts.items_too_short:,} items are too short to be searched for.",
            "words": self._words,
            "shortest": self._shortest,
            "sets": [dict(one) for one in self._sets],
            "items": counts.items,
            "items_hit": counts.items_hit,
            "items_too_short": counts.items_too_short,
        }

    @property
    def counts(self) -> ContaminationCounts:
        """The counts so far."""
        return ContaminationCounts(
            documents=self._documents,
            documents_hit=self.dropped[REASON],
            items=len(self._items),
            items_hit=len(self._items_hit),
            items_too_short=sum(not judged for judged in self._items.values()),
        )

    def _length(self, item: EvaluationText, words: int) -> int:
        """The length of the word sequences of a text to search for; 0 if the text is too short."""
        if words >= self._words:
            return self._words
        return words if item.question and words >= self._shortest else 0

    def _search(self, texts: list[list[str]]) -> list[_Spans]:
        """For each text by item: begin and end of every piece found."""
        found: list[_Spans] = [{} for _ in texts]
        hashes, counts = hash_words(texts)
        for table in self._tables:
            sequences, per_text = hash_sequences(hashes, counts, table.length)
            ends = np.cumsum(per_text)
            for place, items in table.look_up(sequences):
                owner = int(np.searchsorted(ends, place, side="right"))
                start = place - int(ends[owner] - per_text[owner])
                for item in items:
                    found[owner].setdefault(item, []).append((start, start + table.length))
        return found

    @staticmethod
    def _hits(document: str, texts: list[list[str]], found: list[_Spans]) -> list[Leak]:
        covered: dict[str, int] = {}
        shown: dict[str, str] = {}
        for words, by_item in zip(texts, found, strict=True):
            for item, spans in by_item.items():
                runs = _merge(spans)
                covered[item] = covered.get(item, 0) + sum(end - start for start, end in runs)
                shown.setdefault(item, " ".join(words[slice(*runs[0])]))
        return [Leak(document, item, covered[item], shown[item]) for item in sorted(covered)]


class _HashTable:
    """The word sequences of one length to search for, as hashes with their items.

    A hash has 64 bits: 10^6 sequences of an evaluation set compared with 10^9 of training texts give 5e-5 wrong hits.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        self._names: list[str] = []
        self._parts: list[tuple[Hashes, npt.NDArray[np.int64]]] = []
        self._marks = np.zeros(1 << _TABLE_BITS, bool)

    def add(self, texts: list[tuple[str, list[str]]]) -> None:
        """Add the sequences of texts, which come with the ids of their items."""
        hashes, counts = hash_sequences(*hash_words(words for _, words in texts), self.length)
        owners = np.repeat(np.arange(len(self._names), len(self._names) + len(texts)), counts)
        self._names += (name for name, _ in texts)
        self._marks[self._short(hashes)] = True
        self._parts.append((hashes, owners))

    @cached_property
    def _sorted(self) -> tuple[Hashes, npt.NDArray[np.int64]]:
        """Hashes in order, and the item of each."""
        hashes, owners = (np.concatenate(part) for part in zip(*self._parts, strict=True))
        self._parts.clear()
        order = np.argsort(hashes)
        return hashes[order], owners[order]

    def look_up(self, sequences: Hashes) -> Iterator[tuple[int, set[str]]]:
        """The positions in `sequences` of known hashes, and the items of each."""
        places = np.flatnonzero(self._marks[self._short(sequences)])
        if not len(places):
            return
        hashes, owners = self._sorted
        first, last = (np.searchsorted(hashes, sequences[places], side) for side in ("left", "right"))
        for place, begin, end in zip(places.tolist(), first.tolist(), last.tolist(), strict=True):
            if begin < end:
                yield place, {self._names[owner] for owner in owners[begin:end]}

    @staticmethod
    def _short(hashes: Hashes) -> Hashes:
        return hashes >> np.uint64(64 - _TABLE_BITS)


def _merge(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Overlapping and touching spans joined, in order."""
    runs: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if runs and start <= runs[-1][1]:
            runs[-1] = (runs[-1][0], max(end, runs[-1][1]))
        else:
            runs.append((start, end))
    return runs
