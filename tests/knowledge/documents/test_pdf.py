"""The text layer of PDF files: pages, headings, what is refused."""

from __future__ import annotations

import pytest

from yukawa.core.errors import InputError
from yukawa.knowledge.documents.pdf import pdf_text
from yukawa.knowledge.documents.plain import plain_blocks


def test_pages_and_headings(pdf):
    first = "24 The ring\nIt is 237.5 m long, with two beams in it.\n18 Magnets\nThey are strong, and there are many of them."
    text = pdf_text(pdf(first, "", "The last page has a line of text."), "a.pdf")
    found = [(b.kind, b.headings, b.page, b.text) for b in plain_blocks(text)]
    assert found == [
        ("heading", (), 1, "The ring"),
        ("text", ("The ring",), 1, "It is 237.5 m long, with two beams in it."),
        ("heading", ("The ring",), 1, "Magnets"),
        ("text", ("The ring", "Magnets"), 1, "They are strong, and there are many of them."),
        ("text", ("The ring", "Magnets"), 3, "The last page has a line of text."),
    ]


def test_lines_of_one_heading_are_one(pdf):
    text = pdf_text(
        pdf("24 A search\n24 for something\nand the text of the paper, which is longer."), "a.pdf"
    )
    assert text == "# A search for something\n\nand the text of the paper, which is longer."


@pytest.mark.parametrize(
    ("pages", "encrypt", "said"),
    [(("", ""), False, "without a text layer"), (("secret",), True, "encrypted PDF")],
)
def test_what_holds_no_text(pdf, pages, encrypt, said):
    with pytest.raises(InputError, match=said):
        pdf_text(pdf(*pages, encrypt=encrypt), "a.pdf")


def test_what_is_damaged():
    with pytest.raises(InputError, match=r"a\.pdf is a damaged PDF"):
        pdf_text(b"%PDF-1.7\nnothing more", "a.pdf")
