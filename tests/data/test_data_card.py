"""The card: every figure of the manifest that people ask for, and the sections it was given."""

from __future__ import annotations

from yukawa.data.data_card import render_card
from yukawa.data.manifest import DatasetManifest, SplitRecord


def split(name: str, categories: dict[str, int]) -> SplitRecord:
    return SplitRecord(
        name=name,  # type: ignore[arg-type]
        path=f"{name}.parquet",
        rows=sum(categories.values()),
        characters=1_234_567,
        sources={"arXiv metadata": sum(categories.values())},
        licences={"CC0-1.0": sum(categories.values())},
        categories=categories,
        size=1,
        sha256="0123456789abcdef" * 4,
    )


def manifest(*splits: SplitRecord) -> DatasetManifest:
    return DatasetManifest(kind="document", title="Abstracts", made={}, versions={}, splits=splits)


def test_the_card_says_what_the_manifest_holds():
    splits = (split("train", {"hep-th": 1500, "gr-qc": 2}), split("test", {"gr-qc": 3}))
    lines = render_card(manifest(*splits), [("How", "By hand.\n")]).splitlines()
    assert lines[0] == "# Abstracts"
    assert "| train | `train.parquet` | 1,502 | 1,234,567 | `0123456789abcdef…` |" in lines
    assert lines[lines.index("## How") + 2] == "By hand."
    assert lines.index("| hep-th | 1,500 | 0 |") < lines.index("| gr-qc | 2 | 3 |")
    assert "| CC0-1.0 | 1,502 | 3 |" in lines


def test_many_categories_are_cut_and_it_says_so():
    card = render_card(manifest(split("train", {f"c{number:02}": 1 for number in range(40)})))
    assert "| c29 | 1 |" in card
    assert "c30" not in card
    assert "| 10 more, see the manifest | |" in card


def test_tokens_are_a_column_where_they_were_counted():
    one = split("train", {"c": 1}).model_copy(update={"tokens": 98_765})
    counted = manifest(one).model_copy(update={"tokenizer": "tiny"})
    lines = render_card(counted).splitlines()
    assert "| split | file | rows | characters | tokens | SHA-256 |" in lines
    assert "| train | `train.parquet` | 1 | 1,234,567 | 98,765 | `0123456789abcdef…` |" in lines
    assert "Tokens of the texts alone, counted with the tokenizer `tiny`." in lines
    assert "tokens" not in render_card(manifest(one)).lower()


def test_every_table_has_the_same_columns_throughout():
    card = render_card(manifest(split("train", {f"c{n}": 1 for n in range(99)}), split("test", {})))
    for block in card.split("\n\n"):
        rows = [line for line in block.splitlines() if line.startswith("|")]
        assert len({line.count("|") for line in rows}) <= 1
