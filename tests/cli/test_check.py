"""`yukawa check` from the outside."""

from __future__ import annotations

import io
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from yukawa.generators.isolation import lacking

WRONG = "Decay psi(2S)\n1,0 J/psi pi+ pi+ VVPIPI;\nEnddecay\nEnd\n"
GOOD = "Decay psi(2S)\n1.0 J/psi pi+ pi- VVPIPI;\nEnddecay\nEnd\n"


@pytest.fixture
def card(tmp_path):
    path = tmp_path / "card.dec"
    path.write_text(WRONG)
    return path


def test_findings_and_the_exit_code(yukawa, card):
    done = yukawa("check", str(card))
    assert done.code == 1
    assert done.out.splitlines() == [
        f'{card}:2: E-CHARGE: charge: psi(2S) (0) -> J/psi pi+ pi+ (+2); write "J/psi pi+ pi-"',
        f'{card}:2: E-FRAC: "1,0" is read as 1; write "1.0"',
    ]
    assert "1 file checked: 2 errors" in done.err
    card.write_text(GOOD)
    assert yukawa("check", str(card)).code == 0


def test_machines(yukawa, card):
    assert [each["code"] for each in yukawa("check", str(card), "--json").json] == ["E-CHARGE", "E-FRAC"]
    assert yukawa("check", str(card), "--format", "github").out.startswith("::error file=")
    assert json.loads(yukawa("check", str(card), "--format", "sarif").out)["version"] == "2.1.0"
    assert yukawa("check", str(card), "--format", "xml").code == 2


def test_mends_are_shown_and_written(yukawa, card):
    done = yukawa("check", "--fix", str(card))
    assert "+1.0 J/psi pi+ pi+ VVPIPI;" in done.out
    assert done.code == 1
    assert yukawa("check", "--fix-physics", str(card)).code == 0
    assert card.read_text() == GOOD


def test_latin_1_stays_latin_1(yukawa, card):
    card.write_bytes("# Béatrice\n".encode("latin-1") + WRONG.encode())
    said = yukawa("check", str(card)).out.splitlines()[0]
    assert "I-BYTES: the byte 0xE9 is not UTF-8, so the file is read as Latin-1" in said
    yukawa("check", "--fix-physics", str(card))
    assert card.read_bytes() == "# Béatrice\n".encode("latin-1") + GOOD.encode()


@pytest.fixture
def typed(monkeypatch):
    """Puts bytes on standard input."""
    return lambda raw: monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))


def test_standard_input(yukawa, typed):
    typed(WRONG.encode())
    assert yukawa("check", "-").out.startswith("-:2: E-CHARGE")


@pytest.mark.parametrize(
    "text", [WRONG, GOOD, WRONG.replace("\n", "\r\n"), GOOD.removesuffix("\n"), f"# \x1b[31m\n{GOOD}"]
)
def test_with_mends_standard_output_is_the_file_and_nothing_else(yukawa, typed, text):
    typed(text.encode())
    done = yukawa("check", "--fix", "-")
    assert done.out == text.replace("1,0", "1.0")
    assert ("E-CHARGE" in done.err) == (done.code == 1) == (text.replace("\r", "") == WRONG)
    for more in (["--json"], ["--format", "github"], ["x.dec"]):
        typed(text.encode())
        assert "nothing else fits" in yukawa("check", "--fix", "-", *more).failed(2)


def test_mends_and_a_form_for_machines_go_to_different_streams(yukawa, card):
    done = yukawa("check", "--fix", "--json", str(card))
    assert [each["code"] for each in done.json] == ["E-CHARGE"]
    assert "+1.0 J/psi pi+ pi+ VVPIPI;" in done.err
    assert "two forms" in yukawa("check", "--json", "--format", "sarif", str(card)).failed(2)
    assert yukawa("check", "--json", "--format", "json", str(card)).json == done.json


def test_a_mark_of_the_byte_order_is_no_character_of_python(yukawa, tmp_path):
    code = tmp_path / "code.py"
    code.write_bytes(b"\xef\xbb\xbfprint(1)\n")
    assert yukawa("check", str(code)).code == 0
    card = tmp_path / "card.dec"
    card.write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert yukawa("check", str(card)).code == 1
    assert yukawa("check", "--fix", str(card)).code == 0
    assert card.read_text() == GOOD


def test_warnings_count_where_that_is_wanted(yukawa, card):
    card.write_text("Alias MyB B0\nEnd\n")
    assert yukawa("check", str(card)).code == 0
    assert yukawa("check", "--strict", str(card)).code == 1


def test_a_search_is_left_out_by_its_code_and_no_error_is(yukawa, card):
    card.write_text("Decay tau-\n1.0 mu- mu+ mu- PHSP;\nEnddecay\nEnd\n")
    assert yukawa("check", "--strict", str(card)).code == 1
    done = yukawa("check", "--strict", "--ignore", "W-LFV, i-sum", str(card))
    assert (done.code, done.out) == (0, "")
    assert "is W-LFV meant?" in yukawa("check", "--ignore", "W-LFVV", str(card)).failed(2)
    assert "would hide an error" in yukawa("check", "--ignore", "E-PART", str(card)).failed(2)


def test_tables_of_the_user(yukawa, card, tmp_path):
    base, pdl = tmp_path / "DECAY.DEC", tmp_path / "evt.pdl"
    card.write_text("Decay mine\n1.0 K+ pi- PHSP;\nEnddecay\nEnd\n")
    assert yukawa("check", str(card)).code == 1
    base.write_text("Alias mine B0\nEnd\n")
    assert yukawa("check", str(card), "--base", str(base)).code == 0
    pdl.write_text("nothing")
    done = yukawa("check", str(card), "--pdl", str(pdl))
    assert done.code == 2
    assert "not a table of particles" in done.err


def test_what_cannot_be_read_is_one_line(yukawa, tmp_path, card):
    done = yukawa("check", str(tmp_path / "none.dec"), str(card))
    assert done.code == 2
    assert done.err.count("error") >= 1
    assert "E-FRAC" in done.out


@pytest.mark.skipif(bool(lacking()), reason="this system offers no isolation")
def test_python_is_run_where_that_is_wanted_alone(yukawa, tmp_path):
    code = tmp_path / "code.py"
    code.write_text("print('here')\nopen('made', 'w').write('x')\n{}['a']\n")
    assert (yukawa("check", str(code)).code, yukawa("check", str(code)).out) == (0, "")
    done = yukawa("check", "--run", str(code))
    assert done.out == f"{code}:3: E-RUN: KeyError: 'a'\n"
    assert "here" in done.err
    assert not (tmp_path / "made").exists()
    code.write_text("import nosuchpackage\n")
    assert "E-IMPORT" in yukawa("check", str(code)).out


def test_the_hook_of_pre_commit(yukawa, tmp_path, monkeypatch):
    """As pre-commit runs it: the entry of the hook, with the files whose names its pattern finds."""
    root = Path(__file__).parents[2]
    (hook,) = yaml.safe_load((root / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    program, *words = hook["entry"].split()
    assert (
        program in tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["scripts"]
    )
    monkeypatch.chdir(tmp_path)
    for name, text in {
        "good.dec": GOOD,
        "sub/WRONG.DEC": WRONG,
        "run.cmnd": "HardQCD:all = maybe\n",
        "x.txt": "no",
    }.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_text(text)
    staged = [path.as_posix() for path in Path().rglob("*") if path.is_file()]
    chosen = sorted(name for name in staged if re.search(hook["files"], name))
    assert chosen == ["good.dec", "run.cmnd", "sub/WRONG.DEC"]
    assert yukawa(*words, "good.dec").code == 0
    done = yukawa(*words, *chosen)
    assert done.code == 1
    assert [line.partition(" ")[0] for line in done.out.splitlines()] == [
        "run.cmnd:1:", "sub/WRONG.DEC:2:", "sub/WRONG.DEC:2:",
    ]  # fmt: skip
