"""Words for results: a sentence for each value with its error and sources, tables for lists, formulas for derived values."""

import re
import textwrap
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from yukawa.assistant.results import UNSEEN, Result, Row
from yukawa.assistant.rows import compatible, named, sigmas_between, symbol, title, with_article
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.records import FoundFact

WIDTH = 80  # columns of tables
_ORDINALS = {2: "second", 3: "third", 4: "fourth", 5: "fifth"}
_TABLE_FROM = 4  # rows; fewer are sentences
_OTHERS = 4  # further values named beside the preferred one
_BARE = frozenset({"other", "constant", "branching-ratio"})
_WHICH = {  # of measurements
    ("precision", "descending"): "most precise ", ("precision", "ascending"): "least precise ",
    ("year", "ascending"): "oldest ", ("year", "descending"): "newest ",
}  # fmt: skip
_SEEN = {
    "seen": "has been seen", "not seen": "has not been seen", "possibly seen": "has possibly been seen",
    "searched for": "has been searched for", "large": "is large", "small": "is small", "dominant": "is dominant",
}  # fmt: skip


class Rendering:
    """The text of an answer and the facts it cites, numbered from 1 in the order of their first mention.

    Args:
        results: what the execution of a plan gave.
        conflicts: the pairs of items that contradict each other, which nobody has settled.
    """

    def __init__(self, results: Sequence[Result], conflicts: Collection[frozenset[str]] = ()) -> None:
        self._conflicts = conflicts
        self._numbers: dict[str, int] = {}
        self._sources: list[FoundFact] = []
        lines: list[str] = []
        for result in results:
            said = self._result(result)
            lines += [] if set(said) <= set(lines) else said  # two questions may have one answer
        self.text = "\n".join(lines)

    @property
    def facts(self) -> tuple[FoundFact, ...]:
        """The facts cited; the first is [1]."""
        return tuple(self._sources)

    def _cited(self, row: Row) -> str:
        """The sources of a row within a sentence, and who taught it if a person did."""
        taught = f" (taught by {row.author}, {_review(row.facts[0])})" if row.author else ""
        return self._marks(row) + taught

    def _marks(self, row: Row) -> str:
        """' [1][2]' for the sources of a row."""
        for found in row.facts:
            if found.item_id not in self._numbers:
                self._sources.append(found)
                self._numbers[found.item_id] = len(self._sources)
        return "".join([" ", *(f"[{self._numbers[f.item_id]}]" for f in row.facts)]).rstrip()

    # ---- results --------------------------------------------------------------------------------

    def _result(self, result: Result) -> list[str]:
        if result.problem:
            return [f"I cannot answer: {result.problem}."]
        render: Callable[[Result], list[str]] = {
            "which": self._which, "is": self._is, "count": self._count, "list": self._table, "reverse": self._table,
            "overview": self._table, "measurements": self._measurements, "deviation": self._deviation,
        }.get(result.goal.operation, self._values)  # fmt: skip
        lines = render(result)
        return [*lines, *self._others(result), *self._disputed(result)]

    def _values(self, result: Result) -> list[str]:
        if len(result.rows) >= _TABLE_FROM and not any(row.derived for row in result.rows):
            return self._table(result)
        failed = [f"I cannot answer: {result.note}."] if result.note else []
        return [*(line for row in result.rows for line in self._sentence(row)), *failed]

    def _sentence(self, row: Row) -> list[str]:
        """One value: its sentence, and for a derived one the formula and what went in."""
        marks = self._marks(row)
        if row.derived:
            return [f"{_the(row)} {_verb(row)} {row.shown} (derived, not quoted).", *self._formula(row)]
        fact = row.facts[0].fact
        if fact.words in _SEEN and row.channel:
            sentence = f"The decay {row.channel} {_SEEN[fact.words]}{marks}."
        elif row.property_name == "class":
            sentence = f"The {named(row.subject)} is {_article(row.shown)} {row.shown}{marks}."
        else:
            value = (
                f"{row.shown} ({row.quoted}{_level(fact)}){marks}" if row.quoted else f"{_shown(row)}{marks}"
            )
            sentence = f"{_the(row)} {_verb(row)} {value}."
            if row.property_name in _BARE and not row.quoted:  # its own sentence says what it is
                sentence = f"{_in_english(row.facts[0])}{marks}."
        return [f"{_author(row)}: {sentence}" if row.author else sentence]

    def _formula(self, row: Row) -> list[str]:
        assert row.derivation is not None  # noqa: S101  # the caller looked
        parts = []
        for given in _unique(row.inputs):
            if given.derived:
                parts.append(f"{symbol(given)} = {given.shown} (derived)")
            else:
                shown = given.quoted or _shown(given)
                parts.append(f"{symbol(given)} = {shown.rpartition('= ')[2]}{self._cited(given)}")
        parts += row.derivation.constants
        text = f"{row.derivation.formula}{', with ' if parts else ''}{'; '.join(parts)}"
        nested = [line for given in row.inputs if given.derived for line in self._formula(given)]
        return [*textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="    "), *nested]

    # ---- comparisons ----------------------------------------------------------------------------

    def _which(self, result: Result) -> list[str]:
        first, *rest = result.rows
        if result.comparison is not None and result.comparison.sign is None:
            return [f"That stays open: {result.note}.", *self._lines(result.rows)]
        word = _superlative(result, len(result.rows))
        if result.goal.rank > 1:
            word = f"{_ORDINALS.get(result.goal.rank, f'{result.goal.rank}th')} {_superlative(result, 3)}"
        elif result.note and len(result.rows) == 1:
            return [*self._sentence(first), f"Note: {result.note}."]
        head = f"The {word} {title(first.property_name)} is that of {_owner(first)}: {_shown(first)}{self._cited(first)}"
        if len(rest) == 1:
            head += f"; that of {_owner(rest[0])} is {_shown(rest[0])}{self._cited(rest[0])}"
        head += f" ({_significance(result)})." if _significance(result) else "."
        lines = [head] + ([f"Note: {result.note}."] if result.note else [])
        return lines + (self._lines(rest) if len(rest) > 1 else [])

    def _is(self, result: Result) -> list[str]:
        sentences = [line for row in _classes(result.rows) for line in self._sentence(row)]
        if result.verdict is None and result.note == UNSEEN:
            return [f"It has not been seen. {sentences[0]}", *sentences[1:]]
        if result.verdict is None:
            return [f"That stays open: {result.note}." if result.note else "", *sentences][not result.note :]
        word = "Yes" if result.verdict else "No"
        significance = _significance(result)
        note = (
            f" ({significance})"
            if significance and not result.note
            else f" ({result.note})"
            if result.note
            else ""
        )
        return [f"{word}{note}. {sentences[0]}", *sentences[1:]]

    def _deviation(self, result: Result) -> list[str]:
        """A value of the asker beside the known one: whether they agree, and by how much they differ."""
        unknown = "That stays open. " if result.goal.relation else ""
        words = {True: "Yes, they agree. ", False: "No, they do not agree. ", None: unknown}
        word = words[result.verdict]
        first, *rest = self._sentence(result.rows[0])
        return [f"{word}{first}", *rest, f"{result.note[0].upper()}{result.note[1:]}."]

    def _count(self, result: Result) -> list[str]:
        total = len(result.rows) + result.more
        decays = (
            " decay modes with a measured branching fraction"
            if result.goal.operands[0].property == "decays"
            else ""
        )
        return [f"The base lists {total}{decays}:", *self._lines(result.rows), *_more(result)]

    def _measurements(self, result: Result) -> list[str]:
        """Experiment, value and paper of each measurement."""
        first = result.rows[0]
        which = _WHICH[result.goal.order] if result.goal.order else ""
        if len(result.rows) == 1:
            return [f"The {which}measurement of the {first.what}: {_measured(first)}{self._marks(first)}."]
        used = " in the average" if any(f.property == "used-in-average" for f in result.goal.filters) else ""
        count = f"{len(result.rows) + result.more} " if used else ""
        lines = [f"The {count}{which}measurements of the {first.what}{used}{self._marks(first)}:"]
        for row in result.rows:
            lines += textwrap.wrap(_measured(row), WIDTH, initial_indent="  ", subsequent_indent="    ")
        if result.comparison is not None and result.comparison.sigmas is not None:
            lines.append(
                f"They differ by {_sigmas(result.comparison.sigmas)}, their errors taken as independent."
            )
        return [*lines, *_more(result)]

    # ---- tables ---------------------------------------------------------------------------------

    def _table(self, result: Result) -> list[str]:
        if len(result.rows) == 1:
            return self._sentence(result.rows[0])
        return [*self._lines(result.rows), *_more(result)]

    def _lines(self, rows: Sequence[Row]) -> list[str]:
        """One line for each row: what it is, its value and sources."""
        same = len({row.property_name for row in rows}) == 1 and rows[0].property_name not in _BARE
        names = [_short(row) if same else row.what for row in rows]
        width = min(max(map(len, names), default=0), 44)
        head = [_heading(rows)] if same else []
        lines = []
        for name, row in zip(names, rows, strict=True):
            value = f"{row.shown}{self._cited(row)}" + (" (derived)" if row.derived else "")
            lines += textwrap.wrap(
                f"{name.ljust(width)}  {value}", WIDTH, initial_indent="  ", subsequent_indent=" " * (width + 4),
                break_long_words=False, break_on_hyphens=False, drop_whitespace=True,
            )  # fmt: skip
        return [*head, *lines]

    def _others(self, result: Result) -> list[str]:
        if not result.others or result.goal.operation not in ("value", "is", "deviation"):
            return []
        shown = [
            f"{_difference(row, result.rows)}{_shown(row)}{self._marks(row)}"
            for row in result.others[:_OTHERS]
        ]
        rest = len(result.others) - len(shown)
        return [f"Also listed: {'; '.join(shown)}" + (f"; and {rest} more." if rest else ".")]

    def _disputed(self, result: Result) -> list[str]:
        """Other statements on the same quantities, with their authors and their relation to the rows."""
        return [
            f"{_author(row)}: {row.what} {row.shown}{self._marks(row)}, {self._relation(row, result)}."
            for row in result.disputed
        ]

    def _relation(self, row: Row, result: Result) -> str:
        """Whether what is said beside the rows agrees with them, by the rule that opens conflicts when it is taught."""
        rows = [other for other in (*result.rows, *result.others) if other.subject == row.subject]
        verdicts = [(other, compatible(row, other)) for other in rows]
        if any(agrees for _, agrees in verdicts):
            return "which agrees" if verdicts[0][1] else "which agrees with another value listed"
        against = next((other for other, agrees in verdicts if agrees is False), None)
        if against is None:
            return "which nothing confirms"
        sigmas = sigmas_between(row, against)
        differs = f"which differs{f' by {_sigmas(sigmas)}' if sigmas else ''}"
        ids = [frozenset((row.facts[0].item_id, fact.item_id)) for other in rows for fact in other.facts]
        if any(pair in self._conflicts for pair in ids):
            return f"{differs}: an open conflict"
        return f"{differs}: a reviewer has settled it" if "reviewed" in _trusts(row, against) else differs


def _measured(row: Row) -> str:
    """'that of CMS: 80.3602 ± 0.0024 ± 0.0096 GeV (Chekhovsky 2026, NAT 652 321, in the average)'."""
    one = row.measurement
    assert one is not None  # noqa: S101  # of the operation 'measurements'
    paper = [
        one.reference.document,
        one.reference.journal,
        f"doi:{one.reference.doi}" if one.reference.doi else "",
    ]
    notes = [
        "in the average" if one.in_average or one.in_fit else "",
        "new in this edition" if one.is_new else "",
    ]
    said = ", ".join(part for part in (*paper, *notes) if part)
    return f"{one.experiment + ': ' if one.experiment else ''}{one.printed} ({said})"


def _classes(rows: Sequence[Row]) -> Sequence[Row]:
    """The classes of each particle as one row: 'lepton, fermion and charged lepton'."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.subject if row.property_name == "class" else f"{len(groups)}", []).append(row)
    return [group[0] if len(group) == 1 else _joined(group) for group in groups.values()]


def _joined(rows: Sequence[Row]) -> Row:
    words = [row.shown for row in rows]
    facts = tuple({f.item_id: f for row in rows for f in row.facts}.values())
    return replace(rows[0], shown=f"{', '.join(words[:-1])} and {words[-1]}", facts=facts)


def _in_english(found: FoundFact) -> str:
    """The sentence of a source's own description, without its second spelling: 'For the proton (p), the magnetic radius is …'."""
    said = found.text.rstrip(".").replace(f" ({found.fact.name})", "", 1)
    match = _ABOUT.match(said)
    about, rest = (match[1], said[match.end() :]) if match else ("", said)
    described, verb, value = rest.partition(" is ")
    if not about or not verb:
        return said
    section, colon, name = described.rpartition(": ")
    symbol, _, after = name.partition(" ")  # 'p electric polarizability' says the particle again
    name = after if after and f"({symbol}" in about else name
    article = "the " if _WORD.search(name) and not name.startswith(("the ", "a ")) else ""
    return f"{about}, {article}{name}{f' ({section})' if colon else ''} is {value}"


_ABOUT = re.compile(r"(For [^()]*?(?: \((?:[^()]|\([^()]*\))*\))?), ")
_WORD = re.compile(r"(?<![\w_(])[a-z]{4,}")


def _the(row: Row) -> str:
    """The subject of a sentence: 'The mass of …', '2 times the mass of …'."""
    words = with_article(row)
    return words[0].upper() + words[1:]


def _verb(row: Row) -> str:
    return "are" if row.property_name == "quantum-numbers" else "is"


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def _unique(rows: Iterable[Row]) -> list[Row]:
    return list({(row.what, row.shown): row for row in rows}.values())


def _shown(row: Row) -> str:
    """The value with the confidence level of a limit."""
    return f"{row.shown}{_level(row.facts[0].fact)}" if row.facts and not row.derived else row.shown


def _level(fact: Fact) -> str:
    return (
        f" at {fact.confidence_level:g} % confidence level"
        if fact.confidence_level and fact.bound in ("upper", "lower")
        else ""
    )


def _author(row: Row) -> str:
    """Who says so: 'Li taught (correction, not reviewed)', 'Particle Data Group states'."""
    found = row.facts[0]
    if found.kind == "data":
        return f"{found.provenance.author} states"
    kind = {"qa": "answer"}.get(found.kind, found.kind)
    who = "somebody" if found.trust == "anonymous" else row.author
    return f"{who} taught ({kind}, {_review(found)})"


def _review(found: FoundFact) -> str:
    return "reviewed" if found.trust == "reviewed" else "not reviewed"


def _trusts(*rows: Row) -> set[str]:
    return {fact.trust for row in rows for fact in row.facts}


def _sigmas(sigmas: float) -> str:
    if sigmas < 100:
        return f"{sigmas:.1f} standard deviations"
    return f"more than {10 ** min(6, len(str(int(sigmas))) - 1):,} standard deviations"


def _significance(result: Result) -> str:
    if result.comparison is None or result.comparison.sigmas is None:
        return ""
    who = "they differ" if len(result.rows) == 2 else "the first two differ"
    return f"{who} by {_sigmas(result.comparison.sigmas)}"


def _owner(row: Row) -> str:
    """What a value is of: the decay, or the state."""
    return row.channel or f"the {named(row.subject)}"


def _superlative(result: Result, count: int) -> str:
    down = result.goal.order is None or result.goal.order[1] == "descending"
    if result.rows[0].property_name in ("lifetime", "half-life"):
        return ("longer" if count == 2 else "longest") if down else ("shorter" if count == 2 else "shortest")
    return ("larger" if count == 2 else "largest") if down else ("smaller" if count == 2 else "smallest")


def _heading(rows: Sequence[Row]) -> str:
    name = title(rows[0].property_name)
    return f"{name[0].upper()}{name[1:]}:"


def _short(row: Row) -> str:
    return row.channel or (named(row.subject) if row.subject else row.what)


def _difference(row: Row, rows: Sequence[Row]) -> str:
    """What tells a further value from the preferred one: its own words, unless they are the same."""
    return "" if any(row.what == other.what for other in rows) else f"{row.what} "


def _more(result: Result) -> list[str]:
    return [f"  … and {result.more} more"] if result.more > 0 else []
