"""Texts and files become items: what is read, checked, cut into passages and claimed."""

from __future__ import annotations

import io
import sys
import time
import unicodedata

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from yukawa.core.errors import InputError, MissingPackage
from yukawa.knowledge import NewItem, new_item
from yukawa.knowledge.facts import Fact
from yukawa.knowledge.items import (
    MAX_BYTES,
    PASSAGE_WORDS,
    checked_text,
    normalised,
    read_document,
    split,
    with_keys,
)


def pdf(*pages: str, encrypt: bool = False) -> bytes:
    """A minimal PDF with one line of text a page; an empty string makes a page without text."""
    kids = " ".join(f"{4 + 2 * n} 0 R" for n in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for n, text in enumerate(pages):
        stream = f"BT /F1 12 Tf 72 720 Td ({text}) Tj ET" if text else "72 720 m 100 100 l S"
        objects += [
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {5 + 2 * n} 0 R"
            " /Resources << /Font << /F1 3 0 R >> >> >>",
            f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        ]
    lock = ""
    if encrypt:
        junk = "00" * 32
        objects.append(f"<< /Filter /Standard /V 1 /R 2 /O <{junk}> /U <{junk}> /P -4 >>")
        lock = f" /Encrypt {len(objects)} 0 R /ID [<{'11' * 16}> <{'11' * 16}>]"
    out, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n".encode()
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    end = f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer\n<< /Size {size} /Root 1 0 R{lock} >>\nstartxref\n{len(out)}\n%%EOF\n"
    return out + end.encode()


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1).filter(str.strip))
def test_utf_8_comes_back_with_or_without_its_mark(tmp_path_factory, text):
    file = tmp_path_factory.mktemp("text") / "a.txt"
    wanted = text.strip().removeprefix("\ufeff")
    if not wanted.strip():
        return
    file.write_bytes(text.encode())
    plain = read_document(file)
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert read_document(file).strip("\ufeff") == plain.strip("\ufeff")
    assert plain.strip("\ufeff").strip() == text.strip().strip("\ufeff").strip()


def test_markdown_keeps_its_lines(tmp_path):
    text = "# BESIII\n\n* `a` | b\n* $J/\\psi$ → e⁺e⁻"
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    assert read_document(tmp_path / "a.md") == text


def test_a_pdf_is_told_by_its_content(tmp_path):
    file = tmp_path / "paper.txt"
    file.write_bytes(pdf("The BEPCII ring is 237.5 m long.", "", "The second page."))
    text = read_document(str(file))
    assert text.startswith("The BEPCII ring is 237.5 m long.")
    assert text.endswith("\n\nThe second page.")


def test_standard_input_is_a_dash(monkeypatch):
    for data, text in ((b"two\nlines", "two\nlines"), (pdf("From a pipe."), "From a pipe.")):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        assert read_document("-") == text


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf \n", "empty"),
        ("caf\u00e9".encode("latin-1"), r"byte 0xE9 at offset 3.*iconv -f LATIN1"),
        (b"\xef\xbb\xbfcaf\xe9", "byte 0xE9 at offset 6"),
        ("τ mass".encode("utf-16"), "UTF-16.*iconv -f UTF-16"),
        (b"\x7fELF\x02\x00", "binary file"),
        (b"PK\x03\x04 zip", "not plain text"),
        (b"a" * 5_000_001, "5,000,000"),
        (b"%PDF-1.7\nnothing more", "damaged PDF"),
        (pdf("", ""), "without a text layer"),
        (pdf("secret", encrypt=True), "encrypted PDF"),
    ],
)
def test_what_cannot_be_read_is_one_line(tmp_path, data, said):
    file = tmp_path / "file"
    file.write_bytes(data)
    with pytest.raises(InputError, match=said) as caught:
        read_document(file)
    assert "\n" not in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_missing_file_and_a_folder(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_document(tmp_path / "none")
    with pytest.raises(InputError, match="is a folder"):
        read_document(tmp_path)
    with pytest.raises(InputError, match="not a file name"):
        read_document("a\0b")


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    (tmp_path / "a.pdf").write_bytes(pdf("x"))
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(MissingPackage, match="pip install pypdfium2"):
        read_document(tmp_path / "a.pdf")


words = st.text(alphabet="abcXYZ019.#-?!τ", min_size=1, max_size=8)
documents = st.lists(
    st.tuples(words, st.sampled_from([" ", " ", "\n", "\n\n", ". ", "\n# ", "\n\n## ", "\t"])), min_size=1, max_size=400
).map(lambda pairs: "".join(word + gap for word, gap in pairs))  # fmt: skip


# ---- laws -------------------------------------------------------------------------------------------


@given(documents)
def test_splitting_loses_no_word_and_keeps_their_order(text: str) -> None:
    headings = {line for line in text.splitlines() if line.lstrip().startswith("#")}
    passages = split(text)
    rest = iter(" ".join(passages).replace(":", " ").split())
    expected = [w for line in text.splitlines() if line not in headings for w in line.split()]
    missing = [w for w in expected if not any(w in found for found in rest)]
    assert missing == []


@given(documents)
def test_passages_are_short(text: str) -> None:
    for passage in split(text):
        headings, _, body = passage.rpartition(": ")
        assert len(body.split()) <= PASSAGE_WORDS or "#" in headings or "#" in body


@given(st.text(min_size=1, max_size=60))
def test_checking_twice_changes_nothing(text: str) -> None:
    try:
        once = checked_text(text)
    except InputError:
        assume(False)  # what is refused has tests of its own
    assert checked_text(once) == once
    assert once in text


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


def test_passages_stand_under_their_headings() -> None:
    text = "# Ring\n\nIt is cold.\n\n## Magnets\n\nThey are strong.\n\n# Hall\n\nIt is wide."
    assert split(text) == ["Ring: It is cold.", "Ring / Magnets: They are strong.", "Hall: It is wide."]
    assert split("# Ring") == ["Ring"]
    assert split("# Ring\n\n# Hall\n\nIt is wide.") == ["Ring", "Hall: It is wide."]


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
