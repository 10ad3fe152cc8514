"""The table of routes and roles: every cell is as it says, and what is not in it is not there."""

from __future__ import annotations

import json
import re

import httpx2 as httpx
import pytest

from yukawa.server.keys import ROLES, allows
from yukawa.server.routes import TABLE, methods_of

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE")
BODIES = {
    "/v1/chat/completions": {"model": "yukawa", "messages": [{"role": "user", "content": "tau mass"}]},
    "/v1/embeddings": {"model": "hash", "input": "a"},
    "/api/ask": {"question": "What is the mass of the tau lepton?"},
    "/api/preview": {"text": "a"},
}


KNOWLEDGE = ("/api/items", "/api/teach", "/api/conflicts", "/knowledge", "/teach", "/conflicts")


def filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "77777777", path)


@pytest.mark.parametrize("entry", TABLE, ids=lambda entry: f"{entry.method} {entry.path}")
def test_a_route_lets_in_whom_the_table_names(keyed, entry):
    """Bodies are empty where a real one would change something: whether one is let in comes first."""
    for role in ("", *ROLES):
        with keyed.client(role) as client:
            body = BODIES.get(entry.path, {})
            sent = {} if entry.method == "GET" else {"data" if entry.page else "json": body}
            origin = {"origin": keyed.url} if entry.page else {}
            found = client.request(entry.method, filled(entry.path), headers=origin, **sent)
        if entry.role is None:
            expected = found.status_code not in (403,)
        elif entry.page and not role and entry.method == "GET":
            expected = found.status_code == 303 and found.headers["location"].startswith("/sign-in?next=")
        elif entry.page and not role:
            expected = found.status_code == 401 and "key" in found.text
        elif entry.page and not allows(role, entry.role):
            expected = found.status_code == 403 and f"the role &#39;{entry.role}&#39;" in found.text
        elif not role:
            expected = found.status_code == 401 and found.json()["error"]["code"] == "invalid_api_key"
        elif not allows(role, entry.role):
            expected = found.status_code == 403 and found.json()["error"]["code"] == "role"
        else:
            expected = found.status_code not in (401, 403) and found.status_code < 500
        assert expected, (role, found.status_code, found.text)


@pytest.mark.parametrize("path", sorted({entry.path for entry in TABLE}))
def test_a_method_that_is_not_in_the_table_is_refused_and_the_others_are_named(keyed, path):
    named = {entry.method for entry in TABLE if entry.path == path}
    with keyed.client("admin") as client:
        for method in METHODS:
            if method in named or (method == "HEAD" and "GET" in named):
                continue
            found = client.request(method, filled(path))
            assert found.status_code == 405, (method, found.text)
            if method != "HEAD":
                assert set(found.headers["allow"].split(", ")) == named | (
                    {"HEAD"} if "GET" in named else set()
                )
                assert found.json()["error"]["message"]


def test_what_is_open_is_little_and_what_changes_something_is_a_teachers():
    open_to_all = {f"{e.method} {e.path}" for e in TABLE if e.role is None}
    of_pages = {"GET /sign-in", "POST /sign-in", "POST /sign-out", "GET /static/{name}", "GET /favicon.ico"}
    assert open_to_all == {"GET /health", "GET /ready", "POST /api/session", "DELETE /api/session"} | of_pages
    for entry in TABLE:
        if entry.method != "GET" and entry.path.startswith(KNOWLEDGE):
            assert not allows("asker", entry.role)
        if entry.path.startswith(("/api/keys", "/api/audit", "/keys")):
            assert entry.role == "admin"


def test_each_row_is_one_of_a_kind():
    assert len({(entry.method, entry.path) for entry in TABLE}) == len(TABLE)
    assert len({entry.handler for entry in TABLE}) == len(TABLE)


@pytest.mark.parametrize("path", [
    "/nothing", "/docs", "/redoc", "/api", "/api/items/a/b/c", "/static/../etc/passwd", "/api/items?author=%00", "/v1",
    "/%2e%2e/%2e%2e/etc/passwd", "/api/items/%00", "/x//evil.example",
])  # fmt: skip
def test_what_is_not_in_the_table_does_not_exist(keyed, path):
    with keyed.client("admin") as client:
        found = client.get(path)
    assert found.status_code == 404
    assert found.json()["error"]["code"] == "not_found"
    assert methods_of("/nothing") == []


# ---- other people's -------------------------------------------------------------------------------


def test_what_belongs_to_one_teacher_is_not_there_for_another(keyed):
    with keyed.client("teacher") as one, keyed.client("other") as two, keyed.client("reviewer") as three:
        asked = one.post(
            "/api/ask", json={"question": "What is the mass of the tau lepton?", "chat": "new"}
        ).json()
        answer, chat = f"/api/answers/{asked['id']}", f"/api/chats/{asked['chat']}"
        assert one.get(answer).json()["answer"] == asked["answer"]
        assert three.get(answer).status_code == 200
        hidden = [
            two.get(answer), two.post(f"{answer}/correct", json={"text": "It is 1.7 GeV."}), two.get(chat), two.delete(chat),
            two.post("/api/ask", json={"question": "and its width?", "chat": asked["chat"]}), three.get(chat),
        ]  # fmt: skip
        assert [found.status_code for found in hidden] == [404] * 6
        nothing = two.get("/api/answers/nothing").json()["error"]["message"]
        assert hidden[0].json()["error"]["message"].replace(asked["id"], "nothing") == nothing
        assert asked["chat"] in [row["id"] for row in one.get("/api/chats").json()]
        assert asked["chat"] not in [row["id"] for row in two.get("/api/chats").json()]
        turns = one.get(chat).json()
        assert [turn["answer_id"] for turn in turns] == [asked["id"]]
        assert one.delete(chat).status_code == 200
        assert one.get(chat).status_code == 404


@pytest.mark.parametrize("headers", [
    {"x-api-key": "KEY"}, {"api-key": "KEY"}, {"authorization": "Basic KEY"}, {"authorization": "KEY"}, {"x-auth-token": "KEY"},
    {"cookie": "yukawa_session=KEY"}, {"cookie": "key=KEY"}, {"authorization": "Bearer KEYx"}, {"authorization": "Bearer"},
    {"authorization": "Bearer yk-"}, {"x-forwarded-user": "admin"}, {"x-original-url": "/health"}, {"proxy-authorization": "Bearer KEY"},
])  # fmt: skip
def test_a_key_counts_in_one_header_alone(keyed, headers):
    sent = {name: value.replace("KEY", keyed.keys["admin"]) for name, value in headers.items()}
    with keyed.client(headers=sent) as client:
        for path in ("/api/keys", "/v1/models", f"/api/keys?key={keyed.keys['admin']}"):
            found = client.get(path)
            assert found.status_code == 401
            assert keyed.keys["admin"] not in found.text


def test_two_keys_in_one_request_are_none(keyed):
    both = [
        ("authorization", f"Bearer {keyed.keys['reader']}"),
        ("authorization", f"Bearer {keyed.keys['admin']}"),
    ]
    assert httpx.get(f"{keyed.url}/api/keys", headers=both).status_code == 401


# ---- repeated requests ----------------------------------------------------------------------------


def test_a_request_with_a_key_of_its_own_is_worked_at_once(keyed):
    with keyed.client("teacher", headers={"idempotency-key": "first"}) as client:
        body = {"text": "The counting room of LHAASO has 12 chairs.", "source": "a visit"}
        first, second = (client.post("/api/teach", json=body) for _ in range(2))
        assert (first.status_code, first.content) == (second.status_code, second.content)
        assert (first.headers.get("idempotency-replayed"), second.headers["idempotency-replayed"]) == (
            None,
            "true",
        )
        assert client.post("/api/teach", json=body | {"source": "another"}).status_code == 422
        assert client.post("/api/ask", json={"question": "tau mass"}).status_code == 422
    with keyed.client("other", headers={"idempotency-key": "first"}) as client:
        assert client.post("/api/teach", json=body).json()["status"] == "known"


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_of_a_request_has_a_length(keyed, key):
    with keyed.client("teacher", headers={"idempotency-key": key}) as client:
        assert client.post("/api/teach", json={"text": "A."}).status_code == 400


def test_a_reply_that_holds_a_secret_is_kept_by_nobody(keyed):
    with keyed.client("admin", headers={"idempotency-key": "secret"}) as client:
        for path, body in (
            ("/api/keys", {"name": "x", "role": "reader"}),
            ("/api/session", {"key": keyed.keys["admin"]}),
        ):
            assert client.post(path, json=body).status_code == 400


def test_a_refusal_is_repeated_too_and_a_stream_is_not_kept(keyed):
    with keyed.client("asker", headers={"idempotency-key": "wrong"}) as client:
        first, second = (client.post("/api/ask", json={"question": " "}) for _ in range(2))
        assert first.status_code == second.status_code == 400
    with keyed.client(
        "asker", headers={"idempotency-key": "stream", "accept": "text/event-stream"}
    ) as client:
        for _ in range(2):
            found = client.post("/api/ask", json={"question": "What is the mass of the tau lepton?"})
            assert json.loads(found.text.rpartition("data: ")[2])["answer"]
