"""Papers in files and folders: LaTeX, archives of it, HTML, PDF, Markdown, and rows of unarXive, each as one text to be read in blocks."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError
from yukawa.core.files import read_bytes, read_jsonl
from yukawa.knowledge.documents.files import ARCHIVE_ENDINGS, HTML_ENDINGS, LATEX_ENDINGS, MARKDOWN, read_file
from yukawa.knowledge.documents.latex_files import inputs_of
from yukawa.knowledge.documents.tex_text import tidy
from yukawa.knowledge.items import FORMAT, NewItem, new_item
from yukawa.knowledge.texts import MAX_BYTES, checked_text, without_unseen

ROWS = (".jsonl", ".jsonl.gz")
ENDINGS = (*LATEX_ENDINGS, *ARCHIVE_ENDINGS, *HTML_ENDINGS, ".pdf", ".md", *ROWS)
_HOLE = re.compile(r"\{\{(formula|cite|figure|table):([0-9a-fA-F-]{1,64})\}\}")
_ARXIV = re.compile(r"(?<![\d.])(\d{4}\.\d{4,5})(?:v\d+)?(?!\d)")
_TEXT = re.compile(r"\\(?:text|mbox|mathrm|hbox|textrm|operatorname|label)\w* ?\{[^{}]*+\}")
_PROSE = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}+ [A-Za-z]++ [A-Za-z]{2,}")
_DISPLAYED = re.compile(r"\\begin\{|\\\\|\\tag")


@dataclass(frozen=True)
class PaperText:
    """A paper as it is read.

    Attributes:
        name: its arXiv id, else its file.
        text: its source, of which blocks name the characters.
        format: 'latex', 'html', 'markdown' or 'plain'.
        title: '' where only the text says.
        licence: as its source says.
        url: its address.
        exact: whether formulas are kept: the text layer of a PDF has none.
        missing: what it inputs that is not there.
    """

    name: str
    text: str
    format: str
    title: str = ""
    licence: str | None = None
    url: str | None = None
    exact: bool = True
    categories: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass
class PaperFiles:
    """Which files are papers: those found, and those that are only a part of another."""

    papers: list[Path]
    parts: list[Path]


def find_papers(paths: Iterable[str | Path]) -> PaperFiles:
    """The papers that paths name, sorted: files, and all papers below folders, where a file that another inputs is a part of it.

    Raises:
        InputError: a folder holds no papers, or a path does not exist.
    """
    papers: dict[Path, None] = {}
    parts: dict[Path, None] = {}
    for path in map(Path, paths):
        if not path.is_dir():
            if not path.exists():
                raise InputError(f"{path} does not exist", hint=f"papers end in {', '.join(ENDINGS)}")
            papers[path] = None
            continue
        inside = [
            p
            for p in sorted(path.rglob("*"))
            if p.name.lower().endswith(ENDINGS) and p.is_file() and not _is_hidden(p, path)
        ]
        if not inside:
            raise InputError(f"{path} holds no papers", hint=f"papers end in {', '.join(ENDINGS)}")
        of_others = _parts(inside)
        papers |= {p: None for p in inside if p not in of_others}
        parts |= dict.fromkeys(of_others)
    return PaperFiles(sorted(papers), sorted(set(parts) - set(papers)))


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _parts(paths: Iterable[Path]) -> list[Path]:
    """The LaTeX files that others input, from their own folders."""
    latex = [p for p in paths if p.name.lower().endswith(LATEX_ENDINGS)]
    there = set(latex)
    found: set[Path] = set()
    for path in latex:
        try:
            text = read_bytes(path, MAX_BYTES).decode("utf-8", "replace")
        except InputError:  # it is named when it is read
            continue
        inputs = {path.parent / name for name in inputs_of(text, path.name)}
        found |= {p for p in inputs & there if p != path}
    # Of files that input each other nobody is the main one, so each stands for itself.
    return sorted(found) if found != there else []


def open_papers(path: Path) -> Iterator[PaperText | InputError]:
    """The papers of one file, or for one that cannot be read the reason."""
    if path.name.lower().endswith(ROWS):
        yield from _of_rows(path)
        return
    try:
        file = read_file(path)
    except InputError as error:
        yield error
        return
    found = _ARXIV.search(path.name)
    url = f"https://arxiv.org/abs/{found[1]}" if found else None
    text = without_unseen(file.text)
    yield PaperText(
        found[0] if found else path.name,
        text,
        file.format,
        url=url,
        exact=file.format != "plain",
        missing=file.missing,
    )


def paper_item(paper: PaperText, source: str | None = None, **about: Any) -> NewItem:
    """The document that a paper is, to be taught, under its title or name; what its own source says of it counts where nobody says more."""
    given = {name: value for name, value in about.items() if value is not None}
    about = {"url": paper.url, "licence": paper.licence} | given
    return new_item(
        paper.text,
        kind="document",
        source=source or paper.title or paper.name,
        attributes={FORMAT: paper.format},
        **about,
    )


# ---- unarXive ----------------------------------------------------------------------------------------


def _of_rows(path: Path) -> Iterator[PaperText | InputError]:
    try:
        for number, row in enumerate(read_jsonl(path), start=1):
            try:
                yield unarxive_paper(row, f"{path}:{number}")
            except InputError as error:
                yield error
    except InputError as error:
        yield error


def unarxive_paper(row: Mapping[str, Any], place: str) -> PaperText:
    """A row of unarXive (arXiv:2303.14957) as Markdown: its formulas where they belong, and sections as headings.

    Raises:
        InputError: it is not such a row, or holds no text.
    """
    entries, body = row.get("ref_entries"), row.get("body_text")
    if not isinstance(entries, dict) or not isinstance(body, list):
        raise InputError(
            f"{place} is not a row of unarXive: body_text or ref_entries is missing",
            hint="name LaTeX, HTML or a PDF",
        )
    said = row.get("metadata")
    about: Mapping[str, Any] = said if isinstance(said, dict) else {}
    cited = {str(key): str(number) for number, key in enumerate(row.get("bib_entries") or (), start=1)}
    title = " ".join(str(about.get("title") or "").split())
    lines = [f"# {title}"] if title else []
    abstract = row.get("abstract")
    if isinstance(abstract, dict) and str(abstract.get("text") or "").strip():
        lines += ["## Abstract", " ".join(str(abstract["text"]).split())]
    section, damaged = None, 0
    for part in body:
        if not isinstance(part, dict) or not isinstance(part.get("text"), str):
            continue
        if part.get("section") and part["section"] != section:
            section = part["section"]
            level = 2 + min(3, str(part.get("sec_number") or "").count("."))
            lines.append(f"{'#' * level} {' '.join(str(section).split())}")
        filled = _filled(part["text"], entries, cited)
        damaged += not filled and bool(part["text"].strip())
        lines += filled
    for entry in entries.values():
        if (
            isinstance(entry, dict)
            and entry.get("type") in ("figure", "table")
            and str(entry.get("caption") or "").strip()
        ):
            lines += _filled(f"{entry['type'].capitalize()}: {entry['caption']}", entries, cited)
    name = str(row.get("paper_id") or about.get("id") or place)
    text = without_unseen(checked_text("\n\n".join(lines), place))
    missing = (f"{damaged:,} paragraphs whose formulas hold prose",) if damaged else ()
    categories = tuple(str(about.get("categories") or "").split())
    return PaperText(name, text, MARKDOWN, title, about.get("license") or None, f"https://arxiv.org/abs/{name}",
                 categories=categories, missing=missing)  # fmt: skip


def _filled(text: str, entries: Mapping[str, Any], cited: Mapping[str, str]) -> list[str]:
    """The paragraphs of a text with holes: formulas within the line or by themselves, numbers of references.

    None where prose is taken for a formula, as happens where a dollar was lost: what else is taken for prose is unknown.
    """
    found: list[list[str]] = [[]]
    place = 0
    for hole in _HOLE.finditer(text):
        found[-1].append(text[place : hole.start()].replace("\n", " "))
        place = hole.end()
        kind, key = hole[1], hole[2]
        entry = entries.get(key)
        latex = " ".join(str(entry.get("latex") or "").split()) if isinstance(entry, dict) else ""
        if kind == "formula" and _PROSE.search(_TEXT.sub("", latex)):
            return []
        if kind == "formula" and latex:
            if _stands_alone(text, hole.start(), hole.end()) or _DISPLAYED.search(latex):
                found += [[f"$${latex}$$"], []]
            else:
                found[-1].append(f"${latex}$")
        else:
            found[-1].append(f"[{cited.get(key, '?')}]" if kind == "cite" else kind)
    found[-1].append(text[place:].replace("\n", " "))
    return [said for parts in found if (said := tidy("".join(parts)))]


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether nothing but spaces is beside these characters on their line; the first line does not count."""
    while start and text[start - 1] == " ":
        start -= 1
    while end < len(text) and text[end] == " ":
        end += 1
    return start > 0 and text[start - 1] == "\n" and text[end : end + 1] in ("\n", "")
