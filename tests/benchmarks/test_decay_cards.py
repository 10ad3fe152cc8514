"""Planted mistakes are found at their lines, and what is mended is clean; the benchmark plants sixty of each kind."""

from __future__ import annotations

import pytest
from tests.generators.test_mending import ENDS, laws, with_line_ends


@pytest.fixture(scope="module")
def decay_cards(script):
    return script("decay_cards")


@pytest.fixture(scope="module")
def planted(decay_cards):
    own = list(decay_cards.own_cards().values())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(decay_cards, "clean_cards", lambda: own)
        return list(decay_cards.plant(6, seed=7))


def test_every_kind_is_planted(decay_cards, planted):
    assert {kind for kind, _, _ in planted} == set(decay_cards.KINDS)


def test_every_planted_mistake_is_found_at_its_line_and_mended_right(decay_cards, planted):
    missed, wrong = [], []
    for kind, clean, mistake in planted:
        found = [
            each for each in decay_cards.check(mistake.text, name="card.dec") if each.code in mistake.codes
        ]
        close = [each for each in found if abs(each.line - mistake.line) <= 1]
        if not close:
            missed.append((kind, mistake.line))
        elif close[0].edits and kind != "particle misspelt":
            better, left = decay_cards.mended_fully(
                mistake.text, lambda text: decay_cards.check(text, name="card.dec"), physics=True
            )
            if [each for each in left if each.level == "error"] or not decay_cards.same_statements(
                better, clean
            ):
                wrong.append((kind, close[0].message))
    assert len(missed) <= 0.02 * len(planted), missed
    assert not wrong


@pytest.mark.parametrize("ends", ENDS)
def test_mends_of_planted_mistakes_obey_the_laws_whatever_the_line_ends(planted, ends):
    for _, _, mistake in planted[::3]:
        laws(with_line_ends(mistake.text, ENDS[ends]))


def test_modes_are_those_of_decaylanguage(decay_cards):
    pytest.importorskip("decaylanguage")
    from decaylanguage import DecFileParser

    read = 0
    for name, text in decay_cards.own_cards().items():
        parser = DecFileParser.from_string(text)
        try:
            parser.parse(include_ccdecays=False)
        except Exception:  # noqa: BLE001, S112 - it does not know the models of BESIII
            continue
        read += 1
        assert decay_cards._same_modes(text, parser), name
    assert read > 30
