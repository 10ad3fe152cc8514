"""When a failed request is worth another try, and how long to wait before it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with jitter.

    Attributes:
        attempts: requests in all, the first one counted.
        base_delay_s: middle of the first wait, in seconds; every further one doubles.
        longest_delay_s: no wait is longer; a server that asks for more is not asked again.
        jitter: numbers in [0, 1), so that many clients do not come back in step.
    """

    attempts: int = 4
    base_delay_s: float = 0.5
    longest_delay_s: float = 60.0
    jitter: Callable[[], float] = random.random

    def wait_s(self, failures: int, retry_after_s: float | None = None) -> float | None:
        """Seconds to wait after so many failures; None if there should be no further try.

        Args:
            failures: requests that have failed so far, at least 1.
            retry_after_s: what the server asked for; never undercut.
        """
        if failures >= self.attempts or (retry_after_s or 0.0) > self.longest_delay_s:
            return None
        backoff_s = self.base_delay_s * 2.0 ** (failures - 1) * (0.5 + self.jitter())
        return max(min(backoff_s, self.longest_delay_s), retry_after_s or 0.0)


def retry_after_s(header: str | None, now: datetime | None = None) -> float | None:
    """Seconds that a `Retry-After` header asks for: a number or an HTTP date (RFC 9110, 10.2.3).

    An absent or unreadable header gives None.
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return float(text)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
