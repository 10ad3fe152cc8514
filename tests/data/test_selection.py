"""Selection and cleaning: FeynTune's rules to the letter, and stricter ones that do what they mean."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.data.arxiv import Paper, read_papers
from yukawa.data.selection import (
    FEYNTUNE,
    METHODS,
    OTHER_ARCHIVE,
    STRICT,
    WITHDRAWN,
    clean_newlines,
    clean_spaces,
    contains_archive,
    find_method,
    in_archive,
    is_withdrawn,
    mentions_withdrawal,
    select,
)

TEXT = st.text(st.characters(codec="utf-8") | st.sampled_from(" \n\t\r\u00a0\u0301eÅ"), max_size=60)


def paper(
    abstract: str = "We study strings.", categories: str = "hep-th", comments: str | None = None
) -> Paper:
    return Paper(id="1", categories=categories, abstract=abstract, comments=comments)


@given(TEXT)
@pytest.mark.parametrize("clean", [clean_newlines, clean_spaces])
def test_cleaning_twice_is_cleaning_once(clean, text: str):
    once = clean(text)
    assert clean(once) == once
    assert "\n" not in once
    assert once == once.strip()


@given(TEXT)
def test_cleaning_touches_white_space_alone(text: str):
    assert "".join(clean_newlines(text).split()) == "".join(text.split())


def test_the_snapshot_is_cleaned():
    text = "  A fully differential calculation in QCD is\npresented.\n  New paragraph,  two spaces.\n"
    assert (
        clean_newlines(text)
        == "A fully differential calculation in QCD is presented. New paragraph,  two spaces."
    )
    assert (
        clean_spaces(text)
        == "A fully differential calculation in QCD is presented. New paragraph, two spaces."
    )
    assert clean_spaces("Poincare\u0301\u00a0group") == "Poincaré group"


@pytest.mark.parametrize(
    ("primary", "archive", "strict", "feyntune"),
    [
        ("cs.LG", "cs", True, True),
        ("physics.optics", "cs", False, True),  # the substring `cs.`
        ("physics.optics", "physics", True, True),
        ("hep-th", "hep-th", True, True),
        ("q-bio.NC", "q-bio", True, True),
        ("math-ph", "math", False, True),
        ("cs.LG", "cs.LG", True, True),
        ("cs.LG", "cs.L", False, True),
        ("gr-qc", "hep-th", False, False),
    ],
)
def test_archives_match_whole_or_as_a_substring(primary: str, archive: str, strict: bool, feyntune: bool):
    assert in_archive(primary, archive) is strict
    assert contains_archive(primary, archive) is feyntune


@pytest.mark.parametrize(
    ("abstract", "comments", "strict", "feyntune"),
    [
        ("This paper has been withdrawn by the author(s).", None, True, True),
        ("Withdrawn. We thank J. T. Liu for bringing this to our attention.", None, True, True),
        ("(Withdrawn) Collaborative security initiatives are on the rise.", None, True, True),
        ("This comment is hereby withdrawn, because the paper by D. S. is right.", None, True, True),
        ("WITHDRAWN", None, True, False),
        ("I have withdrawn the paper, after having incorporated it in another.", None, True, True),
        ("As the magnet is withdrawn, the liquid recovers its quasi-static state.", None, False, True),
        ("His theory was withdrawn from physics in the early twenties.", None, False, True),
        ("We study strings.", "This paper was WITHDRAWN", True, True),
        ("We study strings.", "notwithdrawnyet", False, True),
        ("We study strings.", "12 pages", False, False),
        ("We study strings.", None, False, False),
    ],
)
def test_withdrawn_papers(abstract: str, comments: str | None, strict: bool, feyntune: bool):
    assert is_withdrawn(paper(abstract, comments=comments)) is strict
    assert mentions_withdrawal(paper(abstract, comments=comments)) is feyntune


def test_of_the_real_abstracts_the_strict_rule_keeps_what_only_has_the_word(real_data: Path):
    papers = [p for file in (real_data / "arxiv").glob("*.gz") for p in read_papers(file)]
    named = [p for p in papers if mentions_withdrawal(p)]
    notices = [p for p in papers if is_withdrawn(p)]
    assert set(map(id, notices)) <= set(map(id, named))
    assert 20 <= len(notices) < len(named)
    # Whoever is kept says the word of something else, at length; whoever goes is short but for a few.
    short = [p for p in named if len(p.abstract or "") < 200]
    assert sum(is_withdrawn(p) for p in short) >= 0.95 * len(short)


def test_selected_and_dropped_are_all():
    papers = [paper(), paper(categories="cs.LG"), paper("Withdrawn."), paper(categories="hep-th cs.LG")]
    for method in METHODS.values():
        dropped: Counter[str] = Counter()
        documents = list(select(papers, method, ["hep-th"], dropped))
        assert dropped == {OTHER_ARCHIVE: 1, WITHDRAWN: 1}
        assert [document.categories for document in documents] == [("hep-th",), ("hep-th", "cs.LG")]
        assert len(list(select(papers, method, None, Counter()))) == 3


def test_a_document_knows_where_it_came_from():
    one = Paper(
        id="a/1", categories=["gr-qc", "hep-th"], abstract=" x\n y ", title="On\n  x", created="1997-11-27"
    )
    (document,) = select([one], FEYNTUNE, None, Counter())
    assert (document.id, document.text, document.title) == ("a/1", "x y", "On x")
    assert (document.source, document.licence, str(document.created)) == (
        "arXiv metadata",
        "CC0-1.0",
        "1997-11-27",
    )


def test_feyntune_is_its_notebook_in_pandas(real_data: Path):
    import pandas as pd

    file = real_data / "arxiv" / "hep_1991_2019.jsonl.gz"
    frame = pd.read_json(file, lines=True, dtype=False)
    frame["abstract"] = "  " + frame["abstract"].str.replace(". ", ".\n  ", regex=False) + "\n"
    kept = frame[frame["categories"].str[0].str.contains("hep-th", regex=False)]
    kept = kept[~kept["abstract"].str.contains("withdrawn") & ~kept["abstract"].str.contains("Withdrawn")]
    texts = kept["abstract"].str.replace(r"\n\s*", " ", regex=True).str.strip()
    papers = list(read_papers(file))
    for one in papers:
        one.abstract = "  " + (one.abstract or "").replace(". ", ".\n  ") + "\n"
    ours = list(select(papers, FEYNTUNE, ["hep-th"], Counter()))
    assert [document.id for document in ours] == kept["id"].tolist()
    assert [document.text for document in ours] == texts.tolist()
    assert len(ours) == 8413


def test_methods_are_found_by_name():
    assert find_method("strict") is STRICT
    with pytest.raises(InputError, match=r"'feyntun'.*did you mean 'feyntune'.*feyntune, strict"):
        find_method("feyntun")
    assert replace(FEYNTUNE, drop_repeats=True).matches("cs.LG", "cs")  # a method is made of another
