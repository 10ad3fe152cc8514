"""The headers of LHCb's decay files, whose comments give particles other properties and name the event type."""

import re
from collections.abc import Sequence

from yukawa.generators.species import Species, known_species

_HBAR = 6.582119569e-25  # GeV s
_QUOTED = re.compile(r'"([^"]*)"')
_OPENS = re.compile(r"#\s*+(?:ParticleValue\s*:|.*ParticlePropertySvc\(\)\.Particles)", re.IGNORECASE)
_FIELDS = 9


def header_species(lines: Sequence[str]) -> list[Species]:
    """The particles that a header redefines.

    `# ParticleValue: "Name geant number charge mass lifetime EvtGenName pythia maxwidth", "…"` may run over several lines of
    comment; mass in GeV, a negative lifetime is minus the width in GeV, a positive one is in seconds.
    """
    found: list[Species] = []
    opened = ""
    for line in (*lines, ""):
        if opened and line.startswith("#") and ('"' in line or opened.count('"') % 2):
            opened += " " + line.lstrip("# \t")
            continue
        found += filter(None, map(_species, _QUOTED.findall(opened)))
        opened = line if line.startswith("#") and _OPENS.match(line) else ""
    return found


def _species(quoted: str) -> Species | None:
    words = quoted.split()
    if len(words) < _FIELDS:
        return None
    try:
        number, charge = int(words[2]), round(3 * float(words[3]))
        mass, lifetime = float(words[4]), float(words[5])
    except ValueError:
        return None
    name = words[6]
    width = -lifetime if lifetime < 0 else _HBAR / lifetime if lifetime else 0.0
    own = known_species().get(name)
    same = own is not None and own.charge3 == charge and own.number == number
    return Species(
        name, name, number, charge, own.spin2 if own else None, mass, width,
        own.parity if own and same else "", own.c_parity if own and same else "", redefined=True,
    )  # fmt: skip
