"""Who measured what: each measurement behind a value of the Review, with experiment, errors and paper."""

import dataclasses
import re
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from yukawa.core.errors import InputError, NotFound
from yukawa.knowledge.sources.pdg.experiments import experiment_name, same_experiment
from yukawa.knowledge.sources.pdg.review import connect
from yukawa.knowledge.sources.pdg.text import ascii_text
from yukawa.knowledge.sources.pdg.values import quantity, unit_text

_CITED = re.compile(r"\b[A-Z-]{3,}(?= (?:19|20)\d\d)")  # 'CHEKHOVSKY 2026' in a footnote
INSPIRE = "https://inspirehep.net/literature/"


@dataclass(frozen=True)
class Reference:
    """A paper as the Review cites it.

    Args:
        document: first author and year, with the Review's letter: 'Aad 2024CJ'.
        journal: as abbreviated by the Review, with volume and page: 'EPJ C84 1309'.
        year: of publication, or None.
        doi, inspire: identifiers, '' if the Review has none.
        title: as printed, with LaTeX.
    """

    document: str
    journal: str
    year: int | None
    doi: str
    inspire: str
    title: str

    @property
    def url(self) -> str:
        """Where the paper is found: its DOI, else its record at INSPIRE, else ''."""
        if self.doi:
            return f"https://doi.org/{self.doi}"
        return f"{INSPIRE}{self.inspire}" if self.inspire else ""


@dataclass(frozen=True)
class Measurement:
    """One measured value.

    Args:
        identifier: PDG identifier of the quantity, 'S043M'.
        experiment: name of the experiment, 'ATLAS'; of older work the technique, 'hydrogen bubble chamber'; '' if not given.
        value: in `unit`; None where the Review prints words.
        error_plus, error_minus: total errors in `unit`, or None.
        statistical, systematic: (upper, lower) errors given apart, or None.
        unit: readable unit, '' for a pure number.
        bound: 'upper' or 'lower' for a limit, else None.
        confidence_level: of a limit, in percent, or None.
        printed: value with errors and unit as the Review prints it.
        in_average, in_fit: whether the Review's average or fit uses it.
        is_new: whether the Review marks it as new or changed since the edition before.
        comment: how it was measured, 'p pbar Ecm = 1.96 TeV'.
        events: number of events as printed, '117M', or ''.
        column: of the table in the Review; 'VALUE' unless it gives several quantities.
        reference: the paper.
        footnotes: of the Review to this value.
        quantity: the Review's description of the identifier, 'G(tau- --> mu- nubar_mu nu_tau)/G(total)'.
    """

    identifier: str
    experiment: str
    value: float | None
    error_plus: float | None
    error_minus: float | None
    statistical: tuple[float, float] | None
    systematic: tuple[float, float] | None
    unit: str
    bound: str | None
    confidence_level: float | None
    printed: str
    in_average: bool
    in_fit: bool
    is_new: bool
    comment: str
    events: str
    column: str
    reference: Reference
    footnotes: tuple[str, ...] = ()
    quantity: str = ""

    @property
    def error(self) -> float | None:
        """The mean of upper and lower error, or None for a limit and a value without."""
        if self.bound or self.error_plus is None or self.error_minus is None:
            return None
        return (self.error_plus + self.error_minus) / 2 or None


_QUERY = """
    SELECT m.id, m.pdgid, m.technique, m.event_count, m.confidence_level, m.changebar, m.comment, v.column_name,
        v.value_text, v.unit_text, v.display_value_text, v.display_power_of_ten, v.display_in_percent, v.limit_type,
        v.used_in_average, v.used_in_fit, v.value, v.error_positive, v.error_negative, v.stat_error_positive,
        v.stat_error_negative, v.syst_error_positive, v.syst_error_negative, r.document_id, r.publication_name,
        r.publication_year, r.doi, r.inspire_id, r.title, p.description
    FROM pdgmeasurement m JOIN pdgid p ON p.pdgid = m.pdgid JOIN pdgmeasurement_values v ON v.pdgmeasurement_id = m.id
        JOIN pdgreference r ON r.id = m.pdgreference_id
    WHERE m.pdgid IN ({}) ORDER BY m.sort, v.sort
"""
_FOOTNOTES = """
    SELECT f.pdgmeasurement_id, t.text FROM pdgmeasurement_footnote f JOIN pdgfootnote t ON t.id = f.pdgfootnote_id
    JOIN pdgmeasurement m ON m.id = f.pdgmeasurement_id WHERE m.pdgid IN ({}) ORDER BY t.footnote_index
"""


def measurements(
    identifier: str,
    *,
    experiment: str | None = None,
    edition: str | None = None,
    database: Path | None = None,
) -> list[Measurement]:
    """The measurements of a quantity, in the order of the Review; of a decay mode those of its branching ratios too.

    Args:
        identifier: PDG identifier, such as 'S043M' or 'S035.1'.
        experiment: only those of this experiment, by name or by the Review's code.
        edition: the edition that a knowledge base holds, to be compared with the installed one.
        database: a `pdg.sqlite`; by default the one of the installed `pdg` package.

    Raises:
        NotFound: the Review has no such identifier.
        InputError: the installed edition is not the one that the knowledge base holds.
        MissingPackage, StoreError: as `review.connect`.
    """
    with closing(connect(database)) as connection:
        _check_edition(connection, edition)
        if connection.execute("SELECT 1 FROM pdgid WHERE pdgid = ?", (identifier,)).fetchone() is None:
            raise NotFound(
                f"the Review of Particle Physics has no identifier {identifier!r}", hint="such as S043M"
            )
        query = "SELECT target FROM pdgid_map WHERE source = ? ORDER BY id"
        ratios = [row[0] for row in connection.execute(query, (identifier,)) if "." in identifier]
        found = list(_measured(connection, list(dict.fromkeys([identifier, *ratios]))))
    return [one for one in found if experiment is None or same_experiment(one.experiment, experiment)]


def most_precise(found: Iterable[Measurement]) -> Measurement | None:
    """The measurement with the smallest error; None if none has one. Whether an average uses it does not count."""
    with_errors = [one for one in found if one.error is not None and one.column == "VALUE"]
    return min(with_errors, key=lambda one: one.error or 0.0, default=None)


def new_ones(found: Iterable[Measurement]) -> list[Measurement]:
    """The measurements that the Review marks as new or changed since the edition before."""
    return [one for one in found if one.is_new]


def in_average(found: Iterable[Measurement]) -> list[Measurement]:
    """The measurements that the Review's average or fit uses."""
    return [one for one in found if one.in_average or one.in_fit]


def _check_edition(connection: sqlite3.Connection, edition: str | None) -> None:
    (installed,) = connection.execute("SELECT value FROM pdginfo WHERE name = 'edition'").fetchone()
    if edition is not None and edition != installed:
        raise InputError(
            f"the knowledge base holds the edition {edition} of the Review, the installed pdg package the edition {installed}",
            hint="type: yukawa knowledge build",
        )


def _measured(connection: sqlite3.Connection, identifiers: list[str]) -> Iterator[Measurement]:
    marks = ",".join("?" * len(identifiers))
    notes: dict[int, list[str]] = {}
    for number, text in connection.execute(_FOOTNOTES.format(marks), identifiers):
        notes.setdefault(number, []).append(ascii_text(_CITED.sub(lambda m: _author(m[0]), text or "")))
    rows = connection.execute(_QUERY.format(marks), identifiers).fetchall()
    for row in sorted(rows, key=lambda row: identifiers.index(row["pdgid"])):
        yield _measurement(row, tuple(notes.get(row["id"], ())))


def _measurement(row: sqlite3.Row, notes: tuple[str, ...]) -> Measurement:
    unit, display = unit_text(row["unit_text"] or ""), row["display_value_text"] or ""
    full = row["value_text"] or ""
    shown = quantity(
        display, full, row["display_power_of_ten"] or 0, bool(row["display_in_percent"]), row["value"], row["unit_text"] or ""
    )  # fmt: skip
    written = f"{ascii_text(full).replace('+-', ' ± ')} {unit}".strip()
    return Measurement(
        row["pdgid"], experiment_name(row["technique"] or ""), row["value"], row["error_positive"] or None,
        row["error_negative"] or None, _pair(row, "stat"), _pair(row, "syst"), unit,
        {"U": "upper", "L": "lower"}.get(row["limit_type"] or ""), row["confidence_level"],
        shown.text if shown else written, bool(row["used_in_average"]), bool(row["used_in_fit"]),
        bool(row["changebar"]), ascii_text(row["comment"] or ""), row["event_count"] or "", row["column_name"] or "",
        _reference(row), notes, ascii_text(row["description"]),
    )  # fmt: skip


def _pair(row: sqlite3.Row, kind: str) -> tuple[float, float] | None:
    upper, lower = row[f"{kind}_error_positive"], row[f"{kind}_error_negative"]
    return None if upper is None or lower is None else (upper, lower)


def _reference(row: sqlite3.Row) -> Reference:
    name, _, year = row["document_id"].strip().rpartition(" ")
    return Reference(
        f"{_author(name)} {year}".strip(), row["publication_name"] or "", row["publication_year"], row["doi"] or "",
        row["inspire_id"] or "", " ".join((row["title"] or "").split()),
    )  # fmt: skip


def _author(name: str) -> str:
    """'ABAZOV' -> 'Abazov', 'DEL-AMO-SANCHEZ' -> 'Del-Amo-Sanchez'."""
    return "-".join(part.capitalize() for part in name.split("-"))


# ---- BibTeX ---------------------------------------------------------------------------------------

_JOURNALS = {
    "PR": "Phys. Rev.", "PRL": "Phys. Rev. Lett.", "PL": "Phys. Lett.", "JHEP": "JHEP", "EPJ": "Eur. Phys. J.", "NP": "Nucl. Phys.",
    "ZPHY": "Z. Phys.", "NC": "Nuovo Cim.", "JCAP": "JCAP", "JETPL": "JETP Lett.", "SJNP": "Sov. J. Nucl. Phys.",
    "PAN": "Phys. Atom. Nucl.", "LNC": "Lett. Nuovo Cim.", "NAT": "Nature", "ASP": "Astropart. Phys.", "JETP": "J. Exp. Theor. Phys.",
    "CP": "Chin. Phys.", "JP": "J. Phys.", "RPP": "Rept. Prog. Phys.", "PRPL": "Phys. Rept.", "MPL": "Mod. Phys. Lett.",
    "IJMP": "Int. J. Mod. Phys.", "SCI": "Science", "APJ": "Astrophys. J.", "NATP": "Nature Phys.", "EPL": "Europhys. Lett.",
    "RMP": "Rev. Mod. Phys.", "PPN": "Phys. Part. Nucl.", "PTEP": "PTEP", "NJP": "New J. Phys.", "JPSJ": "J. Phys. Soc. Jap.",
    "PTP": "Prog. Theor. Phys.", "NIM": "Nucl. Instrum. Meth.", "SCIB": "Sci. Bull.", "CJP": "Chin. J. Phys.",
}  # fmt: skip
_PLACE = re.compile(r"(?P<journal>[A-Z]+) (?P<section>[A-Z])?(?P<volume>\d\w*) (?P<pages>\S+)")


def bibtex(references: Sequence[Reference]) -> str:
    """BibTeX entries for papers, each once, in their order."""
    return "\n\n".join(_entry(one) for one in dict.fromkeys(references))


def _entry(reference: Reference) -> str:
    name, _, year = reference.document.rpartition(" ")
    fields = {
        "author": f"{{{name}}} and others",
        "title": f"{{{reference.title}}}",
        **_place(reference.journal),
    }
    fields |= {"year": str(reference.year or year[:4]), "doi": reference.doi}
    if reference.inspire:
        fields["url"] = f"{INSPIRE}{reference.inspire}"
    lines = [f'    {field} = "{text}",' for field, text in fields.items() if text]
    return "\n".join([f"@article{{{name}:{year},", *lines, "}"])


def _place(journal: str) -> dict[str, str]:
    """Journal, volume and pages; an unknown journal stays in one piece."""
    match = _PLACE.fullmatch(journal)
    if match is None or match["journal"] not in _JOURNALS:
        return {"journal": journal}
    section = f" {match['section']}" if match["section"] else ""
    volume = match["volume"]
    if match["journal"] in ("JHEP", "JCAP") and len(volume) == 4:  # the Review puts the year before the month
        volume = volume[2:]
    return {"journal": f"{_JOURNALS[match['journal']]}{section}", "volume": volume, "pages": match["pages"]}


def as_json(one: Measurement) -> dict[str, object]:
    """A measurement as plain data, with the address of its paper."""
    found = dataclasses.asdict(one)
    found["reference"]["url"] = one.reference.url
    return found
