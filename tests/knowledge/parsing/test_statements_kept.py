"""What some hundreds of sentences of sources and people state today: a change of the readers shows which readings it changes.

None of these readings is right because it is in the table. After a change that is meant, type
`YUKAWA_TEST_WRITE_READINGS=1 python -m pytest tests/knowledge/parsing/test_statements_kept.py` and look at the difference.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from yukawa.knowledge.parsing import read
from yukawa.knowledge.parsing.sentence_parts import sentence_parts
from yukawa.knowledge.parsing.statements import Assertion, statements

TABLE = Path(__file__).with_name("kept_sentences.tsv")
EDITION = f"# pdg {version('pdg')}"
HOW = "if that is meant, type: YUKAWA_TEST_WRITE_READINGS=1 python -m pytest tests/knowledge/parsing/test_statements_kept.py"


def line(sentence: str) -> str:
    """A digest of all that is read, what is stated, for people, and the sentence."""
    found = statements(sentence)
    everything = json.dumps(plainly([found, sentence_parts(sentence), read(sentence)]))
    digest = hashlib.sha256(everything.encode()).hexdigest()[:8]
    return "\t".join((digest, "; ".join(map(stated, found)), sentence))


def stated(found: Assertion) -> str:
    """'mass (Z0) = 9.119e+10 eV'."""
    things = ["|".join(names) for names in found.things]
    decays = [" → ".join("|".join(side) for side in decay[:2]) for decay in found.transitions]
    value = f" = {found.quantity.value:.6g} {found.quantity.unit}".rstrip() if found.quantity else ""
    denied = "not " if found.negated else ""
    return f"{denied}{', '.join(sorted(found.properties))} ({', '.join(things + decays)}){value}"


def plainly(value: Any) -> Any:
    """The same in lists, numbers and texts, which are written in one way."""
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, float):
        return f"{value:.9g}"
    if is_dataclass(value):
        return [plainly(getattr(value, field.name)) for field in fields(value)]
    return [plainly(one) for one in value] if isinstance(value, list | tuple) else value


def test_every_sentence_states_what_it_did() -> None:
    edition, *kept = TABLE.read_text(encoding="utf-8").splitlines()
    lines = [line(old.rpartition("\t")[2]) for old in kept]
    if os.environ.get("YUKAWA_TEST_WRITE_READINGS"):
        TABLE.write_text("\n".join([EDITION, *lines]) + "\n", encoding="utf-8")
    elif edition != EDITION:
        pytest.skip(f"the table was made with {edition[2:]}, whose names of particles are part of it")
    else:
        other = [f"was {old}\n  is {new}" for old, new in zip(kept, lines, strict=True) if old != new]
        assert not other, "\n".join([f"{len(other)} sentences are read in another way; {HOW}", *other[:20]])
