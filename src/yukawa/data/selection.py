"""Which papers are selected and how their abstracts are cleaned: FeynTune's method and a strict one."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from yukawa.core.errors import unknown_name
from yukawa.data.arxiv import Paper
from yukawa.data.rows import Document

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
    comments = paper.comments or ""
    if "withdrawn" in comments.lower():
        return True
    return "ithdrawn" in abstract and ("withdrawn" in abstract or "Withdrawn" in abstract)


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
    "stand in two splits.",
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
    if name not in METHODS:
        raise unknown_name("method", name, METHODS)
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
