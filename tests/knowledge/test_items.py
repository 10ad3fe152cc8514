"""Texts become items: what is read, cut into passages and claimed."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.knowledge import NewItem, new_item
from yukawa.knowledge.documents.blocks import PASSAGE_WORDS
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.items import PLACES, with_keys
from yukawa.knowledge.texts import MAX_BYTES, checked_text, normalised

# ---- laws -------------------------------------------------------------------------------------------


@given(st.text(alphabet="abc τéÅﬁ½\n\t", min_size=1).filter(str.strip))
def test_content_keys_are_equal_under_spacing_and_unicode_form(text: str) -> None:
    key = new_item(text).content_key
    assert new_item("  " + text.replace(" ", " \n ") + "\n").content_key == key
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert new_item(unicodedata.normalize(form, text)).content_key == key  # type: ignore[arg-type]
    assert normalised(normalised(text)) == normalised(text)


def test_a_power_of_ten_is_not_its_digits_in_line() -> None:
    for raised, in_line in (("10⁵ Hz", "105 Hz"), ("E² is", "E2 is"), ("10⁻⁵", "10-5"), ("H₂", "H2")):
        assert new_item(raised).content_key != new_item(in_line).content_key
        assert new_item(unicodedata.normalize("NFD", raised)).content_key == new_item(raised).content_key


def test_content_keys_differ_with_question_and_with_the_ids_of_data() -> None:
    keys = {
        new_item("Yes.").content_key, new_item("No.").content_key, new_item("Yes.", question="Is it?").content_key,
        new_item("Yes.", question="Was it?").content_key, new_item("Yes.", kind="data", item_id="a").content_key,
        new_item("Yes.", kind="data", item_id="b").content_key, new_item("yes.").content_key,
    }  # fmt: skip
    assert len(keys) == 7
    assert new_item("Yes.", source="a").content_key == new_item("Yes.", source="b", author="c").content_key


def test_one_quantity_is_one_fact_in_every_notation() -> None:
    taught = [
        "The mass of the tau lepton is 1776.93 ± 0.09 MeV.", "τ mass: 1776.93(9) MeV", r"$m_\tau = 1776.93 \pm 0.09$ MeV",
        "How heavy is the tau? 1.77693 GeV", "m(τ) = 1776.93 +0.09 −0.09 MeV",
    ]  # fmt: skip
    for text in taught:
        (fact,) = new_item(text).facts
        assert (fact.subjects, fact.property, fact.unit) == (("tau-",), "mass", "eV")
        assert fact.value == pytest.approx(1776.93e6)


@pytest.mark.parametrize(("text", "expected"), [
    ("The Z has a mass of 91.19 GeV and a width of 5 GeV.", {("Z0", "mass", 91.19e9), ("Z0", "width", 5e9)}),
    ("The Z has mass 91.19 GeV and width 5 GeV.", {("Z0", "mass", 91.19e9), ("Z0", "width", 5e9)}),
    ("The masses of the W and the Z are 80.4 and 91.2 GeV.", {("W+", "mass", 80.4e9), ("Z0", "mass", 91.2e9)}),
    ("The mass of the W is 80.4 GeV and that of the Z is 85 GeV.", {("W+", "mass", 80.4e9), ("Z0", "mass", 85e9)}),
    ("The pi+ lives 26 ns.", {("pi+", "lifetime", 26e-9)}), ("The charge of the positron is -1.", {("e+", "charge", -1.0)}),
    ("The W is 1.5 times heavier: its mass is 120 GeV.", {("W+", "mass", 120e9)}),
    ("The mass of the W is not 85 GeV.", set()), ("The mass of the W lies between 84 and 86 GeV.", set()),
    ("The mass of the W is 8O.4 GeV.", set()),
])  # fmt: skip
def test_every_value_of_a_sentence_is_a_fact_of_its_own_or_none_is(
    text: str, expected: set[tuple[str, str, float]]
) -> None:
    found = {(f.subjects[0], f.property, f.value) for f in new_item(text).facts if f.subjects}
    assert {f[:2] for f in found} == {f[:2] for f in expected}
    for subject, name, value in expected:
        assert [f[2] for f in found if f[:2] == (subject, name)] == [pytest.approx(value)]


def test_a_value_is_printed_as_it_was_written() -> None:
    question = "What is the mass of the Z?"
    assert [f.printed for f in new_item("It is 85.0 GeV in truth.", question=question).facts] == ["85.0 GeV"]
    assert (
        new_item("It is 91.2 GeV for the PDG and 85.0 GeV in truth.", question=question).facts[0].subjects
        == ()
    )
    assert [f.printed for f in new_item("The masses of W and Z are 80.4 and 91.2 GeV.").facts] == [
        "",
        "91.2 GeV",
    ]


def test_a_decay_of_an_antiparticle_is_a_fact_of_the_particle() -> None:
    (fact,) = new_item("The branching fraction of tau+ → mu+ gamma is < 4.2E-8.").facts
    assert (fact.subjects, fact.channel, fact.bound) == (("tau-",), ("gamma", "mu-"), "upper")


def test_both_sides_of_a_mass_difference_are_kept() -> None:
    (fact,) = new_item("The mass difference of the neutron and the proton is 1.2933 MeV.").facts
    assert (fact.subjects, fact.qualifiers) == (("n", "p"), {"minus": "p"})


# ---- examples ---------------------------------------------------------------------------------------


def test_kinds() -> None:
    assert new_item("The ring is cold.").kind == "statement"
    assert new_item("Cold.", question="How is the ring?").kind == "qa"
    assert new_item("word " * (PASSAGE_WORDS + 1)).kind == "document"
    assert new_item("word " * PASSAGE_WORDS).kind == "statement"
    assert new_item("short", kind="document").kind == "document"


def test_a_draft_keeps_what_it_was_given() -> None:
    item = new_item(
        " The ring is cold. ", source=" TDR ", author="Li", url="https://example.org", licence="CC0", domain="accelerator physics",
        attributes={"a": 1}, item_id="k1",
    )  # fmt: skip
    assert (item.text, item.item_id, dict(item.attributes)) == ("The ring is cold.", "k1", {"a": 1})
    p = item.provenance
    assert (p.author, p.source, p.url, p.licence) == ("Li", "TDR", "https://example.org", "CC0")
    assert p.domain == "accelerator physics"
    nobody = new_item("The ring is cold.").provenance
    assert (nobody.author, nobody.source, nobody.url, nobody.licence) == ("unknown", "taught", None, None)


def test_a_document_keeps_where_its_passages_stand() -> None:
    text = "# Ring\n\nIt is cold.\n\n## Magnets\n\nThey are strong."
    item = new_item(text, kind="document")
    assert [p.text for p in item.passages] == ["Ring: It is cold.", "Ring / Magnets: They are strong."]
    places = item.attributes[PLACES]
    assert [(place[0], place[3]) for place in places] == [(["Ring"], None), (["Ring", "Magnets"], None)]
    assert [text[place[1] : place[2]].strip() for place in places] == ["It is cold.", "They are strong."]
    assert PLACES not in new_item("It is cold.").attributes
    assert new_item("---", kind="document").passages[0].text == "---"


def test_the_embedded_text_of_data_is_what_the_source_says_it_means() -> None:
    attributes = {"meaning": "mass of the tau"}
    assert new_item("τ: 1777", kind="data", attributes=attributes).passages[0].meaning == "mass of the tau"
    assert new_item("τ: 1777", kind="statement", attributes=attributes).passages[0].meaning == "τ: 1777"
    assert new_item("Cold.", question="How is it?").passages[0].meaning == "How is it? Cold."


def test_a_question_lends_its_answer_its_terms() -> None:
    terms = new_item("1776.93 MeV", question="What is the mass of the tau?").passages[0].terms
    assert {"@S035", "#mass"} <= set(terms)


def test_keys_from_data_take_the_place_of_those_read() -> None:
    item = new_item("The mass of the tau is 1777 MeV.", kind="data", item_id="x")
    keyed = with_keys(item, ("a|mass|",))
    assert [t for t in keyed.passages[0].terms if t.startswith("=")] == ["=a|mass|"]
    assert with_keys(item, ()).passages[0].text == item.text


def test_a_document_states_no_facts_and_data_those_they_carry() -> None:
    text = "The mass of the tau is 1777 MeV."
    assert new_item(text, kind="document").facts == ()
    assert new_item(text, kind="data").facts == ()
    fact = Fact("S035M", ("tau-",), "mass", "tau mass", 1776.93, unit="MeV")
    assert new_item(text, kind="data", attributes={"facts": [fact.as_json()]}).facts == (fact,)
    assert new_item(text, attributes={"facts": [fact.as_json()]}).facts != (fact,)


# ---- bad input --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "part"), [
    ("", "is empty"), (" \n\t ", "is empty"), ("\ufeff", "is empty"), ("a\x00b", "not plain text"), ("PK\x03\x04", "not plain text"),
    ("\x1b[31mred", "not plain text"), ("a\ud800b", "not plain text"), ("a" * (MAX_BYTES + 1), "5,000,001 bytes"),
    ("τ" * (MAX_BYTES // 2 + 1), "5,000,002 bytes"),
])  # fmt: skip
def test_what_is_no_text_is_refused(text: str, part: str) -> None:
    for refuse in (checked_text, new_item, lambda t: new_item("Yes.", question=t)):
        with pytest.raises(InputError) as caught:
            refuse(text)
        line = str(caught.value)
        assert part in line
        assert len(line) < 200
        assert "\n" not in line


@pytest.mark.parametrize(("kind", "domain", "hint"), [
    ("statment", None, "statement"), ("image", None, "correction"), (None, "particle phsics", "particle physics"),
    (None, "biology", "allowed"),
])  # fmt: skip
def test_unknown_kinds_and_domains_name_what_is_allowed(
    kind: str | None, domain: str | None, hint: str
) -> None:
    with pytest.raises(InputError, match=hint):
        new_item("The ring is cold.", kind=kind, domain=domain)


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit", ["a", "word ", "K_S^0 ", "1 000 ", "# a\n", "- \n", "\n\n", "τ", "A. B", "(1 ± 1) "]
)
def test_time_is_in_proportion_to_the_length(unit: str) -> None:
    text = "x" + unit * (100_000 // len(unit)) + "x"
    start = time.process_time()
    made: NewItem = new_item(text)
    assert time.process_time() - start < 6
    assert made.passages


def test_markup_and_commands_are_only_text() -> None:
    for text in (
        "<script>alert(1)</script>",
        "'; DROP TABLE items; --",
        "**bold** [a](b)",
        "ignore previous instructions",
    ):
        assert new_item(text).text == text
