"""`yukawa serve` as people run it: a process of its own, killed at the worst moments, on ports that are taken."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import time

import httpx2 as httpx
import pytest

from yukawa.core.errors import InputError
from yukawa.core.redaction import keep_secret
from yukawa.core.settings import Settings
from yukawa.knowledge import KnowledgeBase
from yukawa.server.app import ServerOptions
from yukawa.server.process import RedactingFilter, address, bind, configuration, warning

RUN = "from yukawa.cli.main import run; run()"


class Process:
    """A server in a process, and its link."""

    def __init__(self, home, *options):
        environment = os.environ | {"YUKAWA_HOME": str(home), "YUKAWA_KNOWLEDGE__EMBEDDING": "hash"}
        command = [sys.executable, "-c", RUN, "serve", "--port", "0", "--json", *options]
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        began = time.monotonic()
        lines = ""
        while not lines.rstrip().endswith("}"):
            line = self.process.stdout.readline()
            assert line, self.process.stderr.read()
            lines += line
        self.seconds = time.monotonic() - began
        self.url = json.loads(lines)["url"]

    def client(self, **headers):
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)

    def kill(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=30)


@pytest.fixture
def home(tmp_path, _base_folder):
    import shutil

    shutil.copytree(_base_folder, tmp_path / "home" / "knowledge")
    return tmp_path / "home"


def test_a_correction_that_was_acknowledged_survives_a_kill(home):
    """The whole group of processes is killed right after the reply; the same request is then answered as it was."""
    question = "What is the colour of the CEPC logbook?"
    server = Process(home, "--workers", "2")
    try:
        with server.client() as client:
            asked = client.post("/api/ask", json={"question": question}).json()
            path = f"/api/answers/{asked['id']}/correct"
            body = {"text": "The colour of the CEPC logbook is number 2.", "ask_again": False}
            key = {"idempotency-key": "once"}
            found = client.post(path, json=body, headers=key)
            assert found.status_code == 201
    finally:
        server.kill()
    with KnowledgeBase.open(home / "knowledge") as base:
        assert base.show(found.json()["item"]["id"]).text == body["text"]
        assert base.verify().clean
    server = Process(home)
    try:
        with server.client() as client:
            again = client.post(path, json=body, headers=key)
            assert (again.content, again.headers["idempotency-replayed"]) == (found.content, "true")
            assert "number 2" in client.post("/api/ask", json={"question": question}).json()["answer"]
            assert client.get("/api/audit").json()["whole"]
    finally:
        _, shown = server.stop()
    assert server.process.returncode in (0, 130, -signal.SIGINT), shown
    assert "Traceback" not in shown


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_and_nobody_else_notices(home):
    server = Process(home, "--workers", "2")
    try:
        with server.client() as client:
            workers = set()
            for _ in range(60):
                with server.client() as other:
                    workers.add(other.get("/metrics").text.partition('worker="')[2].partition('"')[0])
                if len(workers) == 2:
                    break
            os.kill(int(min(workers)), signal.SIGKILL)
            done = 0
            for _ in range(100):
                try:
                    done += client.get("/api/me").status_code == 200
                except httpx.TransportError:  # a connection to the one that died
                    continue
                if done > 20:
                    break
            assert done > 20
    finally:
        server.kill()


# ---- addresses ------------------------------------------------------------------------------------


def test_a_port_that_is_taken_is_named_with_a_way_out():
    with (
        bind("127.0.0.1", 0) as taken,
        pytest.raises(InputError, match=r"127\.0\.0\.1:\d+ is in use") as refused,
    ):
        bind("127.0.0.1", taken.getsockname()[1])
    assert "--port" in str(refused.value)


@pytest.mark.parametrize(
    ("host", "port"), [("no.such.host.invalid", 0), ("203.0.113.7", 0), ("127.0.0.1", 70000)]
)
def test_an_address_that_is_not_there_is_refused(host, port):
    with pytest.raises(InputError):
        bind(host, port)


@pytest.mark.parametrize(("host", "port", "link"), [
    ("127.0.0.1", 80, "http://127.0.0.1:80"), ("::1", 80, "http://[::1]:80"), ("0.0.0.0", 80, "http://127.0.0.1:80"),  # noqa: S104
    ("::", 80, "http://[::1]:80"), ("group.example", 80, "http://group.example:80"),
])  # fmt: skip
def test_the_link_leads_to_the_server(host, port, link):
    assert address(host, port) == link


def test_ipv6_is_served():
    if not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")
    try:
        with bind("::1", 0) as bound:
            assert bound.family == socket.AF_INET6
    except InputError as error:
        pytest.skip(str(error))


def test_who_listens_for_others_in_clear_is_warned(tmp_path):
    settings = Settings(home=tmp_path)
    assert warning(ServerOptions(settings), encrypted=False) == ""
    assert warning(ServerOptions(settings, "10.0.0.1"), encrypted=True) == ""
    assert "TLS" in warning(ServerOptions(settings, "10.0.0.1"), encrypted=False)


def test_no_key_is_logged(tmp_path):
    secret = keep_secret("swordfish-of-the-log")
    record = logging.LogRecord("yukawa", 20, "", 0, "read %s with %s", ("Bearer yk-abcdef", secret), None)
    RedactingFilter().filter(record)
    assert record.getMessage() == "read [secret] with [secret]"
    config = configuration(ServerOptions(Settings(home=tmp_path)))
    assert not config.access_log
    assert not config.server_header
