"""The demo tells the whole story, twice."""

from __future__ import annotations

import pytest

from yukawa.cli import demo, session


@pytest.fixture
def in_the_pdg_home(yukawa, pdg_home, monkeypatch):
    monkeypatch.setenv("YUKAWA_HOME", str(pdg_home))
    return yukawa


def test_it_compares_converts_derives_corrects_and_refuses(in_the_pdg_home):
    for _ in range(2):
        steps = in_the_pdg_home("demo", "--json").json
        verbs = [s["command"].split()[1] for s in steps]
        assert verbs == ["knowledge", *["ask"] * 4, "teach", "ask", "knowledge", "ask"]
        answers = [s["result"] for s in steps if "answer" in s["result"]]
        assert [a["abstained"] for a in answers] == [False] * 5 + [True]
        said = [
            "that of the Z boson",
            "2.1969811 ± 0.0000022 μs",
            "× 10⁻²² s (derived",
            "80.3625 ± 0.0077 GeV [1]",
            "80.4335",
            "edition 2018",
        ]
        for answer, part in zip(answers, said, strict=True):
            assert part in answer["answer"]
        assert "80.3625 ± 0.0077 GeV [1]" in answers[4]["answer"]
        assert "an open conflict" in answers[4]["answer"]
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
