"""Moments and the small value objects."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.knowledge.records import Report, microseconds, moment

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
    assert Report(1, 1, 1).clean
    assert not Report(1, 1, 1, ("item k1: text changed",)).clean
