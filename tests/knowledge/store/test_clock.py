"""A clock that was set is reported when it happens; days that pass are not."""

from __future__ import annotations

import json
import secrets
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.store import clock
from yukawa.knowledge.store.schema import CLOCKS, meta

HOUR = 3600 * 10**6
DAY = 24 * HOUR


class Machine:
    """A machine whose clock can be set, and time that passes."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.shown, self.since_start, self.start = time.time_ns() // 1000, 5 * DAY, "this start"
        patch.setattr(time, "time_ns", lambda: self.shown * 1000)
        patch.setattr(clock, "_since_start", lambda: self.since_start)
        patch.setattr(clock, "_start", lambda: self.start)

    def wait(self, microseconds: int) -> None:
        """Let time pass."""
        self.shown += microseconds
        self.since_start += microseconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The machine that the test runs on."""
    return Machine(monkeypatch)


def teach(base: KnowledgeBase) -> None:
    """Change a base."""
    base.teach(f"Reading {secrets.token_hex(8)} was taken.", source="s")


@pytest.mark.slow
@settings(max_examples=12)
@given(
    st.lists(st.tuples(st.integers(0, 900), st.sampled_from([0, 0, 20, -20, 30, -30, 4_000])), max_size=5),
)
def test_what_was_set_is_reported_and_what_passed_is_not(steps: list[tuple[int, int]]) -> None:
    """Each change comes some days after the one before, and some hours by which the clock was set; each setting of over a day
    is a note, also where days passed that hide it from the ledger."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        machine = Machine(patch)
        with KnowledgeBase.open(folder, embedding="none") as base:
            teach(base)
            wanted, apart = [], 0
            for days, hours in steps:
                machine.wait(days * DAY + 1)
                machine.shown += hours * HOUR
                apart += hours
                teach(base)
                if abs(apart) > 24:
                    back = apart < 0 and days * 24 + hours < -24
                    wanted.append("followed by" if back else "forward" if apart > 0 else "back")
                    apart = 0
            report = base.verify()
            assert report.clean
            assert len(report.notes) == len(wanted)
            assert all(word in note for word, note in zip(wanted, report.notes, strict=True))


def test_it_is_said_at_the_opening_and_at_the_change(
    tmp_path: Path, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    with KnowledgeBase.open(tmp_path, embedding="none") as base:
        teach(base)
    machine.wait(400 * DAY)
    with KnowledgeBase.open(tmp_path) as base:
        assert caplog.text == ""
    machine.shown += 2 * DAY
    with KnowledgeBase.open(tmp_path) as base:
        assert "the clock was set forward by 2.0 days since the base was last changed" in caplog.text
        assert "set forward by 2.0 days" in base.verify().notes[0]
        caplog.clear()
        teach(base)
        assert "the clock was set forward by 2.0 days" in caplog.text
        caplog.clear()
        teach(base)
    machine.shown -= 2 * DAY
    with KnowledgeBase.open(tmp_path) as base:
        assert "is dated" in caplog.text
        assert "the clock now says" in caplog.text
        said, now = base.verify().notes
    assert "the clock was set forward by 2.0 days before this change" in said
    assert "the clock now says" in now


def test_other_starts_and_other_machines_are_not_compared(tmp_path: Path, machine: Machine) -> None:
    with KnowledgeBase.open(tmp_path, embedding="none") as base:
        for number in range(40):
            machine.start, machine.since_start = f"start {number}", number * 3 * DAY
            teach(base)
            machine.wait(HOUR)
        assert base.verify().notes == ()
        with base.store.read() as connection:
            kept = connection.execute(sa.select(meta.c.value).where(meta.c.key == CLOCKS)).scalar_one()
        assert len(json.loads(kept)) < 20
        for _ in range(2):  # two machines take turns, and the clock of one is set
            for start in ("start 39", "start 38"):
                machine.start, machine.since_start = start, int(start[6:]) * 3 * DAY + 2 * HOUR
                teach(base)
        assert base.verify().notes == ()
        machine.shown += 2 * DAY
        teach(base)
        assert len(base.verify().notes) == 1


def test_it_stays_with_an_export_and_the_note_does_not(tmp_path: Path, machine: Machine) -> None:
    with KnowledgeBase.open(tmp_path / "a", embedding="none") as base:
        teach(base)
        machine.shown += 3 * DAY
        teach(base)
        base.export(tmp_path / "export.jsonl")
        (note,) = base.verify().notes
    assert CLOCKS not in (tmp_path / "export.jsonl").read_text().replace('"clock"', "")
    with KnowledgeBase.open(tmp_path / "b", embedding="none") as copy:
        copy.import_(tmp_path / "export.jsonl")
        assert copy.verify().notes == (note,)
        assert copy.verify().clean


@pytest.mark.parametrize(
    "damaged",
    ["", "{", "[1]", '{"this start": "x"}', '{"this start": null}', "{}", f'{{"this start": {10**400}}}'],
)
def test_a_damaged_note_is_written_anew(tmp_path: Path, machine: Machine, damaged: str) -> None:
    with KnowledgeBase.open(tmp_path, embedding="none") as base:
        base.set_meta(CLOCKS, damaged)
        teach(base)
        assert base.verify().notes == ()
        machine.shown += 2 * DAY
        teach(base)
        assert "set forward" in base.verify().notes[0]


@pytest.fixture
def fresh() -> Iterator[None]:
    """The name of the start is found anew."""
    clock._start.cache_clear()
    yield
    clock._start.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_a_system_that_names_no_start_is_compared_within_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_: Path) -> str:
        raise InputError("there is no such file")

    monkeypatch.setattr(clock, "read_text", missing)
    with KnowledgeBase.open(tmp_path, embedding="none") as base:
        teach(base)
        shown = time.time_ns
        monkeypatch.setattr(time, "time_ns", lambda: shown() + 2 * DAY * 1000)
        assert "set forward by 2.0 days" in base.verify().notes[0]


def test_the_second_clock_runs() -> None:
    before = clock._since_start()
    time.sleep(0.01)
    assert 0.005 < (clock._since_start() - before) / 1e6 < 5


@pytest.mark.parametrize("at", [2**62, -(2**62), 0])
def test_a_base_whose_last_date_is_damaged_can_be_opened(
    tmp_path: Path, at: int, caplog: pytest.LogCaptureFixture
) -> None:
    with KnowledgeBase.open(tmp_path, embedding="none") as base:
        teach(base)
    with sqlite3.connect(tmp_path / "knowledge.sqlite") as other:
        other.execute("DROP TRIGGER events_no_update")
        other.execute("UPDATE events SET time = ?", [at])
    other.close()
    with KnowledgeBase.open(tmp_path) as base:
        assert ("is dated 4,611,686,018,427,387,904 microseconds from 1970" in caplog.text) == (at > 0)
        assert any("was changed after it was written" in line for line in base.verify().problems)
