"""A data set is the same however it was made: by how many workers, broken off how often, grown in what steps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from yukawa.core.errors import InputError, MissingPackage, StoreError
from yukawa.jets.io.source import MANIFEST, SPLITS, check_manifest, open_source
from yukawa.jets.simulation import events, produce, production
from yukawa.jets.simulation import simulate_events as simulate_with_pythia
from yukawa.jets.simulation.cards import Card, Process, ProcessSample, load_card, load_process
from yukawa.jets.simulation.production import JOURNAL
from yukawa.jets.table import Jets

CARD = load_card()
ORIGIN = load_process()
PROCESS = ORIGIN.model_copy(update={"samples": (ORIGIN.sample("uu"), ORIGIN.sample("gg"))})
BLOCK, JETS = 10, 25


def simulate_events(process: Process, sample: ProcessSample, card: Card, events: int, seed: int) -> Jets:
    """Jets made quickly: two of one particle each per event, all numbers from the seed."""
    rng = np.random.default_rng([seed, int(1000 * card.jet_energy_scale)])
    count = 2 * events
    kind = np.arange(count) % len(sample.classes)
    labels = {
        f"label_{name}": np.array([sample.classes[k] == name for k in kind], bool) for name in process.classes
    }
    scalars = {"jet_event": np.repeat(np.arange(events), 2), "jet_pt": rng.random(count), **labels}
    return Jets(np.arange(count + 1), {"part_px": rng.random(count)}, scalars)


@pytest.fixture(autouse=True)
def _small_and_quick(monkeypatch):
    monkeypatch.setattr(events, "BLOCK", BLOCK)
    monkeypatch.setattr(events, "simulate_events", simulate_events)


def make(out: Path, jets: int = JETS, *, seed: int = 1, workers: int = 1, **changes):
    return produce(out, PROCESS, CARD, jets, seed, workers=workers, **changes)


def content(folder: Path) -> dict[str, bytes]:
    """All files, by relative path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def unbroken(tmp_path) -> dict[str, bytes]:
    """What one worker makes without a break."""
    make(tmp_path / "unbroken")
    return content(tmp_path / "unbroken")


@pytest.fixture(scope="session")
def real(tmp_path_factory) -> dict[str, bytes]:
    """The same with jets from Pythia."""
    out = tmp_path_factory.mktemp("real")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(events, "BLOCK", BLOCK)
        patch.setattr(events, "simulate_events", simulate_with_pythia)
        make(out)
    return content(out)


@pytest.fixture
def finished(unbroken, tmp_path) -> Path:
    """A copy of it."""
    out = tmp_path / "finished"
    for name, data in unbroken.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_bytes(data)
    return out


@pytest.fixture
def never_simulates(monkeypatch):
    monkeypatch.setattr(events, "simulate_events", lambda *_: pytest.fail("jets were made again"))


def test_counts_are_exact_and_events_stay_whole(finished):
    manifest = check_manifest(finished, full=True)
    assert manifest.jets_per_class == JETS
    for split, jets in zip(SPLITS, (15, 5, 5), strict=True):
        counts = manifest.counts[split]
        assert counts == {"u": jets, "ubar": jets, "g": pytest.approx(jets, abs=1)}  # of gluons, 2 an event
    numbers = [set(open_source(finished, split).read().scalars["jet_event"]) for split in SPLITS]
    assert sum(map(len, numbers)) == len(set().union(*numbers)) == JETS + (JETS + 1) // 2
    assert sum(counts["g"] for counts in manifest.counts.values()) == JETS


@pytest.mark.slow
def test_several_workers_make_the_same_bytes(real, tmp_path):
    make(tmp_path / "set", workers=3)
    assert content(tmp_path / "set") == real


def test_a_smaller_set_is_the_first_part_of_a_larger(unbroken, tmp_path):
    out = tmp_path / "set"
    make(out, 2 * BLOCK)
    small = content(out)
    assert {name: data for name, data in unbroken.items() if name in small and name != MANIFEST} == {
        name: data for name, data in small.items() if name != MANIFEST
    }
    # Grown by half a block, it is the larger one.
    grown = make(out, JETS)
    assert content(out) == unbroken
    assert grown == check_manifest(out)


def test_another_seed_or_card_makes_other_jets(finished, tmp_path):
    first = open_source(finished).read().scalars["jet_pt"]
    blind = CARD.model_copy(update={"jet_energy_scale": 1.5})
    produce(tmp_path / "card", PROCESS, blind, BLOCK, 1, workers=1)
    make(tmp_path / "seed", BLOCK, seed=2)
    for name in ("card", "seed"):
        assert not np.intersect1d(first, open_source(tmp_path / name).read().scalars["jet_pt"]).size


def test_a_finished_set_answers_at_once(finished, unbroken, never_simulates):
    calls: list[tuple[int, int]] = []
    manifest = make(finished, progress=lambda *call: calls.append(call))
    assert manifest.jets == JETS * 3
    assert calls == []
    assert content(finished) == unbroken


def test_progress_counts_every_jet(tmp_path):
    calls: list[tuple[int, int]] = []
    make(tmp_path, 12, progress=lambda *call: calls.append(call))
    assert calls[0] == (0, 36)
    assert calls[-1] == (36, 36)
    assert calls == sorted(calls)


def test_a_shard_says_where_it_is_from(finished):
    assert pq.read_schema(finished / "train" / "00002.parquet").metadata == {
        b"process": b"jet-origin", b"card": b"cepc", b"seed": b"1", b"block": b"2",
    }  # fmt: skip


SCRIPT = """
    import sys
    from pathlib import Path
    from yukawa.jets.simulation import events, load_card, load_process, produce

    if __name__ == "__main__":
        events.BLOCK = {block}
        origin = load_process()
        process = origin.model_copy(update={{"samples": (origin.sample("uu"), origin.sample("gg"))}})
        show = lambda done, total: print(done, total, flush=True)
        produce(Path(sys.argv[1]), process, load_card(), {jets}, 1, workers=2, progress=show)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_killed_run_continues_to_the_same_bytes(real, tmp_path, monkeypatch):
    script, out = tmp_path / "script.py", tmp_path / "set"
    script.write_text(textwrap.dedent(SCRIPT.format(block=BLOCK, jets=JETS)))
    with subprocess.Popen(
        [sys.executable, str(script), str(out)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        for line in process.stdout:  # until one block is recorded and others are under way
            if (out / JOURNAL).exists() and (out / JOURNAL).read_bytes().count(b"\n") > 1:
                break
            assert line.split()[0] != line.split()[1], "it ended before it was stopped"
        os.killpg(process.pid, signal.SIGKILL)
    assert not (out / MANIFEST).exists()
    (out / "train" / ".0123456789abcdef.part").write_bytes(b"half a shard")
    kept = {path: path.stat().st_mtime_ns for path in recorded(out)}
    monkeypatch.setattr(events, "simulate_events", simulate_with_pythia)
    make(out)
    assert content(out) == real
    assert kept
    assert all(path.stat().st_mtime_ns == time_ns for path, time_ns in kept.items())


def recorded(out: Path) -> set[Path]:
    rows = map(json.loads, (out / JOURNAL).read_bytes().splitlines()[1:])
    return {out / shard["path"] for row in rows for shard in row["shards"]}


def interrupted(finished: Path, blocks_made: int, tail: bytes = b"") -> None:
    """Take a finished set back to when so many blocks were made."""
    manifest = json.loads((finished / MANIFEST).read_bytes())
    shards = manifest.pop("shards")
    rows = [manifest | {"shards": []}]
    rows += [
        {"shards": [shard for shard in shards if f"/{number:05d}." in shard["path"]]}
        for number in range(blocks_made)
    ]
    (finished / MANIFEST).unlink()
    (finished / JOURNAL).write_bytes(b"".join(json.dumps(row).encode() + b"\n" for row in rows) + tail)


@pytest.mark.parametrize(
    "tail", [b"", b'{"shards": [{"path": "train/0', b"{}\n", b'{"shards": [{}]}\n', b"\xff\n"]
)
def test_a_torn_journal_costs_one_block_at_most(finished, unbroken, monkeypatch, tail):
    interrupted(finished, 2, tail)
    numbers = spy(monkeypatch)
    make(finished)
    assert numbers == [2]
    assert content(finished) == unbroken


def cut(data: bytes) -> bytes:
    return data[:-100]


def flipped(data: bytes) -> bytes:
    return data[:300] + bytes([data[300] ^ 1]) + data[301:]


# A finished set is checked by size and number of jets only.
@pytest.mark.parametrize(
    ("damage", "begun"), [(cut, True), (cut, False), (flipped, True), (None, True), (None, False)]
)
def test_a_damaged_shard_is_made_again_and_only_that(finished, unbroken, monkeypatch, damage, begun):
    shard = finished / "train" / "00001.parquet"
    shard.write_bytes(damage(shard.read_bytes())) if damage else shard.unlink()
    if begun:
        interrupted(finished, 3)
    numbers = spy(monkeypatch)
    make(finished)
    assert numbers == [1]
    assert content(finished) == unbroken


def spy(monkeypatch) -> list[int]:
    """The numbers of the blocks that are made from now on."""
    numbers: list[int] = []
    real = production.make_block

    def make_block(process, card, seed, sizes, number, told):
        numbers.append(number)
        return real(process, card, seed, sizes, number, told)

    monkeypatch.setattr(production, "make_block", make_block)
    return numbers


def test_a_set_that_was_whole_but_not_signed_is_signed(finished, unbroken, never_simulates):
    manifest = (finished / MANIFEST).read_bytes()
    interrupted(finished, 3)
    (finished / MANIFEST).write_bytes(manifest)  # killed just before the journal went
    make(finished)
    assert content(finished) == unbroken


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"seed": 2}, "started with seed 1, not 2"),
        ({"jets_per_class": JETS - 1}, "25 jets of each class, it cannot shrink to 24"),
        ({"card": CARD.model_copy(update={"field": 2.0})}, "started with card.field 3.0, not 2.0"),
        ({"card": load_card("ild")}, "started with card.name 'cepc', not 'ild'"),
        ({"process": ORIGIN}, "started with process.samples"),
    ],
)
@pytest.mark.parametrize("begun", [True, False])
def test_other_settings_are_refused_and_change_nothing(finished, changes, said, begun):
    if begun:
        interrupted(finished, 2)
    before = content(finished)
    call = {"process": PROCESS, "card": CARD, "jets_per_class": JETS, "seed": 1} | changes
    with pytest.raises(InputError, match=said):
        produce(finished, workers=1, **call)
    assert content(finished) == before


def test_another_version_finishes_nothing_but_reads_what_is_finished(finished, monkeypatch):
    real = production._versions()
    monkeypatch.setattr(production, "_versions", lambda: real | {"pythia8mc": "9.0"})
    assert make(finished).versions == real
    before = content(finished)
    with pytest.raises(InputError, match=f"pythia8mc '{real['pythia8mc']}', not '9.0'"):
        make(finished, 2 * JETS)
    assert content(finished) == before
    interrupted(finished, 2)
    with pytest.raises(InputError, match="made by one version"):
        make(finished)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"jets": 0}, "jets per class is 0, at least 1"),
        ({"jets": -5}, "jets per class is -5"),
        ({"seed": -1}, "seed is -1, at least 0"),
        ({"workers": 0}, "workers is 0, at least 1"),
    ],
)
def test_numbers_out_of_range_are_refused(tmp_path, changes, said):
    with pytest.raises(InputError, match=said):
        make(tmp_path / "set", **changes)
    assert not (tmp_path / "set").exists()


def test_a_file_or_somebody_s_folder_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    for out, said in ((tmp_path / "thesis.tex", "is a file"), (tmp_path, "holds thesis.tex")):
        with pytest.raises(InputError, match=said):
            make(out)
    assert content(tmp_path) == {"thesis.tex": b"mine"}


def test_a_damaged_journal_or_manifest_is_named(finished):
    (finished / MANIFEST).write_bytes(b"{}")
    with pytest.raises(InputError, match=f"{MANIFEST} is damaged"):
        make(finished)
    (finished / JOURNAL).write_bytes(b"")
    with pytest.raises(StoreError, match=f"{JOURNAL} is damaged"):
        make(finished)


def test_a_file_that_nobody_recorded_is_named(finished):
    (finished / "train" / "mine.parquet").write_bytes((finished / "train" / "00000.parquet").read_bytes())
    with pytest.raises(InputError, match=r"mine\.parquet is not in"):
        make(finished)


@pytest.mark.skipif(sys.platform == "win32", reason="locks of POSIX")
def test_two_at_once_are_refused(finished):
    with production._alone_in(finished), pytest.raises(InputError, match="another process is making"):
        make(finished)
    make(finished)


def test_a_full_disk_is_one_line_and_what_was_made_is_kept(finished, unbroken, monkeypatch):
    interrupted(finished, 1)

    def full(path, *_):
        raise StoreError(f"{path} cannot be written: the disk is full", hint="free some space and try again")

    with monkeypatch.context() as patch:
        patch.setattr(production, "write_parquet", full)
        with pytest.raises(StoreError, match=r"the disk is full \(free some space"):
            make(finished)
    numbers = spy(monkeypatch)
    make(finished)
    assert numbers == [1, 2]
    assert content(finished) == unbroken


def test_a_missing_package_is_named_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pythia8mc", None)
    with pytest.raises(MissingPackage, match=r"pythia8mc.*pip install '.*\[simulate\]'"):
        make(tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_mistake_in_the_settings_can_be_put_right(tmp_path, monkeypatch):
    monkeypatch.setattr(events, "simulate_events", simulate_with_pythia)
    broken = PROCESS.model_copy(update={"settings": (*PROCESS.settings, "Beems:idA = 11")})
    with pytest.raises(InputError, match="Beems:idA"):
        produce(tmp_path / "set", broken, CARD, 2, 1, workers=1)
    # Shards of another worker that were not yet recorded when all ended.
    (tmp_path / "set" / "test").mkdir()
    (tmp_path / "set" / "test" / "00007.parquet").write_bytes(b"stale")
    assert make(tmp_path / "set", 2).jets == 6


def test_it_is_quick_to_ask_again(finished):
    began = time.process_time()
    make(finished)
    assert time.process_time() - began < 2
