"""Makes a data set of arXiv's abstracts: reads, selects, cleans, deduplicates, splits, mixes and writes."""

import platform
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.core.errors import InputError
from yukawa.core.files import check_new_folder
from yukawa.core.manifest import SPLITS
from yukawa.core.processes import Progress
from yukawa.core.reports import markdown_table
from yukawa.data import mixtures
from yukawa.data.arxiv import STRICT, Method, SnapshotRecord, read_papers, select
from yukawa.data.dataset import DatasetManifest, TokenCounter, check_suffix, write_dataset
from yukawa.data.filters import filter_lines
from yukawa.data.rows import Document, RowFilter
from yukawa.data.spool import (
    DocumentSpool,
    Places,
    distinct,
    exact_splits,
    order_keys,
    shuffled,
    stable_splits,
)

SEED = 42
SAME_ID, SAME_WORDS, CUT = (
    "with the id of another",
    "with the same letters as another",
    "beyond the size of the mixture",
)


@dataclass(frozen=True)
class Abstracts:
    """A data set that was made.

    Attributes:
        folder: the folder of the data set.
        manifest: its manifest.
        inputs: the files it was made of, with the lines that could not be used.
        dropped: number of papers that are not in the data set, by reason.
        notes: what a user should know about it, a line each.
    """

    folder: Path
    manifest: DatasetManifest
    inputs: tuple[SnapshotRecord, ...]
    dropped: dict[str, int]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Request:
    """The arguments of `build_abstracts` that decide the rows; `mixture` None means every archive."""

    mixture: str | None
    table: mixtures.MixtureTable
    method: Method
    seed: int
    filters: tuple[RowFilter, ...] = ()

    @property
    def archives(self) -> tuple[str, ...] | None:
        """The archives of the mixture."""
        return None if self.mixture is None else mixtures.archives_of(self.mixture, self.table)


def build_abstracts(
    snapshots: Sequence[Path],
    folder: Path,
    *,
    mixture: str | None = None,
    method: Method = STRICT,
    seed: int = SEED,
    table: mixtures.MixtureTable | None = None,
    filters: Iterable[RowFilter] = (),
    suffix: str = ".parquet",
    counter: TokenCounter | None = None,
    progress: Progress | None = None,
) -> Abstracts:
    """Make a data set of the abstracts in files of arXiv's metadata.

    Equal papers, seed and method give equal bytes, whatever the order of the files. Some 60 bytes of each selected
    paper stay in memory; their texts wait in an unnamed file on the disk of `folder`.

    Args:
        mixture: a mixture of the table; None takes every archive.
        table: the known mixtures; the shipped ones if None.
        filters: applied one after the other, after exact deduplication and before the split; `make_filters`
            makes them.
        counter: counts the tokens for manifest and card.
        progress: called with the bytes read and the bytes of all files.

    Raises:
        InputError: a file cannot be read or holds no papers, the folder holds files, the mixture or suffix is
            unknown, an archive of the mixture is absent, or no paper remains.
        StoreError: the disk refuses; nothing is left behind.
        MissingPackage: the format is Parquet and pyarrow is not installed.
    """
    table = mixtures.shipped_mixtures() if table is None else table
    folder, request = Path(folder), _Request(mixture, table, method, seed, tuple(filters))
    archives = request.archives
    check_new_folder(folder)
    check_suffix(suffix)
    inputs = [SnapshotRecord(Path(path).name) for path in snapshots]
    dropped: Counter[str] = Counter()
    papers = _papers([Path(path) for path in snapshots], inputs, progress)
    disk = next(above for above in folder.absolute().parents if above.is_dir())  # where the folder will be
    with DocumentSpool(disk) as spool:
        selected = select(papers, method, archives, dropped)
        places = _distinct(spool, selected, request, dropped)
        if not len(places):
            raise InputError(_nothing(inputs, dropped, mixture))
        chosen = _chosen(spool, places, request)
        dropped[CUT] = len(places) - sum(map(len, chosen.places.values()))
        # By content, so that the manifest does not depend on the order in which they were named.
        inputs.sort(key=lambda one: (one.sha256, one.name))
        counts = {reason: count for reason, count in sorted(dropped.items()) if count}
        return _Selection(request, chosen, tuple(inputs), counts).write(folder, spool, suffix, counter)


def build_mixture(
    name: str,
    documents: Iterable[Document],
    seed: int = SEED,
    *,
    method: Method = STRICT,
    table: mixtures.MixtureTable | None = None,
) -> dict[str, list[Document]]:
    """The documents of a mixture by split, shuffled: what `build_abstracts` would write of them.

    Repeated ids, and with the strict method repeated words, are omitted.

    Raises:
        InputError: the mixture is unknown, or one of its archives has no documents.
    """
    table = mixtures.shipped_mixtures() if table is None else table
    mixtures.archives_of(name, table)
    request = _Request(name, table, method, seed)
    with tempfile.TemporaryDirectory() as folder, DocumentSpool(Path(folder)) as spool:
        chosen = _chosen(spool, _distinct(spool, documents, request, Counter()), request)
        return {split: list(spool.read(chosen.places[split].tolist())) for split in SPLITS}


def _distinct(
    spool: DocumentSpool, documents: Iterable[Document], request: _Request, dropped: Counter[str]
) -> Places:
    """Put the documents into the spool; return the places of those that deduplication and filters keep."""
    for document in documents:
        spool.add(document)
    places, dropped[SAME_ID], dropped[SAME_WORDS] = distinct(spool, request.method.drop_repeats)
    for one in request.filters:
        kept = np.fromiter(one.keeps(spool.read(places.tolist())), bool, len(places))
        places = places[kept]
        dropped.update(one.dropped)
    return places


def _papers(
    paths: Sequence[Path], inputs: Sequence[SnapshotRecord], progress: Progress | None
) -> Iterator[Any]:
    """The papers of all files in turn."""
    sizes = [path.stat().st_size if path.is_file() else 0 for path in paths]
    for index, (path, record) in enumerate(zip(paths, inputs, strict=True)):
        before, total = sum(sizes[:index]), sum(sizes)
        report = partial(_report, progress, before, total) if progress else None
        yield from read_papers(path, record, report)


def _report(progress: Progress, before: int, total: int, done: int) -> None:
    progress(before + done, total)


def _chosen(spool: DocumentSpool, places: Places, request: _Request) -> mixtures.Chosen:
    """Split the documents at these places and choose those of the mixture, or all if it is None."""
    archives = sorted({name.partition(".")[0] for name in spool.names})
    homes = {name: archives.index(name.partition(".")[0]) for name in spool.names}
    home = np.array([homes[name] for name in spool.names] or [0])
    keys = order_keys(spool.texts, request.seed)
    ranks = shuffled(keys, spool.ids)
    # Archives are split one by one: a mixture's test set then holds nothing that another mixture trains on.
    splits = np.full(len(spool), -1)
    groups = home[spool.categories[places]]
    exact = request.method.exact_sizes
    splits[places] = exact_splits(keys[places], groups) if exact else stable_splits(keys[places])
    if request.mixture is not None and request.archives is not None:
        members = mixtures.members_of(request.archives, spool.names, spool.categories, request.method.matches)
        return mixtures.choose(request.mixture, request.table, members, splits, ranks)
    taken = {
        split: mixtures.in_order(np.flatnonzero(splits == code), ranks) for code, split in enumerate(SPLITS)
    }
    return mixtures.Chosen(taken, {}, {split: len(found) for split, found in taken.items()})


@dataclass(frozen=True)
class _Selection:
    """The documents of a data set, and how they were chosen."""

    request: _Request
    chosen: mixtures.Chosen
    inputs: tuple[SnapshotRecord, ...]
    dropped: dict[str, int]

    def write(
        self, folder: Path, spool: DocumentSpool, suffix: str, counter: TokenCounter | None
    ) -> Abstracts:
        """Write the chosen documents, and how they were chosen."""
        mixture = self.request.mixture
        which = f"mixture {mixture}" if mixture else "all archives of the input"
        manifest = write_dataset(
            folder,
            {split: spool.read(self.chosen.places[split].tolist()) for split in SPLITS},
            Document,
            title=f"Abstracts of arXiv, {which}",
            made=self.made(),
            suffix=suffix,
            versions=_versions(suffix),
            sections=self.sections(),
            counter=counter,
        )
        return Abstracts(folder, manifest, self.inputs, self.dropped, self.notes())

    def made(self) -> dict[str, Any]:
        """What the manifest says about how the data set was made."""
        request, mixture = self.request, None
        if request.mixture is not None:
            mixture = {
                "name": request.mixture,
                **request.table[request.mixture].model_dump(),
                "taken": self.chosen.parts,
                "wanted": self.chosen.wanted,
            }
        return {
            "inputs": [asdict(one) for one in self.inputs],
            "method": {"name": request.method.name, "about": request.method.about},
            "filters": [one.settings for one in request.filters],
            "seed": request.seed,
            "mixture": mixture,
            "dropped": self.dropped,
        }

    def notes(self) -> tuple[str, ...]:
        """What a user should know before training on the data set."""
        mixture, places, notes = self.request.mixture, self.chosen.places, []
        if mixture and not self.request.table[mixture].sure:
            about = self.request.table[mixture].describe()
            notes.append(f"FeynTune publishes this composition ({about}), but not that its name is {mixture}")
        for split, wanted in self.chosen.wanted.items():
            if len(places[split]) < wanted:
                notes.append(
                    f"{split} has {len(places[split]):,} documents instead of {wanted:,}: there are no more in these "
                    "proportions"
                )
        if empty := [split for split, found in places.items() if not len(found)]:
            notes.append(f"too few documents: {' and '.join(empty)} hold none")
        return tuple(notes)

    def sections(self) -> list[tuple[str, str]]:
        """What the card says about how the data set was made."""
        request, name = self.request, "every archive of the input"
        if request.mixture:
            name = f"{request.mixture}: {request.table[request.mixture].describe()}"
        lines = [
            f"* Mixture: {name}",
            f"* Method `{request.method.name}`, seed {request.seed}. {request.method.about}",
        ]
        lines += filter_lines(request.filters)
        lines += [f"* Note: {note}." for note in self.notes()]
        read = [
            (f"`{one.name}`", f"`{one.sha256[:16]}…`", *map("{:,}".format, (
                one.lines, one.papers, one.damaged.count, one.without_abstract.count
            )))
            for one in self.inputs
        ]  # fmt: skip
        head = ("file", "SHA-256", "lines", "papers", "damaged", "without abstract")
        lost = [(reason, f"{count:,}") for reason, count in self.dropped.items()]
        return [
            ("How it was made", "\n".join(lines)),
            ("Input", markdown_table(head, read)),
            ("Dropped", markdown_table(("reason", "papers"), lost) if lost else "No papers."),
            (
                "Licence",
                "arXiv's metadata, abstracts included, are CC0 1.0; papers have licences of their own.",
            ),
        ]


def _versions(suffix: str) -> dict[str, str]:
    """Packages that shape texts or bytes; Unicode's tables come with Python."""
    names = ("msgspec", "numpy", "pydantic", *(("pyarrow",) if suffix == ".parquet" else ()))
    return {"python": platform.python_version()} | {name: version(name) for name in names}


def _nothing(inputs: Sequence[SnapshotRecord], dropped: Mapping[str, int], mixture: str | None) -> str:
    papers = sum(one.papers for one in inputs)
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(dropped.items()) if count)
    wanted = f" for the mixture {mixture}" if mixture else ""
    return f"none of {papers:,} papers remains{wanted}: {reasons or 'the filters kept none'}"
