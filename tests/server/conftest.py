"""Servers on free ports: in a thread of this process, over a small base, for one person without keys or for many with theirs."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
import uvicorn

from yukawa.core.settings import ModelSettings, Settings
from yukawa.knowledge import KnowledgeBase
from yukawa.llm import Capabilities, GenerationOptions, Message, Reply
from yukawa.llm.base import GREEDY
from yukawa.server import ServerOptions
from yukawa.server.app import Shell, create_app
from yukawa.server.limits import Limits
from yukawa.server.process import bind, configuration
from yukawa.server.services import Services

FACTS = (
    "The BESIII time-of-flight endcap reaches a resolution of 60 ps.",
    "The circumference of the CEPC ring is 100 km.",
    "The mass of the tau lepton is 1776.93 ± 0.09 MeV.",
    "The JUNO detector holds 20 kilotons of liquid scintillator.",
)
MASS = "What is the mass of the tau lepton?"
RING = "What is the circumference of the CEPC ring?"


_TLS = ssl.create_default_context()  # takes longer to make than most requests


class SlowModel:
    """A model that writes a word every so often, and counts who listens.

    Attributes:
        listening: conversations that have neither ended nor been cancelled.
        asked: the conversations that came in.
    """

    name = "slow"

    def __init__(self, words: Sequence[str] = ("one ", "two ", "three "), pause_s: float = 0.01) -> None:
        self.words, self.pause_s = list(words), pause_s
        self.listening, self.asked, self.options = 0, [], []  # type: ignore[var-annotated]
        self.failure: Exception | None = None
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def _listened(self, messages: Sequence[Message], options: GenerationOptions) -> Iterator[None]:
        with self._lock:
            self.listening += 1
        self.asked.append(list(messages))
        self.options.append(options)
        try:
            yield
        finally:
            with self._lock:
                self.listening -= 1

    async def chat(self, messages: Sequence[Message], options: GenerationOptions = GREEDY) -> Reply:
        with self._listened(messages, options):
            for _ in self.words:
                await asyncio.sleep(self.pause_s)
            if self.failure:
                raise self.failure
            return Reply("".join(self.words), self.name, "stop", None)

    async def stream(
        self, messages: Sequence[Message], options: GenerationOptions = GREEDY
    ) -> AsyncIterator[str]:
        with self._listened(messages, options):
            for word in self.words:
                await asyncio.sleep(self.pause_s)
                yield word
            if self.failure:
                raise self.failure

    async def capabilities(self) -> Capabilities:
        return Capabilities(streaming=True, json_schema=False, logprobs=False, context_length=None)

    async def aclose(self) -> None:
        pass


class Served:
    """A server that runs: its link, its services, and clients for people with keys."""

    def __init__(self, url: str, services: Services, model: SlowModel, home: Path) -> None:
        self.url, self.services, self.model, self.home = url, services, model, home
        self.keys: dict[str, str] = {}

    def client(self, role: str = "", **more: Any) -> httpx.Client:
        """A client with the key of a role, or without one."""
        headers = {"authorization": f"Bearer {self.keys[role]}"} if role else {}
        headers |= more.pop("headers", {})
        return httpx.Client(base_url=self.url, headers=headers, timeout=30, verify=_TLS, **more)

    @contextlib.contextmanager
    def browser(self, role: str = "") -> Iterator[Browser]:
        """What a browser does that a person with this key has signed in with."""
        with self.client(headers={"origin": self.url, "accept": "text/html"}) as client:
            browser = Browser(client)
            if role:
                assert client.post("/sign-in", data={"key": self.keys[role]}).status_code == 303
                browser.read(client.get("/about"))
            yield browser


class Browser:
    """Reads pages and sends their forms, as a browser without scripts."""

    def __init__(self, client: httpx.Client) -> None:
        self.client, self.token = client, ""

    def read(self, reply: httpx.Response) -> str:
        """The text of a page, whose token is kept for the forms."""
        if found := re.search(r'name="token" value="([^"]*)"', reply.text):
            self.token = found[1]
        return reply.text

    def get(self, path: str) -> httpx.Response:
        reply = self.client.get(path)
        self.read(reply)
        return reply

    def send(self, path: str, **fields: str) -> httpx.Response:
        """Send a form, and read the page that it leads to."""
        reply = self.client.post(path, data={"token": self.token, **fields})
        return self.get(reply.headers["location"]) if reply.status_code == 303 else reply


@pytest.fixture(scope="session")
def _base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("served") / "knowledge"
    with KnowledgeBase.open(folder, embedding="hash") as base:
        base.set_meta("pdg", "test")
        for fact in FACTS:
            base.teach(fact, source="handbook", author="ada", url="https://example.org/handbook")
    return folder


def _settings(home: Path) -> Settings:
    slow = ModelSettings(name="slow", backend="scripted")
    return Settings(home=home, models={"slow": slow})


@contextlib.contextmanager
def running(home: Path, base: Path, **more: Any) -> Iterator[Served]:
    """A server on a copy of a base, in a thread."""
    shutil.copytree(base, home / "knowledge")
    model = SlowModel()
    options = ServerOptions(_settings(home), local_name="local", **more)
    app = create_app(options, models={"slow": model})
    assert isinstance(app, Shell)
    config = configuration(options)
    config.app, config.factory = app, False
    server = uvicorn.Server(config)
    bound = bind("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
    thread.start()
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    served = Served(url, app._app.state.services, model, home)  # type: ignore[attr-defined]
    try:
        with served.client() as client:
            _wait(lambda: client.get("/ready").status_code == 200)
        yield served
    finally:
        server.should_exit = True
        thread.join()


def _wait(ready: Callable[[], bool], seconds: float = 60) -> None:
    ended = threading.Event()
    for _ in range(int(seconds / 0.05)):
        with contextlib.suppress(httpx.TransportError):
            if ready():
                return
        ended.wait(0.05)
    raise AssertionError("it does not come to pass")


wait_until = pytest.fixture(scope="session")(lambda: _wait)


@pytest.fixture(scope="session")
def local(_base_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server for one person without keys; tests leave it as they find it, or nearly."""
    with running(tmp_path_factory.mktemp("local"), _base_folder) as served:
        yield served


@pytest.fixture(scope="session")
def keyed(_base_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with a key for each role, and a second teacher."""
    limits = Limits(alive_s=0.3)
    with running(tmp_path_factory.mktemp("keyed"), _base_folder, need_keys=True, limits=limits) as served:
        for role in ("reader", "asker", "teacher", "reviewer", "admin", "rater"):
            served.keys[role] = served.services.keys.add(f"the {role}", role, actor="test")[0]
        served.keys["other"] = served.services.keys.add("another", "teacher", actor="test")[0]
        yield served


@pytest.fixture
def serving(_base_folder: Path, tmp_path: Path) -> Callable[..., Any]:
    """Runs a server of its own for a test: `with serving(limits=…) as served`."""
    return lambda **more: running(tmp_path / "home", _base_folder, **more)
