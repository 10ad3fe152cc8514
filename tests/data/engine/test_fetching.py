"""Papers are fetched whole or not at all, at arXiv's pace, by licence, and a call that was ended goes on: from a stand-in server."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from yukawa.core.errors import InputError
from yukawa.core.files import read_jsonl
from yukawa.data.engine.fetching import SERVER, ServerGone, fetch_papers
from yukawa.data.engine.papers import FETCHED, build_papers
from yukawa.data.engine.selection import CitedPaper

DATA = gzip.compress(b"\\section{A} Text. " + os.urandom(200_000), mtime=0)
Answer = Callable[["Handler"], None]


def paper(name: str = "2301.00001", licence: str | None = "CC-BY-4.0") -> CitedPaper:
    return CitedPaper(name, "particle physics", 2023, 1, 5, f"On {name}", ("hep-ph",), licence)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    stand_in: StandIn

    def do_GET(self) -> None:
        self.stand_in.asked.append((self.path, self.headers.get("Range"), time.monotonic()))
        turns = self.stand_in.answers
        (turns.pop(0) if len(turns) > 1 else turns[0])(self)

    def log_message(self, *said: Any) -> None:
        pass

    def give(self, status: int, data: bytes = b"", sent: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for name, value in (
            {"content_type": "application/gzip", "content_length": str(len(data))} | headers
        ).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data[:sent])
        if sent is not None:
            self.close_connection = True


@dataclass
class StandIn:
    """A server that gives its answers one after the other, the last for ever."""

    answers: list[Answer] = field(default_factory=list)
    asked: list[tuple[str, str | None, float]] = field(default_factory=list)
    url: str = ""


def whole(handler: Handler, tag: str = '"one"', data: bytes = DATA, sent: int | None = None) -> None:
    """The file, or the part of it that is asked for if it is of the same tag."""
    span = handler.headers.get("Range")
    if span and handler.headers.get("If-Range") == tag:
        start = int(span.removeprefix("bytes=").rstrip("-"))
        if start >= len(data):
            handler.give(416, etag=tag, content_range=f"bytes */{len(data)}")
            return
        handler.give(
            206, data[start:], sent, etag=tag, content_range=f"bytes {start}-{len(data) - 1}/{len(data)}"
        )
    else:
        handler.give(200, data, sent, etag=tag)


@pytest.fixture
def server() -> Iterator[StandIn]:
    stand_in = StandIn([whole])
    handler = type("Bound", (Handler,), {"stand_in": stand_in})
    running = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    running.daemon_threads = True
    stand_in.url = f"http://127.0.0.1:{running.server_address[1]}"
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield stand_in
    running.shutdown()
    running.server_close()
    thread.join()


def fetch(server: StandIn, folder: Path, *papers: CitedPaper, **more: Any) -> Any:
    given: dict[str, Any] = {"pause_s": 0.0, "sleep": lambda seconds: None} | more
    return fetch_papers(papers or (paper(),), folder, server=server.url, **given)


def test_a_part_that_a_killed_call_left_whole_is_fetched_again(server: StandIn, tmp_path: Path) -> None:
    parts = tmp_path / "papers" / ".parts"
    parts.mkdir(parents=True)
    (parts / "2301.00001.source").write_bytes(DATA)
    (parts / "2301.00001.source.tag").write_bytes(b'"one"')
    made = fetch(server, tmp_path / "papers")
    assert (made.new, made.failed) == (1, [])
    assert (tmp_path / "papers" / "2301.00001.tar.gz").read_bytes() == DATA
    assert not list(parts.iterdir())


def test_a_paper_is_fetched_noted_and_read(server: StandIn, tmp_path: Path) -> None:
    text = gzip.compress(b"\\section{Masses} The Z has 91 GeV.")
    server.answers = [lambda h: whole(h, data=text)]
    made = fetch(server, tmp_path / "papers", paper("hep-th/9901001"))
    assert (made.new, made.there, made.failed, made.size) == (1, 1, [], len(text))
    (row,) = read_jsonl(tmp_path / "papers" / FETCHED)
    assert (row["file"], row["bytes"], row["licence"], row["etag"]) == (
        "hep-th_9901001.tar.gz",
        len(text),
        "CC-BY-4.0",
        '"one"',
    )
    assert server.asked[0][0] == "/e-print/hep-th/9901001"
    assert not list((tmp_path / "papers" / ".parts").iterdir())
    build_papers([tmp_path / "papers"], tmp_path / "set", suffix=".jsonl")
    (document,) = read_jsonl(tmp_path / "set" / "train.jsonl")
    assert (document["id"], document["licence"], document["source"]) == (
        "hep-th/9901001#1",
        "CC-BY-4.0",
        "arXiv",
    )


def test_what_is_there_is_not_asked_for_again(server: StandIn, tmp_path: Path) -> None:
    fetch(server, tmp_path)
    assert fetch(server, tmp_path).there == 1
    assert len(server.asked) == 1
    (tmp_path / "2301.00001.tar.gz").write_bytes(DATA[:-1])
    assert fetch(server, tmp_path).new == 1
    assert (tmp_path / "2301.00001.tar.gz").read_bytes() == DATA
    assert fetch(server, tmp_path, form="pdf").failed == [
        "2301.00001: what the server sends is neither an archive nor a PDF"
    ]


def test_licences_that_do_not_allow_it_are_not_asked_for(server: StandIn, tmp_path: Path) -> None:
    papers = [
        paper(f"2301.0000{n}", licence)
        for n, licence in enumerate(["CC-BY-4.0", "arXiv", None, "CC-BY-NC-ND-4.0", "CC0-1.0"])
    ]
    made = fetch(server, tmp_path, *papers)
    assert (made.new, dict(made.left_out)) == (2, {"arXiv": 1, "none stated": 1, "CC-BY-NC-ND-4.0": 1})
    assert len(server.asked) == 2
    assert fetch(server, tmp_path, *papers, any_licence=True).new == 3


def test_the_pace_is_kept(server: StandIn, tmp_path: Path) -> None:
    fetch(server, tmp_path, *(paper(f"2301.0000{n}") for n in range(4)), pause_s=0.2, sleep=time.sleep)
    times = [moment for _, _, moment in server.asked]
    assert all(later - earlier > 0.19 for earlier, later in pairwise(times))


@pytest.mark.parametrize("sent", [0, 1, 1000, len(DATA) - 1])
def test_a_cut_reply_is_continued(sent: int, server: StandIn, tmp_path: Path) -> None:
    server.answers = [lambda h: whole(h, sent=sent), whole]
    assert fetch(server, tmp_path).new == 1
    assert (tmp_path / "2301.00001.tar.gz").read_bytes() == DATA
    assert len(server.asked) == 2
    assert server.asked[1][1] in ((f"bytes={sent}-", None) if sent == 0 else (f"bytes={sent}-",))


@pytest.mark.parametrize("tag", ['"two"', 'W/"one"', ""])
def test_a_file_that_changed_or_has_no_tag_begins_anew(tag: str, server: StandIn, tmp_path: Path) -> None:
    other = gzip.compress(b"other", mtime=0)
    server.answers = [
        lambda h: whole(h, tag='"one"' if tag == '"two"' else tag, sent=99),
        lambda h: whole(h, tag=tag, data=other),
    ]
    assert fetch(server, tmp_path).new == 1
    assert (tmp_path / "2301.00001.tar.gz").read_bytes() == other


def test_a_killed_call_goes_on_where_it_ended(server: StandIn, tmp_path: Path) -> None:
    half = threading.Event()

    def slow(handler: Handler) -> None:
        handler.send_response(200)
        for name, value in (("content-length", str(len(DATA))), ("etag", '"one"')):
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(DATA[:150_000])
        handler.wfile.flush()
        half.set()
        time.sleep(30)

    server.answers = [whole, slow]
    code = (
        "import sys; from pathlib import Path; from yukawa.data.engine.fetching import fetch_papers\n"
        "from yukawa.data.engine.selection import CitedPaper\n"
        "papers = [CitedPaper(n, '', 2023, 1, 1, '', (), 'CC-BY-4.0') for n in ('2301.00001', '2301.00002')]\n"
        "fetch_papers(papers, Path(sys.argv[1]), server=sys.argv[2], pause_s=0)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), server.url])
    assert half.wait(120)
    part = tmp_path / ".parts" / "2301.00002.source"
    limit = time.monotonic() + 60
    while not (part.exists() and part.stat().st_size) and time.monotonic() < limit:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    begun = part.stat().st_size
    with (tmp_path / FETCHED).open("ab") as ledger:
        ledger.write(b'{"id": "2301.00')  # as a power cut may leave it
    server.answers = [whole]
    made = fetch(server, tmp_path, paper("2301.00001"), paper("2301.00002"))
    assert (made.there, made.new) == (2, 1)
    assert made.size == len(DATA) - begun
    assert server.asked[-1][1] == f"bytes={begun}-"
    assert (tmp_path / "2301.00002.tar.gz").read_bytes() == DATA


def test_a_busy_server_is_waited_for_as_it_says(server: StandIn, tmp_path: Path) -> None:
    waited: list[float] = []
    server.answers = [
        lambda h: h.give(429, retry_after="7"),
        lambda h: h.give(503, retry_after="99999999"),
        whole,
    ]
    assert fetch(server, tmp_path, sleep=waited.append).new == 1
    assert waited[0] == 7
    server.answers = [lambda h: h.give(503)]
    made = fetch(server, tmp_path, paper("2301.00002"), sleep=waited.append)
    assert made.failed == ["2301.00002: the server answers 503 (5 attempts)"]
    assert max(waited) <= 600


HOSTILE: dict[str, tuple[Answer, str]] = {
    "missing": (lambda h: h.give(404), "answers 404"),
    "elsewhere": (lambda h: h.give(302, location="http://127.0.0.2:1/x"), "which is not followed"),
    "file": (lambda h: h.give(302, location="file:///etc/passwd"), "which is not followed"),
    "circle": (lambda h: h.give(302, location=h.path), "redirects more than 3 times"),
    "page": (lambda h: h.give(200, b"<html>", content_type="text/html"), "a web page"),
    "text": (lambda h: h.give(200, b"wait"), "neither an archive nor a PDF"),
    "empty": (lambda h: h.give(200), "neither an archive nor a PDF"),
    "packed": (lambda h: h.give(200, DATA, content_encoding="gzip"), "compressed"),
    "huge": (lambda h: h.give(200, b"{" * 2_000_000), "too many parts"),
    "other part": (lambda h: h.give(206, DATA, content_range="bytes 7-9/10"), "not requested"),
    "short": (lambda h: h.give(200, DATA, 10), "attempts"),
}  # fmt: skip


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_server_costs_one_line_and_leaves_nothing(
    kind: str, server: StandIn, tmp_path: Path
) -> None:
    answer, said = HOSTILE[kind]
    server.answers = [answer]
    made = fetch(server, tmp_path)
    assert (made.new, len(made.failed)) == (0, 1)
    assert said in made.failed[0]
    assert "\n" not in made.failed[0]
    assert not list(tmp_path.glob("*.gz"))
    assert not (tmp_path / FETCHED).exists()


def test_a_redirection_within_the_server_is_followed(server: StandIn, tmp_path: Path) -> None:
    server.answers = [lambda h: h.give(301, location="/src/2301.00001"), whole]
    assert fetch(server, tmp_path).new == 1
    assert [path for path, _, _ in server.asked] == ["/e-print/2301.00001", "/src/2301.00001"]


def test_a_server_that_refuses_or_is_not_there_ends_the_call(server: StandIn, tmp_path: Path) -> None:
    server.answers = [whole, lambda h: h.give(403)]
    papers = [paper(f"2301.0000{n}") for n in range(9)]
    with pytest.raises(ServerGone, match="refuses further requests"):
        fetch(server, tmp_path, *papers)
    assert len(server.asked) == 2
    with pytest.raises(ServerGone, match="has not answered for 3 papers"):
        fetch_papers(papers, tmp_path, server="http://127.0.0.1:9", pause_s=0, sleep=lambda s: None)
    server.answers = [whole]
    assert fetch(server, tmp_path, *papers).there == 9


@pytest.mark.parametrize(
    "address", ["", "arxiv.org", "file:///etc", "ftp://a.org", "http://", "http://me:secret@a.org"]
)
def test_what_is_no_address(address: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not the address of a server"):
        fetch_papers([paper()], tmp_path / "papers", server=address)
    assert not (tmp_path / "papers").exists()


def test_two_calls_do_not_fetch_into_one_folder(server: StandIn, tmp_path: Path) -> None:
    inside: list[str] = []

    def other(handler: Handler) -> None:
        with pytest.raises(InputError, match="another process"):
            fetch(server, tmp_path)
        inside.append("refused")
        whole(handler)

    server.answers = [other]
    assert fetch(server, tmp_path).new == 1
    assert inside == ["refused"]
    assert SERVER.startswith("https://export.arxiv.org")
    assert json.loads((tmp_path / FETCHED).read_text())["sha256"]
