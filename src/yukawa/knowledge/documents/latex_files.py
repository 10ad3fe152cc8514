"""The LaTeX of a paper as one text: its main file with what it inputs, from a folder or an archive such as arXiv's, within limits."""

import gzip
import io
import re
import tarfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from yukawa.core.errors import InputError
from yukawa.core.files import read_bytes, real
from yukawa.knowledge.texts import MAX_BYTES

GZIP = b"\x1f\x8b"
LARGEST_ARCHIVE = 200_000_000
"""Bytes of an archive, packed or not, of which only the LaTeX is unpacked."""
MOST_FILES = 5_000
"""Files of an archive."""
MOST_BYTES = 100_000_000
"""Bytes of its LaTeX, unpacked."""
_MOST_INPUTS = 2_000
_DEEPEST = 16  # files that input each other
_ENDINGS = (".tex", ".ltx", ".latex", ".bbl", ".bib")
_MAINS = ("main", "ms", "paper", "article", "manuscript", "draft")
_INPUT = re.compile(
    r"\\(?P<what>input|include|subfile|InputIfFileExists)[ \t]*+(?:\{[ \t]*+(?P<name>[^{}\\\n]{1,300}+)\}"
    r"|(?P<bare>(?<=input )[\w./-]{1,300}+))"
    r"|\\(?:sub)?import[ \t]*+\{(?P<folder>[^{}\\\n]{0,300}+)\}[ \t]*+\{(?P<inside>[^{}\\\n]{1,300}+)\}"
    r"|\\bibliography[ \t]*+\{[^{}]{0,1000}+\}"
)
_STARTS = re.compile(r"^[^%\n]{0,200}\\document(?:class|style)\b", re.MULTILINE)
_ENCODING = re.compile(
    rb"\\usepackage\s*\[(latin1|latin9|ansinew|cp1252|applemac|latin2|koi8-r|cp1251)\]\s*\{inputenc\}"
)
_CODECS = {"ansinew": "cp1252", "applemac": "mac_roman", "latin9": "iso8859_15"}


@dataclass
class LatexSource:
    """A paper's LaTeX.

    Attributes:
        text: the main file, with the others where it inputs them.
        files: names of the files that it is made of, the main one first.
        missing: what it inputs that is not there, or may not be read.
    """

    text: str = ""
    files: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)


def decoded(data: bytes, name: str) -> str:
    """LaTeX in UTF-8, or in the encoding that it declares.

    Raises:
        InputError: it is in another one, or no text.
    """
    if b"\0" in data:
        raise InputError(
            f"{name} is a binary file (zero byte at {data.find(0)})",
            hint="name the LaTeX itself, or a .tar.gz of it",
        )
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        declared = _ENCODING.search(data)
        if declared is None:
            raise InputError(
                f"{name} is neither UTF-8 nor declares its encoding: byte 0x{data[error.start]:02X} at offset {error.start}",
                hint=f"type: iconv -f LATIN1 -t UTF-8 {name} > utf8.tex, with its real encoding",
            ) from None
        codec = declared[1].decode()
        return data.decode(_CODECS.get(codec, codec), "replace").replace("\r\n", "\n").replace("\r", "\n")


def read_latex(path: Path) -> LatexSource:
    """A LaTeX file with what it inputs from its own folder and those below; nothing outside is read, by whatever name.

    Raises:
        InputError: a file cannot be read, or all together are larger than 5 MB.
    """
    folder = real(path.parent)

    def get(name: str) -> bytes | None:
        inside = folder / name
        try:
            found = real(inside)
            if not found.is_relative_to(folder) or not found.is_file():
                return None
        except (OSError, ValueError):
            return None
        return read_bytes(found, MAX_BYTES)

    if get(path.name) is None:  # a link that leads elsewhere is named on purpose
        return _Flattening(lambda name: read_bytes(path, MAX_BYTES) if name == path.name else get(name)).read(
            path.name
        )
    return _Flattening(get).read(path.name)


def read_archive(data: bytes, name: str) -> LatexSource:
    """The paper in an archive: tar, packed or not, or one packed LaTeX file, as arXiv serves them.

    Raises:
        InputError: the archive is damaged, unpacks to more than 200 MB or 5,000 files, or holds no LaTeX.
    """
    packed = data.startswith(GZIP)
    if packed:
        data = _unpacked(data, name)
    members = _members(data, name)
    if members is None and not packed:
        raise InputError(f"{name} is not an archive", hint="name a .tar.gz of LaTeX, or the LaTeX itself")
    if members is None:
        return _Flattening({"paper.tex": data}.get).read("paper.tex", shown=name)
    main = _main(members, name)
    return _Flattening(members.get).read(main)


def _unpacked(data: bytes, name: str) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as packed:
            found = packed.read(LARGEST_ARCHIVE + 1)
    except (OSError, EOFError, zlib.error):
        raise InputError(f"{name} is not a whole gzip archive", hint="fetch it again") from None
    if len(found) > LARGEST_ARCHIVE:
        raise InputError(
            f"{name} unpacks to more than {LARGEST_ARCHIVE:,} bytes", hint="name the LaTeX in it"
        )
    return found


def _members(data: bytes, name: str) -> dict[str, bytes] | None:
    """The LaTeX files of a tar archive by their names; None if it is none. Links, devices and names outside it are passed over."""
    try:
        archive = tarfile.open(fileobj=io.BytesIO(data), mode="r:")  # noqa: SIM115 -- of a text in memory
    except tarfile.TarError:
        return None
    found: dict[str, bytes] = {}
    read = 0
    try:
        for number, member in enumerate(archive):
            if number >= MOST_FILES:
                raise InputError(f"{name} holds more than {MOST_FILES:,} files", hint="name the LaTeX in it")
            path = PurePosixPath(member.name)
            if (
                not member.isreg()
                or member.issparse()  # holes cost nothing in the archive and everything here
                or path.is_absolute()
                or ".." in path.parts
                or path.suffix.lower() not in _ENDINGS
            ):
                continue
            read += member.size
            if read > MOST_BYTES or member.size > MAX_BYTES:
                raise InputError(
                    f"{name} holds {member.name} of {member.size:,} bytes, {read:,} so far; at most {MAX_BYTES:,}"
                    f" are read of a file, {MOST_BYTES:,} of an archive"
                )
            if (file := archive.extractfile(member)) is not None:
                found[str(path)] = file.read(MAX_BYTES)
    except (tarfile.TarError, OSError, EOFError, ValueError, OverflowError) as error:
        raise InputError(f"{name} is a damaged archive: {error}", hint="fetch it again") from None
    if not any(PurePosixPath(one).suffix.lower() != ".bib" for one in found):
        raise InputError(f"{name} holds no LaTeX", hint=f"files of it end in {', '.join(_ENDINGS[:3])}")
    return found


def _main(members: Mapping[str, bytes], name: str) -> str:
    r"""The file with which the paper begins: it has a `\documentclass` and no other file inputs it.

    Raises:
        InputError: no file can be decoded.
    """
    texts: dict[str, str] = {}
    wrong: InputError | None = None
    for one in sorted(members):
        if one.lower().endswith((".bbl", ".bib")):
            continue
        try:
            texts[one] = decoded(members[one], f"{name}:{one}")
        except InputError as error:
            wrong = error
    if not texts:
        raise wrong or InputError(
            f"{name} holds no LaTeX", hint=f"files of it end in {', '.join(_ENDINGS[:3])}"
        )
    begun = [one for one, text in texts.items() if _STARTS.search(text)] or list(texts)
    inputs = {target for one in begun for target in _targets(texts[one], one)}
    free = [one for one in begun if one not in inputs] or begun
    by_name = [one for one in free if PurePosixPath(one).stem.lower() in _MAINS]
    return max(by_name or free, key=lambda one: (-len(PurePosixPath(one).parts), len(texts[one]), one))


def _targets(text: str, name: str) -> set[str]:
    """The files that a text may input, by the names that they would have."""
    found = set()
    for match in _INPUT.finditer(text):
        target = (
            match["name"]
            or match["bare"]
            or (f"{match['folder'] or ''}/{match['inside']}" if match["inside"] else "")
        )
        found |= set(_names(target.strip(), name)) if target else set()
    return found


def inputs_of(text: str, name: str) -> set[str]:
    """The files, by their paths beside it, that a LaTeX file inputs: they are parts of its paper."""
    return _targets(text, name)


def _names(target: str, name: str) -> list[str]:
    r"""The paths that the target of an `\input` in the file `name` may mean; none outside the paper."""
    path = PurePosixPath(target)
    if path.is_absolute() or ".." in path.parts or "~" in target or "\0" in target or not path.name:
        return []
    places = [path] if len(PurePosixPath(name).parts) == 1 else [path, PurePosixPath(name).parent / path]
    found = []
    for place in places:
        found += [str(place)] if place.suffix.lower() in _ENDINGS else [f"{place}.tex", str(place)]
    return found


@dataclass
class _Flattening:
    get: Callable[[str], bytes | None]
    source: LatexSource = field(default_factory=LatexSource)
    size: int = 0
    unread: set[str] = field(default_factory=set)  # files that cannot be read, which are not opened again

    def read(self, main: str, shown: str = "") -> LatexSource:
        """Put the files together, beginning with `main`.

        Raises:
            InputError: the main file cannot be decoded, or all together are larger than 5 MB.
        """
        data = self.get(main)
        if data is None:
            raise InputError(f"{shown or main} is not there", hint="name a LaTeX file")
        self.source.text = self._text(main, decoded(data, shown or main), (main,))
        return self.source

    def _text(self, name: str, text: str, above: tuple[str, ...]) -> str:
        self.source.files.append(name)
        if len(self.source.files) > _MOST_INPUTS:
            raise InputError(
                f"{above[0]} inputs more than {_MOST_INPUTS:,} files", hint="name its parts one by one"
            )
        parts: list[str] = []
        place = 0
        for match in _INPUT.finditer(text):
            if self._is_comment(text, match.start()):
                continue
            found = self._found(match, name, above)
            if found is not None:
                parts += [text[place : match.start()], found]
                place = match.end()
        parts.append(text[place:])
        self.size += sum(map(len, parts[::2]))
        if self.size > MAX_BYTES:
            raise InputError(
                f"{above[0]} with what it inputs has more than {MAX_BYTES:,} characters",
                hint="name its parts one by one",
            )
        return "".join(parts)

    def _found(self, match: re.Match[str], name: str, above: tuple[str, ...]) -> str | None:
        """The text that a command inputs; None where it stays as it is."""
        if match[0].startswith("\\bibliography"):
            options = [str(PurePosixPath(above[0]).with_suffix(".bbl"))]
        else:
            target = (
                match["name"] or match["bare"] or f"{match['folder'] or ''}/{match['inside']}".lstrip("/")
            )
            options = _names(target.strip(), name)
        for option in options:
            if option in above or len(above) >= _DEEPEST:
                break
            if option in self.unread:
                break
            try:
                data = self.get(option)
                if data is None:
                    continue
                text = decoded(data, option)
            except InputError:
                self.unread.add(option)
                break
            return self._text(option, text, (*above, option))
        if not match[0].startswith("\\bibliography"):
            self.source.missing.append(match[0][:100])
        return None

    @staticmethod
    def _is_comment(text: str, place: int) -> bool:
        first = max(0, place - 2000)
        line = text[max(text.rfind("\n", first, place) + 1, first) : place]
        return re.search(r"(?<!\\)(?:\\\\)*%", line) is not None
