"""The statements of each particle are as they were: a change of the sources shows which particles it touches.

After a change that is meant, type `YUKAWA_TEST_WRITE_READINGS=1 python -m pytest tests/knowledge/sources/pdg/test_facts_kept.py`.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from importlib.metadata import version
from pathlib import Path

import pytest

from yukawa.knowledge.sources.pdg.facts import Statement

TABLE = Path(__file__).with_name("kept_statements.tsv")
HOW = "type: YUKAWA_TEST_WRITE_READINGS=1 python -m pytest tests/knowledge/sources/pdg/test_facts_kept.py"


def test_every_statement_is_as_it_was(pdg_statements: list[Statement]) -> None:
    lines = [f"# pdg {version('pdg')}"]
    for particle, group in itertools.groupby(
        sorted(pdg_statements, key=lambda s: (s.particle, s.id)), lambda s: s.particle
    ):
        texts = [repr(statement) for statement in group]
        lines.append(f"{particle}\t{len(texts)}\t{hashlib.sha256(''.join(texts).encode()).hexdigest()[:12]}")
    if os.environ.get("YUKAWA_TEST_WRITE_READINGS"):
        TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")
    kept = TABLE.read_text(encoding="utf-8").splitlines()
    if kept[0] != lines[0]:
        pytest.skip(f"the table was made with {kept[0][2:]}")
    changed = {line.partition("\t")[0] for line in set(lines) ^ set(kept)}
    assert not changed, f"statements of {sorted(changed)[:20]} are others; if that is meant, {HOW}"
