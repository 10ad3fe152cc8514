"""The Review of Particle Physics as statements: citable sentences, each with the facts that it states."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from yukawa.knowledge.facts import Fact
from yukawa.knowledge.sources.pdg import rows as making
from yukawa.knowledge.sources.pdg import sentences
from yukawa.knowledge.sources.pdg.review import URL, Review, connect
from yukawa.knowledge.sources.pdg.sentences import DataBlock, Subject
from yukawa.knowledge.sources.pdg.states import state_facts
from yukawa.knowledge.sources.pdg.text import ascii_text

_MAIN_DECAYS = 10


@dataclass(frozen=True)
class Statement:
    """One sentence of the Review of Particle Physics with the facts in it.

    Args:
        id: 'pdg:S035M'; further values of one identifier end in '#2', '#3'; statements on a particle as a whole in
            '#decays' or '#quantum-numbers:tau-'.
        text: one self-contained English sentence, sometimes two, with Unicode and ASCII symbols.
        particle: PDG identifier of the particle (or of the section, such as 'S067' for neutrino mixing).
        subject: the particle as the text names it.
        kind: what is stated, in words: 'mass', 'CP violation parameter', 'main decay modes', …
        facts: the rows: the value itself first, then what is derived from or repeats it.
        label: what to show as the source, 'PDG 2026: tau mass (S035M)'.
        url: the PDG's page for the identifier.
    """

    id: str
    text: str
    particle: str
    subject: str
    kind: str
    facts: tuple[Fact, ...]
    label: str
    url: str

    @property
    def preferred(self) -> bool:
        """Whether this is the statement that a physicist wants first for its property."""
        return not self.facts or self.facts[0].preferred


def statements(database: Path | None = None) -> Iterator[Statement]:
    """All statements of the PDG data, in the PDG's order; two runs give the same.

    Args:
        database: a `pdg.sqlite`; by default the one of the installed `pdg` package.

    Raises:
        MissingPackage, NotFound, StoreError: as `review.connect`.
    """
    with closing(connect(database)) as connection:
        reader = _ReviewReader(Review(connection))
    yield from reader.statements()


def excluded(database: Path | None = None) -> Iterator[tuple[str, str]]:
    """The values that make no statement of their own: identifier and the reason.

    Raises:
        MissingPackage, NotFound, StoreError: as `review.connect`.
    """
    with closing(connect(database)) as connection:
        reader = _ReviewReader(Review(connection))
    for _ in reader.statements():
        pass
    yield from reader.excluded.items()


class _ReviewReader:
    """Walks through the Review once, particle by particle."""

    def __init__(self, review: Review) -> None:
        self._review = review
        self._rows = making.Rows(review)
        self._ratios = making.ratios(review, self._rows)
        self.excluded: dict[str, str] = {}

    def statements(self) -> Iterator[Statement]:
        """Every statement; what is omitted is noted in `excluded`."""
        roots: dict[str, list[str]] = {}
        for identifier in self._review.blocks:
            roots.setdefault(self._review.root(identifier), []).append(identifier)
        for root, members in roots.items():
            row = self._review.blocks[root]
            about = sentences.subject(row["description"], row["flags"])
            yield from self._quantum_numbers(root, about)
            preferred = set(making.preferred(self._review, members))
            fractions: list[tuple[DataBlock, Fact]] = []
            for identifier in members:
                block = self._rows.block(identifier)
                for statement, is_best in self._values(root, about, block, identifier in preferred):
                    yield statement
                    if is_best and block.is_fraction:
                        fractions.append((block, statement.facts[0]))
            yield from self._main_decays(root, about, fractions)

    def _values(
        self, root: str, about: Subject, block: DataBlock, preferred: bool
    ) -> Iterator[tuple[Statement, bool]]:
        """A statement for each value of one identifier, and whether it is the one in the summary table."""
        values = self._review.values.get(block.pdgid, [])
        best = min(range(len(values)), key=lambda n: (not values[n]["in_summary_table"], n), default=0)
        repeats = self._rows.repeats_fraction(block) is not None
        for number, value in enumerate(values):
            own_id = f"pdg:{block.pdgid}" + (f"#{number + 1}" if number else "")
            if repeats:
                self.excluded[own_id] = "branching ratio to the total width, given as branching fraction"
                continue
            fact = self._rows.fact(block, root, about, value, preferred=preferred and number == best)
            if fact is None:
                empty = not (value["value_text"] or "").strip()
                self.excluded[own_id] = "no value" if empty else "number and text disagree"
                continue
            facts = [
                *self._rows.of_each_nucleon(fact, value),
                *self._further(root, about, block, fact, is_best=number == best),
            ]
            yield self._statement(own_id, root, about, block, fact, facts), number == best

    def _further(
        self, root: str, about: Subject, block: DataBlock, fact: Fact, *, is_best: bool
    ) -> Iterator[Fact]:
        """The decay momentum of a mode, and the branching ratios that repeat its fraction."""
        if not block.is_fraction:
            return
        if momentum := self._rows.momentum(block, fact):
            yield momentum
        for identifier in self._ratios.get(block.pdgid, ()) if is_best else ():
            ratio = self._rows.block(identifier)
            for value in self._review.values[identifier]:
                if repeated := self._rows.fact(ratio, root, about, value, preferred=False):
                    # Found by identifier and name; the fraction is said once.
                    yield replace(repeated, property="branching-ratio", channel=())

    def _statement(
        self, own_id: str, root: str, about: Subject, block: DataBlock, said: Fact, facts: list[Fact]
    ) -> Statement:
        """The statement that says one fact, or what several hold together."""
        momentum = next((f.value for f in facts if f.property == "momentum"), None)
        subject = sentences.subject_of(block, about)
        return Statement(
            own_id, sentences.sentence(subject, block, said, momentum), root, subject.text,
            sentences.property_of(block, said.unit), tuple(facts),
            f"PDG {self._review.edition}: {sentences.title(subject, block)} ({block.pdgid})", URL + block.pdgid,
        )  # fmt: skip

    def _quantum_numbers(self, root: str, about: Subject) -> Iterator[Statement]:
        flags: Mapping[str, str] = self._review.blocks[root]
        kind = next((flag for flag in flags["flags"] if flag in "QLGMB"), "")
        for state, partner in sentences.charge_states(self._review.states.get(root, [])):
            name = state["name"]
            facts = [
                fact for row in (state, partner) if row is not None for fact in state_facts(row, kind, self._review.edition)
            ]  # fmt: skip
            yield self._about_particle(
                f"pdg:{root}#quantum-numbers:{name}", sentences.quantum_numbers(state, partner, about), root,
                "quantum numbers", sentences.state_subject(state, about).text, f"{ascii_text(name)} quantum numbers", facts,
            )  # fmt: skip

    def _main_decays(
        self, root: str, about: Subject, fractions: list[tuple[DataBlock, Fact]]
    ) -> Iterator[Statement]:
        usable = [(block, fact) for block, fact in fractions if sentences.is_main_mode(block, fact)]
        usable.sort(key=lambda pair: -(pair[1].value or 0.0))
        if usable:
            text = sentences.main_decays(about, usable[:_MAIN_DECAYS])
            title = f"{about.ascii} main decay modes"
            yield self._about_particle(
                f"pdg:{root}#decays", text, root, "main decay modes", about.text, title, []
            )

    def _about_particle(
        self, own_id: str, text: str, root: str, kind: str, subject: str, title: str, facts: list[Fact]
    ) -> Statement:
        label = f"PDG {self._review.edition}: {title} ({root})"
        return Statement(own_id, text, root, subject, kind, tuple(facts), label, URL + root)
