"""`yukawa generate` from the outside."""

from __future__ import annotations

import numpy as np

CARD = "Decay psi(2S)\n1 J/psi pi+ pi- JPIPI;\nEnddecay\nDecay J/psi\n1 mu+ mu- VLL;\nEnddecay\nEnd\n"


def test_events_and_what_is_approximate(yukawa, tmp_path):
    card, out = tmp_path / "card.dec", tmp_path / "out.npz"
    card.write_text(CARD)
    done = yukawa("generate", str(card), "-n", "20", "--out", str(out))
    assert done.code == 0
    assert done.out.startswith("20 events of psi(2S), 120 particles")
    assert "JPIPI: approximated by VVPIPI" in done.err
    with np.load(out) as file:
        assert len(file["pdg"]) == 120
    assert yukawa("generate", str(card), "-n", "20", "--parent", "J/psi", "--json").json["particles"] == 60
    assert (tmp_path / "card.hepmc").exists()


def test_a_card_with_errors_is_not_generated(yukawa, tmp_path):
    card = tmp_path / "card.dec"
    card.write_text(CARD.replace("pi-", "pi+"))
    done = yukawa("generate", str(card))
    assert done.code == 2
    assert "card.dec:2: E-" in done.err
    card.write_text("End\n")
    assert "decays nothing" in yukawa("generate", str(card)).err
    assert "ends in none" in yukawa("generate", str(card), "--out", "x.root").err
