"""`yukawa generate` from the outside."""

from __future__ import annotations

import numpy as np

from yukawa.generators import drawing

CARD = "Decay psi(2S)\n1 J/psi pi+ pi- JPIPI;\nEnddecay\nDecay J/psi\n1 mu+ mu- VLL;\nEnddecay\nEnd\n"


def test_events_and_what_is_approximate(yukawa, tmp_path):
    card, out = tmp_path / "card.dec", tmp_path / "out.npz"
    card.write_text(CARD)
    done = yukawa("generate", str(card), "-n", "20", "-o", str(out))
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


def test_a_picture_and_settings_of_pythia(yukawa, tmp_path):
    card, settings = tmp_path / "card.dec", tmp_path / "run.cmnd"
    card.write_text(CARD)
    assert yukawa("generate", str(card), "--draw", str(tmp_path / "event.png"), "-n", "2").code == 0
    assert (tmp_path / "event.svg").exists()
    assert "does not end in .png" in yukawa("generate", str(card), "--draw", "event.pdf", "--force").err
    settings.write_text("Main:numberOfEvents = 2\nProcessLevel:all = off\n443:oneChannel = 1 1.0 0 -13 13\n")
    done = yukawa("generate", str(settings), "--parent", "J/psi")
    assert done.out.startswith("2 events of J/psi, 6 particles")
    settings.write_text("HardQCD:all = maybe\n")
    assert "line 1: E-VALUE" in yukawa("generate", str(settings), "--force").err


def test_everything_is_checked_before_anything_is_written(yukawa, tmp_path, monkeypatch):
    """Law: a command that fails has written nothing, and what the user gave wrong has the exit code 2."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "card.dec").write_text(CARD)
    monkeypatch.setattr(drawing, "_MOST", 5)  # particles of a picture; the card makes six
    before = sorted(tmp_path.glob("*"))
    for words in (
        ["card.dec", "-o", "none/x.npz"],
        ["card.dec", "-o", "x.npz", "--draw", "none/x.png"],
        ["card.dec", "-o", "none/x.npz", "--draw", "x.png"],
        ["card.dec", "-o", "x.npz", "--draw", "x.pdf"],
        ["card.dec", "-o", "x.root", "--draw", "x.png"],
        ["card.dec", "-n", "2", "-o", "x.npz", "--draw", "x.png"],
        ["card.dec", "-n", "0", "-o", "x.npz"],
        ["foo"], ["-"], ["."], ["carrd.dec"],
    ):  # fmt: skip
        yukawa("generate", *words).failed(2)
        assert sorted(tmp_path.glob("*")) == before, words


def test_what_is_no_file_is_told_how_to_become_one(yukawa, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "card.dec").write_text(CARD)
    assert 'yukawa write decay-card "SENTENCE" -o foo.dec' in yukawa("generate", "foo").failed(2)
    assert "is card.dec meant?" in yukawa("generate", "cardd.dec").failed(2)
    assert "not from standard input" in yukawa("generate", "-").failed(2)


def test_evtgen_is_used_where_it_is(yukawa, tmp_path, monkeypatch):
    card = tmp_path / "card.dec"
    card.write_text(CARD)
    monkeypatch.delenv("EVTGEN_ROOT", raising=False)
    assert "EVTGEN_ROOT is not set" in yukawa("generate", str(card), "--with", "evtgen").err
    monkeypatch.setenv("EVTGEN_ROOT", str(tmp_path))
    assert "is missing" in yukawa("generate", str(card), "--with", "evtgen").err
    assert "not one of yukawa, evtgen" in yukawa("generate", str(card), "--with", "herwig").err
