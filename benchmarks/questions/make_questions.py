"""Makes the answerable question sets from the PDG's own database and checks the unanswerable ones against it.

Run `python benchmarks/questions/make_questions.py` in an environment with the `pdg` package; the seeds are
fixed, so the same PDG edition gives the same files.
"""

from __future__ import annotations

import json
import math
import random
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pdg
from names import SHORT, STYLES, Subject, write_product, write_symbol
from templates import DEV, TEST
from unanswerable import unanswerable_rows

FOLDER = Path(__file__).parent
SEEDS = {"pairs": 20260, "dev": 31, "test": 47}
# (test, dev) rows per property; lifetimes and magnetic moments are few, so each pair is asked twice.
SIZES = {
    "mass": (76, 54), "width": (46, 36), "lifetime": (32, 26), "branching": (128, 94), "limit": (30, 22),
    "quantum": (56, 42), "difference": (22, 16), "moment": (8, 8), "anomaly": (2, 2),
}  # fmt: skip
TWICE = {"lifetime", "moment", "anomaly"}

# How often a particle is asked about: everything else counts 1.
FAME = {
    12: "S003 S004 S035 S043 S044 S126 Q007 Q005 Q004 S008 S009 S010 S011 S012 S013 S014 M002 M009 M001 M004 S016 "
    "S017 S018 S031 S032 S034 S041 S042 S086 S091 M070 M071 M049 S033 S040 M176",
    6: "Q001 Q002 Q003 M014 M003 M018 M061 M062 S019 S020 S021 S022 S023 S024 B033 B061 M026 M055 M056 M057 M059 "
    "M052 M048 M047 M053 M144 S045 S048 S068 S069 S070 S047 S063 M210 M207 B104 S074 M172 M171 B172 B186 M074 S085 S087",
    3: "M005 M010 M011 M036 M008 M013 M012 B037 B038 B043 B049 B119 B102 M121 M173 M204 M195 M268 M092 M093 S026 S062 "
    "B063 B062 M174 M072 M073 M193 M181 M189 S058 S059 S053 B146 M187 M186 M253 M254 M252 B179",
}  # fmt: skip
WEIGHT = {pdgid: weight for weight, ids in FAME.items() for pdgid in ids.split()}
# Decays every physicist has looked up once.
ICONIC = set(
    "S035.1 S035.2 S035.12 S035.16 S044.1 S044.2 S044.8 S044.9 S044.7 S044.6 S043.1 S043.2 S043.5 S043.8 S126.1 S126.2 "
    "S126.3 S126.4 S126.5 S126.6 S126.8 S008.2 S009.1 S009.2 S009.6 S014.1 S014.2 S014.3 S010.1 S010.2 S010.11 S010.20 "
    "S012.1 S012.2 S013.1 S013.2 S013.5 S013.6 S032.1 S032.5 S042.5 S042.137 S086.15 S041.184 S041.10 M070.1 M070.2 "
    "M070.81 M070.50 M071.13 M049.1 M049.3 S018.1 S018.2 S019.1 S019.2 S024.1 S033.4 M004.1 M004.2 M001.1 M001.7 M002.6 "
    "M009.4 S034.7 S034.89 S031.20 M055.1 M062.1 M061.2 S004.5 S004.6 S035.31 S035.32 S035.35 S042.7 S013.43 S013.8 "
    "S012.3 S032.28 S044.13 S041.183 S042.6 S086.130 Q007.3 Q007.9".split()
)
# Mass differences with the two particles they are about; the PDG's descriptions are too varied to take apart.
DIFFERENCES = {
    "S043MDZ": "Z|W", "S009D": "pi+|pi0", "S011DM": "K0|K+", "S013D": "K(L)0|K(S)0", "S032DM": "D+|D0",
    "M061DM": "D^*(2007)0|D0", "M062MD": "D^*(2010)+|D+", "M062DM": "D^*(2010)+|D0", "S034DM": "D_s()+|D+",
    "S074DM": "D_s^*()+|D_s()+", "M172DM": "D_s0^*(2317)+|D_s()+", "M173DM": "D_s1(2460)+|D_s()+",
    "M173MD": "D_s1(2460)+|D_s^*()+", "M121DN": "D_s1(2536)+|D^*(2010)+", "M121DP": "D_s1(2536)+|D^*(2007)0",
    "S042DM": "B0|B+", "S087DM": "B_s^*|B_s()0", "S091A01": "B_c()+|B_s()0", "M176DM": "chi_c1(3872)|J/psi(1S)",
    "M052A00": "Upsilon(2S)|Upsilon(1S)", "M048DM2": "Upsilon(3S)|Upsilon(2S)", "M077A00": "chi_b1(1P)|Upsilon(1S)",
    "M080M2": "chi_b1(2P)|chi_b0(2P)", "M081M2": "chi_b2(2P)|chi_b1(2P)", "S017D": "n|p", "S021D1": "Sigma-|Sigma0",
    "S021DL": "Sigma0|Lambda", "S020D": "Sigma-|Sigma+", "S020DL": "Sigma-|Lambda", "S023D": "Xi-|Xi0",
    "B119D": "Lambda_c(2595)+|Lambda_c()+", "B102D": "Lambda_c(2625)+|Lambda_c()+",
    "B104D0": "Sigma_c(2455)0|Lambda_c()+", "B104D++": "Sigma_c(2455)++|Lambda_c()+",
    "B104D13": "Sigma_c(2455)++|Sigma_c(2455)0", "S048D": "Xi_c()0|Xi_c()+", "S053D": "Omega_c(2770)0|Omega_c()0",
    "S069DML": "Xi_b()-|Lambda_b()0", "S069DM": "Xi_b()-|Xi_b()0", "S063A00": "Omega_b()-|Xi_b()-",
    "S040DM2": "Lambda_b()0|B+", "B151D": "Lambda_c(2880)+|Lambda_c()+", "B188A00": "Lambda_b(6152)0|Lambda_b(6146)0",
    "S070DMN": "Xi_b()0|Lambda_b()0",
}  # fmt: skip
# Final states in English, by their products.
ENGLISH_FINAL = {
    "gamma gamma": "two photons", "gamma gamma gamma": "three photons", "e+ e-": "an electron-positron pair",
    "mu+ mu-": "a muon pair", "tau+ tau-": "a pair of tau leptons", "pi+ pi-": "two charged pions",
    "pi0 pi0": "two neutral pions", "pi0 pi0 pi0": "three neutral pions", "pi+ pi- pi0": "three pions, two of them charged",
    "K+ K-": "two charged kaons", "p pbar": "a proton and an antiproton", "b bbar": "a pair of bottom quarks",
    "c cbar": "a charm quark pair", "e+ nu": "an electron and a neutrino", "mu+ nu": "a muon and a neutrino",
    "tau+ nu": "a tau and a neutrino", "mu+ nu_mu": "a muon and a neutrino", "e+ nu_e": "an electron and a neutrino",
    "tau+ nu_tau": "a tau lepton and a neutrino", "Z gamma": "a Z boson and a photon", "p pi-": "a proton and a pion",
    "n pi0": "a neutron and a neutral pion", "p pi0": "a proton and a neutral pion", "n pi+": "a neutron and a pion",
    "hadrons": "hadrons", "invisible": "invisible particles", "e- gamma": "an electron and a photon",
    "mu- gamma": "a muon and a photon", "mu- mu+ mu-": "three muons", "e- e+ e-": "three electrons",
    "e- nubar_e nu_tau": "an electron and two neutrinos", "mu- nubar_mu nu_tau": "a muon and two neutrinos",
    "pi- nu_tau": "a pion and a neutrino", "pi- pi0 nu_tau": "a charged pion, a neutral pion and a neutrino",
    "e+ e- gamma": "an electron-positron pair and a photon", "pi+ pi0": "a charged and a neutral pion",
    "J/psi(1S) pi+ pi-": "a J/psi and two charged pions", "gamma J/psi(1S)": "a J/psi and a photon",
    "Lambda K-": "a Lambda and a kaon", "Lambda pi-": "a Lambda and a charged pion", "Lambda pi0": "a Lambda and a neutral pion",
    "K- pi+": "a kaon and a charged pion", "pi0 nu nubar": "a neutral pion and two neutrinos",
    "pi+ nu nubar": "a charged pion and two neutrinos", "D0 Dbar0": "two neutral D mesons", "B+ B-": "two charged B mesons",
    "B0 Bbar0": "two neutral B mesons", "K+ mu+ mu-": "a charged kaon and two muons", "D0 pi+": "a neutral D and a pion",
    "e+- mu-+": "an electron and a muon of opposite charge", "4gamma": "four photons", "pi0 gamma": "a neutral pion and a photon",
    "eta gamma": "an eta and a photon", "eta pi+ pi-": "an eta and two charged pions",
}  # fmt: skip
TEXT_PRODUCTS = {
    "rho0", "rho+", "rho-", "omega", "eta_c", "D^*()-", "D^*()+", "invisible", "hadrons", "pi-+", "mu-+", "tau-+",
    "e-+", "e+-", "mu+-", "K^*()0", "K^*()+", "Dbar^*()0", "Kbar^*()0", "eta^'()",
}  # fmt: skip
# Here the PDG's "fractions" are ratios to another mode or hold a production rate: no plain question has them as answer.
NOT_FRACTIONS = set("S047 S068 S065 S069 S070 S063 S091 S051 B179".split())
_VALUE = re.compile(
    r"^\(?(?P<sign>[<>]?)(?P<value>[-+]?\d+(?:\.\d+)?)(?:\+-(?P<both>\d+(?:\.\d+)?)|\+(?P<up>\d+(?:\.\d+)?)"
    r"-(?P<down>\d+(?:\.\d+)?))?\)?(?:E(?P<power>[+-]?\d+))?$"
)
_RANGE = re.compile(r"^(\d+) to (?:(\d+) to )?(\d+)$", re.I)

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
    """The accepted answer of one summary row as the PDG displays it, None where it cannot be asked for."""
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
    return db.execute(
        "SELECT d.*, p.data_type, p.flags, p.description, p.parent_pdgid, p.mode_number, p.sort AS place "
        "FROM pdgdata d JOIN pdgid p ON p.id = d.pdgid_id WHERE d.in_summary_table AND d.edition = "
        f"(SELECT value FROM pdginfo WHERE name = 'edition') AND {where} ORDER BY p.sort, d.sort"
    ).fetchall()


def property_pairs(db: sqlite3.Connection) -> list[Pair]:
    """Masses, widths and lifetimes of every particle whose default value can be asked for."""
    names = dict(db.execute("SELECT pdgid, description FROM pdgid WHERE data_type = 'PART'").fetchall())
    groups: dict[tuple[str, str], dict[str, list[Accept]]] = {}
    for row in summary_rows(db, "p.data_type IN ('M', 'G', 'T') AND p.flags LIKE '%D%'"):
        # B205 carries the name of another pentaquark; the pole mass of T_cc is no mass to ask for.
        if row["parent_pdgid"] in names and row["parent_pdgid"] not in ("B185", "B205"):
            kinds = groups.setdefault((row["parent_pdgid"], row["data_type"]), {})
            kinds.setdefault(row["flags"].replace("D", ""), []).append(accepted(row))
    pairs = []
    for (pdgid, kind), by_charge in groups.items():
        if any(accept is None for accepts in by_charge.values() for accept in accepts):
            continue
        what = {"M": "mass", "G": "width", "T": "lifetime"}[kind]
        weight = WEIGHT.get(pdgid, 1)
        whole = names[pdgid].strip().replace("+-", "+")
        whole += "-" * (whole in ("e", "mu", "tau"))
        stem = re.sub(r"(?<=\))(0|\+)$", "", whole)
        if len(by_charge) > 1:
            everything = [accept for accepts in by_charge.values() for accept in accepts]
            if not re.search(r"_[cb]|_J", stem):
                pairs.append(Pair(what, weight, everything, Subject(stem, noun(pdgid, stem))))
            weight /= 3
        for flag, accepts in by_charge.items():
            charge = {"0": "0", "1+": "+", "1": "+", "1-": "-", "2": "++", "2+": "++", "+-": "+"}.get(flag, "")
            name = stem + charge if len(by_charge) > 1 else whole
            pairs.append(Pair(what, weight, accepts, Subject(name, noun(pdgid, name))))
    return [pair for pair in pairs if _writable(pair.subject) and _own(pair)]


def _own(pair: Pair) -> bool:
    """False for ranges of little known resonances: a few well known ones stand for that kind."""
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
    """Adds what is just as right: the light quarks' masses stand in the PDG a second time under Q123."""
    twins = {"Q002M": "Q123UM", "Q001M": "Q123DM", "Q003M": "Q123SM"}
    for pair in pairs:
        twin = twins.get(pair.accept[0]["pdgid"])
        if twin:
            pair.accept.append(pair.accept[0] | {"pdgid": twin})


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
            accepts = [accepted(row) for row in summary_rows(db, f"p.pdgid = '{pdgid}'")]
            if not accepts or None in accepts:
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
        charge = _charge(row["charge"]) if row["name"] in (name, name.replace("()", "")) or name in "udscbt" else ""
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
        subject = Subject({"K0S": "K(S)0", "K0L": "K(L)0", "mu-": "mu-"}.get(parent, parent), noun(parent_id, parent))
        if not _writable(subject) or len(final) > 5 or not _known(final):
            continue
        weight = WEIGHT.get(parent_id, 0.3) / (1 + rank[parent_id]) ** 0.6 * (8 if row["pdgid"] in ICONIC else 1)
        pair = Pair("limit" if accept["limit"] else "branching", weight, [accept], subject)
        pair.decay = (subject.name, final)
        flipped = [(opposite.get(name, ""), count) for name, count in final]
        if parent.endswith(("+", "-")) and parent in opposite and all(name for name, _ in flipped):
            pair.conjugate = (opposite[parent], flipped)
        pairs.append(pair)
    return pairs


def _opposites(db: sqlite3.Connection) -> dict[str, str]:
    """Particle name -> antiparticle name by the Monte Carlo number; self-conjugate ones map to themselves."""
    by_number = {row["mcid"]: row["name"] for row in db.execute("SELECT mcid, name FROM pdgparticle WHERE mcid")}
    pairs = {name: by_number[-number] for number, name in by_number.items() if -number in by_number}
    alone = {name: name for number, name in by_number.items() if number > 0 and -number not in by_number}
    return pairs | alone | {"rho0": "rho0", "rho+": "rho-", "rho-": "rho+", "K0S": "K0S", "K0L": "K0L", "phi": "phi"}


def _key(rows: list[sqlite3.Row]) -> tuple[Any, ...]:
    """What makes two modes of one particle the same to a reader: their products under short names."""
    items = [(SHORT.get(r["name"], r["name"]), r["multiplier"]) for r in rows if r["is_outgoing"]]
    counts: Counter[str] = Counter()
    for name, count in items:
        counts[name] += count
    return tuple(sorted(counts.items()))


def _plain(rows: list[sqlite3.Row]) -> bool:
    """True when a mode is one particle going to named ones: no sub-decay, no text, no 'anything'."""
    if not rows or any(row["subdecay_id"] for row in rows) or sum(not row["is_outgoing"] for row in rows) != 1:
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


def split(pairs: list[Pair], sizes: tuple[int, int], rng: random.Random, twice: bool) -> tuple[list[Pair], list[Pair]]:
    """Draws pairs by weight without replacement and deals them to (test, dev)."""
    wanted = [math.ceil(size / 2) if twice else size for size in sizes]
    ranked = sorted(pairs, key=lambda pair: -math.log(rng.random()) / pair.weight)
    # Two pairs of one PDG identifier (rho(770) and rho(770)0) must not end up on both sides.
    chosen: list[Pair] = []
    seen: set[str] = set()
    for pair in ranked:
        ids = {accept["pdgid"] for accept in pair.accept}
        if not ids & seen and len(chosen) < sum(wanted):
            chosen.append(pair)
            seen |= ids
    if len(chosen) < sum(wanted):
        raise ValueError(f"{len(chosen)} {pairs[0].property} pairs are too few for {wanted}")
    rng.shuffle(chosen)
    test, dev = chosen[: wanted[0]], chosen[wanted[0] :]
    return (test * 2)[: sizes[0]] if twice else test, (dev * 2)[: sizes[1]] if twice else dev


class Writer:
    """Turns pairs into questions with one set's phrasings, each phrasing used about equally often."""

    def __init__(self, name: str, phrasings: dict[str, list[tuple[str, str]]]) -> None:
        self.name = name
        self.phrasings = phrasings
        self.rng = random.Random(SEEDS[name])
        self.used: Counter[str] = Counter()
        self.asked: set[str] = set()

    def row(self, number: int, pair: Pair) -> dict[str, Any]:
        """One row; tries again where the wording came up before."""
        for _ in range(200):
            question, style, template, accept = self._try(pair)
            if question not in self.asked:
                self.asked.add(question)
                self.used[template] += 1
                what = {"quantum": "quantum numbers", "limit": "branching limit", "branching": "branching fraction"}
                what |= {"difference": "mass difference", "moment": "magnetic moment", "anomaly": "magnetic moment"}
                return {
                    "id": f"{self.name}-a{number:03d}", "question": question, "accept": accept,
                    "particle": pair.subject.name, "property": what.get(pair.property, pair.property),
                    "style": style, "template": template,
                }  # fmt: skip
        raise ValueError(f"no new wording for {pair}")

    def _try(self, pair: Pair) -> tuple[str, str, str, list[Accept]]:
        kind, accept = pair.property, pair.accept
        if kind == "quantum":
            kind, wanted = self._quantum_kind(pair.quantum)
            accept = [pair.accept[0] | {"quantum": wanted}]
        options = []
        for index, (styles, text) in enumerate(self.phrasings[kind]):
            if not pair.rises and re.search("heavier|exceed", text):
                continue
            if accept[0].get("unit") not in ("MeV", "GeV", "keV", "s") and "{u}" in text:
                continue
            template = f"{self.name}-{kind.replace(':', '-')}-{index:02d}"
            options += [(self.used[template] + self.rng.random(), template, style, text) for style in styles.split()]
        allowed = _styles(pair, kind)
        if "charge" in kind and pair.subject.name.endswith("+"):
            allowed.discard("english")  # "the charge of the charged kaon" has two answers
        options = [option for option in options if option[2] in allowed]
        best = min(option[0] for option in options)
        _, template, style, text = self.rng.choice([option for option in options if option[0] < best + 1.5])
        return self._fill(text, pair, style, accept), style, template, accept

    def _quantum_kind(self, numbers: dict[str, str]) -> tuple[str, dict[str, str]]:
        kinds = {"JPC": "JPC", "JP": "JP", "J": "J", "P": "P", "I": "I", "C": "C", "all": "IGJPC"}
        choice = [k for k, keys in kinds.items() if k == "all" or all(key in numbers for key in keys)]
        choice = [k for k in choice if k != "all" or {"J", "P", "I"} <= numbers.keys()]
        # Nobody asks for the charge of a state that is neutral by its name.
        if numbers.get("charge", "0") != "0" and self.rng.random() < 0.3:
            return "quantum:charge", {"charge": numbers["charge"]}
        weights = [{"JPC": 4, "JP": 3, "J": 2, "all": 3}.get(k, 1) for k in choice]
        kind = self.rng.choices(choice, weights)[0]
        return f"quantum:{kind}", {key: numbers[key] for key in kinds[kind] if key in numbers}

    def _fill(self, text: str, pair: Pair, style: str, accept: list[Accept]) -> str:
        """The phrasing with names in one spelling."""
        rng = self.rng
        if style == "ascii":
            text = text.replace("Γ", "Gamma").replace("Δm", "Delta m").replace("−", "-").replace("–", "-")
        decay = pair.decay
        parent = pair.subject
        if decay and pair.conjugate and style != "english" and rng.random() < 0.1:
            decay = pair.conjugate
            parent = Subject(decay[0], pair.subject.noun)
        bare = parent.write(style, rng)
        math_of: Callable[[str], str] = (lambda s: f"${s}$") if style == "latex" else (lambda s: s)
        fills = {"p": math_of(bare), "the": self._the(math_of(bare), style), "u": accept[0].get("unit", "")}
        if pair.other:
            second = pair.other.write(style, rng)
            fills |= {"sa": bare, "sb": second}
            fills |= {"na": math_of(bare), "nb": math_of(second)}
            article = "the " if style == "english" else ""
            fills |= {"a": article + math_of(bare), "b": article + math_of(second)}
        fills["sym"] = bare
        if decay:
            final = self._final(decay[1], style)
            fills["F"] = math_of(final)
            fills["D"] = self._decay(bare, final, text, style)
        if style == "latex":
            text = re.sub(
                r"(Gamma|Γ|tau|[mMB])(\(\{s(?:ym|a|b)\}\))", lambda m: "$" + _TEX.get(m[1], m[1]) + m[2] + "$", text
            )
            text = text.replace("Δm", r"$\Delta m$").replace("−", "$-$")
        filled = re.sub(r"\{(p|the|u|sym|sa|sb|na|nb|a|b|F|D)\}", lambda m: fills[m[1]], text)
        return filled[0].upper() + filled[1:] if style == "english" and text[0] == "{" and text[-1] == "?" else filled

    def _the(self, name: str, style: str) -> str:
        return f"the {name}" if style == "english" or self.rng.random() < 0.5 else name

    def _final(self, final: list[tuple[str, int]], style: str) -> str:
        if style == "english":
            return ENGLISH_FINAL[_words(final)]
        final = list(final)
        if self.rng.random() < 0.12:
            self.rng.shuffle(final)
        kaon = self.rng.randrange(2)
        return " ".join(write_product(name, count, style, self.rng, kaon) for name, count in final)

    def _decay(self, parent: str, final: str, text: str, style: str) -> str:
        if style == "english":
            return f"{parent} to {final}" if re.search(r"decay \{D\}|\bratio \{D\}", text) else f"the {parent} to {final}"
        arrow = {"latex": [r"\to", r"\rightarrow", r"\to"], "unicode": ["→"], "pdg": ["-->"]}.get(
            style, ["->", "->", "->", "-->", "to"]
        )
        whole = f"{parent} {self.rng.choice(arrow)} {final}"
        return f"${whole}$" if style == "latex" else whole


_TEX = {"Gamma": r"\Gamma", "Γ": r"\Gamma", "tau": r"\tau"}


def _words(final: list[tuple[str, int]]) -> str:
    """A final state as the key of ENGLISH_FINAL."""
    return " ".join(name for name, count in final for _ in range(count))


def _styles(pair: Pair, kind: str) -> set[str]:
    """The spellings in which the pair reads well: nobody writes 'mass of n'."""
    names = {pair.subject.name} | ({pair.other.name} if pair.other else set())
    if names & {"gamma", "graviton"} or kind == "anomaly":
        return {"english"}
    allowed = set(STYLES)
    if pair.decay is None and names & set("udscbt"):
        allowed = {"english", "ascii"}
    elif pair.decay is None and names & {"p", "n", "e-"}:
        allowed = {"english", "latex"}
    if pair.decay and (_words(pair.decay[1]) not in ENGLISH_FINAL):
        allowed.discard("english")
    return allowed


def write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    """Writes rows as JSON Lines."""
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")


def main() -> None:
    """Writes the four files next to this one."""
    db = connect()
    pairs = property_pairs(db) + special_pairs(db) + quantum_pairs(db) + decay_pairs(db)
    add_twins(pairs)
    rng = random.Random(SEEDS["pairs"])
    dealt: dict[str, list[Pair]] = {"dev": [], "test": []}
    for what, sizes in SIZES.items():
        test, dev = split([pair for pair in pairs if pair.property == what], sizes, rng, what in TWICE)
        dealt["test"] += test
        dealt["dev"] += dev
    for name, phrasings in (("dev", DEV), ("test", TEST)):
        writer = Writer(name, phrasings)
        random.Random(SEEDS[name]).shuffle(dealt[name])
        rows = [writer.row(number, pair) for number, pair in enumerate(dealt[name], 1)]
        write_lines(FOLDER / f"{name}_answerable.jsonl", rows)
        write_lines(FOLDER / f"{name}_unanswerable.jsonl", unanswerable_rows(db, name))
        print(name, len(rows), Counter(row["property"] for row in rows), Counter(row["style"] for row in rows))


if __name__ == "__main__":
    main()
