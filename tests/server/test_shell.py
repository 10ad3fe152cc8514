"""What every reply says and every request must: host, origin, headers, HEAD, the trailing slash, counts."""

from __future__ import annotations

import pytest

from yukawa.server.shell import CSP, HEADERS, Counts, Hosts, is_loopback


@pytest.mark.parametrize("path", ["/health", "/nothing", "/api/me", "/api/keys", "/v1/models"])
@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
def test_every_reply_has_the_headers(keyed, path, method):
    with keyed.client() as client:
        found = client.request(method, path)
    assert {name: found.headers[name] for name in HEADERS} == HEADERS
    assert "unsafe" not in CSP
    assert len(found.headers["x-request-id"]) == 16
    assert "server" not in found.headers
    assert "access-control-allow-origin" not in found.headers


def test_a_head_is_a_get_without_its_body(local):
    with local.client() as client:
        get, head = client.get("/v1/models"), client.head("/v1/models")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize("path", ["/v1/models/", "/v1/models//", "/health/"])
def test_a_slash_at_the_end_changes_nothing(local, path):
    with local.client() as client:
        assert client.get(path).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "localhost.evil.example",
                                  "[", "127.0.0.1@evil.example", "0x7f.1", "169.254.169.254"])  # fmt: skip
def test_a_name_that_was_led_here_from_elsewhere_is_refused(local, host):
    with local.client() as client:
        found = client.get("/v1/models", headers={"host": host})
    assert found.status_code in (400, 421)
    assert "object" not in found.text


@pytest.mark.parametrize("host", ["localhost", "localhost:1", "127.0.0.1", "[::1]:8000", "LOCALHOST"])
def test_the_names_of_this_machine_are_known(local, host):
    with local.client() as client:
        assert client.get("/v1/models", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://localhost", "file://", "http://"]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_page_elsewhere_may_not_use_the_server(local, origin, method):
    with local.client() as client:
        found = client.request(method, "/api/items/x", headers={"origin": origin})
    assert (found.status_code, found.json()["error"]["code"]) == (403, "wrong_origin")


def test_our_own_pages_may(local):
    with local.client() as client:
        assert client.get("/api/me", headers={"origin": local.url}).status_code == 200


def test_a_site_that_was_named_may_read_replies(serving):
    with serving(origins=("https://group.example",)) as served, served.client() as client:
        mine = {"origin": "https://group.example"}
        asked = client.options("/api/ask", headers=mine | {"access-control-request-method": "POST"})
        assert asked.status_code == 204
        assert asked.headers["access-control-allow-origin"] == mine["origin"]
        assert "access-control-allow-credentials" not in asked.headers
        assert client.get("/api/me", headers=mine).headers["access-control-allow-origin"] == mine["origin"]
        assert client.get("/api/me", headers={"origin": "https://group.example.evil"}).status_code == 403


@pytest.mark.parametrize(("bound", "more", "known", "unknown"), [
    ("127.0.0.1", (), ("127.0.0.1:8000", "localhost", "[::1]"), ("10.0.0.1", "group.example")),
    ("10.0.0.1", (), ("10.0.0.1:80",), ("localhost", "127.0.0.1", "10.0.0.2")),
    ("10.0.0.1", ("Yukawa.Group.Example",), ("yukawa.group.example", "10.0.0.1"), ("group.example",)),
    ("0.0.0.0", (), ("10.0.0.1", "[2001:db8::1]:80", "localhost"), ("group.example",)),  # noqa: S104
    ("::1", (), ("[::1]:8000", "localhost"), ("[::2]",)),
])  # fmt: skip
def test_names_follow_from_the_address(bound, more, known, unknown):
    hosts = Hosts(bound, more)
    assert all(hosts.knows(name) for name in known)
    assert not any(hosts.knows(name) for name in unknown)


def test_what_is_loopback():
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "10.0.0.1", "", "example.org")))  # noqa: S104


def test_counts_add_up_and_routes_are_patterns(keyed):
    with keyed.client("admin") as client:
        for _ in range(3):
            client.get("/api/items/nothing")
        text = client.get("/metrics").text
    assert 'route="/api/items/{item_id}",method="GET",status="404"' in text
    assert "nothing" not in text
    counts = Counts()
    for seconds in (0.001, 0.02, 0.5, 100.0):
        counts.count("/a", "GET", 200, seconds)
    found = counts.text("1", {"waiting": 2.0})
    assert 'le="0.01"} 1' in found
    assert 'le="0.03"} 2' in found
    assert 'le="+Inf"} 4' in found
    assert 'yukawa_waiting{worker="1"} 2' in found
