"""Papers become training rows: a section each, formulas as LaTeX and tables as rows, with the characters of the source behind each block.

Whatever cannot be read is named and counted. PDFs are read by their text layer, in which formulas are not exact, or by an engine of the
user's: a function that takes the path of a PDF and returns Markdown.
"""

import importlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from typing import IO, Any

from yukawa.core.errors import InputError
from yukawa.core.files import check_new_folder, parse_row, read_jsonl, report_write_errors, write_jsonl
from yukawa.core.manifest import SPLITS
from yukawa.core.processes import Progress
from yukawa.core.reports import markdown_table
from yukawa.data.dataset import DatasetManifest, TokenCounter, check_suffix, write_dataset
from yukawa.data.engine.selection import licence_name
from yukawa.data.rows import Document, RowFilter
from yukawa.data.spool import DocumentSpool
from yukawa.knowledge.documents.blocks import FENCE, Block
from yukawa.knowledge.documents.papers import PaperFiles, PaperText, find_papers, open_papers
from yukawa.knowledge.items import blocks_of
from yukawa.knowledge.texts import checked_text, without_unseen

BLOCKS = "blocks.jsonl.gz"
"""The blocks of all papers, beside the rows of a data set."""
FETCHED = "fetched.ndjson"
"""What a folder of fetched papers says of each: a row of JSON with `file`, `id`, `title`, `licence`, `categories`, `url`."""
SHARES: Mapping[str, float] = {"train": 0.9, "validation": 0.05, "test": 0.05}
SOURCE, ARXIV = "papers", "arXiv"
# Which kinds of blocks no row holds: what nobody reads, names and addresses, references.
_UNTAUGHT = ("comment", "metadata", "reference")
Engine = Callable[[str], str]


@dataclass(frozen=True)
class PaperSet:
    """A data set that was made of papers.

    Attributes:
        manifest: of the data set.
        papers: how many papers are in it.
        parts: files that only are parts of another.
        unread: why a file, or a row of one, is not in it; a line each.
        missing: what papers input that was not there; a line each.
        dropped: papers that were omitted, by reason.
    """

    manifest: DatasetManifest
    papers: int
    parts: tuple[str, ...]
    unread: tuple[str, ...]
    missing: tuple[str, ...]
    dropped: Mapping[str, int]


@dataclass
class _Reading:
    """What reading the papers has come to."""

    spool: DocumentSpool
    blocks: IO[bytes]
    source: str | None
    licence: str | None
    about: Mapping[Path, Mapping[str, Any]]
    papers: list[tuple[str, list[int]]] = field(
        default_factory=list
    )  # by digest of the text: places of its rows
    seen: set[str] = field(default_factory=set)
    names: Counter[str] = field(default_factory=Counter)
    unread: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    inexact: int = 0

    def add(self, path: Path, paper: PaperText) -> None:
        """Take the rows and blocks of a paper."""
        digest = sha256(paper.text.encode()).hexdigest()
        if digest in self.seen:
            self.dropped["with the same text as another"] += 1
            return
        self.seen.add(digest)
        self.missing += [f"{paper.name}: {what}" for what in paper.missing]
        try:
            found = blocks_of(paper.text, paper.format)
        except InputError as error:
            self.unread.append(f"{paper.name}: {error.message}")
            return
        about = self.about.get(path, {})
        name = str(about.get("id") or paper.name)
        self.names[name] += 1
        name = name if self.names[name] == 1 else f"{name}-{self.names[name]}"
        places: list[int] = []
        for headings, group in groupby(found, section_of):
            blocks = list(group)
            text = section_text(blocks)
            row = None
            if text:
                row = f"{name}#{len(places) + 1}"
                places.append(len(self.spool))
                self.spool.add(self._row(row, text, headings, paper, about))
            self._keep(blocks, name, row, path, exact=paper.exact)
        if not places:
            self.unread.append(f"{paper.name} holds no text that could be trained on")
            return
        self.inexact += not paper.exact
        self.papers.append((digest, places))

    def _row(
        self,
        row: str,
        text: str,
        headings: Sequence[str],
        paper: PaperText,
        about: Mapping[str, Any],
    ) -> Document:
        url = str(about.get("url") or paper.url or "")
        licence = licence_name(about.get("licence") or paper.licence) or self.licence
        given = about.get("categories") or paper.categories
        return Document(
            id=row,
            text=text,
            source=self.source or (ARXIV if url.startswith("https://arxiv.org/") else SOURCE),
            licence=licence,
            title=str(about.get("title") or paper.title or (headings[0] if headings else "")) or None,
            categories=tuple(given.split() if isinstance(given, str) else map(str, given)),
        )

    def _keep(self, blocks: Iterable[Block], paper: str, row: str | None, path: Path, *, exact: bool) -> None:
        for block in blocks:
            self.kinds[block.kind] += 1
            taught = row if block.kind not in _UNTAUGHT else None
            line = {
                "paper": paper, "row": taught, "kind": block.kind, "section": list(block.headings), "start": block.start,
                "end": block.end, "page": block.page, "exact": exact, "file": path.name,
            }  # fmt: skip
            with report_write_errors(path):
                self.blocks.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")


def build_papers(
    paths: Sequence[Path],
    folder: Path,
    *,
    engine: Engine | None = None,
    source: str | None = None,
    licence: str | None = None,
    filters: Sequence[RowFilter] = (),
    shares: Mapping[str, float] = SHARES,
    seed: int = 42,
    suffix: str = ".parquet",
    counter: TokenCounter | None = None,
    progress: Progress | None = None,
) -> PaperSet:
    """Make a data set of papers: a row for each section, and a row of `BLOCKS` for each block.

    Equal papers give equal bytes. No paper is in two splits.

    Args:
        paths: LaTeX, archives of it, HTML, PDF, Markdown, rows of unarXive, and folders of them.
        engine: reads PDFs in place of their text layer.
        source: of the rows, by default arXiv where a paper is from there.
        licence: of papers that name none.
        filters: applied to the rows.
        progress: called with the files read and all files.

    Raises:
        InputError: a path does not exist, nothing can be read, or the folder holds files.
        StoreError: the disk refuses; nothing is left behind.
        MissingPackage: reading a PDF or writing Parquet needs a package.
    """
    folder = Path(folder)
    check_new_folder(folder)
    check_suffix(suffix)
    files = find_papers(paths)
    disk = next(above for above in folder.absolute().parents if above.is_dir())
    with DocumentSpool(disk) as spool, tempfile.TemporaryFile(dir=disk) as blocks:
        reading = _Reading(spool, blocks, source, licence, _fetched({path.parent for path in files.papers}))
        for number, path in enumerate(files.papers):
            if progress:
                progress(number, len(files.papers))
            for paper in opened_papers(path, engine):
                if isinstance(paper, InputError):
                    reading.unread.append(paper.message)
                else:
                    reading.add(path, paper)
        manifest = _written(reading, folder, files, engine, filters, shares, seed, suffix, counter)
    return PaperSet(
        manifest,
        len(reading.papers),
        tuple(path.name for path in files.parts),
        tuple(reading.unread),
        tuple(reading.missing),
        dict(reading.dropped),
    )


def _written(
    reading: _Reading,
    folder: Path,
    files: PaperFiles,
    engine: Engine | None,
    filters: Sequence[RowFilter],
    shares: Mapping[str, float],
    seed: int,
    suffix: str,
    counter: TokenCounter | None,
) -> DatasetManifest:
    """Write what was read."""
    if not reading.papers:
        why = f": {reading.unread[0]}" if reading.unread else ""
        raise InputError(f"none of {len(files.papers):,} files could be read{why}")
    gone, filtered = _filter(reading, filters)
    splits = _split(reading, shares, seed)
    made = {
        "papers": len(reading.papers), "sections": {name: len(found) for name, found in splits.items()},
        "parts": [path.name for path in files.parts],
        "unread": reading.unread, "missing": reading.missing, "dropped": dict(sorted(reading.dropped.items())), "seed": seed,
        "shares": dict(shares), "filters": [one.settings for one in filters], "filtered": filtered,
        "blocks": dict(sorted(reading.kinds.items())), "inexact": reading.inexact,
        "engine": None if engine is None else f"{engine.__module__}:{getattr(engine, '__name__', '')}",
    }  # fmt: skip
    rows = {name: reading.spool.read(found) for name, found in splits.items()}
    return write_dataset(
        folder, rows, Document, title="Sections of papers", made=made, suffix=suffix, counter=counter,
        sections=_sections(made), beside=lambda _, place: _write_blocks(place / BLOCKS, reading.blocks, gone),
    )  # fmt: skip


def section_text(blocks: Sequence[Block]) -> str:
    """The text of a section as a row has it: its headings as in Markdown, its blocks a paragraph each; '' without words of its own."""
    said = [block for block in blocks if block.kind not in (*_UNTAUGHT, "heading") and block.text.strip()]
    if not said:
        return ""
    parts = [f"{'#' * level} {title}" for level, title in enumerate(said[0].headings[-3:], start=1)]
    for before, block in zip([None, *said], said, strict=False):
        text = f"{FENCE}\n{block.text}\n{FENCE}" if block.kind == "code" else block.text
        together = before is not None and before.kind == block.kind and block.kind in ("row", "item")
        if together:
            parts[-1] += f"\n{text}"
        else:
            parts.append(text)
    return "\n\n".join(parts)


def load_engine(name: str) -> Engine:
    """The function `module:function` that reads PDFs.

    Raises:
        InputError: there is none of this name.
    """
    module, _, function = name.partition(":")
    hint = "name it like my_module:read_pdf, a function that takes a path and returns Markdown"
    try:
        found = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError, TypeError) as error:
        raise InputError(f"the engine {name!r} cannot be loaded: {error}", hint=hint) from None
    if not callable(found):
        raise InputError(f"the engine {name!r} is not a function", hint=hint)
    return found  # type: ignore[no-any-return]  # what it returns is checked


def opened_papers(path: Path, engine: Engine | None) -> Iterator[PaperText | InputError]:
    """The papers of one file, PDFs by the engine if there is one, or the reason why one cannot be read."""
    if engine is None or path.suffix.lower() != ".pdf":
        yield from open_papers(path)
        return
    try:
        text = engine(str(path))
    except Exception as error:  # noqa: BLE001 -- of a program that is not ours
        said = (str(error).strip().splitlines() or [""])[0]
        yield InputError(f"{path}: the engine failed: {said or type(error).__name__}")
        return
    if not isinstance(text, str):
        yield InputError(f"{path}: the engine returned {type(text).__name__}, not text")
        return
    try:
        # Recognised, not written by the authors: formulas and numbers may be wrong.
        yield PaperText(path.name, without_unseen(checked_text(text, str(path))), "markdown", exact=False)
    except InputError as error:
        yield error


def section_of(block: Block) -> tuple[str, ...]:
    """The headings of the section that a block is in; a heading begins its own."""
    return block.headings if block.kind != "heading" else (*block.headings, block.text)


def _fetched(folders: Iterable[Path]) -> dict[Path, Mapping[str, Any]]:
    """What the folders of fetched papers say of their files."""
    ledgers = [folder / FETCHED for folder in sorted(folders) if (folder / FETCHED).is_file()]
    return {
        ledger.parent / str(row["file"]): row
        for ledger in ledgers
        for row in read_jsonl(ledger)
        if row.get("file")
    }


def _split(reading: _Reading, shares: Mapping[str, float], seed: int) -> dict[str, list[int]]:
    """Places of the rows of each split: papers in an order that their texts and the seed decide, cut by the shares."""
    ordered = sorted(reading.papers, key=lambda paper: sha256(f"{seed}:{paper[0]}".encode()).digest())
    sizes = {name: int(len(ordered) * share) for name, share in shares.items() if name != "train"}
    found: dict[str, list[int]] = {name: [] for name in SPLITS}
    taken = 0
    for name, size in sizes.items():
        found[name] = [place for _, places in ordered[taken : taken + size] for place in places]
        taken += size
    found["train"] = [place for _, places in ordered[taken:] for place in places]
    return {name: found[name] for name in SPLITS if found[name]}


def _filter(reading: _Reading, filters: Iterable[RowFilter]) -> tuple[set[str], dict[str, int]]:
    """Take out of the papers the rows that filters drop, before anything is split; their ids, and their number by reason.

    Raises:
        InputError: nothing remains.
    """
    places = [place for _, found in reading.papers for place in found]
    gone: set[str] = set()
    counts: Counter[str] = Counter()
    for one in filters:
        stays = list(one.keeps(reading.spool.read(places)))
        dropped = [place for place, kept in zip(places, stays, strict=True) if not kept]
        gone |= {row.id for row in reading.spool.read(dropped)}
        places = [place for place, kept in zip(places, stays, strict=True) if kept]
        counts.update(one.dropped)
    if not places:
        raise InputError(
            f"none of {len(reading.spool):,} sections remains: {', '.join(f'{n:,} {why}' for why, n in counts.items())}"
        )
    left = set(places)
    kept_papers = [(digest, [place for place in found if place in left]) for digest, found in reading.papers]
    reading.papers = [(digest, found) for digest, found in kept_papers if found]
    return gone, dict(sorted(counts.items()))


def _write_blocks(path: Path, blocks: IO[bytes], gone: Collection[str]) -> None:
    blocks.seek(0)
    rows = (parse_row(line, path.name) for line in blocks)
    write_jsonl(path, (row | {"row": None} if row["row"] in gone else row for row in rows))


def _sections(made: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the card says."""
    lines = [
        f"* Sections: {', '.join(f'{count:,} for {name}' for name, count in made['sections'].items())}; no paper is in two splits.",
        "* A row is a section: its headings, paragraphs, displayed equations ($$…$$), captions, and rows of tables under their columns.",
        f"* `{BLOCKS}` says of each block its kind, section, and the characters of the source; `row` names the row that holds it.",
    ]
    if made["inexact"]:
        lines.append(
            f"* {made['inexact']:,} papers are read from PDF: formulas, signs and exponents in them are not exact (`exact` is false)."
        )
    lines += [f"* Filter: {one['about']}" for one in made["filters"]]
    kinds = markdown_table(
        ("blocks", "number"), [(kind, f"{count:,}") for kind, count in made["blocks"].items()]
    )
    unread = "\n".join(f"* {line}" for line in made["unread"][:100]) or "Nothing."
    return [("How it was made", "\n".join(lines)), ("Blocks", kinds), ("Not read", unread)]
