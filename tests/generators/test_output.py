"""Files of events hold what was generated."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.generators.events import EventGenerator
from yukawa.generators.output import hepmc_text, write_events
from yukawa.generators.reading import read_card

CARD = "Decay psi(2S)\n1 J/psi pi+ pi- VVPIPI;\nEnddecay\nDecay J/psi\n1 mu+ mu- VLL;\nEnddecay\nEnd"


@pytest.fixture(scope="module")
def events():
    return EventGenerator(read_card(CARD)).generate(30, "psi(2S)")


def test_npz(events, tmp_path):
    write_events(events, tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz") as file:
        assert (file["pdg"] == events.number).all()
        assert (file["e"] == events.momenta[:, 0]).all()


def test_parquet(events, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    write_events(events, tmp_path / "out.parquet")
    table = parquet.read_table(tmp_path / "out.parquet")
    assert table.column("px").to_numpy() == pytest.approx(events.momenta[:, 1])


def test_hepmc(events, tmp_path):
    write_events(events, tmp_path / "out.hepmc")
    lines = (tmp_path / "out.hepmc").read_text().splitlines()
    assert lines[:2] == ["HepMC::Version 3.02.06", "HepMC::Asciiv3-START_EVENT_LISTING"]
    assert lines[2:4] == ["E 0 2 6", "U GEV MM"]
    assert lines[-1] == "HepMC::Asciiv3-END_EVENT_LISTING"
    particles = [line.split() for line in lines if line.startswith("P ")]
    assert len(particles) == len(events.event)
    assert [int(words[3]) for words in particles] == events.number.tolist()
    assert [float(words[7]) for words in particles] == events.momenta[:, 0].tolist()


def test_hepmc_is_read_by_its_own_library(events, tmp_path):
    pyhepmc = pytest.importorskip("pyhepmc")
    (tmp_path / "out.hepmc").write_text("".join(hepmc_text(events)))
    with pyhepmc.open(str(tmp_path / "out.hepmc")) as file:
        read = list(file)
    assert len(read) == 30
    assert sorted(particle.pid for particle in read[0].particles) == sorted(
        events.number[events.event == 0].tolist()
    )
    assert read[0].particles[0].end_vertex is not None


def test_other_endings_are_refused(events, tmp_path):
    with pytest.raises(InputError, match="ends in none of"):
        write_events(events, tmp_path / "out.root")
