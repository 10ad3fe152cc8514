"""`yukawa write` from the outside."""

from __future__ import annotations


def test_a_card_and_its_notes(yukawa):
    done = yukawa("write", "decay-card", "psi(2S) -> pi pi J/psi in BOSS")
    assert done.code == 0
    assert done.out.splitlines()[1:] == ["Decay psi(2S)", "1.0000 J/psi pi+ pi- JPIPI;", "Enddecay", "End"]
    assert "JPIPI: the BESIII amplitude; in plain EvtGen use VVPIPI" in done.err


def test_files_and_json(yukawa, tmp_path):
    file = tmp_path / "card.dec"
    done = yukawa("write", "decay-card", "B0 -> K+ pi-", "--for", "lhcb", "-o", str(file), "--json")
    assert done.json["text"] == file.read_text()
    assert "Decay B0sig" in file.read_text()
    assert yukawa("check", str(file)).code == 0


def test_options_and_settings(yukawa):
    assert "KKMC.GenerateJPsi = true;" in yukawa("write", "job-options", "1000 J/psi events").out
    assert "511:oneChannel" in yukawa("write", "pythia", "B0 -> K+ pi-", "--for", "fcc").out


def test_what_is_impossible_is_one_line(yukawa):
    done = yukawa("write", "decay-card", "psi(2S) to two protons")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: impossible: charge: psi(2S) (0) -> p+ p+ (+2)\n"
    assert yukawa("write", "decay-card", "B0 -> K+ pi-", "--for", "atlas").code == 2


def test_a_model_reads_what_the_grammar_does_not(yukawa, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "yukawa.toml").write_text('[models.tiny]\nbackend = "scripted"\nreplies = "replies.txt"\n')
    (tmp_path / "replies.txt").write_text(
        '{"decays": [{"parent": "J/psi", "daughters": ["pi+", "pi-", "pi0"]}]}\n'
    )
    sentence = "a J/psi that turns itself into pi+ pi- pi0"
    assert yukawa("write", "decay-card", sentence).code == 2
    done = yukawa("write", "decay-card", sentence, "--model", "tiny")
    assert "Decay J/psi" in done.out
    assert "read by model 'tiny'" in done.err
