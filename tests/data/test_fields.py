"""Categories of arXiv and the eight fields: each category decides alone, the primary one first, and the filter counts."""

import json
from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.data import Document, build_abstracts, make_filters
from yukawa.data.fields import CATEGORIES, FieldFilter, check_fields, field_of_categories, field_of_category
from yukawa.knowledge.records import DOMAINS


def test_every_category_is_of_one_of_the_eight_fields() -> None:
    assert set(CATEGORIES.values()) <= set(DOMAINS)


@pytest.mark.parametrize(("categories", "field"), [
    ("hep-ph", "particle physics"), ("hep-ex hep-ph", "particle physics"), ("hep-th gr-qc", "theoretical physics"),
    ("gr-qc", "theoretical physics"), ("gr-qc astro-ph.CO", "particle astrophysics"), ("astro-ph", "particle astrophysics"),
    ("nucl-ex", "experimental physics"), ("nucl-ex hep-ex", "particle physics"), ("physics.ins-det hep-ex", "experimental physics"),
    ("physics.acc-ph", "accelerator physics"), ("cs.LG hep-ph", "computer science"), ("quant-ph hep-th", "theoretical physics"),
    ("quant-ph", None), ("cond-mat.str-el hep-th", None), ("math.AG hep-th", None), ("q-bio.NC cs.LG", None),
    ("math.NA cs.NA", "computer science"),
    ("", None), ("hep", None),
])  # fmt: skip
def test_the_field_of_a_paper(categories: str, field: str | None) -> None:
    assert field_of_categories(categories.split()) == field


def test_another_category_behind_the_primary_one_changes_no_field_that_is_decided() -> None:
    for first in CATEGORIES:
        for second in (*CATEGORIES, "q-bio.NC", "cs.LG", "gr-qc", ""):
            assert field_of_categories([first, second]) == field_of_category(first)


def test_fields_without_a_category() -> None:
    assert len(check_fields(DOMAINS)) == 6
    with pytest.raises(InputError, match="no category of neutron science"):
        check_fields(["neutron science", "particle physics"])
    with pytest.raises(InputError, match="field 'particle physic'"):
        FieldFilter(["particle physic"])


def test_abstracts_of_some_fields(tmp_path: Path) -> None:
    rows = [
        {"id": f"{name}/{n}", "categories": name, "abstract": f"On {name} {n}."}
        for name in ("hep-ph", "cs.LG", "q-bio")
        for n in range(9)
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    made = build_abstracts(
        [tmp_path / "a.jsonl"],
        tmp_path / "set",
        filters=make_filters(fields=["particle physics"]),
        suffix=".jsonl",
    )
    assert made.manifest.rows == 9
    assert made.dropped == {"of computer science": 9, "of none of the eight fields": 9}
    assert made.manifest.made["filters"][0]["fields"] == {"particle physics": 9}


def test_what_is_no_document_is_of_no_field() -> None:
    one = FieldFilter(["particle physics"])
    rows = [
        Document(id="a", text="x", source="s", categories=("hep-ph",)),
        Document(id="b", text="x", source="s"),
    ]
    assert list(one.keeps(rows)) == [True, False]
