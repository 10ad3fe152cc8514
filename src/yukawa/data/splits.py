"""Splits rows by a seeded hash of their texts: no text, and no question, stands in two splits."""

import math
import random
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from yukawa.core.errors import InputError, unknown_name
from yukawa.data.conversations import Talk
from yukawa.data.deduplication import NearPairs, find_root, join
from yukawa.data.manifest import SPLITS
from yukawa.data.ngrams import mix, normalise, split_words
from yukawa.data.rows import Conversation, Preference
from yukawa.data.spool import Hashes, Places

FRACTIONS: Mapping[str, float] = {"train": 0.8, "validation": 0.1, "test": 0.1}
SHORTEST = 4  # words of a later question that connects conversations: "and why?" does not
_SHINGLE = 2  # words: questions are short
_BOUNDS = (0.70, 0.85)  # shares of the hashes where train and validation end


def order_keys(texts: Hashes, seed: int) -> Hashes:
    """A number for each text (hashed in 128 bits), spread evenly, by which the texts are shuffled."""
    salt = mix(np.array([seed % 2**64], np.uint64))
    return mix(texts[:, 0] ^ salt)


def shuffled(keys: Hashes, ids: Hashes) -> Places:
    """The rank of each document in order of its key; documents of one key are ordered by their ids."""
    ranks = np.empty(len(keys), np.int64)
    ranks[np.lexsort((*ids.T, keys))] = np.arange(len(keys))
    return ranks


def exact_splits(keys: Hashes, groups: Places) -> Places:
    """The split of each document; each group is divided into exact sizes in order of its keys.

    Documents of one key follow the first of them, through all groups, so that a set may differ from
    `exact_sizes` by the number of such twins.
    """
    splits = np.empty(len(keys), np.int64)
    order = np.lexsort((keys, groups))
    start = 0
    for size in np.unique(groups, return_counts=True)[1].tolist():
        splits[order[start : start + size]] = np.repeat(np.arange(len(SPLITS)), exact_sizes(size))
        start += size
    _, first, inverse = np.unique(keys[order], return_index=True, return_inverse=True)
    splits[order] = splits[order][first][inverse]
    return splits


def exact_sizes(count: int) -> tuple[int, int, int]:
    """How many of `count` documents go into train, validation and test.

    These are the sizes of scikit-learn's `train_test_split` called twice, and FeynTune's: ceil(0.3 n) are held
    out, and the larger half of these is the test set.
    """
    held = math.ceil(3 * count / 10)
    test = math.ceil(held / 2)
    return count - held, held - test, test


def stable_splits(keys: Hashes) -> Places:
    """The split of each document by its key alone, whatever the others are: 70/15/15 on average."""
    bounds = np.array([int(bound * 2**64) for bound in _BOUNDS], np.uint64)
    found: npt.NDArray[np.int64] = np.searchsorted(bounds, keys, side="right")
    return found


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
    a Jaccard index of `threshold` or more, form a group, and so do rows that others connect. Groups are drawn at
    random, each into the split that lacks most rows. The splits depend on rows and seed, not on the order of the
    rows, and the size of each differs from its share by at most the largest group.

    Args:
        fractions: share of each of train, validation and test; they add up to 1.
        threshold: None joins only rows with the same questions.

    Raises:
        InputError: a fraction is negative, they do not add up to 1, or a split or threshold is not allowed.
    """
    _check(fractions)
    drawn = _groups(rows, threshold)
    random.Random(seed).shuffle(drawn)  # noqa: S311 -- no secret
    lacking = {name: share * len(rows) for name, share in fractions.items()}
    home: dict[int, str] = {}
    for group in drawn:
        # A split with a share of 0 remains empty.
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
            join(parents, distinct[first], distinct[question])
    groups: dict[int, list[int]] = {}
    for position, row in enumerate(asked):
        groups.setdefault(find_root(parents, distinct[row[0]]), []).append(position)
    return [groups[root] for root in sorted(groups)]


def _check(fractions: Mapping[str, float]) -> None:
    for name, share in fractions.items():
        if name not in SPLITS:
            raise unknown_name("split", name, SPLITS)
        if not 0 <= share <= 1:
            raise InputError(f"expected a share of {name} from 0 to 1, got {share:g}")
    if not math.isclose(sum(fractions.values()), 1, abs_tol=1e-9):
        raise InputError(f"the shares add up to {sum(fractions.values()):g}, not to 1")
