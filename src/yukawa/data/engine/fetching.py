"""Fetches the papers of a list from arXiv: one after the other, at its pace, those whose licence allows it, and resumes where it was ended.

What arrives is written beside its place and renamed once it is whole; a part that was left is continued, if the server still has the
same file. Nothing but the id of a paper goes into an address, no reply leads to another server, and each is limited in size and time.
"""

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx2 as httpx

from yukawa.core import transport
from yukawa.core.errors import InputError, ModelError, check_name
from yukawa.core.files import (
    check_made_folder,
    hash_file,
    make_folder,
    mend_jsonl,
    read_bytes,
    read_jsonl,
    report_write_errors,
    sync,
)
from yukawa.core.processes import Progress, lock
from yukawa.core.redaction import shortened
from yukawa.data.engine.papers import FETCHED
from yukawa.data.engine.selection import PASSED_ON, CitedPaper
from yukawa.knowledge.documents.files import MAX_PDF_BYTES

SERVER = "https://export.arxiv.org"
"""What arXiv asks programs to use."""
PAUSE_S = 3.0
"""Seconds from one request to the next, and the least that arXiv asks for."""
FORMS: Mapping[str, str] = {"source": "e-print", "pdf": "pdf"}
_LOCK, _PARTS = ".lock", ".parts"
_ATTEMPTS = 5  # of one paper
_LONGEST_WAIT_S = 600.0
_SILENT = 3  # papers in a row that no server answers for
_HOPS = 3  # redirections within the server
_GZIP, _PDF = b"\x1f\x8b", b"%PDF-"


class ServerGone(ModelError):
    """The server refuses, or does not answer any more; what is there stays, and the same call goes on."""


@dataclass
class Fetched:
    """What became of the papers of a list.

    Attributes:
        there: papers that are there, those of earlier calls too.
        new: papers that this call fetched.
        left_out: papers that were not requested, by licence.
        failed: why papers could not be fetched, a line each.
        size: bytes that this call received.
    """

    there: int = 0
    new: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)
    size: int = 0


def fetch_papers(
    papers: Sequence[CitedPaper],
    folder: Path,
    *,
    server: str = SERVER,
    form: str = "source",
    any_licence: bool = False,
    pause_s: float = PAUSE_S,
    progress: Progress | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Fetched:
    """Fetch papers into a folder, in which `FETCHED` says of each its file, hash, title, licence and address.

    Args:
        server: the address that papers are asked of.
        form: a key of `FORMS`.
        any_licence: whether to fetch papers too whose licence is not one of `PASSED_ON`, or not known.
        pause_s: seconds from one request to the next.
        progress: called with the papers done and all that are wanted.
        sleep: waits; tests do not.

    Raises:
        InputError: the address, the form or the folder is none, or another process fetches into it.
        ServerGone: the server refuses further requests, or answers none.
        StoreError: the disk refuses.
    """
    check_name("form of papers", form, FORMS)
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
        raise InputError(f"{server!r} is not the address of a server", hint=f"such as {SERVER}")
    folder = Path(folder)
    check_fetched(folder)
    with report_write_errors(folder):
        make_folder(folder / _PARTS)
    result = Fetched()
    wanted = []
    for paper in {paper.id: paper for paper in papers}.values():
        if not any_licence and paper.licence not in PASSED_ON:
            result.left_out[paper.licence or "none stated"] += 1
        else:
            wanted.append(paper)
    with _alone(folder), transport.client(60.0, largest=MAX_PDF_BYTES) as client:
        fetching = _Fetching(folder, server.rstrip("/"), form, pause_s, client, sleep, result)
        done = fetching.known()
        for number, paper in enumerate(wanted):
            if progress:
                progress(number, len(wanted))
            if paper.id in done:
                result.there += 1
                continue
            fetching.fetch(paper)
        if progress:
            progress(len(wanted), len(wanted))
    return result


def check_fetched(folder: Path) -> None:
    """Refuse a folder with anything else in it than papers that were fetched.

    Raises:
        InputError: it is a file, or holds something else.
    """
    check_made_folder(folder, (FETCHED, _PARTS), (_LOCK, "*.tar.gz", "*.pdf"))


@dataclass
class _Fetching:
    folder: Path
    server: str
    form: str
    pause_s: float
    client: httpx.Client
    sleep: Callable[[float], None]
    result: Fetched
    silent: int = 0  # papers in a row without an answer
    last: float = float("-inf")  # when the last request was sent

    def known(self) -> set[str]:
        """The papers that are there whole, with the size that was noted."""
        ledger = self.folder / FETCHED
        if not ledger.exists():
            return set()
        with report_write_errors(ledger), ledger.open("ab+") as handle:
            mend_jsonl(handle)
        found = set()
        for row in read_jsonl(ledger):
            path = self.folder / Path(str(row.get("file"))).name
            if row.get("form") == self.form and path.is_file() and path.stat().st_size == row.get("bytes"):
                found.add(str(row.get("id")))
        return found

    def fetch(self, paper: CitedPaper) -> None:
        """Fetch one paper; what goes wrong with it alone is noted.

        Raises:
            ServerGone: the server refuses, or has not answered for several papers.
        """
        name = paper.id.replace("/", "_")
        part = self.folder / _PARTS / f"{name}.{self.form}"
        try:
            etag = self._whole(f"{self.server}/{FORMS[self.form]}/{paper.id}", part)
            self._keep(paper, name, part, etag)
        except _Failure as failure:
            self.result.failed.append(f"{paper.id}: {failure}")
            self.silent = self.silent + 1 if failure.silent else 0
            if self.silent >= _SILENT:
                raise ServerGone(
                    f"{self.server} has not answered for {self.silent} papers: {failure}",
                    hint="type the same command again later: it continues where it ended",
                ) from None
        else:
            self.silent = 0

    def _whole(self, address: str, part: Path) -> str | None:
        """Receive a file, in as many attempts as are allowed; its tag."""
        wait = self.pause_s
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._receive(address, part)
            except _Later as later:
                if attempt == _ATTEMPTS:
                    raise _Failure(f"{later} ({attempt} attempts)", silent=later.silent) from None
                wait = min(max(2 * wait, later.seconds), _LONGEST_WAIT_S)
                self.sleep(wait)
        raise AssertionError  # the loop returns or raises

    def _receive(self, address: str, part: Path) -> str | None:
        begun, tag = self._begun(part)
        headers = {"range": f"bytes={begun}-", "if-range": tag} if begun and tag else {}
        try:
            for _ in range(_HOPS + 1):
                self._wait()
                with self.client.stream("GET", address, headers=headers) as reply:
                    if 300 <= reply.status_code < 400 and "location" in reply.headers:
                        address = self._within(address, reply.headers["location"])
                        continue
                    if (
                        reply.status_code == 416
                    ):  # the part is whole, or of another file: what it is worth is not known
                        _forget(part)
                        raise _Later("the server has no more than the part that is there")
                    self._check(reply)
                    return self._write(reply, part, begun if reply.status_code == 206 else 0)
        except transport.LimitExceeded as error:
            _forget(part)
            raise _Failure(error.message) from None
        except httpx.HTTPError as error:
            raise _Later(shortened(str(error) or type(error).__name__), silent=True) from None
        raise _Failure(f"it redirects more than {_HOPS} times")

    def _wait(self) -> None:
        """Keep to the pace."""
        left = self.last + self.pause_s - time.monotonic()
        if left > 0:
            self.sleep(left)
        self.last = time.monotonic()

    def _within(self, address: str, where: str) -> str:
        """The address that a reply leads to, which must be of the same server."""
        target = urljoin(address, where)
        if urlsplit(target)[:2] != urlsplit(self.server)[:2]:
            raise _Failure(f"it redirects to {shortened(target, 80)}, which is not followed")
        return target

    def _check(self, reply: httpx.Response) -> None:
        status = reply.status_code
        if status in (429, 500, 502, 503, 504):
            said = reply.headers.get("retry-after", "")
            raise _Later(
                f"the server answers {status}", float(said) if said.isdigit() and len(said) < 6 else 0.0
            )
        if status == 403:
            raise ServerGone(
                f"{self.server} refuses further requests (403)",
                hint="wait some hours, then type the same command again",
            )
        if status not in (200, 206):
            raise _Failure(f"the server answers {status}")
        if "html" in reply.headers.get("content-type", "").lower():
            raise _Failure("the server sends a web page in its place")

    def _write(self, reply: httpx.Response, part: Path, begun: int) -> str | None:
        """Write what is received behind what is there; the tag of the file."""
        tag = reply.headers.get("etag")
        total = _total(reply, begun)
        with report_write_errors(part):
            _note(part, tag if tag and not tag.startswith("W/") else None)
            with part.open("r+b" if begun else "wb") as handle:
                handle.seek(begun)
                handle.truncate()
                for piece in reply.iter_bytes():
                    handle.write(piece)
                    self.result.size += len(piece)
                handle.flush()
                os.fsync(handle.fileno())
                size = handle.tell()
        if total is not None and size != total:
            raise _Later(f"{size:,} of {total:,} bytes came")
        return tag

    @staticmethod
    def _begun(part: Path) -> tuple[int, str | None]:
        """How many bytes an earlier attempt left, and the tag of the file that they are of."""
        with suppress(InputError, OSError, UnicodeDecodeError):
            tag = read_bytes(_tag_file(part)).decode("ascii")
            return part.stat().st_size, tag or None
        return 0, None

    def _keep(self, paper: CitedPaper, name: str, part: Path, etag: str | None) -> None:
        """Put a whole file in its place, and note it; a call that ends in between fetches it again."""
        with part.open("rb") as handle:
            head = handle.read(5)
        ending = ".pdf" if head.startswith(_PDF) else ".tar.gz" if head.startswith(_GZIP) else ""
        if not ending or (self.form == "pdf" and ending != ".pdf"):
            _forget(part)
            raise _Failure("what the server sends is neither an archive nor a PDF")
        target = self.folder / f"{name}{ending}"
        line: dict[str, Any] = {
            "id": paper.id, "file": target.name, "form": self.form, "bytes": part.stat().st_size, "sha256": hash_file(part),
            "etag": etag, "title": paper.title, "licence": paper.licence, "categories": list(paper.categories),
            "citations": paper.citations, "url": f"https://arxiv.org/abs/{paper.id}",
        }  # fmt: skip
        with report_write_errors(target):
            os.replace(part, target)
            _forget(part)
            sync(self.folder, deep=False)
            with (self.folder / FETCHED).open("ab") as ledger:
                ledger.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
                ledger.flush()
                os.fsync(ledger.fileno())
        self.result.new += 1
        self.result.there += 1


class _Failure(Exception):
    """A paper cannot be fetched; `silent` if nothing answered."""

    def __init__(self, said: str, *, silent: bool = False) -> None:
        super().__init__(said)
        self.silent = silent


class _Later(Exception):
    """An attempt failed that may succeed after some seconds."""

    def __init__(self, said: str, seconds: float = 0.0, *, silent: bool = False) -> None:
        super().__init__(said)
        self.seconds, self.silent = seconds, silent


def _total(reply: httpx.Response, begun: int) -> int | None:
    """The size of the whole file, as the reply says; None if it does not."""
    span = reply.headers.get("content-range", "")
    if reply.status_code == 206:
        first, _, total = span.removeprefix("bytes ").partition("/")
        if not first.startswith(f"{begun}-") or not total.isdigit():
            raise _Later("the server sends a part that was not requested")
        return int(total[:15])
    length = reply.headers.get("content-length", "")
    return int(length[:15]) if length.isdigit() else None


def _tag_file(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _note(part: Path, tag: str | None) -> None:
    """Keep the tag of the file that a part is of; a part without one is not continued."""
    if tag and tag.isascii() and len(tag) <= 200:
        _tag_file(part).write_bytes(tag.encode())
    else:
        _tag_file(part).unlink(missing_ok=True)


def _forget(part: Path) -> None:
    for path in (part, _tag_file(part)):
        path.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    with (folder / _LOCK).open("ab") as handle:
        if not lock(handle):
            raise InputError(f"another process fetches into {folder}", hint="wait for it, or stop it")
        yield
