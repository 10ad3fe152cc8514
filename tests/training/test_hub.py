"""Sending a model, against a small server that speaks the Hub's HTTP interface on this machine."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from yukawa.core.errors import InputError, ModelError
from yukawa.training.hub import check_hub_place, hub_card, push

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")  # of the Hub's own client


class Hub(BaseHTTPRequestHandler):
    """Takes repositories, large files and commits; `kept` is what it has, `asked` what was wanted of it."""

    kept: dict[str, bytes]
    asked: list[tuple[str, object]]
    closed = False

    def log_message(self, *_):
        pass

    def reply(self, content, code=200):
        data = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def body(self):
        if self.headers.get("transfer-encoding") == "chunked":
            pieces = []
            while size := int(self.rfile.readline(), 16):
                pieces.append(self.rfile.read(size + 2)[:-2])
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def do_POST(self):
        body, place = self.body(), f"http://{self.headers['host']}"
        if self.closed:
            self.reply({"error": "Invalid username or password."}, 401)
        elif self.path == "/api/repos/create":
            self.asked.append(("create", json.loads(body)))
            self.reply({"url": f"{place}/ihep/little"})
        elif self.path.endswith("/preupload/main"):
            names = [one["path"] for one in json.loads(body)["files"]]
            modes = {name: "lfs" if name.endswith((".safetensors", ".gguf")) else "regular" for name in names}
            files = [{"path": k, "uploadMode": v, "shouldIgnore": False} for k, v in modes.items()]
            self.reply({"files": files})
        elif self.path.endswith("/info/lfs/objects/batch"):
            wanted = json.loads(body)["objects"]
            self.reply({"transfer": "basic", "objects": [
                {**one, "actions": {"upload": {"href": f"{place}/lfs/{one['oid']}"}}} for one in wanted
            ]})  # fmt: skip
        elif self.path.endswith("/commit/main"):
            self.commit([json.loads(line) for line in body.splitlines()])
            self.reply({"commitUrl": f"{place}/ihep/little/commit/1", "commitOid": "1", "success": True})
        else:
            self.reply({"errors": [], "warnings": []})

    def do_PUT(self):
        data = self.body()
        assert hashlib.sha256(data).hexdigest() == self.path.rpartition("/")[2]
        self.kept[self.path] = data
        self.reply({})

    def commit(self, lines):
        self.asked.append(("commit", lines[0]["value"]["summary"]))
        for line in lines[1:]:
            value = line["value"]
            large = self.kept.get(f"/lfs/{value.get('oid')}")
            self.kept[value["path"]] = large if large is not None else base64.b64decode(value["content"])


@pytest.fixture
def hub(monkeypatch):
    from huggingface_hub import constants, hf_api

    served = type("Served", (Hub,), {"kept": {}, "asked": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), served)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "ENDPOINT", address)
    for holder in (constants, hf_api):
        for name in ("ENDPOINT", "HF_HUB_OFFLINE"):
            if hasattr(holder, name):
                monkeypatch.setattr(holder, name, getattr(constants, name))
    monkeypatch.setattr(hf_api.api, "endpoint", address)
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    yield served
    server.shutdown()
    server.server_close()


@pytest.fixture
def merged(tiny, tmp_path):
    folder = tmp_path / "merged"
    shutil.copytree(tiny, folder)
    (folder / "README.md").write_text("# little\n\nMade of nothing.\n")
    (folder / "optimizer.bin").write_bytes(b"a pickle")
    return folder


def test_everything_arrives_but_pickles(hub, merged):
    assert push(merged, "ihep/little").endswith("/ihep/little")
    (_, made), (_, summary) = hub.asked
    assert (made["name"], made["organization"], made["visibility"]) == ("little", "ihep", "private")
    assert summary == "Model and card made with Yukawa"
    sent = {name: data for name, data in hub.kept.items() if not name.startswith("/lfs/")}
    here = {path.name: path.read_bytes() for path in merged.iterdir()}
    assert set(sent) == set(here) - {"optimizer.bin"}
    assert all(sent[name] == here[name] for name in set(sent) - {"README.md"})
    assert sent["README.md"].decode() == hub_card(merged)


def test_a_public_one_is_said_so_and_a_refusal_says_what_to_type(hub, merged):
    push(merged, "ihep/little", public=True)
    assert hub.asked[0][1]["visibility"] == "public"
    hub.closed = True
    with pytest.raises(
        ModelError, match=r"ihep/little could not be sent to the Hub.*hf auth login"
    ) as caught:
        push(merged, "ihep/little")
    assert "hf_of_a_test" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_card_has_a_head_that_is_yaml(merged):
    head, _, text = hub_card(merged).removeprefix("---\n").partition("\n---\n")
    facts = yaml.safe_load(head)
    assert facts["library_name"] == "transformers"
    assert "yukawa" in facts["tags"]
    assert "base_model" not in facts  # a folder of this machine
    assert text.strip() == (merged / "README.md").read_text().strip()
    (merged / "README.md").unlink()
    with pytest.raises(InputError, match="has no card"):
        hub_card(merged)


@pytest.mark.parametrize("name", ["little", "a/b/c", "../b", "a/b c", "", "a/" + "b" * 200])
def test_what_is_not_a_place_on_the_hub_is_refused(name):
    with pytest.raises(InputError, match=re.escape("type: --push NAME/MODEL")):
        check_hub_place(name)
