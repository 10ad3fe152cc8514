"""Files become texts: what they are written in, which files are found, what cannot be read."""

from __future__ import annotations

import io
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError, MissingPackage
from yukawa.knowledge.documents.files import File, find_files, read_document, read_file


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


def test_a_pdf_is_known_by_its_content(tmp_path, pdf):
    file = tmp_path / "paper.txt"
    file.write_bytes(pdf("The BEPCII ring is 237.5 m long.", "", "The second page."))
    text = read_document(str(file))
    assert text.startswith("The BEPCII ring is 237.5 m long.")
    assert text.endswith("\f\fThe second page.")


def test_standard_input_is_a_dash(monkeypatch, pdf):
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
    with pytest.raises(InputError, match="not the name of a file"):
        read_document("a\0b")


def test_a_missing_package_is_named(tmp_path, monkeypatch, pdf):
    (tmp_path / "a.pdf").write_bytes(pdf("x"))
    monkeypatch.setitem(sys.modules, "pypdfium2", None)
    with pytest.raises(MissingPackage, match="pip install pypdfium2"):
        read_document(tmp_path / "a.pdf")


def test_what_a_file_is_written_in(tmp_path, pdf):
    for name, written_in in (("a.md", "markdown"), ("b.txt", "plain"), ("c", "markdown"), ("d.LOG", "plain")):
        (tmp_path / name).write_text("*words*")
        assert read_file(tmp_path / name) == File("*words*", written_in)
    (tmp_path / "e.md").write_bytes(pdf("From a PDF."))
    assert read_file(tmp_path / "e.md") == File("From a PDF.", "plain")


def test_folders_and_patterns(tmp_path, monkeypatch):
    for name in ("b.md", "a.txt", "sub/c.MD", "sub/d.py", ".hidden/e.md", "sub/.f.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    monkeypatch.chdir(tmp_path)
    assert [p.as_posix() for p in find_files(["."])] == ["a.txt", "b.md", "sub/c.MD"]
    assert [p.as_posix() for p in find_files(["sub/d.py", "**/*.md", "b.md"])] == ["sub/d.py", "b.md"]
    assert find_files(["**/*.MD"]) == find_files(["sub"])
    (tmp_path / "what[1].md").write_text("x")
    assert [p.name for p in find_files(["what[1].md"])] == ["what[1].md"]
    (tmp_path / "empty").mkdir()
    for pattern, said in (("*.rst", "matches no file"), ("empty", "holds no documents")):
        with pytest.raises(InputError, match=said):
            find_files([pattern])
