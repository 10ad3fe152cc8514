"""Items, hits and answers show themselves; unknown domains and kinds are refused."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.records import (
    DOMAINS,
    KINDS,
    VerifyReport,
    check_filters,
    markdown,
    microseconds,
    moment,
)

times = st.datetimes(dt.datetime(1980, 1, 1), dt.datetime(2100, 1, 1), timezones=st.just(dt.UTC))


@given(times)
def test_moments_come_back_to_the_microsecond_from_objects_and_from_text(time: dt.datetime) -> None:
    count = microseconds(time)
    assert count is not None
    assert moment(count) == time
    assert microseconds(time.isoformat()) == count
    assert microseconds(time.isoformat().replace("+00:00", "Z")) == count


@given(times, st.integers(-12, 14))
def test_one_moment_has_one_number_in_every_zone(time: dt.datetime, hours: int) -> None:
    there = time.astimezone(dt.timezone(dt.timedelta(hours=hours)))
    assert microseconds(there.isoformat()) == microseconds(time)


@given(times, times)
def test_the_order_of_moments_is_kept(a: dt.datetime, b: dt.datetime) -> None:
    assert ((microseconds(a) or 0) < (microseconds(b) or 0)) == (a < b)


def test_no_moment_is_none() -> None:
    assert microseconds(None) is None
    assert moment(None) is None
    assert microseconds("1970-01-01T00:00:00+00:00") == 0
    assert moment(0) == dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2026-13-01",
        "21.11.2026",
        "2026-11-21T25:00",
        "0001-01-01",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_what_is_no_time_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError, match="2026") as caught:
        microseconds(text)
    assert "\n" not in str(caught.value)


def test_a_report_without_problems_is_clean() -> None:
    assert VerifyReport(1, 1, 1).clean
    assert not VerifyReport(1, 1, 1, ("item k1: text changed",)).clean


def test_a_notebook_shows_value_and_source(base: KnowledgeBase) -> None:
    label, address = "TDR_2", "https://example.org/tdr"
    item = base.teach(
        "The ring is 237.5 m long.", question="How long is the *ring*?", source=label, url=address
    )
    assert (
        repr(item) == f"Item({item.id!r}, qa version 1, taught: 'The ring is 237.5 m long.', source 'TDR_2')"
    )
    shown = (
        "**How long is the \\*ring\\*?**\n\nThe ring is 237.5 m long.\n\n[TDR\\_2](https://example.org/tdr)"
    )
    assert item._repr_markdown_() == shown
    (hit,) = base.search("ring", k=1)
    assert repr(hit).startswith(f"Hit({item.id!r}, 0.")
    assert hit._repr_markdown_() == shown
    assert repr(base) == f"<KnowledgeBase {base.store.name}>"
    assert "1 items (1 qa), embedding hash" in base._repr_markdown_()
    other = base.teach("The ring is 240 m long.", question="How long is the *ring*?", source="slide")
    assert "conflicts with: 'The ring is 237.5 m long.' (anonymous, 'TDR\\_2', on " in other._repr_markdown_()
    assert repr(base.unload(other.id)).startswith(f"Item({other.id!r}, qa version 1, unloaded: ")


@pytest.mark.parametrize("text", ["a*b_c", "[x](y) <b> $m$ `c` #1 a|b ~~d~~", "\\\\"])
def test_markdown_shows_a_text_as_it_is(text: str) -> None:
    assert re.sub(r"\\(.)", r"\1", markdown(text)) == text


def test_there_are_eight_domains() -> None:
    assert len(set(DOMAINS)) == 8


def test_every_domain_and_kind_passes() -> None:
    check_filters()
    for domain in DOMAINS:
        for kind in KINDS:
            check_filters(domain, kind)


@pytest.mark.parametrize(
    ("domain", "kind", "near"),
    [("partcle physics", None, "particle physics"), (None, "statment", "statement")],
)
def test_another_one_is_refused_with_the_nearest(domain: str | None, kind: str | None, near: str) -> None:
    with pytest.raises(InputError, match=f"did you mean '{near}'"):
        check_filters(domain, kind)
