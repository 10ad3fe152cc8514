"""What is written from a card is read as the same card."""

from __future__ import annotations

from yukawa.generators.cards import card_text, mode_text
from yukawa.generators.reading import read_card


def said(text: str) -> list[object]:
    card = read_card(text)
    return [
        (each.name, each.words) if hasattr(each, "words")
        else (each.parent, [(m.fraction, m.daughters, m.flags, m.model, m.arguments) for m in each.modes])
        for each in card.statements
    ]  # fmt: skip


def test_read_write_read(own_card):
    assert said(card_text(read_card(own_card))) == said(own_card)


def test_read_write_read_of_public_cards(real_cards):
    for text in real_cards.values():
        assert said(card_text(read_card(text))) == said(text)


def test_a_later_block_replaces_an_earlier_one():
    card = read_card("Decay B0\n1 K+ pi- PHSP;\nEnddecay\nDecay B0\n1 pi+ pi- PHSP;\nEnddecay\nEnd")
    assert [mode.daughters for mode in card.decays()["B0"]] == [["pi+", "pi-"]]
    assert mode_text(card.decays()["B0"][0]) == "  1 pi+ pi- PHSP;"
