"""The tables of the PDG's data file, read once, and the file's description of itself."""

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from yukawa.core.errors import NotFound, StoreError
from yukawa.core.files import real
from yukawa.knowledge.parsing.listed import MISPRINTS, UNLISTED, described_states
from yukawa.knowledge.parsing.particles import database_path
from yukawa.knowledge.sources.pdg.decays import DecayItem, Masses
from yukawa.knowledge.sources.pdg.names import Names

LICENCE = "CC BY 4.0"
URL = "https://pdglive.lbl.gov/view/"  # the PDG's resolver of its own identifiers


def connect(database: Path | None = None) -> sqlite3.Connection:
    """The data file, read-only.

    Args:
        database: a `pdg.sqlite`; by default the one of the installed `pdg` package.

    Raises:
        MissingPackage: no `database` given and the `pdg` package is not installed.
        NotFound: `database` does not exist.
        StoreError: the file is not a PDG database.
    """
    path = database_path() if database is None else Path(database)
    if not path.is_file():
        raise NotFound(f"there is no PDG database at {path}", hint="give the path of a pdg.sqlite")
    connection = sqlite3.connect(f"{real(path).as_uri()}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("SELECT name, value FROM pdginfo LIMIT 1").fetchone()
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreError(f"{path} is not a PDG database: {error}") from error
    return connection


def edition(database: Path | None = None) -> dict[str, str]:
    """The data file's own description: 'edition', 'citation', 'license', 'data_release_timestamp' and more.

    Raises:
        MissingPackage, NotFound, StoreError: as `connect`.
    """
    with closing(connect(database)) as connection:
        found = {row["name"]: row["value"] for row in connection.execute("SELECT name, value FROM pdginfo")}
    found["citation"] = re.sub(r"<[^<>]*>", "", found.get("citation", ""))
    return found


class Review:
    """The tables of one edition by PDG identifier: `blocks` describe, `values` give numbers, `states` are charge states."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        info = dict(tuple(row) for row in connection.execute("SELECT name, value FROM pdginfo"))
        self.edition = str(info["edition"])
        self.names = Names(connection)
        self.masses = Masses(connection, self.names)
        self.blocks = {
            row["pdgid"]: _mended(row) for row in connection.execute("SELECT * FROM pdgid ORDER BY sort")
        }
        query = "SELECT * FROM pdgdata WHERE edition = ? ORDER BY sort, id"
        self.values = _grouped(connection, query, "pdgid", self.edition)
        states = _grouped(connection, "SELECT * FROM pdgparticle ORDER BY id", "pdgid")
        self.states = {
            identifier: [_mended(row) for row in rows] + list(_unlisted(identifier, rows))
            for identifier, rows in states.items()
        }
        for name, identifier, charge, kind in described_states(_listed(self.states), _masses(self.blocks)):
            like = next(row for row in self.states[identifier] if row["cc_type"] == kind)
            number = -1000 * like["id"] - len(self.states[identifier])
            self.states[identifier].append(
                {**like, "id": number, "name": name, "charge": charge, "mcid": None}
            )
        self._items = _grouped(connection, "SELECT * FROM pdgdecay ORDER BY sort, id", "pdgid")
        sources = _grouped(connection, "SELECT source, target FROM pdgid_map ORDER BY id", "target")
        self.modes_of_ratio = {ratio: [row["source"] for row in rows] for ratio, rows in sources.items()}

    def root(self, identifier: str) -> str:
        """The identifier of the particle (or section of the Review) that `identifier` is listed under."""
        while (parent := self.blocks[identifier]["parent_pdgid"]) is not None:
            identifier = parent
        return identifier

    def decaying(self, identifier: str) -> list[str]:
        """The names left of the arrow of a decay mode; two in 'p p --> pi+ pi+'."""
        left = [r["name"] for r in self._items.get(identifier, ()) if not r["is_outgoing"]]
        return " ".join(left).split() or self.blocks[identifier]["description"].partition("-->")[0].split()

    def products(self, identifier: str) -> list[DecayItem]:
        """The entries of the decay table right of the first arrow."""
        rows = [r for r in self._items.get(identifier, ()) if r["is_outgoing"]]
        left, _, right = self.blocks[identifier]["description"].partition("-->")
        # The data file counts the second p of 'p p -->' among the products.
        if identifier.startswith("S016."):
            rows = rows[len(left.split()) - 1 :]
        return [DecayItem(r["name"], r["multiplier"]) for r in rows] or [DecayItem(right.strip())]


def _mended(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of pdgid or pdgparticle with the right name and charge of a particle that the file misprints."""
    found = dict(row)
    if misprint := MISPRINTS.get(found["pdgid"][:4]):
        wrong, right, charge = misprint
        for column in {"name", "description"} & found.keys():
            found[column] = found[column].replace(wrong, right)
        if "charge" in found:
            found["charge"] = charge
    return found


def _listed(states: Mapping[str, list[dict[str, Any]]]) -> Iterator[tuple[str, str, float | None, str]]:
    return (
        (row["name"], row["pdgid"], row["charge"], row["cc_type"]) for rows in states.values() for row in rows
    )


def _masses(blocks: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    return (
        (key, row["description"])
        for key, row in blocks.items()
        if row["description"].upper().endswith(" MASS")
    )


def _unlisted(identifier: str, rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Rows for the charge states that the file describes and does not list."""
    for row in rows:
        if added := UNLISTED.get(identifier, {}).get(row["name"]):
            # Numbers that tables count by are not doubled.
            yield {**row, "id": -row["id"], "name": added[0], "charge": added[1], "mcid": None}


def _grouped(
    connection: sqlite3.Connection, query: str, key: str, *parameters: str
) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in connection.execute(query, parameters):
        rows[row[key]].append(dict(row))
    return dict(rows)
