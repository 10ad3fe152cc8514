"""`models` from the outside: the rows, without secrets, and whether they answer a real question."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

SECRET = "sk-very-secret"


@pytest.fixture
def rows(home, monkeypatch):
    Path("yukawa.toml").write_text(
        """default_model = "far"
        [models.far]
        backend = "openai"
        model = "qwen3"
        base_url = "http://ada:pass@127.0.0.1:1/v1"
        key_variable = "FAR_KEY"
        level = "L1"
        domains = ["neutron science"]
        kinds = ["explanation"]
        system = "Be brief."
        temperature = 0.5
        timeout_s = 1
        [models.near]
        backend = "scripted"
        replies = "no-such-file.jsonl"
        """
    )
    monkeypatch.setenv("FAR_KEY", SECRET)


def test_rows_name_the_variable_and_hide_the_key(yukawa, rows, monkeypatch):
    listed = {row["name"]: row for row in yukawa("models", "--json").json}
    assert set(listed) == {"far", "near", "quote"}
    assert listed["far"] == {
        "name": "far", "default": True, "backend": "openai", "model": "qwen3", "base_url": "http://127.0.0.1:1/v1", "level": "L1",
        "domains": ["neutron science"], "kinds": ["explanation"], "system": "Be brief.", "temperature": 0.5, "top_p": None,
        "max_tokens": None, "context_length": None, "key_variable": "FAR_KEY", "key_set": True,
    }  # fmt: skip
    shown = yukawa("models").out
    assert "far (default)" in shown
    assert "FAR_KEY is set" in shown
    assert SECRET not in shown
    assert "pass" not in shown
    monkeypatch.delenv("FAR_KEY")
    assert "FAR_KEY is not set" in yukawa("models").out


def test_the_quoting_model_needs_no_file_and_answers(yukawa):
    (row,) = yukawa("models", "--check", "--json").json
    assert (row["name"], row["default"]) == ("quote", True)
    assert row["check"]["text"] == "The muon is a charged lepton. [1]"
    assert row["check"]["capabilities"]["streaming"] is True
    assert 0 <= row["check"]["first_s"] <= row["check"]["seconds"]


def test_check_tells_what_fails_and_why(yukawa, rows):
    done = yukawa("models", "--check", "--json")
    found = {row["name"]: row["check"] for row in done.json}
    assert done.code == 1
    assert "no-such-file.jsonl cannot be read" in found["near"]["error"]
    assert "http://127.0.0.1:1/v1 cannot be reached after 4 attempts" in found["far"]["error"]
    assert "error" not in found["quote"]
    assert SECRET not in done.out
    assert "pass@" not in done.out
    shown = yukawa("models", "--check")
    assert shown.code == 1
    assert shown.out.count("failed: ") == 2
    assert "answers: " in shown.out


def row_of(port: int) -> None:
    Path("yukawa.toml").write_text(
        f'[models.x]\nbackend = "openai"\nmodel = "m"\nbase_url = "http://127.0.0.1:{port}/v1"\ntimeout_s = 0.2\n'
    )


def test_a_port_that_accepts_and_says_nothing_is_not_called_a_model(yukawa, home):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        row_of(silent.getsockname()[1])
        done = yukawa("models", "--check", "--json")
    (found,) = [row["check"] for row in done.json if row["name"] == "x"]
    assert "was silent for 0.2 s" in found["error"]


def test_a_scripted_model_is_asked_too(yukawa, home):
    Path("replies.txt").write_text("The muon is a lepton, heavier than the electron.")
    Path("yukawa.toml").write_text('[models.s]\nbackend = "scripted"\nreplies = "replies.txt"\n')
    done = yukawa("models", "--check")
    assert done.code == 0
    assert "tokens/s: The muon is a lepton, heavier than the electron." in done.out


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("temprature = 1", "did you mean models.x.temperature?"),
        ("temperature = -1", "models.x.temperature"),
        ("top_p = 0", "models.x.top_p"),
        ("max_tokens = 0", "models.x.max_tokens"),
        ('kinds = ["valu"]', "models.x.kinds"),
    ],
)
def test_a_wrong_key_or_value_is_refused(yukawa, home, line, said):
    Path("yukawa.toml").write_text(f'[models.x]\nbackend = "openai"\nmodel = "m"\n{line}\n')
    assert said in yukawa("models").failed(2)
