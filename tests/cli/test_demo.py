"""The demo tells the whole story, twice."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from yukawa.cli import demo


@pytest.fixture
def with_a_base(yukawa, pdg_home):
    """The verb, in a folder that holds the demo's base already."""
    shutil.copytree(pdg_home, demo.FOLDER)
    return yukawa


def test_it_compares_converts_derives_corrects_and_refuses(with_a_base):
    for _ in range(2):
        steps = with_a_base("demo", "--json").json
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


def test_people_see_the_commands_they_would_type(with_a_base):
    done = with_a_base("demo")
    assert done.code == 0
    assert done.err == ""
    for question in demo.QUESTIONS:
        assert f"$ yukawa ask '{question}'" in done.out
    assert done.out.count("ms)") == 8
    assert f"export YUKAWA_HOME={Path(demo.FOLDER).absolute()}" in done.out.split("Now type")[1]


def test_it_never_touches_the_base_of_the_user(yukawa, monkeypatch, tmp_path):
    """Whatever the variables and yukawa.toml say, it keeps to a folder of its own."""
    Path("yukawa.toml").write_text('home = "mine"\n[knowledge]\nurl = "my-base"\n')
    monkeypatch.setenv("YUKAWA_HOME", str(tmp_path / "home"))
    seen = []

    def stop(settings, **options):
        seen.append((settings.home, settings.knowledge.url))
        raise KeyboardInterrupt

    monkeypatch.setattr("yukawa.knowledge.open_base", stop)
    assert yukawa("demo").code == 130
    own = tmp_path / ".yukawa-demo"
    assert seen == [(own, str(own / "knowledge"))]


def test_a_yukawa_that_the_shell_does_not_find_is_put_on_its_path(with_a_base, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/yukawa", "demo"])
    assert "export PATH=/somewhere/bin:$PATH" in with_a_base("demo").out
