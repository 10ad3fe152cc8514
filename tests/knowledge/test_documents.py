"""Files are read as what they hold, and what cannot be read is told in one line."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError, MissingPackage
from yukawa.knowledge.documents import read_document


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
