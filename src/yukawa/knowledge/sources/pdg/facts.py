"""The Review of Particle Physics as facts: each value of the `pdg` package becomes one citable sentence."""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from yukawa.core.errors import NotFound, StoreError
from yukawa.knowledge.parsing.particles import database_path
from yukawa.knowledge.sources.pdg import sentences as sentences
from yukawa.knowledge.sources.pdg.decays import DecayItem, Masses, final_state
from yukawa.knowledge.sources.pdg.sentences import Block, Subject
from yukawa.knowledge.sources.pdg.text import ascii_text
from yukawa.knowledge.sources.pdg.values import PdgValue, quantity

LICENCE = "CC BY 4.0"
_URL = "https://pdglive.lbl.gov/view/"  # the PDG's resolver of its own identifiers
_MAIN_DECAYS = 10


@dataclass(frozen=True)
class Fact:
    """One statement of the Review of Particle Physics.

    Args:
        external_id: 'pdg:S035M'; further values of one identifier end in '#2', '#3'; facts on a particle as a
            whole in '#decays' or '#quantum-numbers:tau-'.
        text: one self-contained English sentence, sometimes two, with Unicode and ASCII symbols.
        particle: PDG identifier of the particle (or of the section, e.g. 'S067' for neutrino mixing).
        property: the property stated: 'mass', 'width', 'lifetime', 'branching fraction', …, else 'other'.
        subject: the particle as the text names it.
        value: the number in `unit`, unrounded as in the PDG's data; for a limit the limit; or None.
        error_plus: upper error in `unit`, or None.
        error_minus: lower error in `unit` as a positive number, or None.
        unit: readable unit, '' for a pure number.
        limit: 'upper', 'lower' or None.
        confidence_level: in percent, or None.
        label: what to show as the source, 'PDG 2026: tau mass (S035M)'.
        url: the PDG's page for the identifier.
        channel: PDG names of the final-state particles of a decay mode, repeated by multiplicity; else ().
        preferred: whether this is the value that a physicist wants first for this property.
        year: edition of the Review.
        momentum: decay momentum in MeV/c computed from PDG masses, or None.
    """

    external_id: str
    text: str
    particle: str
    property: str
    subject: str
    value: float | None
    error_plus: float | None
    error_minus: float | None
    unit: str
    limit: str | None
    confidence_level: float | None
    label: str
    url: str
    channel: tuple[str, ...]
    preferred: bool
    year: str
    momentum: float | None = None


def edition(database: Path | None = None) -> dict[str, str]:
    """The data file's own description: 'edition', 'citation', 'license', 'data_release_timestamp' and more.

    Raises:
        MissingPackage: no `database` given and the `pdg` package is not installed.
        NotFound: `database` does not exist.
        StoreError: the file is not a PDG database.
    """
    with closing(_connect(database)) as connection:
        found = {row["name"]: row["value"] for row in connection.execute("SELECT name, value FROM pdginfo")}
    found["citation"] = re.sub(r"<[^<>]*>", "", found.get("citation", ""))
    return found


def facts(database: Path | None = None) -> Iterator[Fact]:
    """All facts of the PDG data, in the PDG's order; two runs give the same facts.

    Args:
        database: a `pdg.sqlite`; by default the one of the installed `pdg` package.

    Raises:
        MissingPackage, NotFound, StoreError: as `edition`.
    """
    for _, fact in _rows(database):
        if isinstance(fact, Fact):
            yield fact


def excluded(database: Path | None = None) -> Iterator[tuple[str, str]]:
    """The values that make no fact: external identifier and the reason.

    Raises:
        MissingPackage, NotFound, StoreError: as `edition`.
    """
    for external_id, fact in _rows(database):
        if isinstance(fact, str):
            yield external_id, fact


def _connect(database: Path | None) -> sqlite3.Connection:
    path = database_path() if database is None else Path(database)
    if not path.is_file():
        raise NotFound(f"there is no PDG database at {path}", hint="give the path of a pdg.sqlite")
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("SELECT name, value FROM pdginfo LIMIT 1").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreError(f"{path} is not a PDG database: {error}") from error
    return connection


def _rows(database: Path | None) -> Iterator[tuple[str, Fact | str]]:
    with closing(_connect(database)) as connection:
        yield from _Reader(connection).rows()


class _Reader:
    """Walks through the data base once, particle by particle."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        info = dict(tuple(row) for row in connection.execute("SELECT name, value FROM pdginfo"))
        self._year = str(info["edition"])
        self._masses = Masses(connection)
        self._blocks = {row["pdgid"]: row for row in connection.execute("SELECT * FROM pdgid ORDER BY sort")}
        self._values = self._grouped(
            "SELECT * FROM pdgdata WHERE edition = ? ORDER BY sort, id", "pdgid", self._year
        )
        self._states = self._grouped("SELECT * FROM pdgparticle ORDER BY id", "pdgid")
        self._items = self._grouped("SELECT * FROM pdgdecay ORDER BY sort, id", "pdgid")
        self._fractions = self._grouped("SELECT source, target FROM pdgid_map ORDER BY id", "target")

    def _grouped(self, query: str, key: str, *parameters: str) -> dict[str, list[sqlite3.Row]]:
        rows: dict[str, list[sqlite3.Row]] = defaultdict(list)
        for row in self._connection.execute(query, parameters):
            rows[row[key]].append(row)
        return dict(rows)

    def rows(self) -> Iterator[tuple[str, Fact | str]]:
        """Each data row once, as a fact or the reason of its exclusion, and the facts on whole particles."""
        roots: dict[str, list[str]] = {}
        for pdgid in self._blocks:
            roots.setdefault(self._root(pdgid), []).append(pdgid)
        for root, members in roots.items():
            subject = sentences.subject(self._blocks[root]["description"], self._blocks[root]["flags"])
            for fact in self._quantum_numbers(root, subject):
                yield fact.external_id, fact
            preferred = self._preferred(members)
            fractions: list[tuple[Fact, PdgValue, Block]] = []
            for pdgid in members:
                for external_id, fact_or_reason, quoted in self._identifier(
                    root, subject, pdgid, pdgid in preferred
                ):
                    if isinstance(fact_or_reason, Fact) and quoted is not None:
                        fractions.append((fact_or_reason, *quoted))
                    yield external_id, fact_or_reason
            if main := self._main_decays(root, subject, fractions):
                yield main.external_id, main

    def _root(self, pdgid: str) -> str:
        while (parent := self._blocks[pdgid]["parent_pdgid"]) is not None:
            pdgid = parent
        return pdgid

    def _identifier(
        self, root: str, subject: Subject, pdgid: str, preferred: bool
    ) -> Iterator[tuple[str, Fact | str, tuple[PdgValue, Block] | None]]:
        values = self._values.get(pdgid, [])
        if not values:
            return
        row = self._blocks[pdgid]
        parent = self._blocks.get(row["parent_pdgid"])
        section = parent["description"] if parent is not None and parent["data_type"] == "SEC" else ""
        block = Block(pdgid, row["data_type"], row["description"], row["flags"], section)
        repeats = self._repeats_fraction(block)
        best = min(range(len(values)), key=lambda n: (not values[n]["in_summary_table"], n))
        for number, value in enumerate(values):
            external_id = f"pdg:{pdgid}" + (f"#{number + 1}" if number else "")
            if repeats:
                yield external_id, "branching ratio to the total width, given as branching fraction", None
                continue
            shown = self._quantity(block, value)
            if shown is None:
                empty = not (value["value_text"] or "").strip()
                yield external_id, "no value" if empty else "number and text disagree", None
                continue
            fact = self._fact(root, subject, block, value, shown, external_id, preferred and number == best)
            yield external_id, fact, (shown, block) if block.is_fraction and number == best else None

    def _repeats_fraction(self, block: Block) -> bool:
        """Whether the branching ratio is the mere source of a branching fraction that has data."""
        sources = [s["source"] for s in self._fractions.get(block.pdgid, ()) if self._values.get(s["source"])]
        if block.data_type != "BR" or len(sources) != 1 or not sentences.is_plain_ratio(block.description):
            return False
        if not block.description.startswith("tau("):
            return True
        # Some partial mean lives are newer here than in the table of decay modes: then both are stated.
        return _first_number(self._values[block.pdgid][0]) == _first_number(self._values[sources[0]][0])

    def _quantity(self, block: Block, row: sqlite3.Row) -> PdgValue | None:
        unit, power = row["unit_text"], row["display_power_of_ten"]
        display, text = row["display_value_text"], row["value_text"]
        if block.is_nucleon_decay:
            # The Listings give these in 10^30 years (antiproton: years); the data file omits the unit.
            unit = "years"
            if not block.description.startswith("pbar"):
                power = 30
        return quantity(display, text, power, bool(row["display_in_percent"]), row["value"], unit)

    def _fact(
        self, root: str, subject: Subject, block: Block, row: sqlite3.Row, shown: PdgValue, external_id: str, preferred: bool
    ) -> Fact:  # fmt: skip
        items = self._products(block) if block.is_fraction else []
        channel = final_state(items) if block.is_fraction else ()
        p = self._momentum(block, items) if block.is_fraction else None
        about = sentences.subject_of(block, subject)
        text = sentences.sentence(about, block, shown, row, p)
        kind = sentences.property_of(block, shown.unit)
        by_the_way = kind in ("mass", "width", "lifetime") and block.data_type not in ("M", "G", "T", "g")
        limit = (
            shown.kind if shown.kind in ("upper", "lower") else ("lower" if shown.kind == "nucleon" else None)
        )
        return Fact(
            external_id, text, root, kind, about.text, shown.value, _error(shown, shown.plus, row["error_positive"]),
            _error(shown, shown.minus, row["error_negative"]), shown.unit, limit, row["confidence_level"],
            label=f"PDG {self._year}: {sentences.title(about, block)} ({block.pdgid})", url=_URL + block.pdgid,
            channel=channel, preferred=preferred and not by_the_way, year=self._year, momentum=p,
        )  # fmt: skip

    def _products(self, block: Block) -> list[DecayItem]:
        """The products right of the first arrow (the data file counts the second p of 'p p -->' among them)."""
        rows = [r for r in self._items.get(block.pdgid, ()) if r["is_outgoing"]]
        if block.is_nucleon_decay:
            rows = rows[len(block.description.partition("-->")[0].split()) - 1 :]
        right = block.description.partition("-->")[2].strip()
        return [DecayItem(r["name"], r["multiplier"]) for r in rows] or [DecayItem(right)]

    def _momentum(self, block: Block, items: list[DecayItem]) -> float | None:
        left = block.description.partition("-->")[0].split()
        if len(left) != 1 or any(item.name in (",", "-->") for item in items):
            return None
        return self._masses.momentum(left[0], [item.name for item in items for _ in range(item.multiplier)])

    def _preferred(self, members: list[str]) -> set[str]:
        """Identifiers a physicist wants first: the PDG's default of a property, or else the first listed."""
        chosen: set[str] = set()
        for data_type in ("M", "G", "T"):
            blocks = [m for m in members if self._blocks[m]["data_type"] == data_type and self._values.get(m)]
            ordinary = [m for m in blocks if not set("As") & set(self._blocks[m]["flags"])] or blocks[:1]
            default = [m for m in ordinary if "D" in self._blocks[m]["flags"]]
            chosen.update(default or ordinary[:1])
        chosen.update(m for m in members if self._blocks[m]["data_type"] not in ("M", "G", "T"))
        return chosen

    def _quantum_numbers(self, root: str, subject: Subject) -> Iterator[Fact]:
        for state, partner in sentences.charge_states(self._states.get(root, [])):
            name = state["name"]
            yield self._about_particle(
                f"pdg:{root}#quantum-numbers:{name}", sentences.quantum_numbers(state, partner, subject), root,
                "quantum numbers", sentences.state_subject(state, subject).text, f"{ascii_text(name)} quantum numbers",
            )  # fmt: skip

    def _main_decays(
        self, root: str, subject: Subject, fractions: list[tuple[Fact, PdgValue, Block]]
    ) -> Fact | None:
        usable = [f for f in fractions if sentences.is_main_mode(f[2], f[1])]
        usable.sort(key=lambda f: -(f[1].value or 0.0))
        if not usable:
            return None
        text = sentences.main_decays(subject, [(block, shown) for _, shown, block in usable[:_MAIN_DECAYS]])
        return self._about_particle(
            f"pdg:{root}#decays",
            text,
            root,
            "main decay modes",
            subject.text,
            f"{subject.ascii} main decay modes",
        )

    def _about_particle(
        self, external_id: str, text: str, root: str, kind: str, subject: str, title: str
    ) -> Fact:
        return Fact(
            external_id, text, root, kind, subject, None, None, None, "", None, None, f"PDG {self._year}: {title} ({root})",
            _URL + root, (), True, self._year,
        )  # fmt: skip


def _first_number(row: sqlite3.Row) -> float | None:
    match = re.search(r"\d[\d.]*", row["value_text"] or "")
    return float(match[0].rstrip(".")) if match else None


def _error(shown: PdgValue, rounded: float | None, exact: float | None) -> float | None:
    """The unrounded error of the data file, where the text gives a single error."""
    if rounded is None or shown.sources > 1:  # of several errors the data file keeps only the first
        return rounded
    return exact or rounded
