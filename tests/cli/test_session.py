"""Opening tells linear algebra how many threads, builds only what is missing, and knows who typed."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys

from yukawa.cli.session import me, plain_base, read_settings, taught_base, url


def test_threads_are_set_before_numpy_is_loaded(home):
    code = (
        "import sys; from yukawa.cli.session import read_settings; read_settings(); assert 'numpy' not in sys.modules;"
        "import numpy, threadpoolctl; print(*{p['num_threads'] for p in threadpoolctl.threadpool_info()})"
    )
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")} | {
        "YUKAWA_THREADS": "1"
    }
    assert subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).split() == ["1"]


def test_without_the_setting_the_environment_stays(home, monkeypatch):
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "7")
    read_settings()
    assert os.environ["OPENBLAS_NUM_THREADS"] == "7"


def test_both_openings_give_the_base_of_the_settings(home, capsys):
    settings = read_settings()
    assert url(settings) == str(home / "knowledge")
    for opening in (plain_base, taught_base):
        with opening(settings) as base:
            assert base.get_meta("pdg") == "test"
            assert len(base.list()) == 3
    assert capsys.readouterr() == ("", "")  # nothing to build, nothing shown


def test_a_base_without_weights_is_built_for_words_and_says_how_to_add_meaning(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("YUKAWA_HOME", str(tmp_path))
    monkeypatch.setattr("yukawa.embedding.minilm.find_spec", lambda name: None)
    monkeypatch.setattr("yukawa.knowledge.sources.loader.build_pdg", _built)
    with taught_base(read_settings()) as base:
        assert base.embedding == "none"
    assert "yukawa knowledge reindex minilm" in capsys.readouterr().err
    with taught_base(read_settings()):
        assert capsys.readouterr().err == ""


def _built(base, progress):
    base.set_meta("pdg", "test")


def test_a_plain_base_is_not_built(tmp_path, monkeypatch):
    monkeypatch.setenv("YUKAWA_HOME", str(tmp_path))
    monkeypatch.setenv("YUKAWA_KNOWLEDGE__EMBEDDING", "hash")
    with plain_base(read_settings()) as base:
        assert base.list() == []


def test_me_is_the_user_or_unknown(monkeypatch):
    monkeypatch.setenv("USER", "ada")
    assert me() == "ada"
    monkeypatch.delenv("USER")
    monkeypatch.setattr(getpass, "getuser", lambda: "grace")
    assert me() == "grace"

    def nobody():
        raise OSError

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert me() == "unknown"
