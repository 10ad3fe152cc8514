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

from yukawa.core.errors import InputError
from yukawa.core.files import check_new_folder
from yukawa.data.arxiv import Input, read_papers
from yukawa.data.dataset import check_suffix, write_dataset
from yukawa.data.filters import Filter, told
from yukawa.data.manifest import SPLITS, DatasetManifest
from yukawa.data.mixtures import (
    Chosen,
    MixtureTable,
    archives_of,
    choose,
    in_order,
    members_of,
    shipped_mixtures,
)
from yukawa.data.rows import Document
from yukawa.data.selection import STRICT, Method, select
from yukawa.data.splits import exact_splits, order_keys, shuffled, stable_splits
from yukawa.data.spool import Places, Pool, distinct
from yukawa.data.token_counts import TokenCounter

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
    manifest: DatasetManifest
    inputs: tuple[Input, ...]
    dropped: dict[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Wish:
    """What was asked for; `mixture` is one of `table`, None for every archive."""

    mixture: str | None
    table: MixtureTable
    method: Method
    seed: int
    filters: tuple[Filter, ...] = ()

    @property
    def archives(self) -> tuple[str, ...] | None:
        """Those of the mixture."""
        return None if self.mixture is None else archives_of(self.mixture, self.table)


def build_abstracts(
    snapshots: Sequence[Path],
    folder: Path,
    *,
    mixture: str | None = None,
    method: Method = STRICT,
    seed: int = SEED,
    table: MixtureTable | None = None,
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
    folder, wish = Path(folder), _Wish(mixture, table, method, seed, tuple(filters))
    archives = wish.archives
    check_new_folder(folder)
    check_suffix(suffix)
    inputs = [Input(Path(path).name) for path in snapshots]
    dropped: Counter[str] = Counter()
    papers = _papers([Path(path) for path in snapshots], inputs, progress)
    with Pool(_existing(folder)) as pool:
        selected = select(papers, method, archives, dropped)
        places = _distinct(pool, selected, wish, dropped)
        if not len(places):
            raise InputError(_nothing(inputs, dropped, mixture))
        chosen = _chosen(pool, places, wish)
        dropped[CUT] = len(places) - sum(map(len, chosen.places.values()))
        return _written(folder, pool, chosen, inputs, dropped, wish, suffix, counter)


def build_mixture(
    name: str,
    documents: Iterable[Document],
    seed: int = SEED,
    *,
    method: Method = STRICT,
    table: MixtureTable | None = None,
) -> dict[str, list[Document]]:
    """The documents of a mixture by split, shuffled: what `build_abstracts` would write of them.

    Repeated ids, and with the strict method repeated words, are left out.

    Raises:
        InputError: there is no such mixture, or there are no documents of one of its archives.
    """
    table = shipped_mixtures() if table is None else table
    archives_of(name, table)
    wish = _Wish(name, table, method, seed)
    with tempfile.TemporaryDirectory() as folder, Pool(Path(folder)) as pool:
        chosen = _chosen(pool, _distinct(pool, documents, wish, Counter()), wish)
        return {split: list(pool.read(chosen.places[split].tolist())) for split in SPLITS}


def _distinct(pool: Pool, documents: Iterable[Document], wish: _Wish, dropped: Counter[str]) -> Places:
    """Put the documents into the pool; the places there of those that deduplication and filters leave."""
    for document in documents:
        pool.add(document)
    places, dropped[SAME_ID], dropped[SAME_WORDS] = distinct(pool, wish.method.drop_repeats)
    for one in wish.filters:
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


def _chosen(pool: Pool, places: Places, wish: _Wish) -> Chosen:
    """SplitRecord the documents at these places, and take those of the mixture; of all archives if it is None."""
    archives = sorted({name.partition(".")[0] for name in pool.names})
    homes = {name: archives.index(name.partition(".")[0]) for name in pool.names}
    home = np.array([homes[name] for name in pool.names] or [0])
    keys = order_keys(pool.texts, wish.seed)
    ranks = shuffled(keys, pool.ids)
    # Archives are split one by one: a mixture's test set then holds nothing that another mixture trains on.
    splits = np.full(len(pool), -1)
    groups = home[pool.categories[places]]
    exact = wish.method.exact_sizes
    splits[places] = exact_splits(keys[places], groups) if exact else stable_splits(keys[places])
    if wish.mixture is not None and wish.archives is not None:
        members = members_of(wish.archives, pool.names, pool.categories, wish.method.matches)
        return choose(wish.mixture, wish.table, members, splits, ranks)
    taken = {split: in_order(np.flatnonzero(splits == code), ranks) for code, split in enumerate(SPLITS)}
    return Chosen(taken, {}, {split: len(found) for split, found in taken.items()})


def _written(
    folder: Path,
    pool: Pool,
    chosen: Chosen,
    inputs: list[Input],
    dropped: Mapping[str, int],
    wish: _Wish,
    suffix: str,
    counter: TokenCounter | None,
) -> Abstracts:
    """Write what was chosen of the pool, with how it came about."""
    # By content, so that the manifest does not depend on the order in which they were named.
    inputs.sort(key=lambda one: (one.sha256, one.name))
    counts = {reason: count for reason, count in sorted(dropped.items()) if count}
    notes = _notes(wish, chosen)
    which = f"mixture {wish.mixture}" if wish.mixture else "all archives of the input"
    manifest = write_dataset(
        folder,
        {split: pool.read(chosen.places[split].tolist()) for split in SPLITS},
        Document,
        title=f"Abstracts of arXiv, {which}",
        made=_made(inputs, counts, wish, chosen),
        suffix=suffix,
        versions=_versions(suffix),
        sections=_sections(inputs, counts, wish, notes),
        counter=counter,
    )
    return Abstracts(folder, manifest, tuple(inputs), counts, notes)


def _made(inputs: Sequence[Input], dropped: Mapping[str, int], wish: _Wish, chosen: Chosen) -> dict[str, Any]:
    """What the manifest says of how the data set was made."""
    told: dict[str, Any] = {
        "inputs": [asdict(one) for one in inputs],
        "method": {"name": wish.method.name, "about": wish.method.about},
        "filters": [one.settings for one in wish.filters],
        "seed": wish.seed,
        "mixture": None,
        "dropped": dict(dropped),
    }
    if wish.mixture is not None:
        told["mixture"] = {
            "name": wish.mixture,
            **wish.table[wish.mixture].model_dump(),
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


def _notes(wish: _Wish, chosen: Chosen) -> tuple[str, ...]:
    """What one should know before one trains on this."""
    notes = []
    if wish.mixture and not wish.table[wish.mixture].sure:
        about = wish.table[wish.mixture].describe()
        notes.append(f"FeynTune publishes this composition ({about}), not that its number is {wish.mixture}")
    if wish.mixture:
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
    inputs: Sequence[Input], dropped: Mapping[str, int], wish: _Wish, notes: Sequence[str]
) -> list[tuple[str, str]]:
    """What the card says of how the data set was made."""
    name, method = "every archive of the input", wish.method
    if wish.mixture:
        name = f"{wish.mixture}: {wish.table[wish.mixture].describe()}"
    lines = [f"* Mixture: {name}", f"* Method `{method.name}`, seed {wish.seed}. {method.about}"]
    lines += told(wish.filters)
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
