"""A flipped bit anywhere in a base is found, or changes nothing that the base says."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from yukawa.core.errors import YukawaError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.items import new_item
from yukawa.knowledge.store import checksums, schema

FLIPS = 150


def filled(folder: Path, items: int = 20) -> KnowledgeBase:
    """A base with something of every table."""
    base = KnowledgeBase.open(folder, embedding="hash")
    base.teach_many(
        [
            new_item(f"The mass of the sample {i} is {i + 1}.5 kg, as weighed.", author="A")
            for i in range(items)
        ]
    )
    first = base.teach("The mass of the tau is 1776.9 MeV.", author="A", source="S")
    base.update(first.id, "The mass of the tau is 1776.93 MeV.")
    base.teach("The mass of the tau is 1500 MeV.", author="B")
    base.teach("# Magnets\n\n" + "The dipole was measured twice in the hall. " * 30)
    base.unload(base.teach("This is to be unloaded.").id)
    base.purge(base.teach("This is to be erased for good.").id)
    base.keep_answer("a1", "What is the mass?", {"answer": "1776.93 MeV", "sources": [{"id": first.id}]})
    base.save_index()
    return base


def said(base: KnowledgeBase) -> list[Any]:
    """All that a base says to anybody."""
    with base.store.read() as connection:
        tables = [
            connection.execute(sa.select(t).order_by(*t.primary_key)).all()
            for t in (schema.items, schema.versions, schema.passages, schema.facts, schema.conflicts, schema.answers, schema.events)
        ]  # fmt: skip
        vectors = [row.vector.tobytes() for row in connection.execute(sa.select(schema.vectors.c.vector))]
    hits = [(hit.item_id, hit.text, hit.score) for hit in base.search("mass of the tau", k=30)]
    return [*tables, vectors, hits, [item.text for item in base.list()]]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["knowledge.sqlite", "knowledge.index"])
def test_no_flipped_bit_changes_what_is_said_unnoticed(tmp_path: Path, name: str) -> None:
    filled(tmp_path / "whole").close()
    with KnowledgeBase.open(tmp_path / "whole") as base:
        wanted = said(base)
    data = (tmp_path / "whole" / name).read_bytes()
    generator = random.Random(name)
    unnoticed = []
    for number in range(FLIPS):
        bit = generator.randrange(8 * len(data))
        folder = tmp_path / "damaged"
        shutil.copytree(tmp_path / "whole", folder)
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        (folder / name).write_bytes(flipped)
        try:
            with KnowledgeBase.open(folder) as base:
                if base.verify().clean and said(base) != wanted:
                    unnoticed.append((number, bit))
        except (YukawaError, sqlite3.Error, sa.exc.SQLAlchemyError):
            pass  # noticed
        shutil.rmtree(folder)
    assert unnoticed == []


@pytest.mark.parametrize("statement", [
    "UPDATE passages SET terms = terms || ' more' WHERE id = 3",
    "UPDATE passages SET ordinal = 7 WHERE id = 2",
    "UPDATE facts SET value = value * 1.0001 WHERE id = 1",
    "DELETE FROM facts WHERE id = 1",
    "UPDATE conflicts SET key = 'other'",
    "UPDATE conflicts SET resolved = 3",
    "UPDATE answers SET answer = '{\"answer\": \"1500 MeV\"}'",
    "UPDATE answers SET answer = '{'",
    "UPDATE answers SET question = 'Why?'",
    "UPDATE versions SET content_key = 'other' WHERE id = 4",
    "UPDATE vectors SET vector = (SELECT vector FROM vectors WHERE passage_id = 1) WHERE passage_id = 2",
])  # fmt: skip
def test_changed_rows_are_found(tmp_path: Path, statement: str) -> None:
    base = filled(tmp_path)
    base.close()
    with sqlite3.connect(tmp_path / "knowledge.sqlite") as other:
        assert other.execute(statement).rowcount > 0
    other.close()
    with KnowledgeBase.open(tmp_path) as again:
        assert not again.verify().clean


def test_checksums_written_anew_are_those_that_were_written_one_by_one(tmp_path: Path) -> None:
    base = filled(tmp_path)
    tables = (schema.versions, schema.vectors, schema.conflicts, schema.answers)
    with base.store.write() as connection:
        before = [
            connection.execute(sa.select(t.c.checksum).order_by(*t.primary_key)).scalars().all()
            for t in tables
        ]
        checksums.write_all(connection)
        after = [
            connection.execute(sa.select(t.c.checksum).order_by(*t.primary_key)).scalars().all()
            for t in tables
        ]
    assert before == after
    assert all(found and all(found) for found in before)
    base.close()
