"""Measurements agree with the official API, papers with their identifiers; the most precise and the new ones are found."""

from __future__ import annotations

import re

import pytest

from yukawa.core.errors import InputError, NotFound
from yukawa.knowledge.parsing.particles import database_path
from yukawa.knowledge.sources.pdg.measurements import (
    Reference,
    as_json,
    bibtex,
    in_average,
    measurements,
    most_precise,
    new_ones,
)

QUANTITIES = ["S043M", "S044M", "S035T", "S126M", "S016MM", "S035.1", "M070W", "Q007TP", "S067P13"]


@pytest.mark.parametrize("identifier", QUANTITIES)
def test_the_official_api_has_the_same(identifier: str) -> None:
    import pdg

    theirs = {}
    for measured in (
        pdg.connect(f"sqlite:///{database_path()}", pedantic=False).get(identifier).get_measurements()
    ):
        for value in measured.values():
            theirs[(measured.reference.doi, value.column_name, value.value_text)] = measured, value
    mine = [one for one in measurements(identifier) if one.identifier == identifier]
    assert len(mine) >= len(theirs)
    for one in mine:
        match = [
            v
            for (doi, column, _), v in theirs.items()
            if (doi or "", column or "") == (one.reference.doi, one.column)
        ]
        assert any(
            value.value == one.value and bool(value.used_in_average) == one.in_average for _, value in match
        ), one


def test_errors_add_up() -> None:
    checked = 0
    for identifier in QUANTITIES:
        for one in measurements(identifier):
            if one.statistical and one.systematic and one.error_plus:
                assert one.error_plus == pytest.approx(
                    (one.statistical[0] ** 2 + one.systematic[0] ** 2) ** 0.5, rel=0.02
                )
                checked += 1
    assert checked > 40


def test_who_measured_the_w_mass() -> None:
    found = measurements("S043M")
    best, used = most_precise(found), most_precise(in_average(found))
    assert best is not None
    assert used is not None
    assert (best.experiment, best.in_average) == ("CDF", False)
    assert (used.experiment, used.printed) == ("CMS", "80.3602 ± 0.0024 ± 0.0096 GeV")
    assert used.reference.url == "https://doi.org/10.1038/s41586-026-10168-5"
    assert {"ATLAS", "LHCb", "D0", "DELPHI", "OPAL", "L3", "ALEPH", "CMS"} == {
        one.experiment for one in in_average(found)
    }
    assert [one.experiment for one in new_ones(found)] == ["CMS"]
    assert any(note.startswith("Chekhovsky 2026 analyse") for note in used.footnotes)


def test_by_experiment() -> None:
    atlas = measurements("S043M", experiment="atlas")
    assert atlas
    assert {one.experiment for one in atlas} == {"ATLAS"}
    assert measurements("S043M", experiment="ATLS") == atlas
    assert measurements("S043M", experiment="BaBar") == []


def test_a_mode_has_the_measurements_of_its_ratios() -> None:
    assert {one.identifier for one in measurements("S035.1")} > {"S035R1"}


def test_plain_data() -> None:
    row = as_json(measurements("S043M")[0])
    assert row["reference"]["inspire"] == "2860928"  # type: ignore[index]


def test_what_is_not_there() -> None:
    with pytest.raises(NotFound, match="S999"):
        measurements("S999")
    with pytest.raises(InputError, match="edition 2024"):
        measurements("S043M", edition="2024")


def test_bibtex() -> None:
    papers = [one.reference for one in measurements("S043M")]
    text = bibtex(papers + papers)
    keys = re.findall(r"@article\{([^,]+),", text)
    assert len(keys) == len(set(keys)) == len(set(papers))
    assert text.count("{") == text.count("}")
    assert 'doi = "10.1140/epjc/s10052-024-13190-x"' in text
    entry = bibtex(
        [Reference("Aaij 2022C", "JHEP 2201 036", 2022, "", "1915806", "Measurement of the W boson mass")]
    )
    assert 'journal = "JHEP",\n    volume = "01",\n    pages = "036"' in entry
    assert 'journal = "Thesis Bonn"' in bibtex([Reference("Li 1999", "Thesis Bonn", None, "", "", "")])
