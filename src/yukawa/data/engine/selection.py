"""Papers worth fetching: metadata ranked by citations within fields and years, and written as a list.

Metadata are files of arXiv, of INSPIRE, or tables; what one file lacks, such as citations in arXiv's snapshot, another may have.
"""

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from heapq import nlargest
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, unreadable
from yukawa.core.files import open_file, write_jsonl
from yukawa.data.conversations import read_objects
from yukawa.data.fields import check_fields, field_of_categories
from yukawa.data.rows import read_parquet
from yukawa.knowledge.records import DOMAINS

NO_CITATIONS, NO_FIELD, NO_YEAR = "without a number of citations", "of none of these fields", "of other years"
PASSED_ON = frozenset("CC0-1.0 PUBLIC-DOMAIN CC-BY-3.0 CC-BY-4.0 CC-BY-SA-3.0 CC-BY-SA-4.0".split())
"""Licences that allow texts to be changed and passed on."""
_ID = re.compile(
    r"(?:arxiv:|https?://(?:www\.|export\.)?arxiv\.org/(?:abs|pdf)/)?"
    r"(?P<id>\d{4}\.\d{4,5}|[a-z][a-z-]{1,15}(?:\.[A-Z]{2})?/\d{7})(?:v\d{1,3})?(?:\.pdf)?",
    re.IGNORECASE | re.ASCII,
)
_CC = re.compile(
    r"creativecommons\.org/(?:licenses/(by(?:-nc)?(?:-nd|-sa)?)/([0-9]\.[0-9])|(?:licenses/)?(publicdomain))",
    re.IGNORECASE,
)
_NAMED_CC = re.compile(r"cc[ -](by(?:-nc)?(?:-nd|-sa)?)[ -]([0-9]\.[0-9])", re.IGNORECASE)
# Columns of tables and keys of rows, by what they hold.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "arxiv_id", "arxiv", "eprint", "paper_id"),
    "title": ("title",),
    "categories": ("categories", "category", "arxiv_categories", "primary_category"),
    "citations": (
        "citations",
        "citation_count",
        "cited_by_count",
        "citationcount",
        "n_citations",
        "num_citations",
    ),
    "date": ("date", "created", "year", "published", "publication_date", "earliest_date", "update_date"),
    "licence": ("licence", "license"),
}
_LONGEST_CELL = 1 << 20


@dataclass(frozen=True)
class CitedPaper:
    """A paper of a list: its place among those of its field and year, and what is known of it."""

    id: str
    field: str
    year: int
    rank: int
    citations: int
    title: str
    categories: tuple[str, ...]
    licence: str | None


@dataclass
class _Metadata:
    """What the files say of a paper."""

    title: str = ""
    categories: tuple[str, ...] = ()
    citations: int | None = None
    year: int | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Selection:
    """The papers of a list, and why others are not in it.

    Attributes:
        papers: by field, year and rank.
        read: how many papers the files name.
        dropped: how many were dropped, by reason; those of a lower rank are not counted.
        bad: rows without an id of arXiv.
    """

    papers: tuple[CitedPaper, ...]
    read: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    bad: int = 0


def select_papers(
    paths: Sequence[Path],
    *,
    fields: Sequence[str] = DOMAINS,
    years: tuple[int, int] = (0, 9999),
    per: int = 10,
) -> Selection:
    """The most cited papers of each field and year.

    Of papers with as many citations those with the smaller id come first. Where files differ, the larger number of citations counts.

    Args:
        paths: JSON Lines or JSON of arXiv or INSPIRE, CSV or Parquet, plain or (but Parquet) gzip.
        fields: those of the eight fields that are wanted.
        years: the first and the last.
        per: papers of each field and year.

    Raises:
        InputError: a file cannot be read, a field is unknown, no file has citations, or nothing remains.
        MissingPackage: a file is Parquet and pyarrow is not installed.
    """
    wanted = check_fields(fields)
    known: dict[str, _Metadata] = {}
    bad = 0
    for path in paths:
        found = 0
        for row in read_metadata(Path(path)):
            name = paper_id(row.get("id"))
            if name is None:
                bad += 1
                continue
            found += 1
            _fill(known.setdefault(name, _Metadata()), row)
        if not found:
            raise InputError(
                f"{path} names no paper of arXiv", hint="its rows need an id, such as 2301.00001"
            )
    if all(one.citations is None for one in known.values()):
        raise InputError(
            "no file has a number of citations, and arXiv's metadata have none",
            hint="add INSPIRE's records, or a table with the columns id and citations",
        )
    dropped: Counter[str] = Counter()
    papers = _ranked(known, wanted, years, per, dropped)
    if not papers:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in dropped.items())
        raise InputError(f"none of {len(known):,} papers remains: {reasons}")
    return Selection(tuple(papers), len(known), dict(dropped), bad)


def _ranked(
    known: Mapping[str, _Metadata],
    wanted: Collection[str],
    years: tuple[int, int],
    per: int,
    dropped: Counter[str],
) -> list[CitedPaper]:
    """The best of each field and year; `dropped` counts those that are in none."""
    groups: defaultdict[tuple[int, int], list[tuple[int, str]]] = defaultdict(list)
    for name, one in known.items():
        year = one.year or year_of(name)
        home = field_of_categories(one.categories)
        if one.citations is None:
            dropped[NO_CITATIONS] += 1
        elif home not in wanted:
            dropped[NO_FIELD] += 1
        elif not years[0] <= year <= years[1]:
            dropped[NO_YEAR] += 1
        else:
            groups[DOMAINS.index(str(home)), year].append((one.citations, name))
    papers = []
    for (home_index, year), group in sorted(groups.items()):
        best = nlargest(per, group, key=lambda entry: (entry[0], *_descending(entry[1])))
        for rank, (citations, name) in enumerate(best, start=1):
            one = known[name]
            papers.append(
                CitedPaper(
                    name, DOMAINS[home_index], year, rank, citations, one.title, one.categories, one.licence
                )
            )
    return papers


def write_list(path: Path, papers: Iterable[CitedPaper]) -> int:
    """Write a list of papers to fetch; the number of its rows.

    Raises:
        InputError: the name is none of a list.
        StoreError: the disk refuses.
    """
    if not path.name.endswith((".jsonl", ".jsonl.gz")):
        raise InputError(f"{path} is not a list", hint="its name must end in .jsonl or .jsonl.gz")
    return write_jsonl(path, map(asdict, papers))


def paper_id(said: object) -> str | None:
    """An id of arXiv without its version, as `2301.00001` or `hep-th/9901001`; None if it is none."""
    match = _ID.fullmatch(str(said).strip()) if isinstance(said, str | float) else None
    return match["id"] if match else None


def year_of(name: str) -> int:
    """The year in an id of arXiv."""
    digits = int(name.rpartition("/")[2][:2])
    return digits + (1900 if digits > 90 else 2000)


def licence_name(said: object) -> str | None:
    """A licence by its SPDX name where it is one of Creative Commons, as it is otherwise; None if nothing is said."""
    text = str(said or "").strip()
    if match := _CC.search(text) or _NAMED_CC.fullmatch(text):
        if match.re is _CC and match[3]:
            return "CC0-1.0" if "zero" in text.lower() else "PUBLIC-DOMAIN"
        return f"CC-{match[1].upper()}-{match[2]}"
    return "arXiv" if "arxiv.org/licenses" in text else text or None


def read_metadata(path: Path) -> Iterator[Mapping[str, Any]]:
    """The rows of a file of metadata, each with some of id, title, categories, citations, date, licence.

    Raises:
        InputError: it cannot be read.
        MissingPackage: it is Parquet and pyarrow is not installed.
    """
    name = path.name.lower()
    if name.endswith(".csv"):
        yield from map(_named, _read_csv(path))
    elif name.endswith(".parquet"):
        yield from map(_named, read_parquet(path))
    else:
        for row in read_objects(path):
            if not isinstance(row, dict):
                yield {}
                continue
            outer = row.get("hits")
            inner = outer.get("hits") if isinstance(outer, dict) else None
            for one in inner if isinstance(inner, list) else [row]:
                about = one.get("metadata") if isinstance(one, dict) else None
                yield (
                    _of_inspire(about)
                    if isinstance(about, dict)
                    else _named(one if isinstance(one, dict) else {})
                )


def _named(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row by our names for its keys."""
    if "arxiv_eprints" in row:
        return _of_inspire(row)
    lower = {str(key).strip().lower(): value for key, value in row.items()}
    return {
        name: next((lower[k] for k in keys if lower.get(k) not in (None, "")), None)
        for name, keys in _KEYS.items()
    }


def _of_inspire(about: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record of INSPIRE."""

    def first(name: str) -> Mapping[str, Any]:
        values = about.get(name)
        return values[0] if isinstance(values, list) and values and isinstance(values[0], dict) else {}

    paper = first("arxiv_eprints")
    return {
        "id": paper.get("value"), "categories": paper.get("categories"), "title": first("titles").get("title"),
        "citations": about.get("citation_count"), "date": about.get("preprint_date") or about.get("earliest_date"),
        "licence": first("license").get("url") or first("license").get("license"),
    }  # fmt: skip


def _read_csv(path: Path) -> Iterator[Mapping[str, Any]]:
    before = csv.field_size_limit(_LONGEST_CELL)
    number = 1
    try:
        with open_file(path) as raw, io.TextIOWrapper(raw, "utf-8-sig", newline="") as lines:
            for row in csv.DictReader(lines):
                number += 1
                yield {key: value for key, value in row.items() if isinstance(key, str)}
    except OSError as error:
        raise unreadable(path, error) from None
    except (csv.Error, UnicodeDecodeError) as error:
        said = "it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        raise InputError(f"{path}:{number + 1} cannot be read: {said}") from None
    finally:
        csv.field_size_limit(before)


def _fill(known: _Metadata, row: Mapping[str, Any]) -> None:
    """Take from a row what was not known."""
    known.title = known.title or " ".join(str(row.get("title") or "").split())
    given = row.get("categories")
    if not known.categories and given:
        words = (
            re.split(r"[\s,;]+", given)
            if isinstance(given, str)
            else given
            if isinstance(given, list)
            else ()
        )
        known.categories = tuple(str(word) for word in words if word)
    count = _count(row.get("citations"))
    if count is not None:
        known.citations = count if known.citations is None else max(count, known.citations)
    if known.year is None and (year := re.match(r"[0-9]{4}(?![0-9])", str(row.get("date") or ""))):
        known.year = int(year[0])
    known.licence = known.licence or licence_name(row.get("licence"))


def _count(said: object) -> int | None:
    """A number of citations; None if it is none."""
    try:
        number = float(said) if isinstance(said, str | int | float) and not isinstance(said, bool) else -1.0
    except (ValueError, OverflowError):
        return None
    return int(number) if 0 <= number < 1e9 and number == int(number) else None


def _descending(name: str) -> tuple[int, ...]:
    """A key by which the smaller name is the larger."""
    return tuple(-ord(letter) for letter in name)


def check_years(text: str | None) -> tuple[int, int]:
    """The years of an option such as `1995-2020` or `2012`.

    Raises:
        InputError: it is none.
    """
    match = re.fullmatch(r"([0-9]{4})(?:-([0-9]{4}))?", text or "0000-9999")
    years = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if years[0] > years[1]:
        raise InputError(f"expected years for --years, got {text!r}", hint="such as 1995-2020, or 2012")
    return years


def check_list(path: Path) -> list[CitedPaper]:
    """The papers of a list.

    Raises:
        InputError: it cannot be read, or a row is none of a list.
    """
    found = []
    for number, row in enumerate(read_objects(path), start=1):
        name = paper_id(row.get("id")) if isinstance(row, dict) else None
        if name is None:
            raise InputError(
                f"{path}: row {number} has no id of arXiv",
                hint="make one: yukawa data select METADATA --out list.jsonl",
            )
        given = row.get("categories")
        found.append(
            CitedPaper(
                name, str(row.get("field") or ""), year_of(name), 0, _count(row.get("citations")) or 0, str(row.get("title") or ""),
                tuple(map(str, given)) if isinstance(given, list) else (), licence_name(row.get("licence") or row.get("license")),
            )
        )  # fmt: skip
    if not found:
        raise InputError(
            f"{path} holds no papers", hint="make one: yukawa data select METADATA --out list.jsonl"
        )
    return found
