"""The cards that we wrote, and the public ones where the test data are present."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from yukawa.generators.checking import check
from yukawa.generators.diagnostics import Diagnostic

DATA = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data")) / "decay"


def own_cards() -> dict[str, str]:
    """Text by dialect and name."""
    found = {}
    for file in sorted((Path(__file__).parent / "cards").glob("*.txt")):
        parts = re.split(r"^#### (.*)\n", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
        found |= {f"{file.stem}: {name}": text for name, text in zip(parts[::2], parts[1::2], strict=True)}
    return found


OWN = own_cards()


@pytest.fixture(params=OWN, ids=list(OWN))
def own_card(request) -> str:
    return OWN[request.param]


@pytest.fixture
def real_cards() -> dict[str, str]:
    folder = DATA / "cards"
    if not folder.is_dir():
        pytest.skip("the public cards of the test data are absent")
    return {path.name: path.read_bytes().decode("latin-1") for path in sorted(folder.glob("*.dec"))}


@pytest.fixture
def codes():
    """Codes of a text with their lines, errors and warnings alone."""

    def found(text: str, name: str = "card.dec", **more) -> list[tuple[str, int]]:
        return [(each.code, each.line) for each in check(text, name=name, **more) if each.level != "note"]

    return found


@pytest.fixture
def first():
    """The first finding of a code."""

    def found(text: str, code: str, name: str = "card.dec") -> Diagnostic:
        return next(each for each in check(text, name=name) if each.code == code)

    return found
