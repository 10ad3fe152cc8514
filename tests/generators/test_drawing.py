"""An event is drawn with the names of what decays and of what stays."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.generators.drawing import draw_event, particle_name
from yukawa.generators.events import EventGenerator
from yukawa.generators.reading import read_card

CARD = "Decay psi(2S)\n1 J/psi pi+ pi- VVPIPI;\nEnddecay\nDecay J/psi\n1 mu+ mu- VLL;\nEnddecay\nEnd\n"


def test_a_picture_names_all_particles(tmp_path):
    events = EventGenerator(read_card(CARD)).generate(2, "psi(2S)")
    pytest.importorskip("matplotlib").rcParams["svg.fonttype"] = "none"
    found = draw_event(events, tmp_path / "event.png", 1)
    assert found.read_bytes().startswith(b"\x89PNG")
    text = found.with_suffix(".svg").read_text()
    assert all(name in text for name in ("event 1: psi(2S)", "J/psi", "pi+", "mu-"))
    with pytest.raises(InputError, match="no event 7"):
        draw_event(events, tmp_path / "event.png", 7)


def test_names():
    assert particle_name(211) == "pi+"
    assert particle_name(123456789) == "123456789"
