"""What the verbs share on the base: it is opened, and JSON shapes carry every field."""

from __future__ import annotations

import dataclasses
import getpass
import json
import os
import pwd
import subprocess
import sys

from yukawa.cli.session import (
    me,
    plain_base,
    read_settings,
    taught_base,
)

PROVENANCE = {"author", "source", "url", "licence", "domain"}


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


def test_me_is_the_account_whatever_a_variable_says(monkeypatch):
    account = me()
    for name in ("USER", "LOGNAME"):
        monkeypatch.setenv(name, "somebody else")
    assert me() == account != "somebody else"

    def nobody(number):
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    assert me() == "unknown"
    monkeypatch.setitem(sys.modules, "pwd", None)  # as on Windows
    monkeypatch.setattr(getpass, "getuser", lambda: "grace")
    assert me() == "grace"


def fields(value):
    return {f.name for f in dataclasses.fields(value)}


def test_no_field_of_an_item_is_lost(base):
    item = base.list()[0]
    shaped = json.loads(json.dumps(item.as_json()))
    assert set(shaped) == fields(item) - {"provenance"} | PROVENANCE


def test_no_field_of_a_hit_is_lost(base):
    hit = base.search("ring")[0]
    shaped = hit.as_json()
    # Passage numbers, attributes and search keys are the store's own business.
    assert set(shaped) == fields(hit) - {
        "provenance",
        "item_id",
        "passage_id",
        "attributes",
        "keys",
    } | PROVENANCE | {"id"}


def test_a_conflict_and_an_event_name_what_they_are_about(base):
    base.teach("The mass of the tau lepton is 1776.9 ± 0.1 MeV.", source="one")
    item = base.teach("The mass of the tau lepton is 1790.0 ± 0.1 MeV.", source="two")
    shaped = item.conflicts[0].as_json()
    assert [side["id"] for side in shaped["items"]] == list(item.conflicts[0].item_ids)
    assert shaped["resolved"] is None
    event = base.history(item.id)[1][0]
    assert event.as_json()["id"] == item.id
    assert event.as_json()["verb"] == "teach"
    json.dumps([shaped, event.as_json()])
