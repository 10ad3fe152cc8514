"""`search` from the outside."""

from __future__ import annotations

import pytest


def test_the_best_passage_comes_first(yukawa):
    hits = yukawa("search", "storage ring circumference", "-k", "2", "--json").json
    assert "BEPCII" in hits[0]["text"]
    assert hits[0]["score"] >= hits[-1]["score"]
    assert {"id", "text", "score", "source", "url", "domain", "kind"} <= set(hits[0])
    assert "The BEPCII storage ring" in yukawa("search", "storage ring circumference").out


def test_filters_narrow(yukawa):
    assert [
        h["text"][:8] for h in yukawa("search", "target", "--domain", "neutron science", "--json").json
    ] == ["The CSNS"]
    assert yukawa("search", "target", "--author", "nobody", "--json").json == []
    assert yukawa("search", "target", "--kind", "qa", "--json").json == []
    assert yukawa("search", "target", "--source", "IHEP", "--json").json
    empty = yukawa("search", "target", "--author", "nobody")
    assert empty == (0, "", "nothing found\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["", ], "empty"),
        (["x", "-k", "0"], "k is 0"),
        (["x", "--kind", "note"], "is no kind"),
        (["x", "--domain", "physics"], "is no domain"),
        (["x", "--as-of", "1980-01-01"], "nothing was known"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused(yukawa, arguments, said):
    assert said in yukawa("search", *arguments).failed(2)
