"""A paper is put together from its own files alone: no path, link or archive leads outside, and every limit is said in one line."""

import gzip
import io
import tarfile
from pathlib import Path

import pytest

from yukawa.core.errors import InputError
from yukawa.core.files import read_bytes
from yukawa.knowledge.documents import latex_files
from yukawa.knowledge.documents.latex_files import decoded, inputs_of, read_archive, read_latex


def archive(files: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as packed:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            packed.addfile(member, io.BytesIO(data))
        for name, target in (links or {}).items():
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            packed.addfile(member)
    return buffer.getvalue()


def test_inputs_come_where_they_are_named(tmp_path: Path) -> None:
    (tmp_path / "sec").mkdir()
    (tmp_path / "main.tex").write_text("a \\input{sec/one} % \\input{two}\n\\include{two} \\input three\n z")
    (tmp_path / "sec" / "one.tex").write_text("ONE")
    (tmp_path / "two.tex").write_text("TWO")
    (tmp_path / "three.tex").write_text("THREE")
    found = read_latex(tmp_path / "main.tex")
    assert found.text == "a ONE % \\input{two}\nTWO THREE\n z"
    assert found.files == ["main.tex", "sec/one.tex", "two.tex", "three.tex"]
    assert not found.missing


@pytest.mark.parametrize(
    "target", ["../secret", "{0}/secret", "link", "~/secret", "sec/../../secret", "/etc/passwd", "folder"]
)
def test_nothing_outside_the_folder_is_read(tmp_path: Path, target: str) -> None:
    (tmp_path / "secret.tex").write_text("TOPSECRET")
    paper = tmp_path / "paper"
    (paper / "folder").mkdir(parents=True)
    (paper / "link.tex").symlink_to(tmp_path / "secret.tex")
    (paper / "main.tex").write_text(f"a \\input{{{target.format(tmp_path)}}} b")
    found = read_latex(paper / "main.tex")
    assert "TOPSECRET" not in found.text
    assert len(found.missing) == 1


def test_files_that_input_each_other_end(tmp_path: Path) -> None:
    (tmp_path / "main.tex").write_text("a\\input{main}\\input{b}")
    (tmp_path / "b.tex").write_text("b\\input{main}")
    assert read_latex(tmp_path / "main.tex").text == "a\\input{main}b\\input{main}"


def test_a_tree_of_inputs_is_bounded(tmp_path: Path) -> None:
    for n in range(8):
        (tmp_path / f"f{n}.tex").write_text(f"\\input{{f{n + 1}}}" * 10)
    (tmp_path / "f8.tex").write_text("x")
    with pytest.raises(InputError, match="inputs more than 2,000 files"):
        read_latex(tmp_path / "f0.tex")
    (tmp_path / "g.tex").write_text("\\input{h}" * 20)
    (tmp_path / "h.tex").write_text("x" * 400_000)
    with pytest.raises(InputError, match="more than 5,000,000 characters"):
        read_latex(tmp_path / "g.tex")


def test_the_main_file_of_an_archive() -> None:
    data = archive(
        {
            "a.tex": b"\\documentclass{x}\\input{b}",
            "b.tex": b"B " * 99,
            "old/c.tex": b"\\documentclass{x} c" * 9,
            "a.bbl": b"BIB",
        }
    )
    found = read_archive(data, "x.tar.gz")
    assert found.files == ["a.tex", "b.tex"]
    assert read_archive(
        archive({"a.tex": b"\\documentclass{x}\\bibliography{r}", "a.bbl": b"BIB"}), "x"
    ).text.endswith("BIB")


def test_one_packed_file_is_a_paper() -> None:
    assert read_archive(gzip.compress(b"\\documentclass{x} alone"), "hep-th9901001.gz").text.endswith("alone")


@pytest.mark.parametrize(("data", "reason"), [
    (b"\x1f\x8b damaged", "is not a whole gzip archive"),
    (gzip.compress(b"x" * 1000)[:-20], "is not a whole gzip archive"),
    (gzip.compress(bytes(201_000_000)), "unpacks to more than 200,000,000 bytes"),
    (archive({"figure.png": b"x"}), "holds no LaTeX"),
    (archive({"/etc/x.tex": b"x", "../y.tex": b"y"}, {"z.tex": "/etc/passwd"}), "holds no LaTeX"),
    (archive({f"{n}.txt": b"" for n in range(5001)}), "holds more than 5,000 files"),
    (archive({"a.tex": b"x" * 5_000_001}), "holds a.tex of 5,000,001 bytes"),
    (archive({"a.tex": b"\0\1"}), "is a binary file"),
], ids=lambda value: value if isinstance(value, str) else "")  # fmt: skip
def test_an_archive_that_is_none(data: bytes, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as error:
        read_archive(data, "x.tar.gz")
    assert "\n" not in str(error.value)


def test_encodings() -> None:
    assert decoded("Schrödinger\r\n".encode(), "x") == "Schrödinger\n"
    assert decoded("\\usepackage[latin1]{inputenc} Schrödinger".encode("latin-1"), "x").endswith(
        "Schrödinger"
    )
    with pytest.raises(InputError, match="neither UTF-8 nor declares its encoding: byte 0xF6 at offset 4"):
        decoded("Schrödinger".encode("latin-1"), "x")


def test_which_files_are_parts() -> None:
    assert {"sec/a.tex", "sec/a"} == inputs_of(r"\input{sec/a} \input{../b}", "main.tex")


def test_a_file_that_cannot_be_read_is_opened_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main.tex").write_text("\\input{a}\\input{b}" * 50)
    (tmp_path / "a.tex").write_bytes(b"\xf6 text")
    (tmp_path / "b.tex").write_bytes(b"x" * 5_000_001)
    read: list[str] = []

    def reading(path: Path, largest: int) -> bytes:
        read.append(path.name)
        return read_bytes(path, largest)

    monkeypatch.setattr(latex_files, "read_bytes", reading)
    found = read_latex(tmp_path / "main.tex")
    assert (len(found.missing), found.files) == (100, ["main.tex"])
    assert sorted(set(read)) == ["a.tex", "b.tex", "main.tex"]
    assert (read.count("a.tex"), read.count("b.tex")) == (1, 1)
