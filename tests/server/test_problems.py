"""Every error is one reply in one form, which says nothing that the client must not know."""

from __future__ import annotations

import json

import pytest
from starlette.exceptions import HTTPException

from yukawa.core.errors import (
    Changed,
    InputError,
    MissingPackage,
    ModelError,
    NotFound,
    ReplyError,
    SettingsError,
    StoreError,
)
from yukawa.core.redaction import keep_secret
from yukawa.server.problems import Refusal, refusal_of, reply


@pytest.mark.parametrize(("error", "status"), [
    (InputError("a"), 400), (SettingsError("a"), 400), (NotFound("a"), 404), (Changed("a"), 409), (ModelError("a"), 502),
    (ReplyError("a"), 502), (MissingPackage("a", "b", purpose="c"), 501), (StoreError("it cannot be written: the disk is full"), 507),
    (StoreError("it is locked"), 503), (HTTPException(404), 404), (KeyError("a"), 500), (RecursionError(), 500),
    (OSError(5, "Input/output error"), 500),
    (Refusal(418, "a"), 418),
])  # fmt: skip
def test_each_error_has_its_status_and_the_one_form(error, status):
    found = reply(error)
    assert found.status_code == status
    said = json.loads(found.body)["error"]
    assert {"message", "type", "param", "code"} <= set(said)
    assert said["message"]
    assert "\n" not in said["message"]
    assert (status == 503) == ("retry-after" in found.headers)


def test_what_nobody_foresaw_is_logged_and_not_shown(caplog):
    caplog.set_level("ERROR", "yukawa.server.problems")
    refusal = refusal_of(ValueError("the password is swordfish"))
    assert "swordfish" not in json.dumps(refusal.as_json())
    assert "swordfish" in caplog.text


def test_a_secret_that_was_read_is_in_no_message():
    secret = keep_secret("abcdefgh-secret-1234")
    assert secret not in json.dumps(Refusal(400, f"the header was {secret}").as_json())
    assert secret not in json.dumps(refusal_of(InputError(f"the header was {secret}")).as_json())


def test_a_full_disk_is_said_and_nothing_is_acknowledged(local, monkeypatch):
    def full(*given, **more):
        raise StoreError("the knowledge base cannot be written: the disk is full", hint="free some space")

    monkeypatch.setattr(local.services.base, "teach", full)
    with local.client(headers={"idempotency-key": "full"}) as client:
        body = {"text": "The desk of hall 1 is full."}
        found = client.post("/api/teach", json=body)
        assert (found.status_code, found.json()["error"]["type"]) == (507, "storage_error")
        monkeypatch.undo()
        assert client.post("/api/teach", json=body).status_code == 201  # not kept as the reply to that key
