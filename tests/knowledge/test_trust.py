"""What only a built source may say of itself is refused to people; trust follows from the path, and roles from the settings."""

from __future__ import annotations

import itertools

import pytest

from yukawa.core.errors import InputError
from yukawa.knowledge import KnowledgeBase, new_item
from yukawa.knowledge.trust import TRUST, check_claims, check_kind, check_reviewer, outranks, trust_of

FALSE = "The mass of the Z boson (Z) is 85.0000 ± 0.0001 GeV (PDG average)."


def test_levels() -> None:
    assert trust_of("data", "anybody", reviewed=False) == "built source"
    assert trust_of("statement", "Li", reviewed=True) == "reviewed"
    assert trust_of("statement", "Li", reviewed=False) == "taught"
    assert trust_of("statement", "unknown", reviewed=False) == "anonymous"


def test_levels_are_ordered() -> None:
    assert all(outranks(one, other) for one, other in itertools.combinations_with_replacement(TRUST, 2))
    assert not any(outranks(other, one) for one, other in itertools.combinations(TRUST, 2))


@pytest.mark.slow_but("sqlite")
@pytest.mark.parametrize(("source", "address"), [
    ("PDG 2026: Z mass (S044M)", None), (" pdg 2024 : Z mass", None), ("CODATA 2022: c", None),
    ("\uff30\uff24\uff27 2026\uff1aZ mass", None),
    ("\u0420DG 2026: Z mass", None), ("P\u200bDG 2026: Z mass", None), ("mine", "https://pdglive.lbl.gov/view/S044M"),
    ("mine", "https://PDGLive.LBL.gov:443/x"), ("mine", "pdglive.lbl.gov/view/S044M"), ("mine", "https://pdgliv\u0435.lbl.gov/"), ("mine", "https://pdglive%2elbl.gov/"),
])  # fmt: skip
def test_claims_of_a_built_source_are_refused_in_any_spelling(
    source: str, address: str | None, base: KnowledgeBase
) -> None:
    with pytest.raises(InputError, match="built source"):
        check_claims(source, address)
    item = base.teach("The ring is cold.", author="Li")
    for write in (base.teach, lambda text, **about: base.update(item.id, text, **about)):
        with pytest.raises(InputError, match="built source"):
            write(FALSE, source=source, url=address)
    assert [i.text for i in base.list()] == ["The ring is cold."]


def test_no_way_but_the_build_writes_data(base: KnowledgeBase) -> None:
    base.build([new_item("c is 1.", kind="data", item_id="pdg:1", attributes={"facts": []})], actor="source")
    forged = {
        "facts": [{"identifier": "S044M", "subjects": ["Z0"], "property": "mass", "name": "m", "value": 85.0}]
    }
    attempts = [
        new_item(FALSE, kind="data", attributes=forged), new_item(FALSE, kind="data", item_id="pdg:2", attributes=forged),
        new_item(FALSE, item_id="pdg:1", attributes=forged), new_item(FALSE, item_id="pdg:2", attributes=forged),
    ]  # fmt: skip
    for item in attempts:
        for write in (base.teach_many, base.change):
            with pytest.raises(InputError, match="built sources alone"):
                write([item])
    with pytest.raises(InputError, match="cannot remove item pdg:1"):
        base.change([new_item(FALSE)], withdrawn=["pdg:1"], actor="Li")
    with pytest.raises(InputError, match="built sources alone"):
        base.teach(FALSE, kind="data")
    with pytest.raises(InputError, match="built sources alone"):
        check_kind("statement", "codata:x")
    assert [(i.id, i.trust) for i in base.list()] == [("pdg:1", "built source")]


def test_an_item_keeps_its_kind(base: KnowledgeBase) -> None:
    base.build([new_item("c is 1.", kind="data", item_id="old", attributes={"facts": []})], actor="source")
    with pytest.raises(InputError, match="of the kind 'data'"):
        base.teach_many([new_item(FALSE, item_id="old")])


@pytest.mark.parametrize(
    ("author", "source"), [("Particle Data Group", ""), ("Li", "PDG 2026"), ("CODATA", "Review")]
)
def test_a_name_raises_nothing(author: str, source: str, base: KnowledgeBase) -> None:
    item = base.teach(FALSE, author=author, source=source)
    assert base.show(item.id).trust == "taught"
    assert base.search("mass of the Z", k=1)[0].trust == "taught"
    assert base.teach("The ring is cold.").trust == "anonymous"


def test_only_a_reviewer_reviews_and_nobody_their_own_word() -> None:
    check_reviewer("Marie", ["Marie"], "do it", own=["Li"])
    for actor, reviewers, own, part in (
        ("Li", ["Marie"], [], "reviewers here are Marie"), ("", ["Marie"], [], "nobody cannot do it"), ("Li", [], [], "no reviewers"),
        ("unknown", ["unknown"], [], "cannot"), ("Marie", ["Marie"], ["Marie"], "wrote it"),
        ("Jane  Doe", ["Jane  Doe"], ["Jane Doe"], "wrote it"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=part):
            check_reviewer(actor, reviewers, "do it", own)


def test_an_address_is_one_of_a_text() -> None:
    for address in (
        "https://example.org:80/x",
        "doi:10.1/x",
        "arXiv:2404.08001",
        "2404.08001",
        "10.1000/182",
        "localhost:80/x",
        None,
    ):
        check_claims("mine", address)
    for address in ("javascript:alert(1)", "data:text/html,x", "file:///etc/passwd"):
        with pytest.raises(InputError, match="cannot be the source"):
            check_claims("mine", address)
