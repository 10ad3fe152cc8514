"""Asks for every row of the Review that is to be found, and compares the answers with the `pdg` package's own data.

Run `python benchmarks/rows.py --json FILE`. Asked are the charge, the spin and the additive quantum numbers of every state; mass, width
and lifetime by every spelling of a name; every branching fraction by its name as printed and by the PDG's description,
every other limit by its description; and the questions on measurements in questions/measurements.jsonl. What is right is
taken from the tables of the package, never from a knowledge base; the flavours of a state from the digits of its Monte
Carlo number (PDG review Monte Carlo Particle Numbering Scheme). `--parts`, `--every` and `--failures` ask less and show more.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import sqlite3
import statistics
import time
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answers import QUESTIONS, wilson

# The data file gives these another particle's name, or a charge that its own descriptions contradict.
MISPRINTED = frozenset({"B205", "B204", "M268", "M216", "B150", "B178", "B206", "B122"})
_QUARKS = {1: "down", 2: "up", 3: "strangeness", 4: "charm", 5: "bottomness", 6: "topness"}
_SIGNS = {"strangeness": -1, "charm": 1, "bottomness": -1, "topness": 1}
_CHARGES = {"0": 0, "+": 1, "-": 1, "++": 2}
_ENERGY = {
    "eV": 1e-9,
    "keV": 1e-6,
    "MeV": 1e-3,
    "GeV": 1.0,
    "TeV": 1e3,
    "u": 0.93149410372,
    "yr": 31557600.0,
    "years": 31557600.0,
}


@dataclass(frozen=True)
class Asked:
    """A question, its kind, and whether an answer to it is right: 'right', 'refused', or 'wrong'."""

    kind: str
    question: str
    mark: Callable[[Any], str]


def package() -> sqlite3.Connection:
    """The data file of the `pdg` package."""
    spec = importlib.util.find_spec("pdg")
    assert spec is not None
    assert spec.origin is not None
    connection = sqlite3.connect(f"file:{Path(spec.origin).parent / 'pdg.sqlite'}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    return connection


def close(one: float, other: float, relative: float = 1e-3) -> bool:
    """Whether two numbers are the same but for rounding."""
    return abs(one - other) <= relative * max(abs(one), abs(other)) + 1e-300


def rows_of(answer: Any) -> list[Any]:
    """The rows shown first, of all goals."""
    return [row for result in answer.results for row in result.rows]


# ---- quantum numbers ------------------------------------------------------------------------------


def flavours(number: int) -> dict[str, float] | None:
    """Baryon and lepton number and flavours by the digits of a Monte Carlo number; None where the digits do not say."""
    size, sign = abs(number), 1 if number > 0 else -1
    found = dict.fromkeys(("baryon-number", "lepton-number", *_SIGNS), 0.0)
    if size in range(11, 19):
        return found | {"lepton-number": float(sign)}
    if size in (21, 22, 23, 24, 25):
        return found
    if size >= 10**7 or number in (130, 310):
        return None
    digits = [size // 10**place % 10 for place in (3, 2, 1)]
    quarks: list[tuple[int, int]] = []
    if size < 10:
        quarks = [(size, sign)]
    elif digits[0]:
        quarks = [(digit, sign) for digit in digits]
    else:
        heavy, light = digits[1], digits[2]
        turn = sign if heavy % 2 == 0 or heavy == light else -sign
        quarks = [(heavy, turn), (light, -turn)]
    for quark, direction in quarks:
        found["baryon-number"] += direction / 3
        if (name := _QUARKS.get(quark, "")) in _SIGNS:
            found[name] += direction * _SIGNS[name]
    return found


def quantum_numbers(data: sqlite3.Connection) -> Iterator[Asked]:
    """Charge, spin and additive quantum numbers of every state."""
    query = "SELECT name, pdgid, charge, quantum_j, mcid FROM pdgparticle ORDER BY id"
    for row in data.execute(query).fetchall():
        name = row["name"]
        if row["pdgid"] in MISPRINTED:
            continue
        yield Asked("charge", f"What is the charge of the {name}?", number(name, row["charge"]))
        if re.fullmatch(r"\d+(/2)?", row["quantum_j"] or ""):
            above, _, below = row["quantum_j"].partition("/")
            yield Asked(
                "spin", f"What is the spin of the {name}?", number(name, int(above) / int(below or 1))
            )
        for key, value in (flavours(row["mcid"]) or {}).items() if row["mcid"] else ():
            yield Asked(key, f"What is the {key.replace('-', ' ')} of the {name}?", number(name, value))


def number(name: str, wanted: float) -> Callable[[Any], str]:
    """A mark of answers with one number for one state."""

    def mark(answer: Any) -> str:
        rows = rows_of(answer)
        if answer.abstained or not rows:
            return "refused"
        good = all(row.value is not None and abs(row.value.value - wanted) < 1e-6 for row in rows)
        # 'Xi_b(6087)' is described as 'Xi_b(6087)0', too.
        return (
            "right"
            if good and {row.subject.removesuffix("0") for row in rows} == {name.removesuffix("0")}
            else "wrong"
        )

    return mark


# ---- masses, widths, lifetimes --------------------------------------------------------------------


def basic(data: sqlite3.Connection) -> Iterator[Asked]:
    """Mass, width and lifetime by every spelling that leads to one state or a family."""
    from yukawa.knowledge.parsing.particles import particle_table

    particles = particle_table().particles
    known = {name: quantities(name) for name in particles}
    for name, values in known.items():
        # 'Xibar+ MEAN LIFE', 'Xi_c(3055)+ MASS': rows of states that the interface does not give, or gives without them.
        own_names = (name,) if values else (name, particles[name].conjugate)
        for what, own in described(data, own_names).items():
            values.setdefault(what, []).extend(own)
    for spelling, names in sorted(particle_table().spellings.names.items()):
        if re.search(r"[+-]bar$", spelling):  # 'K-bar' is the antiparticle, not a state of that charge
            continue
        for what in ("mass", "width", "lifetime"):
            of = {name: known[name][what] for name in names if what in known.get(name, {})}
            if of:
                yield Asked(what, f"What is the {what} of the {spelling}?", values_of(of, names))


def described(data: sqlite3.Connection, names: Sequence[str]) -> dict[str, list[float]]:
    """Values in GeV or s of the rows whose description is one of `names` and the quantity."""
    query = "SELECT value, unit_text FROM pdgdata d JOIN pdgid p ON p.pdgid = d.pdgid WHERE description = ?"
    found: dict[str, list[float]] = defaultdict(list)
    for name in names:
        for what, words in (("mass", "MASS"), ("width", "WIDTH"), ("lifetime", "MEAN LIFE")):
            for row in data.execute(query, (f"{name} {words}",)).fetchall():
                if row["value"]:
                    found[what].append(row["value"] * _ENERGY.get(row["unit_text"], 1.0))
    return found


def quantities(name: str) -> dict[str, list[float]]:
    """What the package's own interface gives for a state: values of each quantity in GeV or s."""
    api = _api()
    try:
        found = api.get_particle_by_name(name)
        lists = {"mass": found.masses(), "width": found.widths(), "lifetime": found.lifetimes()}
    except Exception:  # noqa: BLE001  # the package has exceptions of its own for what it does not know
        return {}
    values: dict[str, list[float]] = defaultdict(list)
    for what, properties in lists.items():
        for one in properties:
            named = re.match(r"\S+\)(\+\+|\+|-|0) ", one.description or "")
            if named and _CHARGES[named[1]] != abs(found.charge or 0):
                continue  # 'D_2(2740)0 MASS' is not that of the D_2(2740)+
            for value in one.summary_values():
                if value.value is not None:
                    values[what].append(value.value * _ENERGY.get(value.units, 1.0))
    return dict(values)


_APIS: list[Any] = []


def _api() -> Any:
    if not _APIS:
        import pdg

        warnings.simplefilter("ignore")
        _APIS.append(pdg.connect())
    return _APIS[0]


def values_of(of: dict[str, list[float]], names: Sequence[str]) -> Callable[[Any], str]:
    """A mark of answers with a value for each state that a spelling can mean."""
    from yukawa.knowledge.parsing.units import find_unit

    seconds_or_gev = {"eV": 1e-9, "s": 1.0}

    def mark(answer: Any) -> str:
        rows = [row for row in rows_of(answer) if row.derivation is None]
        if answer.abstained or not rows:
            return "refused"
        for row in rows:
            unit = find_unit(row.value.unit) if row.value else None
            if unit is None or row.subject not in {*names, *_conjugates(names)}:
                return "wrong"
            size = unit.size * seconds_or_gev.get("s" if unit.powers[2] else "eV", 1.0)
            shown = row.value.value * size
            allowed = of.get(row.subject) or [v for n in names for v in of.get(n, ())]
            low, high = (
                (row.value.low, row.value.high) if row.value.bound == "range" else (row.value.value,) * 2
            )
            inside = any(
                low * size * (1 - 1e-3) <= value <= high * size * (1 + 1e-3)
                for value in allowed
                if value >= 0
            )
            if not inside and not any(close(shown, value) for value in allowed):
                return "wrong"
        return "right"

    return mark


def _conjugates(names: Sequence[str]) -> list[str]:
    from yukawa.knowledge.parsing.particles import particle_table

    return [particle_table().particles[name].conjugate for name in names]


# ---- branching fractions and limits ---------------------------------------------------------------


def decays(data: sqlite3.Connection) -> Iterator[Asked]:
    """Every branching fraction by its printed name and by its description; every other limit by its description."""
    from yukawa.knowledge.sources.pdg.text import ascii_text, unicode_text

    query = (
        "SELECT p.pdgid, p.description, p.data_type, d.value, d.limit_type, d.value_text, r.description AS parent FROM pdgid p"
        " JOIN pdgdata d ON d.pdgid = p.pdgid LEFT JOIN pdgid r ON r.pdgid = substr(p.pdgid, 1, 4)"
        " WHERE (d.in_summary_table = 1 OR p.data_type NOT LIKE 'BF%') AND d.value_text IS NOT NULL ORDER BY p.sort, d.sort"
    )
    values: dict[str, list[sqlite3.Row]] = defaultdict(list)
    for row in data.execute(query).fetchall():
        values[row["pdgid"]].append(row)
    alone = Counter(rows[0]["description"].lower() for rows in values.values())
    modes: dict[str, set[str]] = defaultdict(set)
    for row in data.execute("SELECT source, target FROM pdgid_map"):
        modes[row["target"]].add(row["source"])
    alike: dict[str, list[sqlite3.Row]] = defaultdict(list)
    for rows in values.values():
        alike[rows[0]["description"]] += rows
    for identifier, rows in values.items():
        first = rows[0]
        is_fraction = first["data_type"].startswith("BF")
        if not is_fraction and not any(row["limit_type"] for row in rows):
            continue
        # The same description may have two identifiers; a plain ratio repeats the fraction of its mode.
        mark = row_of(
            {row["pdgid"] for row in alike[first["description"]]} | modes[identifier],
            alike[first["description"]],
        )
        if is_fraction:
            what = "partial mean life" if identifier.startswith("S016.") else "branching fraction"
            yield Asked("printed name", f"What is the {what} of {unicode_text(first['description'])}?", mark)
            yield Asked("description", f"What is the {what} of {first['description']}?", mark)
        else:
            of = (
                ""
                if alone[first["description"].lower()] == 1
                else f" of the {ascii_text(first['parent'] or '')}"
            )
            yield Asked("other limit", f"What is {first['description']}{of}?", mark)


def row_of(identifiers: set[str], rows: Sequence[sqlite3.Row]) -> Callable[[Any], str]:
    """A mark of answers with a value of these identifiers, or of another that says the same."""
    wanted = [row["value"] for row in rows if row["value"] is not None]
    in_words = any(row["value"] is None or row["limit_type"] in ("R", "X") for row in rows)

    def mark(answer: Any) -> str:
        shown = rows_of(answer)
        if answer.abstained or not shown:
            return "refused"
        first = shown[0]
        number = first.value.value if first.value is not None else None
        # The Listings give limits on the decay of nucleons in units of 10^30 years, or in years.
        scales = (1.0, 1e30) if first.property_name == "partial-lifetime" else (1.0,)
        same = number is not None and any(
            close(number, value * scale, 1e-2) for value in wanted for scale in scales
        )
        if any(found.fact.identifier in identifiers for found in first.facts):
            return "right" if same or in_words or number is None else "wrong"
        return "right" if same else "wrong"

    return mark


# ---- measurements ---------------------------------------------------------------------------------


def measurements(data: sqlite3.Connection) -> Iterator[Asked]:
    """The questions of measurements.jsonl; each says how its papers are found in the package's table of measurements."""
    for line in (QUESTIONS / "measurements.jsonl").read_text("utf-8").splitlines():
        row = json.loads(line)
        if "refuse" in row:
            yield Asked("refused", row["question"], lambda answer: "right" if answer.abstained else "wrong")
        else:
            yield Asked(row["kind"], row["question"], papers(documents(data, row["find"])))


def documents(data: sqlite3.Connection, find: dict[str, Any]) -> set[str]:
    """The papers ('AALTONEN 2022') that a question of measurements.jsonl asks for."""
    found = data.execute(
        "SELECT r.document_id, r.publication_year AS year, m.technique, m.changebar, v.used_in_average, v.used_in_fit, v.limit_type,"
        " v.error_positive, v.error_negative FROM pdgmeasurement m JOIN pdgmeasurement_values v ON v.pdgmeasurement_id = m.id"
        " JOIN pdgreference r ON r.id = m.pdgreference_id WHERE m.pdgid = ? AND v.column_name = 'VALUE'",
        (find["identifier"],),
    ).fetchall()
    if "technique" in find:
        found = [row for row in found if row["technique"] in find["technique"]]
    if "year" in find:
        found = [row for row in found if row["year"] == find["year"]]
    if find.get("used"):
        found = [row for row in found if row["used_in_average"] or row["used_in_fit"]]
    if find.get("new"):
        found = [row for row in found if row["changebar"]]
    if pick := find.get("pick"):
        if pick in ("most precise", "least precise"):
            ranked = [
                (r["error_positive"] + r["error_negative"], r)
                for r in found
                if r["error_positive"] and not r["limit_type"]
            ]
            best = (min if pick == "most precise" else max)(error for error, _ in ranked)
            found = [row for error, row in ranked if error == best]
        else:
            best = (min if pick == "oldest" else max)(row["year"] for row in found if row["year"])
            found = [row for row in found if row["year"] == best]
    return {row["document_id"].strip().upper() for row in found}


def papers(wanted: set[str]) -> Callable[[Any], str]:
    """A mark of answers whose measurements, or BibTeX, are from these papers and no others."""

    def mark(answer: Any) -> str:
        if answer.abstained:
            return "refused"
        shown = [
            row.measurement.reference.document.upper()
            for row in rows_of(answer)
            if row.measurement is not None
        ]
        hidden = sum(result.more for result in answer.results)
        good = set(shown) <= wanted and (set(shown) == wanted or hidden >= len(wanted) - len(set(shown)) > 0)
        return "right" if shown and good else "wrong"

    return mark


# ---- asking ---------------------------------------------------------------------------------------

PARTS = {"quantum numbers": quantum_numbers, "basic": basic, "decays": decays, "measurements": measurements}


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--every", type=int, default=1, help="ask one question in this many")
    parser.add_argument("--failures", type=int, default=20, help="show this many failures of each kind")
    parser.add_argument("--json", type=Path, help="write the figures here")
    options = parser.parse_args(arguments)

    from yukawa.assistant import Assistant
    from yukawa.core.settings import load_settings
    from yukawa.knowledge import open_base

    settings = load_settings()
    assistant = Assistant(open_base(settings), settings)
    data = package()
    report: dict[str, Any] = {}
    for part in options.parts:
        marks: dict[str, Counter[str]] = defaultdict(Counter)
        times: list[float] = []
        failed: dict[tuple[str, str], list[tuple[str, str]]] = defaultdict(list)
        for asked in list(PARTS[part](data))[:: options.every]:
            start = time.perf_counter()
            answer = assistant.ask(asked.question, keep=False)
            times.append(1e3 * (time.perf_counter() - start))
            verdict = asked.mark(answer)
            marks[asked.kind][verdict] += 1
            if verdict != "right":
                failed[asked.kind, verdict].append((asked.question, " ".join(answer.text.split())[:300]))
        report[part] = {
            "p50_ms": statistics.median(times),
            **{kind: figures(found) for kind, found in marks.items()},
        }
        for kind, found in marks.items():
            print(f"{part}, {kind}: {dict(found)}")
        print(f"  p50 {statistics.median(times):.1f} ms, largest {max(times):.0f} ms")
        for (kind, verdict), rows in failed.items():
            for question, text in rows[: options.failures]:
                print(f"  {kind}, {verdict}: {question}\n      {text}")
    if options.json:
        options.json.write_text(json.dumps(report, indent=1), encoding="utf-8")


def figures(marks: Counter[str]) -> dict[str, Any]:
    """Counts of one kind, with the fraction that is right and its interval."""
    asked = marks.total()
    return {
        "asked": asked,
        **marks,
        "fraction": marks["right"] / asked,
        "interval_95": list(wilson(marks["right"], asked)),
    }


if __name__ == "__main__":
    main()
