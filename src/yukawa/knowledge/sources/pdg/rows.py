"""One row of the PDG's data as a fact: its subjects, property, channel, qualifiers and value."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from yukawa.knowledge.facts import Bound, Fact, unique
from yukawa.knowledge.parsing.particles import UNLISTED, particle_table
from yukawa.knowledge.sources.pdg import sentences
from yukawa.knowledge.sources.pdg.decays import FinalState, mode
from yukawa.knowledge.sources.pdg.review import Review
from yukawa.knowledge.sources.pdg.sentences import DataBlock, Subject
from yukawa.knowledge.sources.pdg.text import ascii_text
from yukawa.knowledge.sources.pdg.values import PdgValue, quantity

_BASES = {
    "AC": "PDG average", "D": "PDG average", "E": "PDG estimate", "FC": "PDG fit", "DR": "PDG fit",
    "V": "PDG evaluation", "DV": "PDG evaluation", "L": "best limit", "OL": "PDG limit",
}  # fmt: skip
# The kinds of `sentences.property_of` that are properties of their own; for M, G and T only where the data code them so.
_PROPERTIES = {
    "mass": "mass", "width": "width", "lifetime": "lifetime", "mass difference": "mass-difference",
    "branching fraction": "branching-fraction", "branching ratio": "branching-ratio", "partial width": "partial-width",
    "partial mean life": "partial-lifetime", "electric dipole moment": "electric-dipole-moment",
    "magnetic moment": "magnetic-moment", "charge radius": "charge-radius",
}  # fmt: skip
_CODED = {"mass": ("M",), "width": ("G",), "lifetime": ("T", "g")}
_BOUNDS: dict[str, Bound] = {
    "upper": "upper", "lower": "lower", "nucleon": "lower", "range": "range", "about": "about",
}  # fmt: skip
_MOMENTUM_FROM = 0.5  # MeV/c; below, the two sides of the decay have the same mass within their errors
_DIFFERENCE = re.compile(
    r"mass\((.+)\)\s*-\s*mass\((.+)\)|(\S+?[+\-0)])-(\S+) mass difference", re.IGNORECASE
)
# Listed as 'Delta(m)' alone.
_DIFFERENCES = {"S013D": ("K(L)0", "K(S)0")}
_DIFFERENCE_UNITS = ("eV", "keV", "MeV", "GeV", "ħ s⁻¹")
_ERROR_KINDS = ("statistical", "systematic", "external")
# The Listings' notes to these blocks name the scheme; the top quark's is in its descriptions.
_RUNNING = {
    "Q001M": "mu = 2 GeV", "Q002M": "mu = 2 GeV", "Q003M": "mu = 2 GeV", "Q123UM": "mu = 2 GeV", "Q123DM": "mu = 2 GeV",
    "Q123SM": "mu = 2 GeV", "Q004M": "mu = m_c", "Q005M": "mu = m_b", "Q007TP2": "mu = m_t",
}  # fmt: skip


class Rows:
    """Makes facts of the rows of one edition."""

    def __init__(self, review: Review) -> None:
        self._review = review

    def block(self, identifier: str) -> DataBlock:
        """The PDG's words for an identifier."""
        row = self._review.blocks[identifier]
        parent = self._review.blocks.get(row["parent_pdgid"])
        section = parent["description"] if parent is not None and parent["data_type"] == "SEC" else ""
        return DataBlock(identifier, row["data_type"], row["description"], row["flags"], section)

    def fact(
        self, block: DataBlock, root: str, about: Subject, row: Mapping[str, Any], *, preferred: bool
    ) -> Fact | None:
        """The fact that one data row states, or None if it states no value that can be read.

        Args:
            block: the words for its identifier.
            root: the particle or section that it is listed under.
            about: the same as sentences name it.
            row: of the table pdgdata.
            preferred: whether it is the value wanted first for its property.
        """
        shown = _shown(block, row)
        if shown is None:
            return None
        name = "other" if row["value_type"] == "DR" else property_of(block, about, shown.unit)
        found = self.mode(block, name)
        subjects = self._subjects(block, root, name)
        qualifiers = self._qualifiers(block, about, name, found)
        if name == "mass-difference" and (pair := self._pair(block)):
            subjects, qualifiers["minus"] = (*pair[0], *pair[1]), ", ".join(pair[1])
        if comment := _comment(row):
            qualifiers["comment"] = comment
        by_the_way = name == "other" and sentences.property_of(block, shown.unit) in (
            *_CODED,
            "branching fraction",
        )
        return Fact(
            block.pdgid, subjects, name, ascii_text(block.description), shown.value, _words(shown),
            _error(shown, shown.plus, row["error_positive"]), _error(shown, shown.minus, row["error_negative"]),
            tuple((kind, *pair) for kind, pair in zip(_ERROR_KINDS, shown.errors, strict=False)), shown.unit,
            _BOUNDS.get(shown.kind), shown.low, shown.high, row["confidence_level"], found.products if found else (),
            qualifiers, preferred and not by_the_way, self._review.edition, row["scale_factor"], _basis(shown, row),
            shown.text, shown.resolution,
        )  # fmt: skip

    def momentum(self, block: DataBlock, fact: Fact) -> Fact | None:
        """The decay momentum that the PDG's masses give a mode, as a fact; None if they do not give one."""
        left, items = block.description.partition("-->")[0].split(), self._review.products(block.pdgid)
        if len(left) != 1 or any(item.name in (",", "-->") for item in items):
            return None
        products = [item.name for item in items for _ in range(item.multiplier)]
        p = self._review.masses.momentum(left[0], products)
        if p is None or p < _MOMENTUM_FROM:
            return None
        return Fact(
            block.pdgid, fact.subjects, "momentum", fact.name, p, unit="MeV/c", channel=fact.channel,
            qualifiers={k: v for k, v in fact.qualifiers.items() if k != "comment"}, preferred=fact.preferred,
            edition=fact.edition, basis="computed from PDG masses", printed=f"{p:.0f} MeV/c", resolution=1.0,
        )  # fmt: skip

    def repeats_fraction(self, block: DataBlock) -> str | None:
        """The decay mode whose fraction a branching ratio merely repeats, or None."""
        if block.data_type != "BR" or not sentences.is_plain_ratio(block.description):
            return None
        values = self._review.values
        sources = [s for s in self._review.modes_of_ratio.get(block.pdgid, ()) if values.get(s)]
        if len(sources) != 1:
            return None
        # Some partial mean lives are newer here than in the table of decay modes: then both are stated.
        newer = block.description.startswith("tau(") and (
            _first_number(values[block.pdgid][0]) != _first_number(values[sources[0]][0])
        )
        return None if newer else sources[0]

    def mode(self, block: DataBlock, name: str) -> FinalState | None:
        """The final state of a decay mode, or of the one mode whose fraction or width a branching ratio is."""
        identifier = block.pdgid
        if not block.is_fraction:
            if name not in ("branching-fraction", "partial-width", "partial-lifetime"):
                return None
            sources = self._review.modes_of_ratio.get(identifier, ())
            if len(sources) != 1 or block.description.count("G(") > 1 + block.description.endswith(
                "/G(total)"
            ):
                return None
            identifier = sources[0]
        return mode(self._review.products(identifier), self._review.names)

    def _subjects(self, block: DataBlock, root: str, name: str) -> tuple[str, ...]:
        states = self._review.states.get(root, [])
        if not states:
            return (ascii_text(self._review.blocks[root]["description"]),)
        everyone = [row["name"] for row in states]
        particles = [row["name"] for row in states if row["cc_type"] != "A"] or everyone
        if block.is_fraction:
            named = [s for n in self._review.decaying(block.pdgid) for s in self._review.names.states(n)]
        else:
            named = list(self._review.names.states(block.description.split(" ")[0]))
            named = [n for n in named if n in everyone] or self._of_charge(block, states)
        found = [n for n in named if n in particles] or [n for n in named if n in everyone] or particles
        also = [listed for listed, (name, _) in UNLISTED.get(root, {}).items() if name in found]
        return unique([*found, *also])

    def _of_charge(self, block: DataBlock, states: Sequence[Mapping[str, Any]]) -> list[str]:
        """The particles with the charge that the block's flags name: '0', '1', '2', with a sign where it matters."""
        sizes, signs = set(block.flags) & set("012"), set(block.flags) & set("+-")
        return [
            row["name"]
            for row in states
            if row["cc_type"] != "A"
            and (not sizes or str(round(abs(row["charge"]))) in sizes)
            and (not signs or not row["charge"] or ("+" if row["charge"] > 0 else "-") in signs)
        ]

    def _qualifiers(
        self, block: DataBlock, about: Subject, name: str, found: FinalState | None
    ) -> dict[str, str]:
        """What tells the value from others of its property."""
        qualifiers: dict[str, str] = {}
        words = f"{ascii_text(block.section)} {ascii_text(block.description)}"
        if name in ("mass", "width"):
            if scheme := _scheme(block, words):
                qualifiers["scheme"] = scheme
            if condition := _RUNNING.get(block.pdgid):
                qualifiers["condition"] = condition
        is_basic = name in ("mass", "width", "lifetime") and about.is_particle
        if is_basic and (method := sentences.remainder(block, sentences.subject_of(block, about))):
            qualifiers["method"] = method
        if name == "other":
            kind = sentences.FITTED_RATE if block.is_fraction else sentences.property_of(block, "")
            qualifiers |= {"kind": kind} if kind != "other" else {}
        if block.section:
            qualifiers["section"] = ascii_text(block.section)
        if found and found.by_way:
            qualifiers["intermediate"] = ", ".join(found.by_way)
        if found and found.conditions:
            qualifiers["condition"] = ", ".join(found.conditions)
        return qualifiers

    def _pair(self, block: DataBlock) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
        """The states whose masses are subtracted: particles, not antiparticles, unless it compares the two."""
        if block.pdgid in _DIFFERENCES:
            first, second = _DIFFERENCES[block.pdgid]
            return (first,), (second,)
        match = _DIFFERENCE.fullmatch(block.description)
        if match is None:
            return None
        table = particle_table().particles
        sides = []
        for text in (match[1] or match[3], match[2] or match[4]):
            states = self._review.names.states(text)
            sides.append(tuple(n for n in states if not table[n].is_antiparticle) or states)
        return (sides[0], sides[1]) if sides[0] and sides[1] else None


def property_of(block: DataBlock, about: Subject, unit: str) -> str:
    """The name in `yukawa.knowledge.facts.PROPERTIES` of what a block gives."""
    kind = sentences.property_of(block, unit)
    name = _PROPERTIES.get(kind, "other")
    words = ascii_text(f"{block.section} {block.description}")
    if kind in _CODED and block.data_type not in _CODED[kind]:
        return "other"
    if kind == "branching ratio" and sentences.is_plain_ratio(block.description):
        return "branching-fraction"
    if name == "mass-difference" and unit not in _DIFFERENCE_UNITS:
        return "other"
    if name in ("magnetic-moment", "electric-dipole-moment"):
        if name == "magnetic-moment" and "magnetic moment anomaly" in words and "weak" not in words:
            return "magnetic-moment-anomaly"
        rest = ascii_text(block.description).removeprefix(f"{about.ascii} ")
        plain = re.sub(r" \(d\)$", "", rest).replace(" ", "-") == name
        return name if plain or re.match(r"\S+ magnetic moment$", ascii_text(block.description)) else "other"
    return name


def _scheme(block: DataBlock, words: str) -> str:
    if block.pdgid in _RUNNING:
        return "MSbar"
    if re.search("Breit-Wigner", words):
        return "Breit-Wigner"
    if re.search(r"\bpole\b", words, re.IGNORECASE):
        return "pole"
    return "direct" if re.search("direct measurements", words, re.IGNORECASE) else ""


def _shown(block: DataBlock, row: Mapping[str, Any]) -> PdgValue | None:
    unit, power = row["unit_text"], row["display_power_of_ten"]
    if block.is_nucleon_decay:
        # The Listings give these in 10^30 years (antiproton: years); the data file omits the unit.
        unit = "years"
        if not block.description.startswith("pbar"):
            power = 30
    percent = bool(row["display_in_percent"])
    return quantity(row["display_value_text"], row["value_text"], power, percent, row["value"], unit)


def _words(shown: PdgValue) -> str:
    return shown.text if shown.kind in ("word", "pole", "nucleon") else ""


def _basis(shown: PdgValue, row: Mapping[str, Any]) -> str:
    """Who settled the value; nothing for words, and for a p-value, say, among the best limits."""
    if shown.kind in ("upper", "lower", "nucleon"):
        return "PDG limit" if row["value_type"] == "OL" else "best limit"
    return "" if shown.kind == "word" or row["value_type"] in ("L", "OL") else _BASES[row["value_type"]]


def _comment(row: Mapping[str, Any]) -> str:
    first = (row["comment"] or "").partition(". ")[0]
    return re.sub(r"^\(([^()]*)\)", r"\1", ascii_text(first)).rstrip(". ") if first else ""


def _first_number(row: Mapping[str, Any]) -> float | None:
    match = re.search(r"\d[\d.]*", row["value_text"] or "")
    return float(match[0].rstrip(".")) if match else None


def _error(shown: PdgValue, rounded: float | None, exact: float | None) -> float | None:
    """The unrounded error of the data file, where the text gives a single error."""
    if rounded is None or shown.errors:  # of several errors the data file keeps only the first
        return rounded
    return exact or rounded


def ratios(review: Review, rows: Rows) -> dict[str, list[str]]:
    """For each decay mode the branching ratios that repeat its fraction."""
    found: dict[str, list[str]] = {}
    for identifier in review.values:
        if identifier in review.blocks and (source := rows.repeats_fraction(rows.block(identifier))):
            found.setdefault(source, []).append(identifier)
    return found


def preferred(review: Review, members: list[str]) -> Iterator[str]:
    """Of the identifiers under one particle those wanted first: the PDG's default of a property, or else the first listed."""
    for data_type in ("M", "G", "T"):
        blocks = [m for m in members if review.blocks[m]["data_type"] == data_type and review.values.get(m)]
        ordinary = [m for m in blocks if not set("As") & set(review.blocks[m]["flags"])] or blocks[:1]
        yield from [m for m in ordinary if "D" in review.blocks[m]["flags"]] or ordinary[:1]
    yield from (m for m in members if review.blocks[m]["data_type"] not in ("M", "G", "T"))
