"""Makes a data set of arXiv's abstracts: read, select, clean, deduplicate, split, mix, write."""

from __future__ import annotations

import platform
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.corpus.arxiv import Input, read_papers
from yukawa.corpus.dataset import check_new, check_suffix, write_dataset
from yukawa.corpus.filters import Filter, told
from yukawa.corpus.manifest import SPLITS, Manifest
from yukawa.corpus.mixtures import Chosen, Table, archives_of, choose, in_order, members_of, shipped_mixtures
from yukawa.corpus.pool import Places, Pool, distinct
from yukawa.corpus.rows import Document
from yukawa.corpus.selection import STRICT, Method, select
from yukawa.corpus.splitting import exact_splits, order_keys, shuffled, stable_splits
from yukawa.corpus.tokens import TokenCounter
from yukawa.errors import InputError

SEED = 42
SAME_ID, SAME_WORDS, CUT = (
    "of an id that came before",
    "of the same letters as another",
    "beyond the mixture's size",
)
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Abstracts:
    """A data set that was made.

    Attributes:
        folder: where it lies.
        manifest: as written there.
        inputs: the files it was made of, with the lines that could not be used.
        dropped: papers by the reason for which they are not in the data set.
        notes: what one should know of it, a line each.
    """

    folder: Path
    manifest: Manifest
    inputs: tuple[Input, ...]
    dropped: dict[str, int]
    notes: tuple[str, ...]


def build_abstracts(
    snapshots: Sequence[Path],
    folder: Path,
    *,
    mixture: str | None = None,
    method: Method = STRICT,
    seed: int = SEED,
    table: Table | None = None,
    filters: Iterable[Filter] = (),
    suffix: str = ".parquet",
    counter: TokenCounter | None = None,
    progress: Progress | None = None,
) -> Abstracts:
    """Make a data set of the abstracts in files of arXiv's metadata.

    The same papers, seed and method give the same bytes, in whatever order the files are named. Some 60 bytes of
    each selected paper stay in memory; their texts wait in an unnamed file on the disk of `folder`.

    Args:
        mixture: of the table; None for every archive there is.
        table: of mixtures; the shipped ones if None.
        filters: applied one after the other, after exact deduplication and before the split; `make_filters`
            makes them.
        counter: of the tokens, for manifest and card.
        progress: told bytes read and bytes there are.

    Raises:
        InputError: a file cannot be read or holds no papers, the folder holds files, there is no such mixture or
            suffix, an archive of the mixture is absent, or nothing is left.
        StoreError: the disk refuses; nothing is left behind.
        MissingPackage: Parquet is asked for and pyarrow is not installed.
    """
    table = shipped_mixtures() if table is None else table
    archives = archives_of(mixture, table) if mixture is not None else None
    check_new(Path(folder))
    check_suffix(suffix)
    inputs = [Input(Path(path).name) for path in snapshots]
    dropped: Counter[str] = Counter()
    papers = _papers([Path(path) for path in snapshots], inputs, progress)
    filters = tuple(filters)
    with Pool(_existing(Path(folder))) as pool:
        selected = select(papers, method, archives, dropped)
        places = _distinct(pool, selected, method, filters, dropped)
        if not len(places):
            raise InputError(_nothing(inputs, dropped, mixture))
        chosen = _chosen(pool, places, mixture, table, method, seed)
        dropped[CUT] = len(places) - sum(map(len, chosen.places.values()))
        # By content, so that the manifest does not depend on the order in which they were named.
        inputs.sort(key=lambda one: (one.sha256, one.name))
        counts = {reason: count for reason, count in sorted(dropped.items()) if count}
        notes = _notes(mixture, table, chosen)
        made = _made(inputs, counts, method, filters, seed, mixture, table, chosen)
        manifest = write_dataset(
            folder,
            {split: pool.read(chosen.places[split].tolist()) for split in SPLITS},
            Document,
            title=f"Abstracts of arXiv, {f'mixture {mixture}' if mixture else 'all archives of the input'}",
            made=made,
            suffix=suffix,
            versions=_versions(suffix),
            sections=_sections(inputs, counts, method, filters, seed, mixture, table, notes),
            counter=counter,
        )
    return Abstracts(Path(folder), manifest, tuple(inputs), counts, notes)


def build_mixture(
    name: str,
    documents: Iterable[Document],
    seed: int = SEED,
    *,
    method: Method = STRICT,
    table: Table | None = None,
) -> dict[str, list[Document]]:
    """The documents of a mixture by split, shuffled: what `build_abstracts` would write of them.

    Repeated ids, and with the strict method repeated words, are left out.

    Raises:
        InputError: there is no such mixture, or there are no documents of one of its archives.
    """
    table = shipped_mixtures() if table is None else table
    archives_of(name, table)
    with tempfile.TemporaryDirectory() as folder, Pool(Path(folder)) as pool:
        places = _distinct(pool, documents, method, (), Counter())
        chosen = _chosen(pool, places, name, table, method, seed)
        return {split: list(pool.read(chosen.places[split].tolist())) for split in SPLITS}


def _distinct(
    pool: Pool,
    documents: Iterable[Document],
    method: Method,
    filters: Iterable[Filter],
    dropped: Counter[str],
) -> Places:
    """Put the documents into the pool; the places there of those that deduplication and filters leave."""
    for document in documents:
        pool.add(document)
    places, dropped[SAME_ID], dropped[SAME_WORDS] = distinct(pool, method.drop_repeats)
    for one in filters:
        kept = np.fromiter(one.keeps(pool.read(places.tolist())), bool, len(places))
        places = places[kept]
        dropped.update(one.dropped)
    return places


def _existing(folder: Path) -> Path:
    """The nearest folder above that is there already, on whose disk `folder` will be."""
    return next(above for above in folder.absolute().parents if above.is_dir())


def _papers(paths: Sequence[Path], inputs: Sequence[Input], progress: Progress | None) -> Iterator[Any]:
    """The papers of all files in turn."""
    sizes = [path.stat().st_size if path.is_file() else 0 for path in paths]
    for index, (path, record) in enumerate(zip(paths, inputs, strict=True)):
        told = partial(_tell, progress, sum(sizes[:index]), sum(sizes)) if progress else None
        yield from read_papers(path, record, told)


def _tell(progress: Progress, before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _chosen(
    pool: Pool, places: Places, mixture: str | None, table: Table, method: Method, seed: int
) -> Chosen:
    """Split the documents at these places, and take those of the mixture; of all archives if it is None."""
    archives = sorted({name.partition(".")[0] for name in pool.names})
    homes = {name: archives.index(name.partition(".")[0]) for name in pool.names}
    home = np.array([homes[name] for name in pool.names] or [0])
    keys = order_keys(pool.texts, seed)
    ranks = shuffled(keys, pool.ids)
    # Archives are split one by one: a mixture's test set then holds nothing that another mixture trains on.
    splits = np.full(len(pool), -1)
    groups = home[pool.categories[places]]
    splits[places] = exact_splits(keys[places], groups) if method.exact_sizes else stable_splits(keys[places])
    if mixture is not None:
        members = members_of(archives_of(mixture, table), pool.names, pool.categories, method.matches)
        return choose(mixture, table, members, splits, ranks)
    taken = {split: in_order(np.flatnonzero(splits == code), ranks) for code, split in enumerate(SPLITS)}
    return Chosen(taken, {}, {split: len(found) for split, found in taken.items()})


def _made(
    inputs: Sequence[Input],
    dropped: Mapping[str, int],
    method: Method,
    filters: Iterable[Filter],
    seed: int,
    mixture: str | None,
    table: Table,
    chosen: Chosen,
) -> dict[str, Any]:
    """What the manifest says of how the data set was made."""
    told: dict[str, Any] = {
        "inputs": [asdict(one) for one in inputs],
        "method": {"name": method.name, "about": method.about},
        "filters": [one.settings for one in filters],
        "seed": seed,
        "mixture": None,
        "dropped": dict(dropped),
    }
    if mixture is not None:
        told["mixture"] = {
            "name": mixture,
            **table[mixture].model_dump(),
            "taken": chosen.parts,
            "wanted": chosen.wanted,
        }
    return told


def _versions(suffix: str) -> dict[str, str]:
    """Packages that shape texts or bytes; Unicode's tables come with Python."""
    names = ("msgspec", "numpy", "pydantic", *(("pyarrow",) if suffix == ".parquet" else ()))
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def _nothing(inputs: Sequence[Input], dropped: Mapping[str, int], mixture: str | None) -> str:
    papers = sum(one.papers for one in inputs)
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(dropped.items()) if count)
    wanted = f" for the mixture {mixture}" if mixture else ""
    return f"nothing is left{wanted} of {papers:,} papers: {reasons or 'the filters kept none'}"


def _notes(mixture: str | None, table: Table, chosen: Chosen) -> tuple[str, ...]:
    """What one should know before one trains on this."""
    notes = []
    if mixture and not table[mixture].sure:
        notes.append(
            f"FeynTune publishes this composition ({table[mixture].describe()}), not that its number is {mixture}"
        )
    if mixture:
        for split, places in chosen.places.items():
            if len(places) < chosen.wanted[split]:
                notes.append(
                    f"{split} has {len(places):,} documents, {chosen.wanted[split]:,} were wanted: there are no more "
                    "in these proportions"
                )
    empty = [split for split, places in chosen.places.items() if not len(places)]
    if empty:
        notes.append(f"too few documents: {' and '.join(empty)} hold none")
    return tuple(notes)


def _sections(
    inputs: Sequence[Input],
    dropped: Mapping[str, int],
    method: Method,
    filters: Iterable[Filter],
    seed: int,
    mixture: str | None,
    table: Table,
    notes: Sequence[str],
) -> list[tuple[str, str]]:
    """What the card says of how the data set was made."""
    name = f"{mixture}: {table[mixture].describe()}" if mixture else "every archive of the input"
    lines = [f"* Mixture: {name}", f"* Method `{method.name}`, seed {seed}. {method.about}"]
    lines += told(filters)
    lines += [f"* Note: {note}." for note in notes]
    read = ["| input | SHA-256 | lines | papers | damaged | without abstract |", "|---|---|---|---|---|---|"]
    read += [
        f"| `{one.name}` | `{one.sha256[:16]}…` | {one.lines:,} | {one.papers:,} | {one.damaged.count:,} "
        f"| {one.without_abstract.count:,} |"
        for one in inputs
    ]
    lost = ["| papers left out because | count |", "|---|---|"]
    lost += [f"| {reason} | {count:,} |" for reason, count in dropped.items()]
    return [
        ("How it was made", "\n".join(lines)),
        ("Read", "\n".join(read)),
        ("Left out", "\n".join(lost) if dropped else "Nothing."),
        ("Licence", "arXiv's metadata, abstracts included, are CC0 1.0; papers have licences of their own."),
    ]
