"""Mixtures: one table, exact proportions, sizes tied to other mixtures, and clear words for a bad table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.core.manifest import SPLITS
from yukawa.data.arxiv import contains_archive, in_archive
from yukawa.data.mixtures import (
    apportion,
    archives_of,
    choose,
    find_mixture,
    members_of,
    read_mixtures,
    shipped_mixtures,
)

PLENTY = {"hep-th": 2000, "hep-ph": 3000, "gr-qc": 1500, "q-bio": 900, "cs": 9000}


def chosen(name: str, counts: dict[str, int], table=None, seed: int = 0):
    """A mixture of `counts` documents of each archive."""
    total = sum(counts.values())
    generator = np.random.default_rng(seed)
    homes = generator.permutation(np.repeat(np.arange(len(counts)), list(counts.values())))
    members = {part: np.flatnonzero(homes == index) for index, part in enumerate(counts)}
    splits = np.searchsorted([0.7, 0.85], generator.random(total), side="right")
    ranks = generator.permutation(total)
    found = choose(name, table or shipped_mixtures(), members, splits, ranks)
    return found, members, splits, ranks


def test_the_table_has_the_ten_and_marks_what_is_not_sure():
    table = shipped_mixtures()
    assert list(table) == [f"s{number}" for number in range(1, 11)]
    assert [name for name, mixture in table.items() if not mixture.sure] == ["s4", "s5", "s6", "s7"]
    assert {name: mixture.describe() for name, mixture in table.items()} == {
        "s1": "hep-th",
        "s2": "hep-ph + gr-qc",
        "s3": "hep-th + hep-ph + gr-qc",
        "s4": "70 % hep-th + 15 % gr-qc + 15 % hep-ph, cut to the size of s1",
        "s5": "85 % hep-th + 15 % gr-qc, cut to the size of s1",
        "s6": "85 % hep-th + 15 % hep-ph, cut to the size of s1",
        "s7": "hep-th + gr-qc",
        "s8": "hep-th + hep-ph",
        "s9": "gr-qc + hep-ph, cut to the size of s1",
        "s10": "hep-th + q-bio + cs, cut to the size of s3",
    }


@pytest.mark.parametrize("name", shipped_mixtures())
def test_sizes_and_proportions_are_exact(name: str):
    found, members, splits, ranks = chosen(name, PLENTY)
    mixture = shipped_mixtures()[name]
    for code, split in enumerate(SPLITS):
        there = {part: int(np.sum(splits[places] == code)) for part, places in members.items()}
        s1, s3 = there["hep-th"], there["hep-th"] + there["hep-ph"] + there["gr-qc"]
        whole = sum(there[part] for part in mixture.parts)
        size = {"s1": s1, "s3": s3, None: whole}[mixture.size]
        places = found.places[split]
        assert len(places) == len(set(places.tolist())) == size == found.wanted[split]
        assert (splits[places] == code).all()
        assert (np.diff(ranks[places]) > 0).all()  # shuffled
        for part, share in mixture.parts.items():
            taken = np.isin(places, members[part]).sum()
            assert taken == found.parts[split][part]
            exact = size * (there[part] / whole if share is None else share)
            assert abs(taken - exact) < 1


def test_smaller_takes_are_part_of_larger_ones():
    small, *_ = chosen("s4", PLENTY)
    large, *_ = chosen("s3", PLENTY)
    for split in SPLITS:
        assert set(small.places[split].tolist()) < set(large.places[split].tolist())


def test_two_mixtures_never_mix_training_and_test():
    for one in ("s1", "s4", "s9"):
        for other in ("s2", "s3", "s10"):
            train, test = chosen(one, PLENTY)[0].places["train"], chosen(other, PLENTY)[0].places["test"]
            assert not set(train.tolist()) & set(test.tolist())


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 400))
def test_too_few_documents_shrink_a_mixture_but_never_bend_it(theory: int, gravity: int, phenomenology: int):
    counts = {"hep-th": theory, "gr-qc": gravity, "hep-ph": phenomenology}
    found, members, splits, _ = chosen("s4", counts)
    for code, split in enumerate(SPLITS):
        there = [int(np.sum(splits[members[part]] == code)) for part in counts]
        taken = [found.parts[split][part] for part in counts]
        size = sum(taken)
        assert len(found.places[split]) == size <= found.wanted[split] == there[0]
        assert taken == apportion(size, [0.70, 0.15, 0.15])
        if size < there[0]:  # one more would not fit
            assert any(a > b for a, b in zip(apportion(size + 1, [0.70, 0.15, 0.15]), there, strict=True))


@given(st.integers(0, 10_000), st.lists(st.floats(0.01, 1), min_size=1, max_size=6))
def test_whole_numbers_add_up_and_are_less_than_one_off(total: int, shares: list[float]):
    found = apportion(total, shares)
    assert sum(found) == total
    for count, share in zip(found, shares, strict=True):
        assert abs(count - total * share / sum(shares)) < 1 + 1e-6


def test_exact_shares_stay_exact():
    assert apportion(100, [0.7, 0.15, 0.15]) == [70, 15, 15]
    assert apportion(20, [0.85, 0.15]) == [17, 3]


def test_a_document_belongs_to_one_part():
    names = ("cs.LG", "physics.optics", "hep-th", "")
    categories = np.array([0, 1, 2, 3, 0])
    strict = members_of(("cs", "hep-th"), names, categories, in_archive)
    assert {part: places.tolist() for part, places in strict.items()} == {"cs": [0, 4], "hep-th": [2]}
    loose = members_of(("cs", "physics"), names, categories, contains_archive)
    assert {part: places.tolist() for part, places in loose.items()} == {"cs": [0, 1, 4], "physics": []}


def test_own_mixtures_stand_beside_the_shipped(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    path.write_text("mine: {parts: {hep-ex: 0.4, cs.LG: 0.6}, size: ours}\nours: {parts: [hep-ph]}\n")
    table = read_mixtures(path)
    assert list(table) == [*shipped_mixtures(), "mine", "ours"]
    assert archives_of("mine", table) == ("hep-ex", "cs.LG", "hep-ph")
    found, *_ = chosen("mine", {"hep-ex": 900, "cs.LG": 900, "hep-ph": 500}, table)
    assert found.parts["train"]["cs.LG"] == pytest.approx(1.5 * found.parts["train"]["hep-ex"], abs=2)


def test_an_unknown_mixture_names_the_nearest():
    with pytest.raises(InputError, match=r"'s33'.*did you mean 's3'\?.*s1, s2"):
        find_mixture("s33", shipped_mixtures())


def test_absent_archives_are_named():
    with pytest.raises(
        InputError, match=r"s10 needs documents of q-bio, cs, .*it has some of hep-th, hep-ph, gr-qc"
    ):
        chosen("s10", PLENTY | {"q-bio": 0, "cs": 0})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a table of keys"),
        ("- s1", "not a table of keys"),
        ("a: [", "not valid YAML"),
        ("s1: {parts: [hep-ex]}", "s1 is a shipped mixture"),
        ("a: {parts: []}", "at least one archive"),
        ("a: {parts: [hep-ex, hep-ex]}", "named twice"),
        ("a: {parts: {hep-ex: 0.5, hep-th: 0.4}}", "shares must add up to 1"),
        ("a: {parts: {hep-ex: 1.5, hep-th: -0.5}}", "share above 0"),
        ("a: {parts: {hep-ex: 1, hep-th: }}", "each archive needs a share"),
        ("a: {parts: [hep-ex], siez: s1}", "unknown key siez"),
        ("a: {parts: [hep-ex], size: s11}", "unknown mixture 's11'"),
        ("a: {parts: [hep-ex], size: a}", "a is cut to its own size"),
        ("a: {parts: [hep-ex], size: b}\nb: {parts: [hep-th], size: a}", "cut to its own size"),
        ("a: 3", "a:"),
    ],
)
def test_a_bad_table_is_one_line(tmp_path: Path, text: str, reason: str):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=reason) as error:
        read_mixtures(path)
    assert "\n" not in str(error.value)


def test_a_missing_table_is_one_line(tmp_path: Path):
    with pytest.raises(InputError, match=r"missing\.yaml cannot be read: No such file"):
        read_mixtures(tmp_path / "missing.yaml")
