"""Health, keys over HTTP, the description of the API, and runs that nobody leaves their folder by."""

from __future__ import annotations

from pathlib import Path

import pytest

from yukawa.runs.run import Run
from yukawa.server.routes import TABLE


def test_it_lives_and_is_ready(keyed):
    with keyed.client() as client:
        assert client.get("/health").json()["status"] == "ok"
        assert client.get("/ready").json() == {"status": "ready", "embedding": "hash"}


def test_it_is_not_ready_before_it_is(local, monkeypatch):
    monkeypatch.setattr(local.services, "ready", False)
    with local.client() as client:
        assert client.get("/ready").status_code == 503
        assert client.get("/health").status_code == 200


def test_an_admin_gives_keys_and_takes_them_back(keyed):
    with keyed.client("admin") as admin:
        made = admin.post("/api/keys", json={"name": "a new one", "role": "asker", "expires": "30d"}).json()
        with keyed.client(headers={"authorization": f"Bearer {made['key']}"}) as client:
            assert client.get("/api/me").json() == {"name": "a new one", "role": "asker", "csrf": None}
            shown = admin.get("/api/keys")
            assert made["key"] not in shown.text
            assert made["id"] in [row["id"] for row in shown.json()]
            assert admin.delete(f"/api/keys/{made['id']}").json()["keys"] == 1
            assert client.get("/api/me").status_code == 401
        assert admin.post("/api/keys", json={"name": "x", "role": "king"}).status_code == 400
        assert admin.delete("/api/keys/nothing").status_code == 404


def test_the_description_has_every_route_with_its_role(keyed):
    with keyed.client("reader") as client:
        found = client.get("/openapi.json").json()
    for entry in (row for row in TABLE if not row.page):
        path = entry.path.replace(":path", "")
        operation = found["paths"][path][entry.method.lower()]
        assert operation["x-role"] == (entry.role or "anybody")
        assert operation["description"] or operation["summary"]
    assert "ChatForm" in found["components"]["schemas"]


def test_a_preview_is_what_a_page_would_show(keyed):
    with keyed.client("reader") as client:
        found = client.post("/api/preview", json={"text": "**a** <script>alert(1)</script> $x^2$"}).json()[
            "html"
        ]
    assert "<strong>a</strong>" in found
    assert "<msup>" in found
    assert "<script" not in found


@pytest.fixture
def runs(local, tmp_path, monkeypatch):
    root = tmp_path / "runs"
    run = Run.create(root / "group" / "first", {"kind": "test", "seed": 1}, [])
    run.log(step=1, loss=0.5)
    Run.create(tmp_path / "elsewhere", {"kind": "secret"}, [])
    (root / "led").symlink_to(tmp_path / "elsewhere")
    monkeypatch.setattr(local.services, "runs", root)
    return root


def test_a_run_is_listed_and_shown(local, runs):
    with local.client() as client:
        assert "group/first" in [row["name"] for row in client.get("/api/runs").json()]
        found = client.get("/api/runs/group/first").json()
    assert found["recipe"]["seed"] == 1
    assert found["metrics"][0]["loss"] == 0.5


@pytest.mark.parametrize("name", [
    "../elsewhere", "%2e%2e/elsewhere", "..%2felsewhere", "group/../../elsewhere", "/etc/passwd", "%2fetc%2fpasswd", "group/first%00",
    "led/../../elsewhere", "led", "%2e", "group", "group/first/recipe.yaml",
])  # fmt: skip
def test_nobody_leaves_the_folder_of_runs(local, runs, name):
    with local.client() as client:
        found = client.get(f"/api/runs/{name}")
    assert found.status_code == 404
    assert "secret" not in found.text


def test_a_folder_that_is_not_there_has_no_runs(local, monkeypatch):
    monkeypatch.setattr(local.services, "runs", Path("/nothing/here"))
    with local.client() as client:
        assert client.get("/api/runs").json() == []
