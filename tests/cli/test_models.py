"""`models` tells what there is and never a key."""

from __future__ import annotations

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
        "domains": ["neutron science"], "key_variable": "FAR_KEY", "key_set": True,
    }  # fmt: skip
    shown = yukawa("models").out
    assert "far (default)" in shown
    assert "FAR_KEY is set" in shown
    assert SECRET not in shown
    assert "pass" not in shown
    monkeypatch.delenv("FAR_KEY")
    assert "FAR_KEY is not set" in yukawa("models").out


def test_the_quoting_model_needs_no_file(yukawa):
    (row,) = yukawa("models", "--check", "--json").json
    assert row["name"] == "quote"
    assert row["default"] is True
    assert row["check"]["streaming"] is True


def test_check_tells_what_fails_and_why(yukawa, rows):
    done = yukawa("models", "--check", "--json")
    found = {row["name"]: row["check"] for row in done.json}
    assert done.code == 1
    assert "error" in found["near"]
    assert "error" not in found["quote"]
    assert SECRET not in done.out
    shown = yukawa("models", "--check")
    assert shown.code == 1
    assert "failed: " in shown.out
    assert "reachable: " in shown.out
