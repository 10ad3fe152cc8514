"""Splits conversations so that no question, nor one nearly the same, stands in two parts."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence

from yukawa.core.errors import InputError
from yukawa.data.conversations import Talk
from yukawa.data.deduplication import NearPairs, find_root
from yukawa.data.manifest import SPLITS
from yukawa.data.ngrams import normalise, split_words
from yukawa.data.rows import Conversation, Preference

FRACTIONS: Mapping[str, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}
SHORTEST = 4  # words of a later question that ties conversations: "and why?" does not
_SHINGLE = 2  # words: questions are short


def questions(row: Conversation | Preference) -> list[str]:
    """The normalised questions that must not stand in two splits: the first, and later ones of four words or more."""
    messages = row.messages if isinstance(row, Conversation) else row.prompt
    first, *later = [normalise(message.content) for message in messages if message.role == "user"] or [""]
    return [first, *(question for question in later if len(question.split()) >= SHORTEST)]


def split_conversations(
    rows: Sequence[Talk],
    fractions: Mapping[str, float] = FRACTIONS,
    seed: int = 0,
    *,
    threshold: float | None = 0.8,
) -> dict[str, list[Talk]]:
    """Split conversations or preferences by their questions; rows keep their order.

    Rows that share a question (case, spacing and punctuation aside), or have two whose sets of word pairs have
    a Jaccard index of `threshold` or more, form a group, and so do rows tied by others. Groups are drawn at
    random, each into the split that lacks most rows. Which rows are in which split depends on rows and seed,
    not on the rows' order, and each split's size differs from its share by at most the largest group.

    Args:
        fractions: share of each of train, validation and test; they add up to 1.
        threshold: None joins rows with the same questions alone.

    Raises:
        InputError: a fraction is negative, they do not add up to 1, or a split or threshold is not allowed.
    """
    _check(fractions)
    drawn = _groups(rows, threshold)
    random.Random(seed).shuffle(drawn)  # noqa: S311 -- no secret
    lacking = {name: share * len(rows) for name, share in fractions.items()}
    home: dict[int, str] = {}
    for group in drawn:
        # A split that is to be empty stays so.
        name = max((name for name in fractions if fractions[name] > 0), key=lambda name: lacking[name])
        lacking[name] -= len(group)
        home.update(dict.fromkeys(group, name))
    splits: dict[str, list[Talk]] = {name: [] for name in fractions}
    for position, row in enumerate(rows):
        splits[home[position]].append(row)
    return splits


def _groups(rows: Sequence[Talk], threshold: float | None) -> list[list[int]]:
    """Positions of the rows that belong together, in an order that does not depend on the rows'."""
    asked = [questions(row) for row in rows]
    distinct = {question: place for place, question in enumerate(sorted({q for row in asked for q in row}))}
    parents = list(range(len(distinct)))
    if threshold is not None:
        pairs = NearPairs(threshold, length=_SHINGLE)
        for question, place in distinct.items():
            pairs.add(place, split_words(question))
        pairs.join(parents)
    for first, *later in asked:
        for question in later:
            roots = [find_root(parents, distinct[one]) for one in (first, question)]
            parents[max(roots)] = min(roots)
    groups: dict[int, list[int]] = {}
    for position, row in enumerate(asked):
        groups.setdefault(find_root(parents, distinct[row[0]]), []).append(position)
    return [groups[root] for root in sorted(groups)]


def _check(fractions: Mapping[str, float]) -> None:
    for name, share in fractions.items():
        if name not in SPLITS:
            raise InputError(f"there is no split {name!r}", hint=f"allowed: {', '.join(SPLITS)}")
        if not 0 <= share <= 1:
            raise InputError(f"the share of {name} is {share:g}, a number from 0 to 1 is expected")
    if not math.isclose(sum(fractions.values()), 1, abs_tol=1e-9):
        raise InputError(f"the shares add up to {sum(fractions.values()):g}, 1 is expected")
