"""Laws of the back-off, and the header that overrules it."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.llm.retry import RetryPolicy, retry_after_s

NOW = datetime(2026, 5, 1, 12, 0, 0, tzinfo=UTC)


@given(st.integers(1, 10), st.floats(0.001, 5), st.floats(0, 0.999), st.floats(0, 60))
def test_no_wait_is_shorter_than_asked_or_longer_than_allowed(attempts, base_s, jitter, asked_s):
    policy = RetryPolicy(attempts=attempts, base_delay_s=base_s, jitter=lambda: jitter)
    waits = [policy.wait_s(failures, asked_s) for failures in range(1, attempts)]
    assert all(asked_s <= wait <= policy.longest_delay_s for wait in waits)
    assert policy.wait_s(attempts, asked_s) is None


@given(st.floats(0, 0.999))
def test_waits_double(jitter):
    policy = RetryPolicy(attempts=5, base_delay_s=1.0, jitter=lambda: jitter)
    waits = [policy.wait_s(failures) for failures in (1, 2, 3, 4)]
    assert waits == pytest.approx([waits[0] * factor for factor in (1, 2, 4, 8)])


def test_jitter_spreads_the_first_wait_around_its_base():
    ends = [RetryPolicy(base_delay_s=2.0, jitter=lambda end=end: end).wait_s(1) for end in (0.0, 1.0)]
    assert ends == [1.0, 3.0]


def test_a_wait_beyond_the_longest_is_not_begun():
    assert RetryPolicy(longest_delay_s=60).wait_s(1, 61) is None


@given(st.integers(0, 10**6))
def test_seconds_and_dates_mean_the_same(seconds):
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)
    assert retry_after_s(date, NOW) == retry_after_s(str(seconds), NOW) == seconds


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-3", None),
        ("nan", None),
        ("1.2.3", None),
        ("Fri, 01 May 2026 11:00:00 GMT", 0.0),  # already past
        ("Fri, 01 May 2026 12:00:05 -0000", 5.0),  # a date without a zone counts as UTC
        (" 0.5 ", 0.5),
    ],
)
def test_odd_headers(header, expected):
    assert retry_after_s(header, NOW) == expected
