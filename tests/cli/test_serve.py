"""`yukawa serve`: keys from the command line, and what is refused before a port is opened."""

from __future__ import annotations

import pytest


def test_keys_are_made_listed_and_revoked(yukawa, home):
    made = yukawa("serve", "keys", "add", "M. Chen", "--role", "teacher", "--expires", "30d", "--json").json
    assert made["key"].startswith("yk-")
    listed = yukawa("serve", "keys", "list")
    assert made["key"] not in listed.out
    assert "M. Chen" in listed.out
    assert "teacher" in listed.out
    assert [row["valid"] for row in yukawa("serve", "keys", "list", "--json").json] == [True]
    plain = yukawa("serve", "keys", "add", "Li")
    assert plain.out.strip().startswith("yk-")
    assert "once" in plain.err
    assert yukawa("serve", "keys", "revoke", "M. Chen", "--json").json["keys"] == 1
    assert "revoked" in yukawa("serve", "keys", "list").out


def test_no_key_is_said(yukawa):
    assert "serve keys add" in yukawa("serve", "keys", "list").err


@pytest.mark.parametrize("arguments", [
    ("keys", "add", "Li", "--role", "king"), ("keys", "add", ""), ("keys", "add", "Li", "--expires", "soon"), ("keys", "revoke", "nobody"),
    ("--host", "0.0.0.0"), ("--need-keys",), ("--root-path", "x"), ("--port", "70000"), ("--workers", "0"), ("--host", "no.such.invalid"),  # noqa: S104
    ("--tls-cert", "nothing.pem"),
])  # fmt: skip
def test_what_cannot_be_served_is_one_line(yukawa, arguments):
    assert yukawa("serve", *arguments).failed(2)


def test_an_address_for_others_needs_a_key(yukawa):
    assert "serve keys add NAME --role admin" in yukawa("serve", "--host", "0.0.0.0").failed(2)  # noqa: S104


def test_options_reach_the_server(yukawa, monkeypatch, tmp_path):
    given = {}

    def serve(options, port, **more):
        given.update(more, options=options, port=port)
        more["on_ready"]("http://127.0.0.1:9")

    monkeypatch.setattr("yukawa.server.process.serve", serve)
    monkeypatch.setattr("yukawa.server.serve", serve)
    done = yukawa("serve", "--port", "9", "--workers", "3", "--allow-host", "a.example", "--allow-origin", "https://b.example",
                  "--root-path", "/y/", "--rate", "5", "--runs", str(tmp_path), "--json")  # fmt: skip
    assert done.json == {"url": "http://127.0.0.1:9", "api": "http://127.0.0.1:9/v1"}
    options = given["options"]
    assert (given["port"], given["workers"], options.hosts, options.origins) == (
        9,
        3,
        ("a.example",),
        ("https://b.example",),
    )
    assert (options.root_path, options.limits.rate, options.runs, options.open) == ("/y", 5.0, tmp_path, True)
    assert "serving" in yukawa("serve").out


def test_without_the_extra_the_line_to_type_is_shown(yukawa, monkeypatch):
    monkeypatch.setattr("yukawa.core.errors.find_spec", lambda name: None)
    assert "[server]" in yukawa("serve").failed(2)


def test_a_role_of_mcp_that_does_not_exist_is_one_line(yukawa):
    assert "king" in yukawa("mcp", "--role", "king").failed(2)
