"""Families of states whose names differ by mass, spin or excitation alone: 'the Upsilon states', 'Lambda resonances'."""

import functools
import re
from collections.abc import Iterator

from yukawa.knowledge.parsing.particles import particle_table

_NAME = re.compile(
    r"^(?:J/)?(?P<base>[A-Za-z]+?)(?:bar)?(?:_(?P<sub>[A-Za-z]*)(?P<spin>\d*))?(?:\(|[*^'+0-]|$)"
)
_FAMILY = re.compile(
    r"(?<![\w(/])(?P<base>(?:Upsilon|Lambda|Sigma|Omega|Delta|Xi|psi|chi|eta|rho|omega|phi|pi|[NKDBTPfhb]"
    r"|a(?! (?:state|resonance|family|excitation|spectrum)(?!\w)))(?:_[A-Za-z0-9]{1,2}"
    r"|(?<=[DBKN])\*)?)[ -](?:states?|resonances?|family|excitations?|spectrum)(?!\w)"
)


@functools.lru_cache(maxsize=1)
def families() -> dict[str, tuple[str, ...]]:
    """The states, without antiparticles, whose names have a letter and flavour in common: 'Upsilon', 'Lambda_c', 'f_0'."""
    found: dict[str, dict[str, None]] = {}
    for name, particle in particle_table().particles.items():
        match = _NAME.match(name)
        if match is None or particle.is_antiparticle:
            continue
        flavour = f"_{match['sub']}" if match["sub"] else ""
        spin = match["spin"] or ""
        for key in {match["base"] + flavour, match["base"] + (flavour or "_" * bool(spin)) + spin}:
            found.setdefault(key, {})[name] = None
    return {key: tuple(names) for key, names in found.items() if len(names) > 1}


def find_families(plain: str) -> Iterator[tuple[int, int, str]]:
    """Find families: 'the Upsilon states', 'Lambda resonances'; the place of each, and its key in `families`."""
    for match in _FAMILY.finditer(plain):
        if match["base"] in families():
            yield match.start(), match.end(), match["base"]
