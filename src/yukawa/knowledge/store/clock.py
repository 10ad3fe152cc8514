"""Whether the clock was set by more than a day: the order of events does not depend on it, their dates do.

A clock set back shows in the ledger, whose events then run backwards. One set forward does not: days without an event are nothing
unusual. It is seen by a second clock, which counts from the start of the system, while it sleeps too, and which nobody sets.
Beside the ledger it is noted what the two clocks showed apart when a change was written; where they are further apart now by
more than a day, the clock was set (or a virtual machine was halted meanwhile). That can be said between two changes from one
start of one machine; where a system does not name its starts (other than Linux), within one process.
"""

import functools
import json
import logging
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from yukawa.core.errors import InputError
from yukawa.core.files import parse_row, read_text
from yukawa.knowledge.records import moment
from yukawa.knowledge.store import counted
from yukawa.knowledge.store.database import fetch
from yukawa.knowledge.store.schema import CLOCKS, events

JUMP = 24 * 3600 * 10**6
"""By how much a clock may be wrong before that is reported, in microseconds."""
VERB = "clock"
"""Of the event that says that the clock was set, where the times of the others do not show it."""
_STARTS = 16  # of systems that are remembered
_NAME = Path("/proc/sys/kernel/random/boot_id")
log = logging.getLogger(__name__)


def now() -> int:
    """What the clock says, in microseconds since 1970."""
    return time.time_ns() // 1000


@functools.cache
def _start() -> str:
    """The name that the system gave to its last start; where it gives none, one for this process."""
    try:
        return read_text(_NAME).strip()
    except InputError:
        return secrets.token_hex(16)


def _since_start() -> int:
    """Microseconds since the start of the system, those that it slept included."""
    # Of Linux and of macOS; the monotonic clock of Windows counts while it sleeps.
    for name in ("CLOCK_BOOTTIME", "CLOCK_MONOTONIC"):
        if (clock := getattr(time, name, None)) is not None:
            return time.clock_gettime_ns(clock) // 1000
    return time.monotonic_ns() // 1000


def moved(connection: sa.Connection) -> int:
    """By how many microseconds the clock was set since this start of this machine was noted; 0 if it was not."""
    apart = now() - _since_start()
    return apart - _noted(connection).get(_start(), apart)


def note(connection: sa.Connection) -> int:
    """As `moved`; where it says something new, that is noted, in the transaction of a change."""
    known, apart = _noted(connection), now() - _since_start()
    before = known.pop(_start(), None)
    if before is not None and abs(apart - before) <= JUMP:
        return 0
    starts = [*known.items(), (_start(), apart)][-_STARTS:]
    counted.write_note(connection, CLOCKS, json.dumps(dict(starts)))
    return 0 if before is None else apart - before


def _noted(connection: sa.Connection) -> dict[str, int]:
    noted = counted.note(connection, CLOCKS)
    try:
        found = parse_row(noted, "the note of clocks") if noted is not None else {}
    except InputError:  # damaged: it is written anew
        return {}
    return {start: apart for start, apart in found.items() if isinstance(apart, int) and abs(apart) < 2**63}


def setting(by: int) -> str:
    """What to say of a clock that was set by so many microseconds."""
    return f"the clock was set {'forward' if by > 0 else 'back'} by {abs(by) / JUMP:,.1f} days"


def jump(ahead: int, behind: int) -> str:
    """What to say of an event dated `ahead` that was followed by one dated `behind` (microseconds)."""
    order = "their order is kept, their times are as a clock gave them"
    return f"an event dated {_date(ahead)} is followed by one dated {_date(behind)}; {order}"


def _date(at: int) -> str:
    try:
        return f"{moment(at):%Y-%m-%d %H:%M} UTC"
    except OverflowError:  # no calendar goes so far: it is damaged
        return f"{at:,} microseconds from 1970"


def jumps(connection: sa.Connection) -> Iterator[str]:
    """Where the clock was set by more than a day from one event to the next."""
    e, before = events.c, 0
    said = sa.case((e.reason_nonce == "", "the clock was set before this change"), else_=e.reason)
    for seq, at, verb, reason in connection.execute(sa.select(e.seq, e.time, e.verb, said).order_by(e.seq)):
        if before - at > JUMP:
            yield f"ledger: event {seq}: {jump(before, at)}"
        if verb == VERB:
            yield f"ledger: event {seq}: {reason}"
        before = at


def wrong_now(connection: sa.Connection) -> Iterator[str]:
    """Whether the clock is now more than a day before the last event, or was set since the last change from here."""
    newest = fetch(connection, "SELECT seq, time FROM events ORDER BY seq DESC LIMIT 1")
    seq, last = newest[0] if newest else (0, 0)
    if last - now() > JUMP:
        yield f"ledger: event {seq} is dated {_date(last)}, and the clock now says {_date(now())}"
    elif abs(by := moved(connection)) > JUMP:
        yield f"{setting(by)} since the base was last changed from this machine"


def report_clock(connection: sa.Connection, base: str) -> None:
    """Warn where the clock is wrong now, when a base is opened."""
    for line in wrong_now(connection):
        log.warning("%s: %s", base, line)
