"""Keys are shown once and kept as hashes; who has which role; sessions of browsers and their tokens."""

from __future__ import annotations

import sqlite3

import pytest

from yukawa.core.errors import InputError, NotFound
from yukawa.knowledge.store.database import Store
from yukawa.server import tables as module
from yukawa.server.keys import COOKIE, ROLES, KeyReviewers, Keys, Person, allows
from yukawa.server.tables import ServerTables

DAY = 24 * 3600 * 10**6


@pytest.fixture
def keys(tmp_path):
    tables = ServerTables(Store(tmp_path / "knowledge"), tmp_path)
    yield Keys(tables)
    tables.close()


def test_roles_are_in_a_row_and_a_rater_stands_apart():
    row = [role for role in ROLES if role != "rater"]
    for have in row:
        assert [allows(have, needed) for needed in row] == [
            row.index(have) >= row.index(needed) for needed in row
        ]
    assert [role for role in ROLES if allows(role, "rater")] == ["admin", "rater"]
    assert not any(allows("rater", needed) for needed in row)


def test_a_key_opens_and_is_nowhere_on_disk(keys, tmp_path):
    key, row = keys.add("M. Chen", "teacher", actor="me")
    assert keys.holder(key) == Person("M. Chen", "teacher", row["id"])
    assert keys.holder(key + "x") is keys.holder("yk-") is None
    keys._tables.close()
    for file in tmp_path.rglob("*"):
        if file.is_file():
            assert key.encode() not in file.read_bytes()
    assert "hash" not in row
    assert (tmp_path / "server.db").stat().st_mode & 0o077 == 0
    kept = sqlite3.connect(tmp_path / "server.db").execute("SELECT hash FROM keys").fetchone()[0]
    assert len(kept) == 64


def test_keys_end_by_being_revoked_and_by_their_time(keys, monkeypatch):
    (one, _), (two, row), (three, _) = (
        keys.add("Li", "asker", actor="me", expires=expires) for expires in ("", "2h", "1d")
    )
    assert keys.revoke(row["id"], actor="me") == 1
    assert [keys.holder(key) is not None for key in (one, two, three)] == [True, False, True]
    real = module.now
    monkeypatch.setattr("yukawa.server.keys.now", lambda: real() + 2 * DAY)
    assert [keys.holder(key) is not None for key in (one, two, three)] == [True, False, False]
    assert [row["valid"] for row in keys.all()] == [False, False, True]
    assert keys.revoke("Li", actor="me") == 1
    assert keys.holder(one) is None
    with pytest.raises(NotFound):
        keys.revoke("Li", actor="me")


def test_a_clock_that_is_set_back_opens_nothing_that_was_revoked(keys, monkeypatch):
    key, row = keys.add("Li", "asker", actor="me")
    keys.revoke("Li", actor="me")
    monkeypatch.setattr("yukawa.server.keys.now", lambda: 0)
    assert keys.holder(key) is None
    assert not keys.still_valid(Person("Li", "asker", row["id"]))


def test_a_person_has_one_role(keys):
    keys.add("Li", "teacher", actor="me")
    keys.add("Li", "teacher", actor="me")
    with pytest.raises(InputError, match="has one role"):
        keys.add("Li", "reviewer", actor="me")
    keys.revoke("Li", actor="me")
    keys.add("Li", "reviewer", actor="me")


@pytest.mark.parametrize(("name", "role", "expires"), [
    ("", "asker", ""), ("unknown", "asker", ""), ("L\u0456", "asker", ""), ("a\u200bb", "asker", ""), ("x" * 81, "asker", ""),
    ("a\x1b[31m", "asker", ""), ("Li", "king", ""), ("Li", "asker", "0d"), ("Li", "asker", "soon"), ("Li", "asker", "99999999d"),
])  # fmt: skip
def test_what_cannot_be_a_key_is_refused(keys, name, role, expires):
    with pytest.raises(InputError):
        keys.add(name, role, expires=expires, actor="me")
    assert keys.all() == []


def test_reviewers_are_those_whose_valid_key_says_so(keys):
    reviewers = KeyReviewers(keys._tables, ["named"])
    for role in ROLES:
        keys.add(f"the {role}", role, actor="me")
    assert set(reviewers) == {"named", "the reviewer", "the admin"}
    assert len(reviewers) == 3
    keys.revoke("the reviewer", actor="me")
    assert "the reviewer" not in reviewers
    keys.add("the reviewer", "asker", actor="me")
    assert "the reviewer" not in reviewers


# ---- sessions -------------------------------------------------------------------------------------


def test_a_browser_needs_its_token_to_change_something(keyed):
    with keyed.client() as client:
        opened = client.post("/api/session", json={"key": keyed.keys["teacher"]})
        assert opened.status_code == 201
        cookie = opened.headers["set-cookie"]
        assert all(word in cookie for word in ("HttpOnly", "SameSite=strict", "Path=/"))
        assert keyed.keys["teacher"] not in cookie
        assert client.get("/api/me").json()["name"] == "the teacher"
        body = {"text": "The rack of hall 8 is empty."}
        assert client.post("/api/teach", json=body).json()["error"]["code"] == "csrf"
        assert client.post("/api/teach", json=body, headers={"x-csrf-token": "x"}).status_code == 403
        token = opened.json()["csrf"]
        assert client.post("/api/teach", json=body, headers={"x-csrf-token": token}).status_code in (200, 201)
        assert client.get("/api/keys").status_code == 403
        assert client.request("DELETE", "/api/session", headers={"x-csrf-token": token}).status_code == 200
        client.cookies.set(COOKIE, cookie.partition("=")[2].partition(";")[0])
        assert client.get("/api/me").status_code == 401


def test_a_session_ends_with_its_key_and_none_opens_without(keyed):
    key, row = keyed.services.keys.add("a guest", "reader", actor="test")
    with keyed.client() as client:
        assert client.post("/api/session", json={"key": key}).status_code == 201
        assert client.get("/api/me").status_code == 200
        keyed.services.keys.revoke(row["id"], actor="test")
        assert client.get("/api/me").status_code == 401
        for body in ({"key": key}, {"key": "yk-x"}, {"key": None}, {}):
            assert client.post("/api/session", json=body).status_code == 401
        client.cookies.set(COOKIE, "fixed-by-somebody")
        assert client.get("/api/me").status_code == 401


def test_a_cookie_does_not_stand_behind_a_wrong_key(keyed):
    with keyed.client() as client:
        client.post("/api/session", json={"key": keyed.keys["admin"]})
        assert client.get("/api/keys", headers={"authorization": "Bearer yk-wrong"}).status_code == 401


def test_without_keys_a_session_is_of_the_person_at_the_machine(local):
    with local.client() as client:
        opened = client.post("/api/session", json={}).json()
        assert (opened["name"], opened["role"]) == ("local", "admin")
        assert client.post("/api/teach", json={"text": "The sign of hall 9 is old."}).status_code == 403
        ours = {"authorization": "Bearer yk-ended"}
        assert client.get("/api/me", headers=ours).status_code == 401
        assert client.get("/api/me", headers={"authorization": "Bearer sk-anything"}).status_code == 200
