"""Reads the PDG database into (particle, property) pairs with all their accepted answers."""

from __future__ import annotations

import random
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pdg
from names import SHORT, STYLES, Subject, write_symbol
from tables import DIFFERENCES, ICONIC, NOT_FRACTIONS, TEXT_PRODUCTS, WEIGHT

_VALUE = re.compile(
    r"^\(?(?P<sign>[<>]?)(?P<value>[-+]?\d+(?:\.\d+)?)(?:\+-(?P<both>\d+(?:\.\d+)?)|\+(?P<up>\d+(?:\.\d+)?)"
    r"-(?P<down>\d+(?:\.\d+)?))?\)?(?:E(?P<power>[+-]?\d+))?$"
)
_RANGE = re.compile(r"^(\d+) to (?:(\d+) to )?(\d+)$", re.I)
# The PDG's flag of a charge-specific value -> the sign after the name.
_CHARGES = {"0": "0", "1+": "+", "1": "+", "1-": "-", "2": "++", "2+": "++", "+-": "+"}

Accept = dict[str, Any]


@dataclass
class Pair:
    """One (particle, property) with all its accepted answers."""

    property: str
    weight: float
    accept: list[Accept]
    subject: Subject
    other: Subject | None = None
    decay: tuple[str, list[tuple[str, int]]] | None = None
    conjugate: tuple[str, list[tuple[str, int]]] | None = None
    quantum: dict[str, str] = field(default_factory=dict)
    rises: bool = True


def connect() -> sqlite3.Connection:
    """The PDG database of the installed `pdg` package, read only."""
    path = Path(pdg.__file__).with_name("pdg.sqlite")
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    return connection


def parse(text: str) -> tuple[str, str, list[str], int] | None:
    """(sign, value, errors, power) of a PDG number, None where it is a range, a guess or has two errors."""
    match = _VALUE.match(text.replace(" ", ""))
    if match is None:
        return None
    errors = [match["both"]] if match["both"] else [match["up"], match["down"]] if match["up"] else []
    return match["sign"], match["value"], errors, int(match["power"] or 0)


def accepted(row: sqlite3.Row) -> Accept | None:
    """The accepted answer of one summary row as the PDG displays it, None where no sentence can ask about it."""
    base = {"pdgid": row["pdgid"], "unit": row["unit_text"], "percent": False, "power": 0}
    if match := _RANGE.match((row["value_text"] or "").strip()):
        low, middle, high = match.groups()
        return base | {"value": middle or "", "errors": [], "limit": "range", "range": [low, high]}
    exact = parse(row["value_text"] or "")
    if exact is None or (not exact[2] and row["limit_type"] is None):
        return None
    shown = parse(row["display_value_text"])
    if shown is not None:
        shown = (*shown[:3], shown[3] + row["display_power_of_ten"])
    if shown is None or _digits(shown) != _digits(exact):
        shown = exact
    sign, value, errors, power = shown
    if row["display_in_percent"] and power == -2:
        base, power = base | {"percent": True}, 0
    limit = {"<": "upper", ">": "lower", "": None}[sign]
    if (limit is None) != (row["limit_type"] is None):
        return None
    return base | {"value": value, "errors": errors, "power": power, "limit": limit}


def _digits(number: tuple[str, str, list[str], int]) -> list[Any]:
    """Value and errors of a parsed number with their digits, whatever power of ten they are shown with."""
    return [Decimal(part).scaleb(number[3]).as_tuple() for part in (number[1], *number[2])]


def noun(pdgid: str, name: str) -> str:
    """What an English speaker adds to the symbol."""
    if re.match(r"(N|Delta)\(", name):
        return "resonance"
    if pdgid.startswith("B") or re.match(r"(Lambda|Sigma|Xi|Omega)", name):
        return "baryon"
    if re.match(r"(psi|Upsilon|chi|T_|X\(|h_)", name):
        return "state"
    return "meson" if pdgid.startswith("M") or re.match(r"[DBK]", name) else "particle"


def summary_rows(db: sqlite3.Connection, where: str) -> list[sqlite3.Row]:
    """The current edition's summary values with identifier, flags and parent."""
    return _rows(db, f"d.in_summary_table AND {where}")


def _rows(db: sqlite3.Connection, where: str) -> list[sqlite3.Row]:
    return db.execute(
        "SELECT d.*, p.data_type, p.flags, p.description, p.parent_pdgid "
        "FROM pdgdata d JOIN pdgid p ON p.id = d.pdgid_id WHERE d.edition = "
        f"(SELECT value FROM pdginfo WHERE name = 'edition') AND {where} ORDER BY p.sort, d.sort"
    ).fetchall()


def all_pairs(db: sqlite3.Connection) -> list[Pair]:
    """Every pair a question can be made of."""
    pairs = property_pairs(db) + special_pairs(db) + quantum_pairs(db) + decay_pairs(db)
    add_twins(pairs)
    add_averages(pairs, db)
    return pairs


def property_pairs(db: sqlite3.Connection) -> list[Pair]:
    """Masses, widths and lifetimes of every particle whose default value one sentence can ask about."""
    names = dict(db.execute("SELECT pdgid, description FROM pdgid WHERE data_type = 'PART'").fetchall())
    groups: dict[tuple[str, str], dict[str, list[Accept | None]]] = {}
    for row in summary_rows(db, "p.data_type IN ('M', 'G', 'T') AND p.flags LIKE '%D%'"):
        # B205 carries the name of another pentaquark; the pole mass of T_cc is not a plain mass.
        if row["parent_pdgid"] in names and row["parent_pdgid"] not in ("B185", "B205"):
            kinds = groups.setdefault((row["parent_pdgid"], row["data_type"]), {})
            kinds.setdefault(row["flags"].replace("D", ""), []).append(accepted(row))
    pairs = []
    for (pdgid, kind), found in groups.items():
        by_charge = {flag: [accept for accept in accepts if accept] for flag, accepts in found.items()}
        if by_charge != found:
            continue  # no sentence can ask about one of the values
        what = {"M": "mass", "G": "width", "T": "lifetime"}[kind]
        weight = float(WEIGHT.get(pdgid, 1))
        whole = names[pdgid].strip().replace("+-", "+")
        whole += "-" * (whole in ("e", "mu", "tau"))
        stem = re.sub(r"(?<=\))(0|\+)$", "", whole)
        if len(by_charge) > 1:
            everything = [accept for accepts in by_charge.values() for accept in accepts]
            if not re.search(r"_[cb]|_J", stem):
                pairs.append(Pair(what, weight, everything, Subject(stem, noun(pdgid, stem))))
            weight /= 3
        for flag, accepts in by_charge.items():
            name = stem + _CHARGES.get(flag, "") if len(by_charge) > 1 else whole
            pairs.append(Pair(what, weight, accepts, Subject(name, noun(pdgid, name))))
    return [pair for pair in pairs if _writable(pair.subject) and _own(pair)]


def _own(pair: Pair) -> bool:
    """False for ranges of little known resonances: a few well known ones represent that kind."""
    ranged = any(accept["limit"] == "range" for accept in pair.accept)
    return not ranged or pair.weight >= 3


def _writable(subject: Subject) -> bool:
    """Whether every style has a spelling for the name."""
    try:
        for style in STYLES:
            subject.write(style, random.Random(0))
    except ValueError:
        return False
    return True


def add_twins(pairs: Iterable[Pair]) -> None:
    """Add what is just as right: the PDG gives the light quarks' masses a second time under Q123."""
    twins = {"Q002M": "Q123UM", "Q001M": "Q123DM", "Q003M": "Q123SM"}
    for pair in pairs:
        twin = twins.get(pair.accept[0]["pdgid"])
        if twin:
            pair.accept.append(pair.accept[0] | {"pdgid": twin})


def add_averages(pairs: Iterable[Pair], db: sqlite3.Connection) -> None:
    """Adds the PDG's average where its summary value is only an estimated range: either is a fair answer."""
    for pair in pairs:
        ranged = [accept["pdgid"] for accept in pair.accept if accept.get("limit") == "range"]
        for pdgid in ranged:
            rows = _rows(db, f"NOT d.in_summary_table AND p.pdgid = '{pdgid}'")
            pair.accept += [accept for accept in map(accepted, rows) if accept]


def special_pairs(db: sqlite3.Connection) -> list[Pair]:
    """Mass differences, magnetic moments and anomalies."""
    moments = {
        "S016MM": "p", "S017MM": "n", "S018MM": "Lambda", "S019MM": "Sigma+", "S020MM": "Sigma-", "S023MM": "Xi0",
        "S022MM": "Xi-", "S024MM": "Omega-",
    }  # fmt: skip
    anomalies = {"S003MM": "e-", "S004MM": "mu-"}
    pairs = []
    for what, table in (("difference", DIFFERENCES), ("moment", moments), ("anomaly", anomalies)):
        for pdgid, text in table.items():
            rows = summary_rows(db, f"p.pdgid = '{pdgid}'")
            accepts = [accept for accept in map(accepted, rows) if accept]
            if not accepts or len(accepts) < len(rows):
                raise ValueError(f"{pdgid} has no plain value in this edition")
            first, _, second = text.partition("|")
            rises = not accepts[0]["value"].startswith("-")
            other = Subject(second, noun("", second)) if second else None
            pairs.append(Pair(what, 1, accepts, Subject(first, noun("", first)), other, rises=rises))
    return pairs


def quantum_pairs(db: sqlite3.Connection) -> list[Pair]:
    """Quantum numbers of every particle that has definite ones; one pair per particle."""
    pairs = []
    for row in db.execute(
        "SELECT p.*, i.description, i.data_type FROM pdgparticle p JOIN pdgid i ON i.id = p.pdgid_id "
        "WHERE p.cc_type IN ('P', 'S') GROUP BY p.pdgid HAVING MIN(p.id) ORDER BY i.sort"
    ):
        known = {"I": "quantum_i", "G": "quantum_g", "J": "quantum_j", "P": "quantum_p", "C": "quantum_c"}
        numbers = {name: row[column] for name, column in known.items() if row[column]}
        legal = {"I": r"[0-3](/2)?", "G": "[+-]", "J": r"\d+(/2)?", "P": "[+-]", "C": "[+-]"}
        if not numbers or any(not re.fullmatch(legal[n], v) for n, v in numbers.items() if n != "I"):
            continue
        if "I" in numbers and not re.fullmatch(legal["I"], numbers["I"]):
            del numbers["I"]  # the photon's 0,1
        name = row["description"].strip().replace("+-", "+")
        charge = (
            _charge(row["charge"])
            if row["name"] in (name, name.replace("()", "")) or name in "udscbt"
            else ""
        )
        if name in ("e", "mu", "tau"):
            name, charge = f"{name}-", "-1"
        if charge:
            numbers["charge"] = charge
        subject = Subject(name, noun(row["pdgid"], name))
        if row["pdgid"] not in ("B205", "B185", "G021", "S029", "G033") and _writable(subject):
            accept = {"pdgid": row["pdgid"], "quantum": {}}
            pairs.append(Pair("quantum", WEIGHT.get(row["pdgid"], 1), [accept], subject, quantum=numbers))
    return pairs


def _charge(charge: float | None) -> str:
    """A charge as people write it: -1, 0, 2/3."""
    if charge is None:
        return ""
    thirds = round(charge * 3)
    return f"{thirds}/3" if thirds % 3 else str(thirds // 3)


def decay_pairs(db: sqlite3.Connection) -> list[Pair]:
    """Branching fractions and limits of every mode that can be written from its products alone."""
    products: dict[str, list[sqlite3.Row]] = {}
    for row in db.execute(
        "SELECT d.*, i.item_type FROM pdgdecay d JOIN pdgitem i ON i.id = d.pdgitem_id ORDER BY d.pdgid_id, d.sort"
    ):
        products.setdefault(row["pdgid"], []).append(row)
    opposite = _opposites(db)
    modes: dict[str, Counter[Any]] = {}
    for pdgid, rows in products.items():
        modes.setdefault(pdgid.partition(".")[0], Counter())[_key(rows)] += 1
    pairs, rank = [], Counter[str]()
    for row in summary_rows(db, "p.data_type LIKE 'BF%' AND p.parent_pdgid IS NOT NULL"):
        rows = products.get(row["pdgid"], [])
        accept = accepted(row) if row["value_text"] and not row["unit_text"] else None
        parent_id = row["pdgid"].partition(".")[0]
        rank[parent_id] += 1
        if accept is None or accept["limit"] in ("range", "lower") or not _plain(rows):
            continue
        if modes[parent_id][_key(rows)] > 1 or parent_id in NOT_FRACTIONS:
            continue
        parent = next(item["name"] for item in rows if not item["is_outgoing"])
        final = [(item["name"], item["multiplier"]) for item in rows if item["is_outgoing"]]
        subject = Subject(
            {"K0S": "K(S)0", "K0L": "K(L)0", "mu-": "mu-"}.get(parent, parent), noun(parent_id, parent)
        )
        if not _writable(subject) or len(final) > 5 or not _known(final):
            continue
        weight = (
            WEIGHT.get(parent_id, 0.3) / (1 + rank[parent_id]) ** 0.6 * (8 if row["pdgid"] in ICONIC else 1)
        )
        pair = Pair("limit" if accept["limit"] else "branching", weight, [accept], subject)
        pair.decay = (subject.name, final)
        flipped = [(opposite.get(name, ""), count) for name, count in final]
        if parent.endswith(("+", "-")) and parent in opposite and all(name for name, _ in flipped):
            pair.conjugate = (opposite[parent], flipped)
        pairs.append(pair)
    return pairs


def _opposites(db: sqlite3.Connection) -> dict[str, str]:
    """Particle name -> antiparticle name by the Monte Carlo number; self-conjugate ones map to themselves."""
    by_number = {
        row["mcid"]: row["name"] for row in db.execute("SELECT mcid, name FROM pdgparticle WHERE mcid")
    }
    pairs = {name: by_number[-number] for number, name in by_number.items() if -number in by_number}
    alone = {name: name for number, name in by_number.items() if number > 0 and -number not in by_number}
    return (
        pairs
        | alone
        | {"rho0": "rho0", "rho+": "rho-", "rho-": "rho+", "K0S": "K0S", "K0L": "K0L", "phi": "phi"}
    )


def _key(rows: list[sqlite3.Row]) -> tuple[Any, ...]:
    """What makes two modes of one particle the same to a reader: their products under short names."""
    items = [(SHORT.get(r["name"], r["name"]), r["multiplier"]) for r in rows if r["is_outgoing"]]
    counts: Counter[str] = Counter()
    for name, count in items:
        counts[name] += count
    return tuple(sorted(counts.items()))


def _plain(rows: list[sqlite3.Row]) -> bool:
    """True when a mode is one particle going to named ones: no sub-decay, no text, no 'anything'."""
    if (
        not rows
        or any(row["subdecay_id"] for row in rows)
        or sum(not row["is_outgoing"] for row in rows) != 1
    ):
        return False
    return all(
        row["item_type"] in "PGBS" or row["name"] in TEXT_PRODUCTS for row in rows if row["is_outgoing"]
    ) and all(row["item_type"] in "PGBS" for row in rows if not row["is_outgoing"])


def _known(final: list[tuple[str, int]]) -> bool:
    """Whether every product can be written."""
    try:
        for name, _ in final:
            if name not in ("invisible", "hadrons"):
                write_symbol(name, "latex")
    except ValueError:
        return False
    return True
