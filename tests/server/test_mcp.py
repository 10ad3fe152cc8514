"""The Model Context Protocol with its own client, over HTTP by role and over standard input."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys

import httpx2 as httpx
import pytest
from tests.server.conftest import MASS

from yukawa.server.keys import ROLES, allows
from yukawa.server.mcp import TABLE

pytest.importorskip("mcp")
BODY = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
HEADERS = {"accept": "application/json, text/event-stream"}


def within(served, role, *calls):
    """The tools that a client with the key of a role is offered, and what its calls give."""
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    async def talk():
        headers = {"authorization": f"Bearer {served.keys[role]}"}
        async with httpx.AsyncClient(headers=headers, timeout=30) as http:
            transport = streamable_http_client(f"{served.url}/mcp", http_client=http)
            async with Client(transport) as client:
                tools = [tool.name for tool in (await client.list_tools()).tools]
                return tools, [await client.call_tool(name, given) for name, given in calls]

    return asyncio.run(talk())


def said(result):
    assert not result.is_error, result.content
    assert json.loads(result.content[0].text) == result.structured_content
    return result.structured_content


@pytest.mark.parametrize("role", [role for role in ROLES if role != "rater"])
def test_a_role_is_offered_its_tools_and_no_other(keyed, role):
    tools, (refused,) = within(keyed, role, ("teach", {"text": ""}))
    assert tools == [row.name for row in TABLE if allows(role, row.role)]
    assert refused.is_error


def test_a_question_is_taught_asked_shown_and_looked_back(keyed):
    text = "The mass of the MCP test stand is 17 kg."
    tools = (
        ("teach", {"text": text, "source": "a scale"}),
        ("search", {"query": "MCP test stand", "k": 1}),
        ("ask", {"question": MASS}),
    )
    _, (taught, found, asked) = within(keyed, "teacher", *tools)
    item = said(taught)
    assert (item["author"], item["status"]) == ("the teacher", "taught")
    assert [passage["id"] for passage in said(found)["passages"]] == [item["id"]]
    assert "[1]" in said(asked)["text"]
    assert said(asked)["sources"]
    _, (shown, past) = within(
        keyed, "reader", ("show", {"item_id": item["id"]}), ("history", {"item_id": item["id"]})
    )
    assert said(shown)["text"] == text
    assert [event["verb"] for event in said(past)["events"]] == ["teach"]
    noted = keyed.services.tables.noted()[0]
    assert ("the teacher", "mcp teach", item["id"]) in [(n["actor"], n["verb"], n["target"]) for n in noted]


def test_a_card_is_checked(keyed):
    _, (found, fine) = within(
        keyed, "reader",
        ("check_card", {"text": "Decay tau-\n1.0 pi- PHSP;\nEnddecay\nEnd\n", "name": "a.dec"}),
        ("check_card", {"text": "Decay pi0\n1.0 gamma gamma PHSP;\nEnddecay\nEnd\n", "name": "a.dec"}),
    )  # fmt: skip
    assert any(each["level"] == "error" for each in said(found)["findings"])
    assert not [each for each in said(fine)["findings"] if each["level"] == "error"]


@pytest.mark.parametrize(
    ("tool", "given", "words"),
    [("show", {"item_id": "nothing"}, "nothing"), ("search", {"query": "x", "k": 0}, "k"),
     ("search", {}, "query"), ("nothing", {}, "nothing"),
     ("search", {"query": "x", "as_of": "soon"}, "soon"), ("ask", {"question": " "}, "question"),
     ("ask", {"question": "a", "model": "no"}, "no")],
)  # fmt: skip
def test_what_cannot_be_done_is_a_sentence(keyed, tool, given, words):
    _, (found,) = within(keyed, "teacher", (tool, given))
    assert found.is_error
    assert words in found.content[0].text
    assert "Traceback" not in found.content[0].text


def test_a_key_is_needed_and_a_rater_only_judges(keyed):
    assert httpx.post(f"{keyed.url}/mcp", json=BODY, headers=HEADERS).status_code == 401
    with keyed.client("rater", headers=HEADERS) as client:
        assert client.post("/mcp", json=BODY).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"jsonrpc": "2.0"},
        {"jsonrpc": "1.0", "id": 1, "method": "x"},
        BODY | {"method": "nothing"},
        "x",
    ],
)
def test_a_message_that_is_none_is_refused(keyed, body):
    with keyed.client("reader", headers=HEADERS) as client:
        found = client.post("/mcp", json=body)
        assert found.status_code < 500
        assert client.post("/mcp", json=BODY).json()["result"]["tools"]


def test_two_people_at_once_teach_under_their_own_names(keyed):
    async def both():
        async def one(role, number):
            headers = HEADERS | {"authorization": f"Bearer {keyed.keys[role]}"}
            call = {"name": "teach", "arguments": {"text": f"Hall {number} of {role} has {number} doors."}}
            async with httpx.AsyncClient(headers=headers, timeout=30) as client:
                reply = await client.post(
                    f"{keyed.url}/mcp", json=BODY | {"method": "tools/call", "params": call}
                )
                return role, reply.json()["result"]["structuredContent"]["author"]

        return await asyncio.gather(*(one(role, n) for n in range(6) for role in ("teacher", "other")))

    names = {"teacher": "the teacher", "other": "another"}
    assert all(author == names[role] for role, author in asyncio.run(both()))


def test_a_program_starts_it_on_standard_input(local, tmp_path):
    from mcp import Client, StdioServerParameters

    shutil.copytree(local.home / "knowledge", tmp_path / "knowledge")
    command = ["-c", "from yukawa.cli.main import run; run()", "mcp", "--role", "asker"]
    server = StdioServerParameters(
        command=sys.executable, args=command, env=os.environ | {"YUKAWA_HOME": str(tmp_path)}
    )

    async def talk():
        async with Client(server) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            return tools, await client.call_tool("ask", {"question": MASS})

    tools, asked = asyncio.run(talk())
    assert tools == ["ask", "search", "show", "history", "check_card"]
    assert "1776.93" in said(asked)["text"]


def test_a_secret_is_shown_by_no_tool_and_what_is_shown_stays_what_it_is(keyed):
    """A secret that ends where a value ends and another begins takes neither of them away."""
    from yukawa.core.redaction import keep_secret
    from yukawa.server.mcp import ToolRow, _guarded

    keep_secret("quinzel77harlow88")

    async def work(_):
        return {"one": "quinzel77", "harlow88": ["and quinzel77harlow88", 7]}

    found = asyncio.run(_guarded(ToolRow("x", "reader", work), object())())
    assert json.loads(json.dumps(found)) == found
    assert (len(found), found["one"]) == (2, "[secret]")
    assert "quinzel" not in str(found)
    assert "harlow" not in str(found)
    assert [value for value in found.values() if isinstance(value, list)] == [["and [secret]", 7]]
