"""`ask`, `chat`, `search` and `teach` from the outside: what they print, keep and refuse."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from yukawa.cli import session
from yukawa.knowledge.sources import loader

RING = "What is the circumference of the BEPCII storage ring?"
SECRET = "sk-very-secret"
RUN = [sys.executable, "-c", "from yukawa.cli.main import run; run()"]


def test_an_answer_with_its_source_and_the_way_to_correct_it(yukawa):
    done = yukawa("ask", RING)
    assert done.code == 0
    assert done.err == ""
    lines = done.out.splitlines()
    assert lines[0] == "The BEPCII storage ring has a circumference of 237.5 m. [1]"
    assert "[1] IHEP handbook  https://example.org/handbook  (statement by ada, taught)" in lines
    assert "correct it: yukawa teach --corrects" in lines[-1]


def test_json_is_one_object_with_the_agreed_keys(yukawa):
    done = yukawa("ask", RING, "--json")
    assert done.err == ""
    answer = done.json
    assert {"answer", "abstained", "sources", "model", "domain", "timings_ms"} <= set(answer)
    assert {"id", "label", "quote", "url"} <= set(answer["sources"][0])
    assert answer["abstained"] is False
    assert answer["model"] == "quote"


def test_nothing_known_is_no_failure(yukawa):
    done = yukawa("ask", "What is the mass of the frobnicon?", "--json")
    assert done.code == 0
    assert done.json["abstained"] is True


def test_conflicts_are_marked(yukawa):
    yukawa("teach", "The mass of the tau lepton is 1776.9 ± 0.1 MeV.", "--source", "one")
    yukawa("teach", "The mass of the tau lepton is 1790.0 ± 0.1 MeV.", "--source", "two")
    done = yukawa("ask", "What is the mass of the tau?")
    assert any(
        line.startswith("conflict: ") and "1790.0" in line and "1776.9" in line
        for line in done.out.splitlines()
    )


def test_a_correction_by_id_is_the_next_answer(yukawa):
    answer = yukawa("ask", RING, "--json").json
    taught = yukawa(
        "teach",
        "The circumference of the BEPCII storage ring is 237.53 m.",
        "--corrects",
        answer["id"],
        "--json",
    ).json
    assert taught["kind"] == "correction"
    assert taught["question"] == RING
    assert "237.53" in yukawa("ask", RING).out


def test_as_of_answers_from_the_past(yukawa, base):
    before = base.list()[0].valid_from.isoformat()
    yukawa("teach", "The SNS linac accelerates protons to 1.3 GeV.")
    question = "To what energy does the SNS linac accelerate protons?"
    assert yukawa("ask", question, "--json").json["abstained"] is False
    assert yukawa("ask", question, "--json", "--as-of", before).json["abstained"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([""], "empty"),
        (["  \n "], "empty"),
        (["a\x00b"], "not plain text"),
        (["\udcff\udcfe"], "not plain text"),
        (["x " * 3000], "at most"),
        ([RING, "--as-of", "yesterday"], "is not a time"),
        ([RING, "--as-of", "1999-01-01"], "nothing was known"),
        ([RING, "--as-of", "2999-01-01"], "future"),
        ([RING, "--model", "qoute"], "did you mean 'quote'"),
        ([RING, "--domain", "accelerators"], "did you mean 'accelerator physics'"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_keeps_nothing(yukawa, base, arguments, said):
    assert said in yukawa("ask", *arguments).failed(2)
    assert base.verify().clean
    with base.store.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM answers").scalar() == 0


@pytest.fixture
def model_row(home):
    def write(**row):
        lines = "\n".join(
            f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}"
            for name, value in row.items()
        )
        Path("yukawa.toml").write_text(f"[models.far]\n{lines}\n")

    return write


def test_a_missing_key_variable_is_named(yukawa, model_row, monkeypatch):
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    model_row(backend="openai", model="m", base_url="http://127.0.0.1:1/v1", key_variable="NO_SUCH_KEY")
    done = yukawa("ask", RING, "--model", "far")
    assert "NO_SUCH_KEY" in done.failed(done.code)
    assert done.code in {1, 2}


def test_an_unreachable_model_is_named(yukawa, model_row):
    model_row(backend="openai", model="m", base_url="http://127.0.0.1:1/v1", timeout_s=1)
    assert "127.0.0.1:1" in yukawa("ask", RING, "--model", "far").failed(1)


@pytest.fixture
def typed(monkeypatch):
    def type_in(text):
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return type_in


def test_chat_answers_line_by_line_and_goes_on_after_an_error(yukawa, typed):
    typed(f"{RING}\n\n{'x' * 5000}\nWhat does the CSNS target station use?\n/quit\nnot asked\n")
    done = yukawa("chat")
    assert done.code == 0
    assert "237.5 m" in done.out
    assert "tungsten" in done.out
    assert done.err.startswith("error: the question has")
    assert done.out.count("\nanswer ") == 2


def test_chat_as_json_is_one_list(yukawa, typed):
    typed(f"{RING}\n{RING}\n")
    assert [answer["abstained"] for answer in yukawa("chat", "--json").json] == [False, False]


def test_chat_understands_a_follow_up(yukawa, typed):
    yukawa("teach", "The mass of the tau lepton is 1776.9 ± 0.1 MeV.")
    yukawa("teach", "The lifetime of the tau lepton is 290.3 ± 0.5 fs.")
    typed("What is the mass of the tau?\nand its lifetime?\n")
    first, second = yukawa("chat", "--json").json
    assert "1776.9" in first["answer"]
    assert "290.3" in second["answer"]


def test_chat_refuses_an_unknown_model_at_once(yukawa, typed):
    typed("")
    assert "'quote'" in yukawa("chat", "--model", "qoute").failed(2)


def test_ctrl_c_leaves_chat_in_peace(home):
    with subprocess.Popen(
        [*RUN, "chat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        process.stdin.write(f"{RING}\n")
        process.stdin.flush()
        while not process.stdout.readline().startswith("answer "):
            pass
        time.sleep(0.2)  # until it waits for the next line
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""


def test_a_first_ask_builds_the_base_by_itself_and_json_stays_clean(pdg_home):
    environment = {**os.environ, "YUKAWA_HOME": str(pdg_home)}
    done = subprocess.run(
        [*RUN, "ask", r"branching fraction of $J/\psi \to e^+ e^-$"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "(5.971 ± 0.032) %" in done.stdout
    assert "https://pdglive.lbl.gov" in done.stdout
    assert done.stderr == ""


def test_building_is_announced_on_stderr_only(home, yukawa, base, monkeypatch):

    with base.store.write() as connection:
        connection.exec_driver_sql("DELETE FROM meta")
    monkeypatch.setattr(loader, "build_pdg", lambda base, progress: base.set_meta("pdg", "again"))
    done = yukawa("ask", RING, "--json")
    assert done.json["abstained"] is False
    assert done.err.startswith("building the knowledge base")
    assert base.get_meta("pdg") == "again"


# ---- search ----


def test_the_best_passage_comes_first(yukawa):
    hits = yukawa("search", "storage ring circumference", "-k", "2", "--json").json
    assert "BEPCII" in hits[0]["text"]
    assert hits[0]["score"] >= hits[-1]["score"]
    assert {"id", "text", "score", "source", "url", "domain", "kind"} <= set(hits[0])
    assert "The BEPCII storage ring" in yukawa("search", "storage ring circumference").out


def test_filters_narrow(yukawa):
    assert [
        h["text"][:8] for h in yukawa("search", "target", "--domain", "neutron science", "--json").json
    ] == ["The CSNS"]
    assert yukawa("search", "target", "--author", "nobody", "--json").json == []
    assert yukawa("search", "target", "--kind", "qa", "--json").json == []
    assert yukawa("search", "target", "--source", "IHEP", "--json").json
    empty = yukawa("search", "target", "--author", "nobody")
    assert empty == (0, "", "nothing found\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["", ], "empty"),
        (["x", "-k", "0"], "'-k': expected a number greater than or equal to 1"),
        (["x", "--kind", "note"], "unknown kind"),
        (["x", "--domain", "physics"], "unknown domain"),
        (["x", "--as-of", "1980-01-01"], "nothing was known"),
    ],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused(yukawa, arguments, said):
    assert said in yukawa("search", *arguments).failed(2)


# ---- teach ----

ODD = [
    "'); DROP TABLE items; --",
    "# Heading\n\n* **bold** [link](https://a.b) `code`",
    "<script>alert('x')</script> <b>b</b> &amp;",
    "[red]not red[/red] [/] [bold",
    "{placeholder} %s $HOME `whoami` \\n",
    "naïve τ→μγ 質量 🙂",
]


@pytest.mark.parametrize("text", ODD)
def test_odd_text_is_stored_and_shown_unharmed(yukawa, base, text):
    taught = yukawa("teach", text, "--source", text.splitlines()[0], "--json").json
    assert taught["status"] == "taught"
    assert taught["text"] == text
    assert text in yukawa("knowledge", "show", taught["id"]).out
    assert yukawa("search", text, "-k", "5", "--json").json
    assert len(base.list()) == 4
    assert base.verify().clean


def test_what_was_done_is_told(yukawa, monkeypatch):
    monkeypatch.setattr(session, "me", lambda: "grace")
    first = yukawa("teach", "The HEPS linac reaches 500 MeV.")
    assert first.code == 0
    assert first.out.startswith("taught ")
    assert "version 1 (statement by grace, taught; " in first.out
    again = yukawa("teach", "  The HEPS linac reaches   500 MeV.", "--json").json
    assert again["status"] == "known"
    assert again["id"] in first.out
    assert again["author"] == "grace"


def test_every_option_reaches_the_item(yukawa):
    item = yukawa(
        "teach", "500 MeV", "--question", "What energy does the HEPS linac reach?", "--source", "design", "--url", "doi:10.1/x",
        "--author", "ada", "--licence", "CC BY 4.0", "--domain", "synchrotron radiation", "--json",
    ).json  # fmt: skip
    assert item["kind"] == "qa"
    assert {item[k] for k in ("source", "url", "author", "licence", "domain")} == {
        "design", "doi:10.1/x", "ada", "CC BY 4.0", "synchrotron radiation",
    }  # fmt: skip


def test_a_conflict_names_both_sides_and_the_way_out(yukawa):
    first = yukawa(
        "teach", "The mass of the tau lepton is 1776.9 ± 0.1 MeV.", "--source", "one", "--json"
    ).json
    done = yukawa("teach", "The mass of the tau lepton is 1790.0 ± 0.1 MeV.", "--source", "two")
    for part in ("conflict ", "'one'", "'two'", first["id"], "yukawa knowledge resolve"):
        assert part in done.out


def test_a_file_and_standard_input(yukawa, monkeypatch):
    Path("notes.md").write_text("# BESIII\n\nThe magnet of BESIII has 1.0 T.", encoding="utf-8")
    assert yukawa("teach", "--file", "notes.md", "--json").json["source"] == "notes.md"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"The RPC of BESIII has 9 layers.")))
    assert yukawa("teach", "--file", "-", "--json").json["text"] == "The RPC of BESIII has 9 layers."


def test_several_files_and_a_folder_in_step(yukawa, base):
    Path("notes").mkdir()
    for name in ("a", "b"):
        Path(f"notes/{name}.md").write_text(f"# {name}\n\nThe ring {name} is cold.", encoding="utf-8")
    done = yukawa("teach", "--file", "notes/*.md", "--json").json
    assert [(one["path"], one["status"]) for one in done] == [
        ("notes/a.md", "taught"),
        ("notes/b.md", "taught"),
    ]
    Path("c.md").write_text("The ring c is cold.", encoding="utf-8")
    assert "known" in yukawa("teach", "--file", "notes", "--file", "c.md").out
    done = yukawa("teach", "--sync", "notes", "--json").json
    assert [one["status"] for one in done] == ["known", "known"]
    Path("notes/a.md").write_text("The ring is warm.", encoding="utf-8")
    assert "taught" in yukawa("teach", "--sync", "notes").out
    Path("notes/a.md").unlink()
    assert "unloaded" in yukawa("teach", "--sync", "notes").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "neither"),
        (["--sync", "no-such"], "not a folder"),
        (["--sync", ".", "--file", "y"], "only one is taught at a time"),
        (["--sync", ".", "--source", "y"], "--source names one document"),
        (["--file", "y", "--question", "z"], "belong to a text"),
        (["--file", "none/*.md"], "matches no file"),
        (["x", "--file", "y"], "a text and --file were given"),
        ([""], "empty"),
        (["x" * 5_000_001], "at most"),
        (["a\x07b"], "not plain text"),
        (["x", "--question", " "], "empty"),
        (["x", "--domain", "neutron"], "neutron science"),
        (["x", "--corrects", "nothing"], "no answer 'nothing'"),
        (["--file", "no-such"], "No such file"),
        (["--file", "."], "holds no documents"),
        (["--file", "binary"], "binary"),
        (["--file", "latin1"], "iconv"),
        (["--file", "empty"], "empty"),
        (["--file", "large"], "split it"),
    ],
)
def test_what_cannot_be_taught_changes_nothing(yukawa, base, arguments, said):
    Path("binary").write_bytes(b"\x7fELF\x00\x01")
    Path("latin1").write_bytes("Poincaré".encode("latin-1"))
    Path("empty").write_bytes(b"")
    Path("large").write_bytes(b"word " * 2_000_001)
    before = base.list()
    assert said in yukawa("teach", *arguments).failed(2)
    assert base.list() == before
    assert base.verify().clean


def test_a_dash_is_not_taught_as_a_text(yukawa, home):
    assert yukawa("teach", "-").failed(2) == (
        "error: - is not a text (to teach what standard input says, type: --file -)\n"
    )
