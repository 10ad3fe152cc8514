"""Filters are checked before anything is opened."""

from __future__ import annotations

import pytest

from yukawa.cli.options import checked_filters
from yukawa.core.errors import InputError
from yukawa.knowledge.records import DOMAINS, KINDS


def test_every_domain_and_kind_passes():
    checked_filters()
    for domain in DOMAINS:
        for kind in KINDS:
            checked_filters(domain, kind)


@pytest.mark.parametrize(
    ("domain", "kind", "near"),
    [("partcle physics", None, "particle physics"), (None, "statment", "statement")],
)
def test_another_one_is_refused_with_the_nearest(domain, kind, near):
    with pytest.raises(InputError, match=f"did you mean '{near}'"):
        checked_filters(domain, kind)
