"""What all pages share: signing in, forms and their tokens, errors as pages, static files, and the page about the server."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

import html5lib
import pytest

from yukawa.server.pages import _own_path, parse_form, wants_page, when
from yukawa.server.problems import Refusal
from yukawa.server.shell import CSP

PLACES = ("/", "/knowledge", "/conflicts", "/runs", "/keys", "/about", "/teach", "/sign-in", "/nothing")


@pytest.mark.parametrize("path", PLACES)
def test_a_page_is_whole_and_brings_all_that_it_needs(local, path):
    with local.browser() as browser:
        page = browser.get(path)
    assert page.headers["content-security-policy"] == CSP
    assert page.headers["cache-control"] == "no-store"
    html5lib.HTMLParser(strict=True).parse(page.text)
    document = html5lib.parse(page.text, namespaceHTMLElements=False)
    addresses = [e.get(name) for e in document.iter() for name in ("src", "href", "action") if e.get(name)]
    ours = [link for link in addresses if not link.startswith("/")]
    assert set(ours) <= {"#main"}
    assert not [
        e.tag for e in document.iter() if e.get("style") or any(name.startswith("on") for name in e.attrib)
    ]
    assert len(document.findall(".//h1")) == 1


def test_a_key_opens_the_pages_and_signing_out_closes_them(keyed):
    with keyed.browser() as browser:
        away = browser.client.get("/knowledge?q=tau")
        assert (away.status_code, away.headers["location"]) == (303, "/sign-in?next=%2Fknowledge%3Fq%3Dtau")
        asked = browser.get(away.headers["location"])
        assert 'value="/knowledge?q=tau"' in asked.text
        back = browser.client.post("/sign-in", data={"key": keyed.keys["asker"], "next": "/knowledge?q=tau"})
        assert back.headers["location"] == "/knowledge?q=tau"
        assert "httponly" in back.headers["set-cookie"].lower()
        assert "samesite=strict" in back.headers["set-cookie"].lower()
        assert "the asker" in browser.get("/about").text
        assert "Sign in" in browser.send("/sign-out").text
        assert browser.client.get("/about").status_code == 303


@pytest.mark.parametrize("key", ["", "yk-nothing", "x" * 400])
def test_another_key_does_not(keyed, key):
    with keyed.browser() as browser:
        reply = browser.client.post("/sign-in", data={"key": key})
    assert reply.status_code == 401
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("path", [
    "//evil.example", "https://evil.example", "javascript:alert(1)", "/\\evil.example", "/%5cevil.example", "/a\n/b",
    "evil", "", "/%0d%0aset-cookie:x",
])  # fmt: skip
def test_signing_in_leads_to_this_server_alone(path):
    assert _own_path(path) == "/"


def test_a_form_needs_its_token_and_a_page_of_ours(keyed):
    with keyed.browser("teacher") as browser:
        form = {"text": "The counter of the token test has 4 layers.", "do": "teach"}
        assert browser.client.post("/teach", data=form).status_code == 403
        assert browser.client.post("/teach", data=form | {"token": "x" * 43}).status_code == 403
        theirs = {"origin": "https://evil.example"}
        assert (
            browser.client.post("/teach", data=form | {"token": browser.token}, headers=theirs).status_code
            == 403
        )
        del browser.client.headers["origin"]
        assert browser.client.post("/teach", data=form | {"token": browser.token}).status_code == 403
        same = {"sec-fetch-site": "same-origin"}
        assert (
            browser.client.post("/teach", data=form | {"token": browser.token}, headers=same).status_code
            == 303
        )
    with keyed.client("teacher") as client:
        assert client.post("/teach", data=form).status_code == 403


@pytest.mark.parametrize("body", [b"a=%ff", b"\xff=1", b"a=1&" * 200, b"text=%00"])
def test_a_form_that_cannot_be_read_is_refused(body):
    with pytest.raises(Refusal, match="form"):
        parse_form(body)


def test_of_two_fields_the_last_counts_and_lines_end_as_everywhere():
    assert parse_form(b"a=1&a=2&b=x%0D%0Ay&c=") == {"a": "2", "b": "x\ny", "c": ""}


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [("/knowledge/nothing", 404, "nothing"), ("/answers/nothing", 404, "nothing"), ("/knowledge?limit=0", 400, "limit"),
     ("/knowledge?as_of=soon", 400, "soon"), ("/chats/x", 404, "conversation"), ("/nothing/at/all", 404, "nothing"),
     ("/runs/..%2f..", 404, "run")],
)  # fmt: skip
def test_an_error_is_a_page(local, path, status, words):
    with local.browser() as browser:
        found = browser.get(path)
    assert (found.status_code, found.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert words in found.text


def test_programs_get_errors_as_data(local):
    request = SimpleNamespace(url=SimpleNamespace(path="/api/x"), scope={}, headers={"accept": "text/html"})
    assert not wants_page(request)
    with local.client() as client:
        assert client.get("/nothing").json()["error"]["code"] == "not_found"


def test_a_form_of_another_kind_is_refused(local):
    with local.browser() as browser:
        assert browser.client.post("/ask", json={"question": "x"}).status_code == 415
        assert browser.client.post("/ask", data={"question": " "}).status_code == 400


def test_static_files_are_kept_by_browsers_while_they_stay_the_same(local):
    with local.browser() as browser:
        page = browser.get("/about").text
        for name, kind in (
            ("yukawa.css", "text/css"),
            ("yukawa.js", "javascript"),
            ("icon.svg", "image/svg"),
        ):
            link = page[page.index(f"/static/{name}") :].partition('"')[0]
            found = browser.client.get(link)
            assert kind in found.headers["content-type"]
            assert "immutable" in found.headers["cache-control"]
            assert "immutable" not in browser.client.get(f"/static/{name}").headers["cache-control"]
        assert browser.client.get("/favicon.ico").status_code == 200
        assert browser.client.get("/static/base.html").status_code == 404


def test_the_page_about_the_server_names_licences(local):
    with local.browser() as browser:
        page = browser.get("/about").text
    assert "CC BY 4.0" in page
    assert "Apache License 2.0" in page
    assert all(name in page for name in ("starlette", "nh3", "slow"))


def test_pages_below_a_path_link_below_it(serving):
    with serving(root_path="/physics") as served, served.browser() as browser:
        page = browser.get("/about").text
        assert 'href="/physics/knowledge"' in page
        reply = browser.client.post("/ask", data={"question": "What is the mass of the tau lepton?"})
        assert reply.headers["location"].startswith("/physics/chats/")


def test_moments_are_said_in_one_zone():
    shown = '<time datetime="2026-11-30T06:00:00+00:00">2026-11-30 06:00:00 UTC</time>'
    moment = dt.datetime(2026, 11, 30, 7, tzinfo=dt.timezone(dt.timedelta(hours=1)))
    assert when(moment) == when("2026-11-30T07:00:00+01:00") == when(int(moment.timestamp() * 1e6)) == shown
