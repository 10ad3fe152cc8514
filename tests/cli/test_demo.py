"""The demo tells the whole story, twice."""

from __future__ import annotations

import pytest

from yukawa.cli import demo, session


@pytest.fixture
def in_the_pdg_home(yukawa, pdg_home, monkeypatch):
    monkeypatch.setenv("YUKAWA_HOME", str(pdg_home))
    return yukawa


def test_it_asks_teaches_asks_unloads_and_asks(in_the_pdg_home):
    for _ in range(2):
        steps = in_the_pdg_home("demo", "--json").json
        assert [s["command"].split()[1] for s in steps] == [
            "knowledge",
            *["ask"] * 4,
            "teach",
            "ask",
            "knowledge",
            "ask",
        ]
        answers = [s["result"] for s in steps if "answer" in s["result"]]
        assert [a["abstained"] for a in answers] == [False, False, False, True, False, True]
        for answer, value in zip(
            answers,
            ["1776.93 ± 0.09 MeV", "(5.971 ± 0.032) %", "0.8954 ± 0.0004", "", "237.5 m", ""],
            strict=True,
        ):
            assert value in answer["answer"]
        assert all(s["ms"] >= 0 for s in steps)


def test_people_see_the_commands_they_would_type(in_the_pdg_home, pdg_home):
    done = in_the_pdg_home("demo")
    assert done.code == 0
    assert done.err == ""
    for question in demo.QUESTIONS:
        assert f"$ yukawa ask '{question}'" in done.out
    assert done.out.count("ms)") == 8
    assert f"export YUKAWA_HOME={pdg_home}" in done.out.split("Now type")[1]


def test_without_a_home_it_keeps_to_a_folder_of_its_own(yukawa, monkeypatch, tmp_path):
    monkeypatch.delenv("YUKAWA_HOME")
    seen = []

    def stop():
        from yukawa.core.settings import load_settings

        seen.append(load_settings().home)
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "read_settings", stop)
    assert yukawa("demo").code == 130
    assert seen == [tmp_path / ".yukawa-demo"]
