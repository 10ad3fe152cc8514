"""Pages of knowledge: lists and search, an item with its past, changes by who may, contradictions and their end."""

from __future__ import annotations

import datetime as dt
import re

import pytest


@pytest.fixture
def taught(serving):
    """A server with keys of its own, and an item that a teacher taught."""
    with serving(need_keys=True) as served:
        for name, role in (("one", "teacher"), ("two", "teacher"), ("three", "reviewer"), ("four", "reader")):
            served.keys[name] = served.services.keys.add(name, role, actor="test")[0]
        with served.browser("one") as browser:
            found = browser.send(
                "/teach", text="The mass of the tau lepton is 1790 ± 1 MeV.", source="memo", do="teach"
            )
            yield served, browser, found


def test_what_is_taught_is_found_listed_and_shown(taught):
    _, browser, found = taught
    assert "Taught: the next answer uses it." in found.text
    for path in (
        "/knowledge",
        "/knowledge?q=tau+mass",
        "/knowledge?author=one",
        "/knowledge?source=memo&kind=statement",
    ):
        assert "1790 ± 1 MeV" in browser.get(path).text
    assert "1790" not in browser.get("/knowledge?author=ada").text
    assert "1790" not in browser.get("/knowledge?as_of=2000-01-01").text
    again = browser.send("/teach", text="The mass of the tau lepton is 1790 ± 1 MeV.", do="teach")
    assert (again.url.path, "holds this already" in again.text) == (found.url.path, True)


def test_what_it_would_contradict_is_shown_before_it_is_taught(taught):
    served, browser, _ = taught
    count = len(served.services.base.list())
    checked = browser.send("/teach", text="The mass of the tau lepton is 1600 MeV. **Bold.**", do="check")
    assert "It would contradict 2 items" in checked.text
    assert "<strong>Bold.</strong>" in checked.text
    assert len(served.services.base.list()) == count


def test_an_item_shows_its_past_and_who_comes_second_both_texts(taught):
    served, one, found = taught
    path = found.url.path
    with served.browser("two") as two:
        before = dt.datetime.now(dt.UTC).isoformat()
        changed = one.send(
            f"{path}/update", text="The mass of the tau lepton is 1791 ± 1 MeV.", version="1", reason="typing"
        )
        assert "The new version is current." in changed.text
        assert "<del>1790</del><ins>1791</ins>" in changed.text
        assert "typing" in changed.text
        assert "<del>" not in two.client.get(path, params={"as_of": before}).text.partition("Versions")[0]
        second = two.send(f"{path}/update", text="The mass of the tau lepton is 1792 MeV.", version="1")
        assert second.status_code == 409
        assert "<del>1791" in second.text
        assert "1792 MeV.</textarea>" in second.text
        assert 'name="version" value="2"' in second.text
        for version in ("", "x", "-1", "9" * 12):
            assert two.send(f"{path}/update", text="x", version=version).status_code == 400


def test_withdrawn_and_restored(taught):
    _, browser, found = taught
    path = found.url.path
    assert "withdrawn" in browser.send(f"{path}/unload", reason="wrong").text
    assert path in browser.get("/knowledge?state=unloaded").text
    assert path not in browser.get("/knowledge").text
    assert "current again" in browser.send(f"{path}/restore").text


def test_a_reviewer_agrees_takes_it_back_and_erases(taught):
    served, _, found = taught
    path = found.url.path
    with served.browser("three") as browser:
        assert "I agree with it" in browser.get(path).text
        assert "Take my agreement back" in browser.send(f"{path}/review", agree="true").text
        assert "I agree with it" in browser.send(f"{path}/review", agree="false").text
        assert browser.send(f"{path}/purge").status_code == 400
        assert browser.send(f"{path}/purge", sure="yes").url.path == "/knowledge"
        assert browser.get(path).status_code == 404


def test_a_reader_is_offered_no_change(taught):
    served, _, found = taught
    with served.browser("four") as browser:
        page = browser.get(found.url.path).text
        assert "Versions" in page
        assert page.count("<form") == 2  # signing out, and the moment
        assert "Keep this" not in browser.get("/conflicts").text
        assert browser.send(f"{found.url.path}/unload").status_code == 403


def test_a_contradiction_is_shown_with_both_texts_and_settled(taught):
    _, browser, found = taught
    page = browser.get("/conflicts").text
    assert "1776.93" in page
    assert "<ins>1790</ins>" in page
    form = re.search(r'action="(/conflicts/\d+/resolve)"', page)[1]
    mine = found.url.path.rpartition("/")[2]
    assert browser.send(form, keep="nothing").status_code == 400
    done = browser.send(form, keep=mine, reason="newer")
    assert "0 contradictions" in done.text
    assert browser.send(form, keep=mine).status_code == 404
    assert browser.send("/conflicts/99999999999999999999999/resolve", keep=mine).status_code == 404


@pytest.mark.parametrize("query", ["q=%20", "domain=magic", "kind=magic", "limit=100000", "as_of=1600-01-01"])
def test_a_search_that_cannot_be_made_is_a_page(local, query):
    with local.browser() as browser:
        assert browser.get(f"/knowledge?{query}").status_code in (200, 400)
