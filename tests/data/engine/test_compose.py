"""Runs become one set: nothing asked twice, nothing leaked, licences that fit, descriptions that others read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa
import yaml

from yukawa.core.errors import InputError, StoreError
from yukawa.data import check_manifest, open_rows
from yukawa.data.dataset import read_split
from yukawa.data.engine import FissionRecipe, compose_set, run_fission
from yukawa.data.engine.compose import vendi
from yukawa.data.engine.likeness import features
from yukawa.data.engine.tables import WorkStore, evidence
from yukawa.data.rows import Conversation
from yukawa.knowledge import KnowledgeBase


@pytest.fixture(scope="module")
def run(small: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "fission"
    run_fission(folder, FissionRecipe(seeds=("particle physics",), pairs=12, embedding="none"), small)
    return folder


def chats(folder: Path, *questions: str, licence: str = "CC-BY-4.0") -> Path:
    path = folder / "chats.jsonl"
    rows = [{"question": question, "answer": "Some GeV.", "licence": licence} for question in questions]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_a_run_becomes_a_set_with_its_evidence(run: Path, tmp_path: Path) -> None:
    made = compose_set([run], tmp_path / "set", licence="CC-BY-4.0", embedding="hash", suffix=".jsonl")
    assert check_manifest(tmp_path / "set").rows == made.manifest.rows == 12
    rows = list(open_rows(tmp_path / "set"))
    assert {row.licence for row in rows} == {"CC-BY-4.0"}
    quotes = [
        json.loads(line)
        for line in (tmp_path / "set" / "evidence.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    answers = {row.id: row.messages[1].content for row in rows}
    assert {quote["id"] for quote in quotes} == set(answers)
    assert all(quote["quote"] in answers[quote["id"]] for quote in quotes)
    card = (tmp_path / "set" / "card.md").read_text(encoding="utf-8")
    for words in ("Fields", "Run fission", "Vendi score", "verbatim quotations", "neutron science"):
        assert words in card


def test_what_asks_the_same_is_in_once(run: Path, tmp_path: Path) -> None:
    again = chats(tmp_path, "How heavy is the tau?", "What is the mass of the tau lepton?", "Who was Higgs?")
    made = compose_set([again, run], tmp_path / "set", embedding="none", suffix=".jsonl")
    rows = [row.messages[0].content for row in open_rows(tmp_path / "set")]
    keys = [key for question in rows for key in features(question).keys]
    assert len(keys) == len(set(keys))
    assert made.dropped["asks what another row asks"] >= 1
    assert "Who was Higgs?" in rows


def test_what_an_evaluation_set_asks_in_other_words_is_dropped(run: Path, tmp_path: Path) -> None:
    (tmp_path / "test.jsonl").write_text(
        '{"question": "How heavy is the tau?"}\n{"question": "tau lifetime, please"}\n'
    )
    row = chats(tmp_path, "What is the mass of the tau lepton?", "Who was Higgs?")
    made = compose_set(
        [row], tmp_path / "set", evaluation=[tmp_path / "test.jsonl"], embedding="none", suffix=".jsonl"
    )
    assert made.dropped == {"asks what an evaluation set asks": 1}
    assert [row.messages[0].content for row in open_rows(tmp_path / "set")] == ["Who was Higgs?"]


def test_no_source_is_in_two_splits(run: Path, tmp_path: Path) -> None:
    compose_set(
        [run],
        tmp_path / "set",
        embedding="none",
        suffix=".jsonl",
        shares={"train": 0.5, "validation": 0.0, "test": 0.5},
    )
    quotes = [
        json.loads(line)
        for line in (tmp_path / "set" / "evidence.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    homes = {
        row.id: name for name in ("train", "test") for row in read_split(tmp_path / "set", name, Conversation)
    }
    sources: dict[str, set[str]] = {}
    for quote in quotes:
        sources.setdefault(quote["source_id"], set()).add(homes[quote["id"]])
    assert set(homes.values()) == {"train", "test"}
    assert all(len(names) == 1 for names in sources.values())


def test_equal_runs_make_equal_bytes(run: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        compose_set([run], tmp_path / name, embedding="none", suffix=".jsonl")
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name


def test_others_can_read_the_descriptions(run: Path, tmp_path: Path) -> None:
    made = compose_set([run], tmp_path / "set", licence="CC-BY-SA-4.0", embedding="none")
    head = yaml.safe_load((tmp_path / "set" / "README.md").read_text(encoding="utf-8").split("---")[1])
    assert head["license"] == "cc-by-sa-4.0"
    assert [one["split"] for one in head["configs"][0]["data_files"]] == ["train", "validation", "test"]
    assert sum(one["num_examples"] for one in head["dataset_info"]["splits"]) == made.manifest.rows
    croissant = json.loads((tmp_path / "set" / "croissant.json").read_text(encoding="utf-8"))
    assert {one["sha256"] for one in croissant["distribution"]} == {
        one.sha256 for one in made.manifest.splits
    }


@pytest.mark.parametrize(
    ("licence", "target"), [("CC-BY-NC-4.0", "CC-BY-4.0"), ("CC-BY-SA-4.0", "CC-BY-4.0"), ("", "CC-BY-4.0")]
)
def test_licences_that_do_not_fit_are_named(licence: str, target: str, tmp_path: Path) -> None:
    path = chats(tmp_path, "Who was Higgs?", licence=licence or "?")
    with pytest.raises(InputError, match=r"cannot hold rows under .* \(1 rows\)"):
        compose_set([path], tmp_path / "set", licence=target, embedding="none")
    compose_set([path], tmp_path / "private", embedding="none", suffix=".jsonl")
    assert not (tmp_path / "set").exists()


def test_inputs_of_one_name_have_rows_of_their_own(tmp_path: Path) -> None:
    paths = []
    for folder, question in (("a", "Who was Higgs?"), ("b", "Who was Curie?")):
        (tmp_path / folder).mkdir()
        paths.append(chats(tmp_path / folder, question))
    made = compose_set(paths, tmp_path / "set", embedding="none", suffix=".jsonl")
    assert sorted(row.id for row in open_rows(tmp_path / "set")) == [
        "a/chats.jsonl:chats:1",
        "b/chats.jsonl:chats:1",
    ]
    assert made.manifest.made["inputs"] == [{"name": f"{name}/chats.jsonl", "rows": 1} for name in "ab"]
    with pytest.raises(InputError, match="is there twice"):
        compose_set([paths[0], paths[0]], tmp_path / "other", embedding="none")


def test_a_quotation_of_unknown_licence_makes_the_pair_unknown(small: KnowledgeBase, tmp_path: Path) -> None:
    run_fission(
        tmp_path / "run", FissionRecipe(seeds=("particle physics",), pairs=2, embedding="none"), small
    )
    store = WorkStore(tmp_path / "run")
    with store.write() as connection:
        row = connection.execute(sa.select(evidence).limit(1)).mappings().one()
        values = {key: value for key, value in row.items() if key != "id"}
        connection.execute(sa.insert(evidence).values(values | {"licence": None}))
    store.close()
    with pytest.raises(InputError, match=r"unknown \(1 rows\)"):
        compose_set([tmp_path / "run"], tmp_path / "set", licence="CC-BY-4.0", embedding="none")


def test_a_set_is_there_with_its_evidence_or_not_at_all(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StoreError("no space is left")

    monkeypatch.setattr("yukawa.data.engine.compose.write_json", refuse)
    with pytest.raises(StoreError):
        compose_set([run], tmp_path / "set", embedding="none")
    assert list(tmp_path.iterdir()) == []


def test_bad_input(run: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        compose_set([tmp_path / "none"], tmp_path / "set")
    with pytest.raises(InputError, match="unknown licence of a set 'GPL'"):
        compose_set([run], tmp_path / "set", licence="GPL")
    (tmp_path / "text.jsonl").write_text('{"id": "a", "text": "b", "source": "c"}\n')
    with pytest.raises(InputError, match="holds documents"):
        compose_set([tmp_path / "text.jsonl"], tmp_path / "set", embedding="none")


def test_the_vendi_score_counts_what_is_different() -> None:
    assert vendi(np.eye(5)) == pytest.approx(5)
    assert vendi(np.ones((5, 1))) == pytest.approx(1)
    pairs = np.repeat(np.eye(3), 2, axis=0)
    assert vendi(pairs) == pytest.approx(3)
