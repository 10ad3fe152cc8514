"""Settings of Pythia are run where they are right, and refused with their line where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from yukawa.core.errors import InputError
from yukawa.generators.pythia_runs import run_settings

pytest.importorskip("pythia8mc")
CHAIN = "ProcessLevel:all = off\n100443:oneChannel = 1 1.0 0 443 211 -211\n443:oneChannel = 1 1.0 0 -13 13\n"


def test_a_chain_from_a_particle_at_rest(capfd):
    events = run_settings(CHAIN, 200, "psi(2S)")
    assert events.number.tolist()[:6] == [100443, 443, 211, -211, -13, 13]
    assert (events.status == [2, 2, 1, 1, 1, 1] * 200).all()
    inside = np.flatnonzero(events.mother >= 0)
    sums = np.zeros_like(events.momenta)
    np.add.at(sums, events.mother[inside], events.momenta[inside])
    decayed = np.unique(events.mother[inside])
    assert np.abs(sums[decayed] - events.momenta[decayed]).max() < 1e-6  # of Pythia
    assert (run_settings(CHAIN, 3, "psi(2S)").momenta == run_settings(CHAIN, 3, "psi(2S)").momenta).all()
    assert capfd.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "parent", "reason"),
    [
        # readString lets these pass, and they mean nothing.
        ("HardQCD:all = maybe\n", None, "line 1: E-VALUE"),
        ("Beams:eCM = 999999999\n", None, "line 1: E-VALUE"),
        (CHAIN, None, "type --parent NAME"),
        (CHAIN, "psi(9S)", "not a particle that Pythia knows"),
        ("HardQCD:all = on\n", "psi(2S)", "these have a process"),
        ("include = other.cmnd\n", None, "line 1 includes a file"),
    ],
)
def test_what_is_refused(text, parent, reason):
    with pytest.raises(InputError, match=reason):
        run_settings(text, 2, parent)


def test_the_number_of_events_of_the_settings():
    assert run_settings(f"Main:numberOfEvents = 4 ! few\n{CHAIN}", None, "psi(2S)").event[-1] == 3
    with pytest.raises(InputError, match="how many events"):
        run_settings(CHAIN, None, "psi(2S)")
