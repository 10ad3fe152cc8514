"""The particles that decay cards name: number, charge, spin, mass, width, and what follows from the number."""

import functools
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LEPTONS = (11, 13, 15)
_SPIN_TYPES = {0: "S", 1: "D", 2: "V", 3: "R", 4: "T"}
_TAILS = 15  # widths below the mass at which a resonance ends where a table gives no cut
# Numbers above are of states that the numbering scheme does not build from quarks.
_SPECIAL = 9_000_000
_NUCLEI = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Species:
    """A particle as generators know it.

    Args:
        name: as the card writes it; an alias has its own.
        base: the name in the table of particles.
        number: Monte Carlo number.
        charge3: three times the charge in e.
        spin2: twice the spin; None if tables disagree.
        mass: in GeV; None if unknown, or different from event to event.
        width: in GeV; None if unknown.
        parity: '+', '-' or ''.
        c_parity: '+', '-' or ''.
        cut: how far below the mass it can be produced, in GeV; None if no table says.
        redefined: whether the card gives it other properties, so that its number says nothing about it.
        spin_type: S, D, V, R or T by the spin; G for photons, N for neutrinos, '' if unknown.
        is_parton: whether it is a quark, a gluon, a diquark, a string: what a model turns into hadrons.
        sums: three times the charge, baryon number, electron, muon and tau number.
    """

    name: str
    base: str
    number: int
    charge3: int
    spin2: int | None
    mass: float | None
    width: float | None
    parity: str = ""
    c_parity: str = ""
    cut: float | None = None
    redefined: bool = False
    spin_type: str = field(init=False, compare=False, repr=False)
    is_parton: bool = field(init=False, compare=False, repr=False)
    sums: tuple[int, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        number, size = self.number, abs(self.number)
        kind = (
            "G"
            if size == 22
            else "N"
            if size in (12, 14, 16)
            else ""
            if self.spin2 is None
            else _SPIN_TYPES.get(self.spin2, "")
        )
        parton = size <= 8 or size == 21 or 81 <= size <= 99 or (1000 < size < 6000 and size // 10 % 10 == 0)
        sums = (self.charge3, baryon_number(number), *lepton_numbers(number))
        for name, value in (("spin_type", kind), ("is_parton", parton), ("sums", sums)):
            object.__setattr__(self, name, value)

    @property
    def lightest(self) -> float:
        """The least mass with which it is generated, in GeV."""
        if self.mass is None:
            return 0.0
        cut = _TAILS * (self.width or 0.0) if self.cut is None else self.cut
        return max(0.0, self.mass - cut)

    @property
    def heaviest(self) -> float:
        """The greatest mass with which it is generated, in GeV; infinite if unknown."""
        # A tail that doubles the mass is that of no resonance.
        return float("inf") if self.mass is None else self.mass + min(self.mass, _TAILS * (self.width or 0.0))

    @property
    def is_virtual(self) -> bool:
        """Whether its mass is the energy of an event."""
        return self.base in ("vpho", "xvpho", "gamma*", "vgam", "vhdr")


def table_rows(name: str) -> Iterator[list[str]]:
    """The rows of a table of the package, `NAME.tsv`, without its comments."""
    text = (pkgutil.get_data("yukawa.generators", f"{name}.tsv") or b"").decode()
    return (line.split("\t") for line in text.splitlines() if not line.startswith("#"))


def baryon_number(number: int) -> int:
    """The baryon number of a Monte Carlo number: that of three quarks, or of a nucleus."""
    size = abs(number)
    sign = 1 if number > 0 else -1
    if size >= _NUCLEI:
        return sign * (size // 10 % 1000)
    quarks = (size // 1000 % 10, size // 100 % 10, size // 10 % 10)
    return sign if size < _SPECIAL and all(1 <= quark <= 6 for quark in quarks) else 0


def lepton_numbers(number: int) -> tuple[int, int, int]:
    """Electron, muon and tau number of a Monte Carlo number."""
    size = abs(number)
    if not 11 <= size <= 16:
        return 0, 0, 0
    sign = 1 if number > 0 else -1
    electron, muon, tau = (sign if size in (charged, charged + 1) else 0 for charged in _LEPTONS)
    return electron, muon, tau


@functools.cache
def flavours(number: int) -> tuple[int, int, int] | None:
    """Strangeness, charm and beauty of a Monte Carlo number; None where its digits do not say.

    A K_S0 or K_L0 has 0 here: it is K0 and anti-K0 in equal parts (`laws.flavour_change`).
    """
    size, sign = abs(number), 1 if number > 0 else -1
    if size > 10_000_000 or 40 <= size < 100:  # nuclei, and numbers that programs gave as they liked
        return None
    first, second, third = size // 1000 % 10, size // 100 % 10, size // 10 % 10
    if size < 100 or size in (130, 310):
        return 0, 0, 0
    if first:
        counted = [(first, sign), (second, sign), (third, sign)]
    else:
        # The heavier quark of a meson is the quark where it is of type up, else the antiquark: K+ is u anti-s.
        heavy = sign if second % 2 == 0 else -sign
        counted = [(second, heavy), (third, -heavy)]
    strange, charm, bottom = (sum(one for quark, one in counted if quark == wanted) for wanted in (3, 4, 5))
    return -strange, charm, -bottom


@functools.cache
def known_species() -> Mapping[str, Species]:
    """All particles of the package's own table, by name."""
    found = {}
    for name, number, charge, spin, mass, width, parity, c_parity in table_rows("particles"):
        found[name] = Species(
            name, name, int(number), int(charge), int(spin) if spin else None, float(mass) if mass else None,
            float(width) if width else None, parity, c_parity,
        )  # fmt: skip
    return found


def renamed(species: Species, name: str) -> Species:
    """The same particle under another name; a tenth of the time of `dataclasses.replace`, which derives all again."""
    new = object.__new__(Species)
    for slot in Species.__slots__:
        object.__setattr__(new, slot, getattr(species, slot))
    object.__setattr__(new, "name", name)
    return new


def by_number(table: Mapping[str, Species]) -> dict[int, list[str]]:
    """The names of each Monte Carlo number."""
    found: dict[int, list[str]] = {}
    for name, species in table.items():
        found.setdefault(species.number, []).append(name)
    return found


@functools.cache
def _numbered() -> dict[int, list[str]]:
    return by_number(known_species())


def read_particle_table(path: "Path") -> dict[str, Species]:
    """A user's table of particles: evt.pdl of EvtGen, or pdt.table of BesEvtGen.

    A line is `add p Particle NAME NUMBER MASS WIDTH CUT 3*CHARGE 2*SPIN …`; parities are taken from the package's own table.
    """
    from yukawa.core.files import read_bytes  # what it imports costs as much as a check

    known, found = known_species(), {}
    for line in read_bytes(path).decode("latin-1").splitlines():
        words = line.split()
        if words[:1] != ["add"] or len(words) < 10:
            continue
        name, number, mass, width, cut, charge, spin = words[3:10]
        own = known.get(name)
        found[name] = Species(
            name, name, int(number), int(charge), int(spin), float(mass), float(width),
            own.parity if own else "", own.c_parity if own else "", float(cut),
        )  # fmt: skip
    return found


class SpeciesNames:
    """The names that a card knows at a place: those of the table, and its own aliases and redefinitions."""

    def __init__(self, table: Mapping[str, Species] | None = None) -> None:
        self._table = known_species() if table is None else table
        self.own: dict[str, Species] = {}
        self.conjugates: dict[str, str] = {}  # of aliases, by ChargeConj
        self._numbered: dict[int, list[str]] | None = None

    def get(self, name: str) -> Species | None:
        """The particle of a name, None if the name is unknown."""
        return self.own.get(name) or self._table.get(name) or self._of_master(name)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def is_listed(self, name: str) -> bool:
        """Whether the table has the name, as that of a particle."""
        return name in self._table

    def _of_master(self, name: str) -> Species | None:
        """A name that the standard tables of LHCb and Belle II define: B0sig, K*0R."""
        base = MASTER_ALIASES.get(name) or (name[:-3] if name.endswith("sig") else "")
        species = self._table.get(base) if base else None
        return renamed(species, name) if species else None

    def alias(self, name: str, species: Species) -> None:
        """Define an alias."""
        self.own[name] = renamed(species, name)

    def redefine(self, species: Species) -> None:
        """Give a particle other properties."""
        self.own[species.name] = species

    def set_mass(self, name: str, mass: float, width: float | None) -> None:
        """Give a particle another mass and, unless None, another width, in GeV."""
        species = self.get(name)
        if species is not None:
            width = species.width if width is None else width
            self.own[name] = replace(species, mass=mass, width=width, cut=None)

    def conjugate(self, name: str) -> str:
        """The name of the antiparticle, its own for one that is its own; '' if an alias has no ChargeConj."""
        if name in self.conjugates:
            return self.conjugates[name]
        species = self.get(name)
        if species is None:
            return ""
        if species.base != name and name not in self._table:
            if name.endswith("sig") or name in MASTER_ALIASES:
                return self._conjugate_of_master(name, species)
            return ""
        return self.antiparticle(species)

    def antiparticle(self, species: Species) -> str:
        """The name in the table of the antiparticle of a species."""
        if species.number in (22, -22):
            return species.base
        others = self._with_number().get(-species.number)
        if not others:
            return species.base
        return (
            others[0] if len(others) == 1 else max(others, key=lambda other: _likeness(species.base, other))
        )

    def _conjugate_of_master(self, name: str, species: Species) -> str:
        other = self.antiparticle(species)
        if name.endswith("sig"):
            return other + "sig"
        partners = [
            each for each, base in MASTER_ALIASES.items() if base == other and len(each) >= len(name) - 5
        ]
        return partners[0] if partners else other

    def _with_number(self) -> dict[int, list[str]]:
        if self._numbered is None:
            self._numbered = _numbered() if self._table is known_species() else by_number(self._table)
        return self._numbered

    def all_names(self) -> Iterable[str]:
        """Every name."""
        return (*self._table, *self.own)

    def usual_names(self) -> Iterable[str]:
        """Those that a misspelt word can mean: not of quarks, of parts of a program, of what nobody has seen (pomeron, L+)."""
        known = (
            name
            for name, each in self._table.items()
            if each.is_virtual or (each.mass is not None and not each.is_parton)
        )
        return (*known, *self.own)


@functools.lru_cache(maxsize=4096)
def _likest(name: str, others: tuple[str, ...]) -> str:
    return max(others, key=lambda other: _likeness(name, other))


def _likeness(name: str, other: str) -> tuple[bool, int]:
    """How well a name fits as that of the antiparticle: the same letters, with 'anti-' or another charge."""
    stem, its = (each.removeprefix("anti-").rstrip("+-0") for each in (name, other))
    return stem == its, -abs(len(stem) - len(its))


# Names that the standard decay tables of EvtGen, LHCb and Belle II define for cards to use.
MASTER_ALIASES = {
    "K*L": "K*0", "K*S": "K*0", "K*BL": "anti-K*0", "K*BS": "anti-K*0", "K*0T": "K*0", "anti-K*0T": "anti-K*0",
    "K_0*0N": "K_0*0", "anti-K_0*0N": "anti-K_0*0", "K*0R": "K*0", "K*BR": "anti-K*0", "K*+R": "K*+", "K*-R": "K*-",
    "phiR": "phi", "f_2R": "f_2",
}  # fmt: skip
# What they define as values and as models.
MASTER_VALUES = frozenset(
    "qoverp_incohMix_B_s0 dm_incohMix_B_s0 qoverp_incohMix_B0 dm_incohMix_B0 dm dgamma qoverp phaseqoverp dms dgammas alpha beta"
    " gamma twoBetaPlusGamma betaPlusHalfGamma minusGamma minusTwoBeta PKHplus PKHzero PKHminus PKphHplus PKphHzero PKphHminus"
    " Aplus Azero Aminus phAplus phAzero phAminus".split()
)
MASTER_MODELS = {
    "SLBKPOLE_DtoKlnu": "SLBKPOLE", "SLBKPOLE_Dtopilnu": "SLBKPOLE", "SLBKPOLE_Dtoetalnu": "SLBKPOLE",
    "SLBKPOLE_Dtoetaplnu": "SLBKPOLE", "SLPOLE_DtoKstarlnu": "SLPOLE", "SLPOLE_Dtorholnu": "SLPOLE",
    "SLPOLE_Dtoomegalnu": "SLPOLE",
}  # fmt: skip


# ---- headers of LHCb, whose comments give particles other properties ---------------------------

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
    if "particle" not in "\n".join(lines).lower():
        return found
    opened = ""
    for line in (*lines, ""):
        if opened and line.startswith("#") and ('"' in line or opened.count('"') % 2):
            opened += " " + line.lstrip("# \t")
            continue
        found += filter(None, map(_redefined, _QUOTED.findall(opened)))
        opened = line if line.startswith("#") and _OPENS.match(line) else ""
    return found


def _redefined(quoted: str) -> Species | None:
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
