"""Settings of Pythia, with what its own reader lets pass."""

from __future__ import annotations

import pytest

from yukawa.generators.checking import check
from yukawa.generators.pythia import pythia_keys

GOOD = """! a comment
Beams:idA = 11
Beams:idB = -11
Beams:eCM = 91.2   ! at the Z
/* several
lines */
WeakSingleBoson:ffbar2gmZ = on
23:onMode = off
23:onIfAny = 13
100443:oneChannel = 1 1.0 0 443 211 -211
PhaseSpace:pTHatMin 20.
"""


def codes(text: str) -> list[tuple[str, int]]:
    return [(each.code, each.line) for each in check(text, name="run.cmnd")]


def test_good_settings():
    assert not codes(GOOD)


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("ffbar2gmZ = on", "ffbar2gmZ = maybe", "E-VALUE", 7), ("ffbar2gmZ = on", "ffbar2gmZ = on extra", "E-VALUE", 7),
        ("WeakSingleBoson:ffbar2gmZ", "WeakSingleBoson:ffbar2gmZZ", "E-KEY", 7), ("91.2", "999999999", "E-VALUE", 4),
        ("91.2", "91,2", "E-VALUE", 4), ("idB = -11", "idB = 999", "E-PART", 3), ("23:onMode", "7777:onMode", "E-PART", 8),
        ("onMode = off", "onMode = offf", "E-VALUE", 8), ("23:onIfAny", "23:onIfAyn", "E-KEY", 9),
        ("443 211 -211", "443 211 211", "E-CHARGE", 10), ("443 211 -211", "511 -511", "E-MASS", 10),
        ("443 211 -211", "443 77777", "E-PART", 10), ("1 1.0 0 443", "1 x 0 443", "E-VALUE", 10),
        ("= 91.2", "=", "E-VALUE", 4), ("Beams:eCM = 91.2", "this is text", "E-KEY", 4),
    ],
)  # fmt: skip
def test_a_mistake(old, new, code, line):
    if pythia_keys() is None:
        pytest.skip("pythia8mc is not installed")
    assert codes(GOOD.replace(old, new)) == [(code, line)]


def test_the_names_are_those_of_pythia():
    keys = pythia_keys()
    if keys is None:
        pytest.skip("pythia8mc is not installed")
    assert keys.name("beams:ecm") == "Beams:eCM"
