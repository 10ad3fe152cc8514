"""Reads arXiv's metadata and selects papers: the snapshot streamed, FeynTune's method and a strict one."""

import datetime
import gzip
import hashlib
import io
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from yukawa.core.errors import InputError, check_name, unreadable
from yukawa.core.files import open_file
from yukawa.data.rows import Document

LONGEST = 1 << 24  # bytes of a line; the longest of arXiv's, with 3,000 authors, have 300,000
SHOWN = 20  # faults whose lines are listed; all are counted
_BUFFER = 1 << 16
_MONTHS = {
    name: number
    for number, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), start=1)
}


class Version(msgspec.Struct, gc=False):
    """One version of a paper; `created` is like `Mon, 2 Apr 2007 19:18:42 GMT`."""

    created: str | None = None


class Paper(msgspec.Struct, gc=False):
    """One line of the snapshot, of which only these fields are decoded; `categories` has the primary one first."""

    id: str
    categories: str | list[str]
    abstract: str | None = None
    title: str | None = None
    comments: str | None = None
    created: str | None = None
    versions: list[Version] = []

    @property
    def primary(self) -> str:
        """The primary category, such as `cs.LG`; '' if there is none."""
        categories = self.categories
        if isinstance(categories, str):
            categories = categories.split(None, 1)
        return categories[0] if categories else ""

    def date(self) -> datetime.date | None:
        """When the first version was submitted; None if unknown."""
        try:
            if self.created:
                return datetime.date.fromisoformat(self.created[:10])
            if self.versions and self.versions[0].created:
                _, day, month, year, *_ = self.versions[0].created.split()
                return datetime.date(int(year), _MONTHS[month], int(day))
        except (ValueError, KeyError):
            pass
        return None


@dataclass
class Faults:
    """Lines of one kind that could not be used: how many, and the first ones as `line 7: reason`."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, line: int, reason: str) -> None:
        """Count one more."""
        self.count += 1
        if len(self.first) < SHOWN:
            self.first.append(f"line {line}: {reason}")


@dataclass
class SnapshotRecord:
    """One file as it was read.

    Attributes:
        name: the file's name without its folders.
        sha256: hash of its content on the disk.
        lines: number of lines, blank ones excluded.
        papers: number of lines that are papers with an abstract.
        damaged: lines that are not a JSON object of arXiv's.
        without_abstract: papers whose abstract is missing or blank.
    """

    name: str
    sha256: str = ""
    lines: int = 0
    papers: int = 0
    damaged: Faults = field(default_factory=Faults)
    without_abstract: Faults = field(default_factory=Faults)


def read_papers(
    path: Path, record: SnapshotRecord | None = None, progress: Callable[[int], None] | None = None
) -> Iterator[Paper]:
    """Yield the papers of one file one by one, in constant memory.

    Args:
        record: filled while the papers are read, and with the file's hash after the last.
        progress: called with the bytes read so far, now and then.

    Raises:
        InputError: with the first paper if the file cannot be read or holds no such rows at all; later, with the
            line, where compressed data are truncated or damaged.
    """
    path = Path(path)
    decode = msgspec.json.Decoder(Paper).decode
    number, hashed = 0, record is not None
    record = record or SnapshotRecord(path.name)
    with _opened(path, hashed, lambda: number) as (lines, watched):
        for number, line in enumerate(iter(partial(lines.readline, LONGEST), b""), start=1):
            if progress and not number % 4096:
                progress(watched.count)
            try:
                paper = decode(line)
            except (ValueError, RecursionError) as error:
                if line.isspace():
                    continue
                if len(line) == LONGEST:
                    raise InputError(f"{path}:{number} exceeds {LONGEST:,} bytes", hint=_EXPECTED) from None
                record.lines += 1
                record.damaged.add(number, _reason(error))
                if record.damaged.count == SHOWN and not record.papers:
                    break
                continue
            record.lines += 1
            if not paper.id or paper.id.isspace():
                record.damaged.add(number, "its id is blank")
            elif paper.abstract and not paper.abstract.isspace():
                record.papers += 1
                yield paper
            else:
                record.without_abstract.add(number, paper.id)
        if not record.papers:
            raise _no_papers(path, record)
        if progress:
            progress(watched.count)
        record.sha256 = watched.hash.hexdigest() if hashed else ""


_EXPECTED = (
    "arXiv's metadata snapshot as JSON Lines is expected, one object per line with id, categories, abstract"
)


def _no_papers(path: Path, record: SnapshotRecord) -> InputError:
    if not record.lines:
        return InputError(f"{path} is empty", hint=_EXPECTED)
    if record.damaged.count:
        return InputError(f"{path} holds no papers; {record.damaged.first[0]}", hint=_EXPECTED)
    return InputError(f"{path} holds no abstract in {record.lines:,} lines", hint=_EXPECTED)


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    return str(error)


class _Watched(io.RawIOBase):
    """A file that counts, and hashes if `hashed`, the bytes that are read."""

    def __init__(self, raw: Any, hashed: bool) -> None:
        self._raw = raw
        self._hashed = hashed
        self.count = 0
        self.hash = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = self._raw.readinto(buffer) or 0
        self.count += size
        if self._hashed:
            self.hash.update(memoryview(buffer)[:size])
        return size


@contextmanager
def _opened(
    path: Path, hashed: bool, line: Callable[[], int]
) -> Iterator[tuple[io.BufferedIOBase, _Watched]]:
    """The lines of a file, unpacked if its first bytes are those of gzip, and the file beneath."""
    try:
        with open_file(path) as file:
            watched = _Watched(file.raw, hashed)
            beneath = io.BufferedReader(watched, _BUFFER)
            start = beneath.peek(4)[:4]
            if start == b"PK\x03\x04":
                raise InputError(f"{path} is a ZIP archive", hint=f"type: unzip {path}")
            lines: Any = beneath
            if start[:2] == b"\x1f\x8b":
                unpacked: Any = gzip.GzipFile(fileobj=beneath)
                lines = io.BufferedReader(unpacked, _BUFFER)  # its own readline takes longer by half
            if lines.peek(3)[:3] == b"\xef\xbb\xbf":
                lines.read(3)
            yield lines, watched
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise InputError(f"{path}:{line() + 1} is truncated or damaged: not valid gzip") from None
    except OSError as error:
        raise unreadable(path, error) from None


SOURCE = "arXiv metadata"
LICENCE = "CC0-1.0"  # of arXiv's metadata, abstracts included; papers have licences of their own
_NEWLINE = re.compile(r"\n\s*")
_IN_COMMENT = re.compile(r"\bwithdrawn\b", re.IGNORECASE)
_PIECE = r"(?:paper|article|manuscript|comment|note|letter|submission|preprint|work)s?"
# A notice begins with the word, or has it of a paper: not of samples, of magnets or of a theory.
_NOTICE = re.compile(
    rf"\A\W*withdrawn\b|\b{_PIECE}\s+(?:(?:is|was|has|have|being|been|hereby|now)\s+){{0,4}}withdrawn\b"
    rf"|\bwithdrawn\s+(?:the|this|our|my)\s+{_PIECE}\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Method:
    """One way from papers to texts.

    Attributes:
        name: the name on the command line.
        about: what it does, for manifest and card.
        matches: whether a primary category belongs to an archive.
        withdrawn: whether a paper was withdrawn.
        clean: the text of an abstract; cleaning twice is cleaning once.
        drop_repeats: whether of documents with the same letters and digits only the oldest is kept.
        exact_sizes: whether splits have exact sizes, or the bounds of their hashes are fixed (see `splits`).
        near_duplicates: default Jaccard index from which the command treats two texts as one; None if it keeps
            near duplicates.
    """

    name: str
    about: str
    matches: Callable[[str, str], bool]
    withdrawn: Callable[[Paper], bool]
    clean: Callable[[str], str]
    drop_repeats: bool
    exact_sizes: bool
    near_duplicates: float | None


def in_archive(primary: str, archive: str) -> bool:
    """Whether a category belongs to an archive, or is that category: `cs.LG` belongs to `cs` and to `cs.LG`."""
    return primary == archive or primary.partition(".")[0] == archive


def contains_archive(primary: str, archive: str) -> bool:
    """FeynTune's test, a substring: `physics.optics` counts as `cs.` by it."""
    return _SUBSTRINGS.get(archive, archive) in primary


_SUBSTRINGS = {"cs": "cs.", "q-bio": "q-bio."}


def clean_newlines(text: str) -> str:
    """FeynTune's cleaning: a newline and the white space after it become one space; none at the ends."""
    return _NEWLINE.sub(" ", text).strip()


def clean_spaces(text: str) -> str:
    """All white space becomes single spaces, and characters are composed (Unicode NFC)."""
    return " ".join((text if text.isascii() else unicodedata.normalize("NFC", text)).split())


def mentions_withdrawal(paper: Paper) -> bool:
    """FeynTune's test: `withdrawn` in the comments in any case, `Withdrawn` or `withdrawn` in the abstract."""
    abstract = paper.abstract or ""
    return "withdrawn" in (paper.comments or "").lower() or "withdrawn" in abstract or "Withdrawn" in abstract


def is_withdrawn(paper: Paper) -> bool:
    """Whether comments say `withdrawn`, or the abstract says it of the paper; samples may be withdrawn."""
    comments, abstract = paper.comments or "", paper.abstract or ""
    if "withdrawn" in comments.lower() and _IN_COMMENT.search(comments):
        return True
    return "withdrawn" in abstract.lower() and _NOTICE.search(abstract) is not None


FEYNTUNE = Method(
    name="feyntune",
    about="As FeynTune: archives by a substring of the primary category (`physics.optics` counts as `cs.`); "
    "dropped if the comments hold `withdrawn` in any case or the abstract `withdrawn` or `Withdrawn`; a newline "
    "and the white space after it become one space; no deduplication; splits of exactly 70/15/15. Their shuffle "
    "is published nowhere; here documents are ordered by a seeded hash of their words, and the same words never "
    "are in two splits.",
    matches=contains_archive,
    withdrawn=mentions_withdrawal,
    clean=clean_newlines,
    drop_repeats=False,
    exact_sizes=True,
    near_duplicates=None,
)
STRICT = Method(
    name="strict",
    about="Archives by the whole name; dropped if the comments say `withdrawn` or the abstract says it of the paper; "
    "all white space becomes single spaces, Unicode NFC; of abstracts with the same letters and digits "
    "(case, spaces and punctuation aside) the oldest is kept; a "
    "document's split follows from seed and words alone, 70/15/15 on average, so that it stays the same with other "
    "filters, in other mixtures and in later snapshots.",
    matches=in_archive,
    withdrawn=is_withdrawn,
    clean=clean_spaces,
    drop_repeats=True,
    exact_sizes=False,
    near_duplicates=0.8,
)
METHODS = {method.name: method for method in (FEYNTUNE, STRICT)}


def find_method(name: str) -> Method:
    """The method of this name.

    Raises:
        InputError: there is no such method; the nearest is named.
    """
    check_name("method", name, METHODS)
    return METHODS[name]


def select(
    papers: Iterable[Paper], method: Method, archives: Iterable[str] | None, dropped: Counter[str]
) -> Iterator[Document]:
    """Yield the documents of those papers that belong to these archives (any, if None) and are not withdrawn.

    Args:
        dropped: counts the others by reason.
    """
    names = None if archives is None else tuple(archives)
    known: dict[str, bool] = {}
    for paper in papers:
        primary = paper.primary
        if primary not in known:
            known[primary] = names is None or any(method.matches(primary, name) for name in names)
        if not known[primary]:
            dropped[OTHER_ARCHIVE] += 1
        elif method.withdrawn(paper):
            dropped[WITHDRAWN] += 1
        else:
            yield _document(paper, method)


OTHER_ARCHIVE, WITHDRAWN = "of another archive", "withdrawn"


def _document(paper: Paper, method: Method) -> Document:
    categories = paper.categories
    return Document(
        id=paper.id,
        text=method.clean(paper.abstract or ""),
        source=SOURCE,
        licence=LICENCE,
        created=paper.date(),
        title=clean_spaces(paper.title or "") or None,
        categories=tuple(categories.split() if isinstance(categories, str) else categories),
    )
