"""Files that can be taught: what they hold is found from their content, what they are written in from their name."""

import glob
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from yukawa.core.errors import InputError, unreadable
from yukawa.core.files import open_file
from yukawa.knowledge.texts import MAX_BYTES, checked_text

if TYPE_CHECKING:
    from yukawa.knowledge.documents.latex_files import LatexSource

STDIN = "-"
MAX_PDF_BYTES = 200_000_000
MARKDOWN, PLAIN, LATEX, HTML = "markdown", "plain", "latex", "html"
# Files of these endings are taken from a folder; others are not documents unless they are named.
ENDINGS = (".md", ".markdown", ".mdx", ".txt", ".pdf")
_PLAIN_ENDINGS = (".txt", ".text", ".log")
LATEX_ENDINGS, HTML_ENDINGS, ARCHIVE_ENDINGS = (
    (".tex", ".ltx", ".latex"),
    (".html", ".htm", ".xhtml"),
    (".tar.gz", ".tgz", ".tar", ".gz"),
)
_PDF, _GZIP, _TAR = b"%PDF-", b"\x1f\x8b", b"ustar"
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class File:
    """The text of a file and what it is written in.

    Attributes:
        format: 'markdown', 'latex', 'html', or 'plain' (plain text, or the text layer of a PDF).
        missing: what LaTeX inputs that is not there, or may not be read.
    """

    text: str
    format: str
    missing: tuple[str, ...] = ()


def read_file(path: str | Path) -> File:
    """A file (`-` is standard input) as text: LaTeX with what it inputs from its own folder, or from its archive.

    Raises:
        InputError: no such file, a folder, a binary file, text that is not UTF-8 or larger than 5 MB, an
            encrypted or damaged PDF or one without a text layer, an archive without LaTeX.
        MissingPackage: a PDF needs `pypdfium2`.
    """
    name = "standard input" if str(path) == STDIN else str(path)
    data = _bytes(path, name)
    if data.startswith(_PDF):
        from yukawa.knowledge.documents.pdf import pdf_text

        return File(checked_text(pdf_text(data, name), name), PLAIN)
    if str(path) != STDIN and (found := _latex(Path(path), data, name)) is not None:
        return File(checked_text(found.text, name), LATEX, tuple(found.missing))
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{name} holds more than {MAX_BYTES:,} bytes, the most that can be taught at once",
            hint="split it into parts",
        )
    lowered = name.lower()
    written_in = (
        PLAIN if lowered.endswith(_PLAIN_ENDINGS) else HTML if lowered.endswith(HTML_ENDINGS) else MARKDOWN
    )
    return File(checked_text(_decoded(data, name), name), written_in)


def _latex(path: Path, data: bytes, name: str) -> "LatexSource | None":
    """The paper that LaTeX or an archive holds; None for other files."""
    from yukawa.knowledge.documents import latex_files

    if data.startswith(latex_files.GZIP) or name.lower().endswith(ARCHIVE_ENDINGS):
        return latex_files.read_archive(data, name)
    return latex_files.read_latex(path) if name.lower().endswith(LATEX_ENDINGS) else None


def read_document(path: str | Path) -> str:
    """The text of a file; see `read_file`."""
    return read_file(path).text


def find_files(patterns: Iterable[str]) -> list[Path]:
    """The files that `patterns` name, sorted: files, folders (all documents below them), or patterns such as 'notes/**/*.md'.

    Hidden files and folders are omitted unless they are named.

    Raises:
        InputError: a pattern matches nothing, or a folder holds no documents.
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        path = Path(pattern)
        if _is_folder(path):
            inside = list(_documents_below(path))
            if not inside:
                raise InputError(
                    f"{pattern} holds no documents", hint=f"documents end in {', '.join(ENDINGS)}"
                )
            found |= dict.fromkeys(inside)
        elif glob.has_magic(pattern) and not path.exists():
            matches = sorted(Path(match) for match in glob.glob(pattern, recursive=True))
            files = [match for match in matches if match.is_file()]
            if not files:
                raise InputError(
                    f"{pattern} matches no file", hint="'**' matches any folders: 'notes/**/*.md'"
                )
            found |= dict.fromkeys(files)
        else:
            found[path] = None
    return list(found)


def _documents_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if not hidden and path.suffix.lower() in ENDINGS and path.is_file():
            yield path


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except ValueError:  # a null character in the name
        return False


def _bytes(path: str | Path, name: str) -> bytes:
    try:
        if str(path) == STDIN:
            return _head(sys.stdin.buffer)
        if Path(path).is_dir():
            raise InputError(f"{name} is a folder", hint="name a file in it")
        with open_file(Path(path)) as file:
            return _head(file)
    except OSError as error:
        raise unreadable(name, error) from None
    except ValueError:  # a null character in the name
        raise InputError(f"{name!r} is not a file name") from None


def _head(file: object) -> bytes:
    """The file, or enough of it to see that it is too large."""
    read = file.read  # type: ignore[attr-defined]
    data: bytes = read(MAX_BYTES + 1)
    return data + read(MAX_PDF_BYTES) if data.startswith((_PDF, _GZIP)) or data[257:262] == _TAR else data


def _decoded(data: bytes, name: str) -> str:
    """Decode a file.

    Raises:
        InputError: it is not UTF-8 text.
    """
    hint = f"type: iconv -f LATIN1 -t UTF-8 {name if name != 'standard input' else 'FILE'} > utf8.txt, with its real encoding"
    if data.startswith(_UTF_16):
        raise InputError(f"{name} is UTF-16, not UTF-8 (byte 0)", hint=hint.replace("LATIN1", "UTF-16"))
    if (place := data.find(b"\0")) >= 0:
        raise InputError(
            f"{name} is a binary file (zero byte at {place})",
            hint="give UTF-8 text, Markdown or a PDF with a text layer",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # The decoder counts from behind a byte order mark.
        start = error.start + (3 if data.startswith(b"\xef\xbb\xbf") else 0)
        raise InputError(
            f"{name} is not UTF-8: byte 0x{data[start]:02X} at offset {start}", hint=hint
        ) from None
