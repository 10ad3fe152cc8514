"""One row of the PDG's data as a fact: its subjects, property, channel, qualifiers and value."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from yukawa.knowledge.facts import Bound, Fact
from yukawa.knowledge.parsing.channels import Mode, canonical
from yukawa.knowledge.sources.pdg import sentences
from yukawa.knowledge.sources.pdg.review import Review
from yukawa.knowledge.sources.pdg.sentences import DataBlock, Subject
from yukawa.knowledge.sources.pdg.subjects import Subjects
from yukawa.knowledge.sources.pdg.text import ascii_text, superscript
from yukawa.knowledge.sources.pdg.values import PdgValue, nucleon_limits, quantity

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
_MASS_DIFFERENCE = {"of": "mass", "compared": "difference"}
_DIFFERENCE_UNITS = ("eV", "keV", "MeV", "GeV", "ħ s⁻¹")
_NUCLEON_POWER = 30
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
        self._subjects = Subjects(review)

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
        own = self._subjects.own_property(block)
        name = "other" if row["value_type"] == "DR" else own or property_of(block, about, shown.unit)
        found = self.mode(block, name)
        if name == "other" and (asymmetric := asymmetric_mode(block.description)):
            name, found = "cp-asymmetry", asymmetric
        subjects = self._subjects.of(block, root, found.channel if found else ())
        qualifiers = self._qualifiers(block, about, name, found)
        if compared := self._subjects.compared(block):
            first, second, said = compared
            subjects, qualifiers = (*first, *second), qualifiers | {"minus": ", ".join(second)} | said
            if said == _MASS_DIFFERENCE and shown.unit in _DIFFERENCE_UNITS:
                name = "mass-difference"
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
            _BOUNDS.get(shown.kind), shown.low, shown.high, row["confidence_level"], found.channel if found else (),
            qualifiers, preferred and not by_the_way, self._review.edition, row["scale_factor"], _basis(shown, row),
            shown.text, shown.resolution,
        )  # fmt: skip

    def of_each_nucleon(self, fact: Fact, row: Mapping[str, Any]) -> list[Fact]:
        """The facts of neutron and proton where the Listings give a limit for each, with the charges of its products."""
        facts = []
        for name, number in nucleon_limits(row["value_text"] or "").items():
            value = float(number) * 10.0**_NUCLEON_POWER
            shown = f"greater than {number} × 10{superscript(_NUCLEON_POWER)} {fact.unit}"
            channel = self._subjects.charged(name, fact.channel)
            resolution = 10.0 ** (_NUCLEON_POWER - len(number.partition(".")[2]))
            facts.append(
                replace(
                    fact,
                    subjects=(name,),
                    value=value,
                    words="",
                    printed=shown,
                    channel=channel,
                    resolution=resolution,
                )
            )
        return facts or [fact]

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

    def mode(self, block: DataBlock, name: str) -> Mode | None:
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
        found = canonical(ascii_text(self._review.blocks[identifier]["description"]))
        if identifier.startswith("S016."):  # here 'nu' is any neutrino or antineutrino
            return replace(
                found, channel=tuple(sorted("neutrino" if p == "nu" else p for p in found.channel))
            )
        return found

    def _qualifiers(self, block: DataBlock, about: Subject, name: str, found: Mode | None) -> dict[str, str]:
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
        if found:
            qualifiers |= found.qualifiers
        return qualifiers


_ASYMMETRY = re.compile(
    r"A\(CP\) ?\((?P<decay>(?:(?!-->)[^\[\]=]){1,60}+-->[^\[\]=]{1,90})\)"
    r"|A\(CP\)\((?:(?!\) in )[^\[\]=]){1,90}+\) in (?P<parent>[^ ,]{1,30}+)(?:, [^ ,]{1,30}+)?"
    r" (?P<products>-->[^\[\],=]{1,90})(?:,.{1,200})?"
)
_BOTH_SIGNS = re.compile(r"(?<=\w)(?:\+-|-\+)")


def asymmetric_mode(description: str) -> Mode | None:
    """The mode whose CP asymmetry alone is described, as 'A(CP)(K0S pi+-) in D+- --> K0S pi+-', or None."""
    said = _ASYMMETRY.fullmatch(ascii_text(description))
    if said is None:
        return None
    decay = said["decay"] or f"{said['parent']} {said['products']}"
    found = canonical(_BOTH_SIGNS.sub(lambda signs: signs[0][0], decay))
    return None if found.qualifiers or not found.channel else found


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
    if name == "charge-radius" and unit.endswith("²"):
        return "mean-square-charge-radius"
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
            power = _NUCLEON_POWER
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
    """The branching ratios that repeat the fraction of each decay mode."""
    found: dict[str, list[str]] = {}
    for identifier in review.values:
        if identifier in review.blocks and (source := rows.repeats_fraction(rows.block(identifier))):
            found.setdefault(source, []).append(identifier)
    return found


def preferred(review: Review, members: list[str]) -> Iterator[str]:
    """The preferred identifiers under one particle: the PDG's default for a property, or else the first listed."""
    for data_type in ("M", "G", "T"):
        blocks = [m for m in members if review.blocks[m]["data_type"] == data_type and review.values.get(m)]
        ordinary = [m for m in blocks if not set("As") & set(review.blocks[m]["flags"])] or blocks[:1]
        yield from [m for m in ordinary if "D" in review.blocks[m]["flags"]] or ordinary[:1]
    yield from (m for m in members if review.blocks[m]["data_type"] not in ("M", "G", "T"))
