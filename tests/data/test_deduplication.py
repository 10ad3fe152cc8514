"""Duplicates: the estimate is unbiased, the pairs are those of an exhaustive search, and order changes nothing."""

from __future__ import annotations

import datetime
import gzip
import itertools
import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.data.deduplication import (
    PERMUTATIONS,
    SHINGLE,
    Banding,
    DuplicateCounts,
    DuplicateFilter,
    DuplicateGroup,
    NearPairs,
    Shingles,
    band_keys,
    choose_banding,
    find_duplicates,
    find_root,
    jaccard,
)
from yukawa.data.ngrams import split_words
from yukawa.data.rows import Document

DAY = datetime.date(2001, 1, 1)


def document(name: str, text: str, created: datetime.date | None = DAY) -> Document:
    return Document(id=name, text=text, source="test", created=created)


def prose(words: int, seed: int) -> list[str]:
    return [f"w{random.Random(seed * 10_000 + i).randrange(5000)}" for i in range(words)]


def changed(words: list[str], count: int, seed: int) -> list[str]:
    """`words` with `count` of them replaced."""
    chance = random.Random(seed)
    places = set(chance.sample(range(len(words)), count))
    return [f"new{seed}n{i}" if i in places else word for i, word in enumerate(words)]


def written_shingles(text: str) -> set[tuple[str, ...]]:
    words = split_words(text)
    return (
        {tuple(words[i : i + SHINGLE]) for i in range(max(1, len(words) - SHINGLE + 1))} if words else set()
    )


def true_groups(documents: list[Document], threshold: float) -> set[frozenset[str]]:
    """By comparing every pair of sets of words, without hashes."""
    sets = {one.id: written_shingles(one.text) for one in documents}
    home = {name: frozenset({name}) for name in sets}
    for a, b in itertools.combinations(sets, 2):
        union = len(sets[a] | sets[b])
        if union and len(sets[a] & sets[b]) / union >= threshold:
            home.update(dict.fromkeys(home[a] | home[b], home[a] | home[b]))
    return {group for group in home.values() if len(group) > 1}


def found_groups(groups: tuple[DuplicateGroup, ...]) -> set[frozenset[str]]:
    return {frozenset({group.kept, *group.dropped}) for group in groups}


@pytest.mark.parametrize("replaced", [1, 4, 12])
def test_the_estimate_is_unbiased_and_as_exact_as_it_should_be(replaced: int):
    words = prose(200, 1)
    pair = [words, changed(words, replaced, 2)]
    estimates = []
    for seed in range(60):
        shingles = Shingles(seed)
        sets, ends = shingles.of_texts(pair)
        one, other = shingles.signatures(sets, ends)
        estimates.append(float(np.mean(one == other)))
    true = jaccard(sets[: ends[0]], sets[ends[0] :])
    written = [written_shingles(" ".join(text)) for text in pair]
    assert true == pytest.approx(len(written[0] & written[1]) / len(written[0] | written[1]))
    spread = np.sqrt(true * (1 - true) / PERMUTATIONS)
    assert np.mean(estimates) == pytest.approx(true, abs=4 * spread / np.sqrt(60))
    assert np.std(estimates) == pytest.approx(spread, rel=0.4)  # four standard errors of a spread from 60


@given(st.lists(st.lists(st.sampled_from("a b c d".split()), max_size=12), min_size=1, max_size=8))
def test_shingle_sets_are_those_of_the_words(texts: list[list[str]]):
    sets, ends = Shingles().of_texts(texts)
    for words, part in zip(texts, np.split(sets, ends[:-1]), strict=True):
        assert len(part) == len(written_shingles(" ".join(words)))
        assert (np.diff(part.astype(np.int64)) > 0).all()


def test_the_curve_is_what_it_says():
    assert Banding(1, 1).probability(0.3) == pytest.approx(0.3)
    assert Banding(2, 1).probability(0.5) == pytest.approx(0.75)
    banding = choose_banding(0.8)
    assert banding == Banding(21, 6)
    assert [round(banding.probability(j), 3) for j in (0.2, 0.5, 0.8)] == [0.001, 0.282, 0.998]
    assert 1 - banding.probability(0.9) < 1e-6
    for threshold in (0.3, 0.5, 0.7, 0.95, 1.0):
        chosen = choose_banding(threshold)
        assert chosen.probability(threshold) >= 0.99
        assert chosen.bands * chosen.rows <= PERMUTATIONS
        steeper = Banding(PERMUTATIONS // (chosen.rows + 1), chosen.rows + 1)
        assert steeper.probability(threshold) < 0.99 or chosen.rows == 32


@pytest.mark.parametrize("replaced", [4, 8])
def test_candidates_come_as_often_as_the_curve_says(replaced: int):
    banding = choose_banding(0.8)
    words = prose(100, 5)
    pairs = [[words, changed(words, replaced, seed)] for seed in range(400)]
    hits, expected, variance = 0, 0.0, 0.0
    for seed, pair in enumerate(pairs):
        shingles = Shingles(seed)
        sets, ends = shingles.of_texts(pair)
        one, other = band_keys(shingles.signatures(sets, ends), banding)
        hits += bool((one == other).any())
        chance = banding.probability(jaccard(sets[: ends[0]], sets[ends[0] :]))
        expected += chance
        variance += chance * (1 - chance)
    assert 20 < expected < 398  # a curve that is always 0 or 1 would show nothing
    assert hits == pytest.approx(expected, abs=4 * np.sqrt(variance) + 1)


@pytest.fixture(scope="module")
def collection() -> list[Document]:
    """150 texts, of which some are copies with up to ten words replaced, copies of copies, and exact copies."""
    texts = [prose(random.Random(i).randrange(3, 130), i) for i in range(90)]
    texts += [changed(texts[i], min(i % 11, len(texts[i])), i) for i in range(45)]
    texts += [changed(texts[90 + i], min(2, len(texts[90 + i])), i) for i in range(15)]
    return [document(f"d{i:03}", " ".join(words)) for i, words in enumerate(texts)]


@pytest.mark.parametrize("threshold", [0.4, 0.8, 1.0])
def test_the_groups_are_those_of_an_exhaustive_search(collection: list[Document], threshold: float):
    right = true_groups(collection, threshold)
    assert len(right) > 3
    # For each seed a pair at the threshold is missed with a probability below 0.01; what is found is right always.
    misses = 0
    for seed in range(5):
        found = found_groups(find_duplicates(collection, threshold, seed).groups)
        for group in found:
            assert any(group <= other for other in right)
        misses += len(right - found)
    assert misses <= 1


def test_order_changes_nothing(collection: list[Document]):
    groups = find_duplicates(collection).groups
    for seed in range(3):
        mixed = random.Random(seed).sample(collection, len(collection))
        assert find_duplicates(mixed).groups == groups
        assert {one.id for one in DuplicateFilter()(mixed)} == {
            one.id for one in DuplicateFilter()(collection)
        }


def test_filtering_leaves_nothing_to_filter_and_keeps_order(collection: list[Document]):
    first = DuplicateFilter()
    kept = list(first(collection))
    assert find_duplicates(kept).groups == ()
    assert [one.id for one in kept] == sorted(one.id for one in kept)
    assert first.counts is not None
    assert first.counts.documents == len(collection)
    assert first.counts.kept == len(kept)
    assert sum(first.dropped.values()) == len(collection) - len(kept)


@given(
    st.lists(
        st.tuples(st.sampled_from(["a b", "A  b!", "c", "?", "??", ""]), st.sampled_from([None, 1, 2])),
        max_size=8,
    )
)
@settings(max_examples=60)
def test_exact_duplicates_are_those_of_the_normalised_text(texts: list[tuple[str, int | None]]):
    documents = [
        document(f"{i}", text or ".", None if year is None else DAY.replace(year=2000 + year))
        for i, (text, year) in enumerate(texts)
    ]
    distinct = {" ".join(split_words(one.text)) or one.text for one in documents}
    for threshold in (None, 0.8):
        found = find_duplicates(documents, threshold)
        lost = len(documents) - len(distinct)
        assert found.counts == DuplicateCounts(len(documents), lost, 0, len(distinct))
        kept = list(DuplicateFilter(threshold)(documents))
        for group in found.groups:
            ages = {one.id: (one.created is None, one.created or DAY, one.id) for one in documents}
            assert ages[group.kept] == min(ages[name] for name in (group.kept, *group.dropped))
        assert len(kept) == len(distinct)


def test_the_oldest_is_kept_then_the_smallest_id_and_chains_are_one_group():
    words = prose(120, 3)
    chain = [words, changed(words, 3, 1)]
    chain.append(changed(chain[1], 3, 2))
    dates = [DAY, None, DAY.replace(year=1999)]
    documents = [document("abc"[i], " ".join(text), dates[i]) for i, text in enumerate(chain)]
    assert true_groups(documents[::2], 0.75) == set()  # the ends of the chain are too far apart
    assert find_duplicates(documents, 0.75).groups == (DuplicateGroup("c", ("a", "b")),)
    same_day = [document(one.id, one.text) for one in documents]
    assert find_duplicates(same_day, 0.75).groups == (DuplicateGroup("a", ("b", "c")),)


def test_thousands_of_near_copies_are_joined_without_comparing_all_pairs(monkeypatch: pytest.MonkeyPatch):
    words = prose(60, 9)
    pairs = NearPairs(0.5)
    for i in range(2000):
        pairs.add(i, [*words, f"number{i}"])
    compared = itertools.count()
    near = NearPairs._near
    monkeypatch.setattr(NearPairs, "_near", lambda *given: next(compared) >= 0 and near(*given))
    parents = list(range(2000))
    pairs.join(parents)
    assert {find_root(parents, i) for i in range(2000)} == {0}
    assert next(compared) < 10_000  # of two million pairs


def test_real_abstracts_and_planted_copies(real_data: Path):
    path = real_data / "arxiv" / "hep_1991_2019.jsonl.gz"
    with gzip.open(path, "rt") as lines:
        rows = [json.loads(line) for line in itertools.islice(lines, 1500)]
    documents = [document(row["id"], row["abstract"]) for row in rows if len(row["abstract"].split()) > 60]
    before = find_duplicates(documents).groups
    assert len(before) < 0.01 * len(documents)
    planted = {}
    for i, original in enumerate(documents[::40]):
        words = changed(original.text.upper().split(), 1, i)
        planted[f"z{i}"] = original.id
        documents.append(document(f"z{i}", "  ".join(words)))
    groups = find_duplicates(documents).groups
    found = {other: group.kept for group in groups for other in group.dropped}
    assert {name: found.get(name) for name in planted} == planted
    assert len(groups) <= len(before) + len(planted)


@pytest.mark.parametrize("threshold", [0, -1, 1.01, float("nan")])
def test_a_threshold_that_is_none(threshold: float):
    with pytest.raises(InputError, match="above 0 and up to 1"):
        find_duplicates([], threshold)
    with pytest.raises(InputError, match="above 0 and up to 1"):
        DuplicateFilter(threshold)


def test_no_documents_and_documents_that_can_be_read_only_once():
    assert find_duplicates([]).groups == ()
    documents = [document("a", "one two"), document("b", "one two")]
    assert list(DuplicateFilter()(iter(documents))) == documents[:1]
