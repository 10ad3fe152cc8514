"""Pages of questions: an answer with its sources, a conversation, and a correction that everybody sees."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape
from tests.server.conftest import MASS, RING

from yukawa.server.answer_pages import marked, plain_answer, word_difference
from yukawa.server.rendering import seen


def without_tags(page: str, tag: str) -> str:
    return re.sub(rf"<{tag}>.*?</{tag}>|<[^>]*>", "", page, flags=re.DOTALL)


def test_a_question_leads_to_a_conversation_that_goes_further(local):
    with local.browser() as browser:
        first = browser.send("/ask", question=MASS)
        assert "1776.93 ± 0.09 MeV" in first.text
        assert "<mark>" in first.text
        assert "built source" not in first.text  # a person taught it
        chat = first.url.path.rpartition("/")[2]
        second = browser.send("/ask", question=RING, chat=chat)
        assert second.url.path == first.url.path
        assert re.findall(r'<h2 class="question"[^>]*>(.*?)<', second.text) == [MASS, RING]
        assert chat in browser.get("/").text
        left = browser.send(f"/chats/{chat}/remove")
        assert left.url.path == "/"
        assert chat not in left.text
        assert browser.get(f"/chats/{chat}").status_code == 404


def test_a_conversation_of_another_person_is_not_there(keyed):
    with keyed.browser("teacher") as one, keyed.browser("other") as two:
        asked = one.send("/ask", question=MASS)
        assert two.get(asked.url.path).status_code == 404
        answer = re.search(r'href="(/answers/\w+)"', asked.text)[1]
        assert one.get(answer).status_code == 200
        assert two.get(answer).status_code == 404
        assert two.send(f"{answer}/correct", text="It is 1 GeV.", do="teach").status_code == 404
        assert (
            two.send("/ask", question="and its width?", chat=asked.url.path.rpartition("/")[2]).status_code
            == 404
        )


def test_a_correction_shows_what_it_contradicts_and_then_answers(serving):
    with serving() as served, served.browser() as browser:
        asked = browser.send("/ask", question=MASS)
        answer = re.search(r'action="(/answers/\w+/correct)"', asked.text)[1]
        text = "The mass of the tau lepton is 1790.2 ± 0.3 MeV."
        before = len(served.services.base.list())
        checked = browser.send(answer, text=text, source="memo 12", do="check")
        assert (
            "Nothing that is known here contradicts it" in checked.text
        )  # it takes the place of the taught one
        assert len(served.services.base.list()) == before
        corrected = browser.send(answer, text=text, source="memo 12", do="teach")
        assert "1790.2 ± 0.3 MeV" in without_tags(corrected.text, "del")
        assert "<ins>" in corrected.text
        assert "Take it back" in corrected.text
        unload = re.search(r'action="(/knowledge/\w+/unload)"', corrected.text)[1]
        assert "Withdrawn" in browser.send(unload, reason="taken back").text
        entries = served.services.tables.noted()[0]
        assert [entry["verb"] for entry in entries] == ["unload", "correct"]  # to look is not noted


def test_who_may_not_correct_is_not_offered_it(keyed):
    with keyed.browser("asker") as browser:
        assert "Correct this" not in browser.send("/ask", question=MASS).text
    with keyed.browser("teacher") as browser:
        assert "Correct this" in browser.send("/ask", question=MASS).text


@pytest.mark.parametrize("fields", [{}, {"question": ""}, {"question": MASS, "as_of": "soon"}, {"question": MASS, "model": "nothing"},
                                    {"question": MASS, "chat": "nothing"}, {"question": MASS, "domain": "magic"}])  # fmt: skip
def test_a_question_that_cannot_be_asked_is_a_page(local, fields):
    with local.browser() as browser:
        found = browser.send("/ask", **fields)
    assert found.status_code in (400, 404)
    assert "<h1>" in found.text


def test_the_first_text_of_a_correction_is_the_sentence():
    text = "The ratio is 16.8177 ± 0.0008 (derived, not quoted).\n  m(τ) / m(μ), with m(τ) = 1776.93 MeV [1]"
    assert plain_answer(text) == "The ratio is 16.8177 ± 0.0008."
    assert plain_answer("The mass is 1 MeV [1][2].") == "The mass is 1 MeV."


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_difference_holds_both_texts(old, new):
    shown = word_difference(old, new)
    for tag, text in (("ins", old), ("del", new)):
        kept = re.sub(rf"<{tag}>.*?</{tag}>|</?(?:ins|del)>", "", shown, flags=re.DOTALL)
        assert kept == escape(seen(text))


def test_long_texts_are_not_compared():
    assert word_difference("a " * 5_000, "b") is None


@given(st.text(max_size=60), st.lists(st.text(max_size=5), max_size=4))
def test_marking_changes_no_letter(text, words):
    assert re.sub("</?mark>", "", marked(text, words)) == escape(seen(text))


def test_the_longest_words_are_marked():
    assert (
        marked("mass 1776.93 ± 0.09 MeV", ["1776.93", "1776.93 ± 0.09 MeV"])
        == "mass <mark>1776.93 ± 0.09 MeV</mark>"
    )
    assert marked("<b>", ["<b>"]) == "<mark>&lt;b&gt;</mark>"
