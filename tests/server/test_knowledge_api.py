"""Our own API: ask with events, teach, correct, change, look back, settle, as each person may."""

from __future__ import annotations

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

MASS = "What is the mass of the tau lepton?"


@pytest.fixture
def teacher(keyed):
    with keyed.client("teacher") as client:
        yield client


@pytest.fixture
def reviewer(keyed):
    with keyed.client("reviewer") as client:
        yield client


def events(text):
    found = [
        dict(line.partition(": ")[::2] for line in part.split("\n")) for part in text.strip().split("\n\n")
    ]
    return [(one["event"], json.loads(one["data"])) for one in found if "event" in one]


# ---- asking ---------------------------------------------------------------------------------------


def test_the_steps_of_an_answer_come_as_events_before_it(teacher):
    found = teacher.post("/api/ask", json={"question": MASS}, headers={"accept": "text/event-stream"})
    assert found.headers["content-type"].startswith("text/event-stream")
    *steps, (name, answer) = events(found.text)
    assert steps == [("step", {"step": step}) for step in ("plan", "execute", "write")]
    assert (name, answer["question"]) == ("answer", MASS)


def test_a_mistake_in_a_stream_is_its_last_event(teacher):
    body = {"question": MASS, "as_of": "1950-01-01"}
    found = teacher.post("/api/ask", json=body, headers={"accept": "text/event-stream"})
    name, error = events(found.text)[-1]
    assert (name, error["error"]["code"]) == ("error", "invalid")


def test_a_conversation_has_its_history(teacher):
    first = teacher.post("/api/ask", json={"question": MASS, "chat": "new"}).json()
    second = teacher.post("/api/ask", json={"question": "in GeV?", "chat": first["chat"]}).json()
    assert "1.77693" in second["answer"]
    turns = teacher.get(f"/api/chats/{first['chat']}").json()
    assert [turn["question"] for turn in turns] == [MASS, "in GeV?"]
    both = {"question": "and its width?", "chat": first["chat"], "history": [MASS]}
    assert teacher.post("/api/ask", json=both).status_code == 400


@pytest.mark.parametrize("body", [
    {}, {"question": ""}, {"question": " \n"}, {"question": 3}, {"question": "a", "model": "nobody"}, {"question": "x" * 4001},
    {"question": "a", "domain": "cooking"}, {"question": "a", "as_of": "never"}, {"question": "a", "unknown": 1},
    {"question": "a", "history": "b"}, [], "a", None, {"question": "a\x00b"},
])  # fmt: skip
def test_what_cannot_be_asked_is_one_clear_error(teacher, body):
    found = teacher.post("/api/ask", content=json.dumps(body), headers={"content-type": "application/json"})
    assert found.status_code == 400
    assert found.json()["error"]["message"]


# ---- teaching -------------------------------------------------------------------------------------


def test_a_correction_is_in_the_next_answer_under_the_name_of_the_key(teacher):
    question = "What is the gas of the FCC drift chamber?"
    asked = teacher.post("/api/ask", json={"question": question}).json()
    assert asked["abstained"]
    body = {
        "text": "The gas of the FCC drift chamber is helium.",
        "source": "a talk",
        "reason": "it was asked",
    }
    found = teacher.post(f"/api/answers/{asked['id']}/correct", json=body)
    assert (found.status_code, found.json()["item"]["author"]) == (201, "the teacher")
    assert "helium" in found.json()["answer"]["answer"]
    assert "helium" in teacher.post("/api/ask", json={"question": question}).json()["answer"]


def test_nobody_teaches_under_another_name(teacher, keyed):
    for more in ({"author": "Particle Data Group"}, {"actor": "the admin"}, {"kind": "data"}):
        assert teacher.post("/api/teach", json={"text": "A door is red.", **more}).status_code == 400
    body = {"text": "The door of hall 3 is red.", "source": "PDG 2026: Z mass (S044M)"}
    assert "built source" in teacher.post("/api/teach", json=body).json()["error"]["message"]


def test_of_two_who_edit_one_item_the_second_sees_both_texts(teacher, keyed):
    item = teacher.post("/api/teach", json={"text": "The door of hall 4 is red."}).json()
    path = f"/api/items/{item['id']}"
    read = teacher.get(path)
    assert read.headers["etag"] == '"1"'
    assert teacher.put(path, json={"text": "The door of hall 4 is blue."}).status_code == 428
    texts = [f"The door of hall 4 is of colour {n}." for n in range(6)]

    def edit(text):
        with keyed.client("other") as client:
            return client.put(path, json={"text": text}, headers={"if-match": read.headers["etag"]})

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(edit, texts))
    assert sorted(f.status_code for f in found) == [200, 409, 409, 409, 409, 409]
    won = next(f.json()["text"] for f in found if f.status_code == 200)
    for text, reply in zip(texts, found, strict=True):
        if reply.status_code == 409:
            error = reply.json()["error"]
            assert (error["code"], error["yours"], error["current"]["text"]) == ("changed", text, won)
    versions = teacher.get(f"{path}/history").json()["versions"]
    assert [version["text"] for version in versions] == [item["text"], won]


@pytest.mark.parametrize("tag", ["abc", '""', '"-1"', '"1e3"', "*", '"99999999999999999999"'])
def test_what_is_not_an_etag_is_refused(teacher, tag):
    found = teacher.put("/api/items/x", json={"text": "A."}, headers={"if-match": tag})
    assert (found.status_code, found.json()["error"]["code"]) == (400, "invalid")


def test_an_item_is_withdrawn_brought_back_and_erased(teacher, reviewer):
    item = teacher.post("/api/teach", json={"text": "The lamp of hall 5 is green."}).json()
    path = f"/api/items/{item['id']}"
    before = dt.datetime.now(dt.UTC).isoformat()

    def found(**more):
        hits = teacher.get("/api/search", params={"q": "lamp of hall 5", "k": 1} | more).json()
        return [hit["text"] for hit in hits if hit["id"] == item["id"]]

    assert found() == [item["text"]]
    assert teacher.delete(path, params={"reason": "no lamp"}).json()["status"] == "unloaded"
    assert found() == []
    assert found(as_of=before) == [item["text"]]
    assert teacher.post(f"{path}/restore", json={"reason": "a lamp"}).json()["status"] == "restored"
    assert found() == [item["text"]]
    assert reviewer.post(f"{path}/purge").json()["status"] == "purged"
    assert teacher.get(path).status_code == 404
    events_of_it = teacher.get(f"{path}/history").json()["events"]
    assert [(e["verb"], e["actor"]) for e in events_of_it][:3] == [
        ("teach", ""), ("unload", ""), ("restore", "")
    ]  # fmt: skip


def test_a_contradiction_is_seen_and_settled_by_a_reviewer_who_did_not_write_it(teacher, reviewer, keyed):
    one = teacher.post("/api/teach", json={"text": "The length of the ILC tunnel is 20.5 km."}).json()
    two = teacher.post("/api/teach", json={"text": "The length of the ILC tunnel is 31.0 km."}).json()
    (conflict,) = two["conflicts"]
    assert {side["id"] for side in conflict["items"]} == {one["id"], two["id"]}
    assert conflict["id"] in [row["id"] for row in teacher.get("/api/conflicts").json()]
    assert teacher.post(f"/api/items/{one['id']}/review").status_code == 403
    assert (
        reviewer.post(f"/api/items/{one['id']}/review", json={"reason": "the report"}).json()["trust"]
        == "reviewed"
    )
    refused = teacher.post(f"/api/conflicts/{conflict['id']}/resolve", json={"keep": two["id"]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "invalid")
    kept = reviewer.post(f"/api/conflicts/{conflict['id']}/resolve", json={"keep": one["id"]})
    assert kept.json()["status"] == "resolved"
    assert conflict["id"] not in [row["id"] for row in teacher.get("/api/conflicts").json()]
    for number in (conflict["id"], 10**30):
        assert reviewer.post(f"/api/conflicts/{number}/resolve", json={}).status_code == 404


def test_a_reviewers_own_word_is_not_reviewed_by_the_same_person(reviewer):
    item = reviewer.post("/api/teach", json={"text": "The crane of hall 6 lifts 5 tons."}).json()
    assert reviewer.post(f"/api/items/{item['id']}/review").status_code == 400


def test_what_was_done_is_in_the_chain(teacher, keyed):
    item = teacher.post("/api/teach", json={"text": "The clock of hall 7 is late."}).json()
    teacher.delete(f"/api/items/{item['id']}")
    with keyed.client("admin") as admin:
        found = admin.get("/api/audit", params={"limit": 2}).json()
    assert found["whole"]
    assert [(e["actor"], e["verb"]) for e in found["entries"]] == [
        ("the teacher", "unload"),
        ("the teacher", "teach"),
    ]


@pytest.mark.parametrize("query", [{}, {"q": ""}, {"q": "a", "k": 0}, {"q": "a", "k": "x"}, {"q": "a", "domain": "cooking"},
                                   {"q": "a", "as_of": "never"}, {"q": "a", "k": 10**6}])  # fmt: skip
def test_a_search_that_cannot_be_made_is_refused(teacher, query):
    assert teacher.get("/api/search", params=query).status_code == 400


def test_items_are_listed_with_filters(teacher):
    found = teacher.get("/api/items", params={"author": "ada", "limit": 2}).json()
    assert [item["author"] for item in found] == ["ada", "ada"]
    assert teacher.get("/api/items", params={"limit": 0}).status_code == 400
