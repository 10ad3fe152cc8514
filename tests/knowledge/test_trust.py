"""What only a built source may say of itself is refused to people; trust follows from kind, author and review."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.trust import check_claims, trust_of

FALSE = "The mass of the Z boson (Z) is 85.0000 ± 0.0001 GeV (PDG average)."


def test_levels() -> None:
    assert trust_of("data", "anybody", reviewed=False) == "built source"
    assert trust_of("statement", "Li", reviewed=True) == "reviewed"
    assert trust_of("statement", "Li", reviewed=False) == "taught"
    assert trust_of("statement", "unknown", reviewed=False) == "anonymous"


@pytest.mark.parametrize(
    ("kind", "source", "address"),
    [
        ("data", "", None), (None, "PDG 2026: Z mass (S044M)", None), (None, " pdg 2024 : Z mass", None), (None, "CODATA 2022: c", None),
        (None, "mine", "https://pdglive.lbl.gov/view/S044M"), (None, "mine", "https://PDGLive.LBL.gov:443/x"),
    ],
)  # fmt: skip
def test_claims_of_a_built_source_are_refused(
    kind: str | None, source: str, address: str | None, base: KnowledgeBase
) -> None:
    with pytest.raises(InputError, match="built source"):
        check_claims(kind, source, address)
    with pytest.raises(InputError, match="built source"):
        base.teach(FALSE, kind=kind, source=source, url=address)
    assert base.list() == []


def test_ones_own_reading_is_allowed(base: KnowledgeBase) -> None:
    item = base.teach(FALSE, source="my reading of the PDG 2024", url="https://pdg.lbl.gov/2024", author="Li")
    assert base.show(item.id).trust == "taught"
    assert base.teach("The ring is cold.").trust == "anonymous"
