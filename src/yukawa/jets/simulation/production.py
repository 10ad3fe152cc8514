"""Makes a data set of simulated jets block by block, so that an interruption does not change it."""

import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from importlib import metadata
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from yukawa import __version__
from yukawa.core.errors import InputError, StoreError, require
from yukawa.core.files import hash_file, open_file, parse_row, report_write_errors, write_jsonl
from yukawa.core.processes import Progress, Tick, lock, run_tasks, usable_cores
from yukawa.core.yaml_files import differences
from yukawa.jets.io.parquet import write_parquet
from yukawa.jets.io.source import MANIFEST, SPLITS, JetManifest, Shard, check_manifest, describe_shard
from yukawa.jets.simulation.cards import Card, Process
from yukawa.jets.simulation.events import block_sizes, make_block

# An unfinished data set has this in place of its manifest: settings in the first row, then one row per block.
JOURNAL = "production.jsonl"
_SHARD = re.compile(r"\d{5,}\.parquet")
_HALF_WRITTEN = re.compile(r"\.[0-9a-f]{16}\.part")


def produce(
    out: Path,
    process: Process,
    card: Card,
    jets_per_class: int,
    seed: int,
    workers: int | None = None,
    progress: Progress | None = None,
) -> JetManifest:
    """Simulate a data set into the folder `out`, or the part of it that is still missing.

    It has exactly `jets_per_class` jets of each class, split by event in 60, 20 and 20 % into train, validation
    and test. Its bytes follow from process, card, number and seed, whatever the number of workers and however
    often the work was interrupted: complete blocks are kept, the rest is made again. A data set can be extended
    to more jets; complete blocks of 2000 jets of each class do not change.

    Args:
        out: a new or empty folder, or one that an earlier call started with the same settings.
        jets_per_class: number of jets of each class, above 0.
        seed: seed of the random numbers, not below 0.
        workers: number of processes; by default one for each core.
        progress: called with the number of jets made and the total.

    Raises:
        InputError: a number is out of range; `out` is a file, holds something else, was started with other
            settings or versions, or is being made by another process; the process cannot be simulated.
        MissingPackage: pythia8mc, awkward, fastjet or pyarrow is not installed.
        StoreError: the disk refuses, or its journal is damaged; what was made is kept.
        YukawaError: a worker died; what was made is kept.
    """
    out = Path(out)
    workers = usable_cores() if workers is None else workers
    _check_numbers(jets_per_class=(jets_per_class, 1), seed=(seed, 0), workers=(workers, 1))
    wanted = JetManifest(
        versions=_versions(), process=process.model_dump(mode="json"), card=card.model_dump(mode="json"),
        seed=seed, jets_per_class=jets_per_class, shards=(),
    )  # fmt: skip
    with _alone_in(out):
        begun = _begun(out)
        if begun is not None and not begun.shards:
            begun = None  # nothing was made yet: the settings may still change
        if begun is not None:
            _check_same(out, begun, wanted)
            if _finished(out, begun, wanted, process.classes):
                return begun
        return _make_missing(
            out, process, card, wanted, begun, workers, progress or (lambda done, total: None)
        )


def _make_missing(
    out: Path,
    process: Process,
    card: Card,
    wanted: JetManifest,
    begun: JetManifest | None,
    workers: int,
    progress: Progress,
) -> JetManifest:
    """Simulate the blocks of jets that a data set lacks, and write its manifest.

    Finished blocks are noted in a journal, so that an interrupted simulation resumes with the first missing block.

    Args:
        wanted: the manifest of the complete data set, as yet without files.
        begun: the manifest of what is there; None in a new folder.

    Returns:
        The manifest of the complete data set, compared with its files.

    Raises:
        InputError: other versions of the packages made what is there.
    """
    sizes = block_sizes(wanted.jets_per_class)
    blocks = {} if begun is None else _whole_blocks(out, begun, sizes, process.classes)
    missing = [number for number in range(len(sizes)) if number not in blocks]
    if missing and begun is not None:
        hint = "a data set is made by one version: install that one, or choose another folder"
        _check_alike(out, begun, wanted, {"versions"}, hint)
    _clean(out, blocks.values())
    total = wanted.jets_per_class * len(process.classes)
    finished = sum(shard.jets for shards in blocks.values() for shard in shards)
    progress(finished, total)

    def report(jets: int) -> None:
        nonlocal finished
        finished += jets
        progress(finished, total)

    with _journal(out, wanted, blocks.values()) as append:

        def done(made: tuple[int, tuple[Shard, ...]]) -> None:
            number, blocks[number] = made
            append(blocks[number])

        run_tasks(
            partial(_make_shards, out, process, card, wanted.seed, sizes), missing, workers, report, done
        )
    shards = [shard for number in sorted(blocks) for shard in blocks[number]]
    shards.sort(key=lambda shard: SPLITS.index(shard.split))
    manifest = (begun or wanted).model_copy(
        update={"jets_per_class": wanted.jets_per_class, "shards": tuple(shards)}
    )
    manifest.write(out)
    with report_write_errors(out / JOURNAL):
        (out / JOURNAL).unlink()
    return check_manifest(out)


def _make_shards(
    out: Path, process: Process, card: Card, seed: int, sizes: tuple[int, ...], number: int, report: Tick
) -> tuple[int, tuple[Shard, ...]]:
    """Make one block and write its shards; a split without jets has no shard."""
    note = {"process": process.name, "card": card.name, "seed": str(seed), "block": str(number)}
    shards = []
    for split, jets in make_block(process, card, seed, sizes, number, report).items():
        if len(jets):
            path = f"{split}/{number:05d}.parquet"
            with report_write_errors(out / split):
                (out / split).mkdir(exist_ok=True)
            write_parquet(out / path, jets, note)
            shards.append(describe_shard(out, path, jets))
    return number, tuple(shards)


def _check_numbers(**numbers: tuple[int, int]) -> None:
    for name, (value, least) in numbers.items():
        if value < least:
            raise InputError(f"{name.replace('_', ' ')} is {value}, at least {least} is needed")


def _versions() -> dict[str, str]:
    for package in ("pythia8mc", "fastjet", "awkward"):
        require(package, "simulating jets")
    others = {package: metadata.version(package) for package in ("pythia8mc", "fastjet", "numpy")}
    return {"yukawa": __version__, **others}


def _begun(out: Path) -> JetManifest | None:
    """What an earlier call recorded in `out`, finished or not; None in an empty folder."""
    if (out / JOURNAL).exists():
        return _read_journal(out)
    if (out / MANIFEST).exists():
        return JetManifest.read(out)
    other = [path.name for path in out.iterdir() if not _HALF_WRITTEN.fullmatch(path.name)]
    if other:
        raise InputError(
            f"{out} holds {min(other)} and no data set was started there",
            hint="choose an empty or new folder",
        )
    return None


def _read_journal(out: Path) -> JetManifest:
    """The settings and all shards that the journal records; a last row torn by a crash is omitted."""
    path = out / JOURNAL
    shards: list[Shard] = []
    try:
        with open_file(path) as handle:
            first, *rest = handle.read().splitlines()
        settings = JetManifest.model_validate(parse_row(first, f"{path}:1"))
    except (OSError, ValueError, InputError) as error:
        raise StoreError(
            f"{path} is damaged: {str(error).splitlines()[0]}", hint="start again in another folder"
        ) from None
    for line in rest:
        try:
            shards.extend(map(Shard.model_validate, parse_row(line, str(path)).get("shards", ())))
        except (InputError, ValidationError):
            break
    return settings.model_copy(update={"shards": tuple(shards)})


@contextmanager
def _journal(
    out: Path, wanted: JetManifest, blocks: Iterable[tuple[Shard, ...]]
) -> Iterator[Callable[[tuple[Shard, ...]], None]]:
    """Start the journal with the blocks that are there; gives a function that appends the shards of a block."""
    path = out / JOURNAL
    write_jsonl(path, [wanted.model_dump(mode="json"), *map(_row, blocks)])
    # A set that grows or is mended is not finished.
    with report_write_errors(out / MANIFEST):
        (out / MANIFEST).unlink(missing_ok=True)
    with report_write_errors(path):
        handle = open(path, "ab", buffering=0)  # noqa: SIM115 -- closed below

    def append(shards: tuple[Shard, ...]) -> None:
        with report_write_errors(path):
            handle.write(json.dumps(_row(shards)).encode() + b"\n")

    with handle:
        yield append


def _row(shards: tuple[Shard, ...]) -> dict[str, Any]:
    return {"shards": [shard.model_dump(mode="json") for shard in shards]}


def _check_same(out: Path, begun: JetManifest, wanted: JetManifest) -> None:
    hint = "choose another folder, or the settings it was started with"
    _check_alike(out, begun, wanted, {"process", "card", "seed"}, hint)
    if wanted.jets_per_class < begun.jets_per_class:
        raise InputError(
            f"{out} was started with {begun.jets_per_class} jets of each class, it cannot shrink to "
            f"{wanted.jets_per_class}",
            hint="choose another folder",
        )


def _check_alike(out: Path, begun: JetManifest, wanted: JetManifest, names: set[str], hint: str) -> None:
    """Refuse another value of the fields `names`; the message names the first that differs."""
    before, now = (manifest.model_dump(include=names) for manifest in (begun, wanted))
    for place, (old, new) in differences(before, now).items():
        raise InputError(f"{out} was started with {place} {old!r}, not {new!r}", hint=hint)


def _finished(out: Path, begun: JetManifest, wanted: JetManifest, classes: tuple[str, ...]) -> bool:
    """Whether all jets are recorded, and the files agree with the manifest in size and number of jets."""
    if (out / JOURNAL).exists() or _counts(begun.shards) != dict.fromkeys(classes, wanted.jets_per_class):
        return False
    try:
        check_manifest(out)
    except InputError:
        return False
    return True


def _whole_blocks(
    out: Path, begun: JetManifest, sizes: tuple[int, ...], classes: tuple[str, ...]
) -> dict[int, tuple[Shard, ...]]:
    """The recorded blocks that hold the right number of jets, and whose files have not changed."""
    by_number: dict[int, list[Shard]] = defaultdict(list)
    for shard in begun.shards:
        stem = PurePosixPath(shard.path).stem
        if stem.isdecimal():
            by_number[int(stem)].append(shard)
    whole = {}
    for number, shards in by_number.items():
        wanted = dict.fromkeys(classes, sizes[number]) if number < len(sizes) else {}
        if _counts(shards) == wanted and all(_intact(out / shard.path, shard) for shard in shards):
            whole[number] = tuple(shards)
    return whole


def _counts(shards: Iterable[Shard]) -> dict[str, int]:
    """Jets of each class in all of `shards`."""
    return dict(sum((Counter(shard.counts) for shard in shards), Counter()))


def _intact(file: Path, shard: Shard) -> bool:
    try:
        return hash_file(file) == shard.sha256
    except InputError:
        return False


def _clean(out: Path, blocks: Iterable[tuple[Shard, ...]]) -> None:
    """Remove half-written files of a killed process, and shards of blocks that are to be made again."""
    kept = {out / shard.path for shards in blocks for shard in shards}
    for folder in (out, *(out / split for split in SPLITS)):
        for path in folder.glob("*"):
            unfinished = folder != out and _SHARD.fullmatch(path.name) and path not in kept
            if unfinished or _HALF_WRITTEN.fullmatch(path.name):
                with report_write_errors(path):
                    path.unlink(missing_ok=True)


@contextmanager
def _alone_in(out: Path) -> Iterator[None]:
    """Make the folder if necessary and lock it while this process lives; Windows has no such lock."""
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file, a folder is needed", hint="choose another folder")
    with report_write_errors(out):
        out.mkdir(parents=True, exist_ok=True)
    if os.name == "nt":
        yield
        return
    with report_write_errors(out):
        folder = os.open(out, os.O_RDONLY)
    try:
        if not lock(folder):
            raise InputError(f"another process is making {out}", hint="wait for it, or choose another folder")
        yield
    finally:
        os.close(folder)
