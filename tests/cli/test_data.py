"""`yukawa data`: what is printed, what is written, and one line for what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from yukawa.cli.main import INTERRUPTED
from yukawa.data.manifest import check_manifest


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    rows: list[dict[str, Any]] = [
        {"id": f"{archive}/{number}", "categories": archive, "abstract": f"On the {archive} number {number}."}
        for archive in ("hep-th", "hep-ph", "gr-qc")
        for number in range(100)
    ]
    rows += [
        {"id": "w", "categories": "hep-th", "abstract": "Withdrawn."},
        {"id": "e", "categories": "hep-th"},
    ]
    path = tmp_path / "snapshot.json"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) + "{not json\n")
    return path


def test_what_was_kept_and_dropped_is_a_table(yukawa, snapshot: Path, tmp_path: Path):
    done = yukawa("data", "abstracts", str(snapshot), "--out", str(tmp_path / "set"), "--mixture", "s1")
    assert done.code == 0
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[:7] == [
        "303 lines",
        "-1 damaged",
        "-1 without abstract",
        "301 papers",
        "-200 of another archive",
        "-1 withdrawn",
        "100 kept",
    ]
    assert lines[-1] == f"{tmp_path}/set holds the data set; {tmp_path}/set/card.md says how it was made"
    assert "note: snapshot.json: 1 damaged: line 303: JSON is malformed" in done.err
    assert "note: snapshot.json: 1 without abstract: line 302: e" in done.err
    assert check_manifest(tmp_path / "set").rows == 100


def test_json_holds_the_manifest(yukawa, snapshot: Path, tmp_path: Path):
    out = tmp_path / "set"
    done = yukawa(
        "data", "abstracts", str(snapshot), "--out", str(out), "--mixture", "s5", "--method", "feyntune",
        "--seed", "7", "--format", "jsonl", "--json",
    )  # fmt: skip
    assert done.code == 0
    assert done.json["rows"] == {"train": 70, "validation": 15, "test": 15}
    assert done.json["manifest"] == json.loads((out / "manifest.json").read_text())
    assert (done.json["manifest"]["made"]["seed"], done.json["out"]) == (7, str(out))
    assert "not that its number is s5" in done.json["notes"][0]
    assert (out / "train.jsonl").is_file()


def test_own_mixtures_are_read(yukawa, snapshot: Path, tmp_path: Path):
    table = tmp_path / "mine.yaml"
    table.write_text("half: {parts: {hep-ph: 0.5, gr-qc: 0.5}, size: s1}\n")
    out = tmp_path / "set"
    arguments = ("--out", str(out), "--table", str(table), "--method", "feyntune", "--json", "--mixture")
    done = yukawa("data", "abstracts", str(snapshot), *arguments, "half")
    taken = done.json["manifest"]["made"]["mixture"]["taken"]
    assert taken["train"] == {"hep-ph": 35, "gr-qc": 35}


@pytest.fixture
def repeated(tmp_path: Path) -> Path:
    """A snapshot in which one abstract is another with a word changed, one is German, and one holds a question."""
    words = [f"word{number}" for number in range(60)]
    german = "Wir zeigen, dass die Masse des Top-Quarks am Beschleuniger gemessen wird, und warum das so ist."
    texts = [
        " ".join(words),
        " ".join([*words[:-1], "another"]),
        german,
        "It was asked why is the sky dark at night.",
    ]
    path = tmp_path / "repeated.json"
    path.write_text(
        "".join(
            json.dumps({"id": str(number), "categories": "hep-th", "abstract": text}) + "\n"
            for number, text in enumerate(texts)
        )
    )
    (tmp_path / "questions.jsonl").write_text('{"question": "Why is the sky dark at night?"}')
    return path


def test_near_duplicates_go_with_strict_and_stay_with_feyntune_unless_told(
    yukawa, repeated: Path, tmp_path: Path
):
    for number, (arguments, rows) in enumerate(
        {
            ("--method", "strict"): 3,
            ("--method", "feyntune"): 4,
            ("--method", "strict", "--near-duplicates", "off"): 4,
            ("--method", "strict", "--near-duplicates", "1"): 4,
            ("--method", "feyntune", "--near-duplicates", "0.8"): 3,
        }.items()
    ):
        out = tmp_path / f"set{number}"
        done = yukawa("data", "abstracts", str(repeated), "--out", str(out), *arguments, "--json")
        assert sum(done.json["rows"].values()) == rows, arguments
        assert done.json["manifest"]["made"]["dropped"] == (
            {"nearly the same as another": 1} if rows == 3 else {}
        )


def test_filters_are_counted_by_reason_and_recorded(yukawa, repeated: Path, tmp_path: Path):
    out = tmp_path / "set"
    done = yukawa(
        "data", "abstracts", str(repeated), "--out", str(out), "--language", "en",
        "--decontaminate", str(tmp_path / "questions.jsonl"),
    )  # fmt: skip
    assert done.code == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[:6] == [
        "4 lines",
        "4 papers",
        "-1 in another language (de)",
        "-1 nearly the same as another",
        "-1 with a piece of an evaluation set",
        "1 kept",
    ]
    made = check_manifest(out).made
    assert [one["filter"] for one in made["filters"]] == ["language", "decontamination", "near duplicates"]
    card = (out / "card.md").read_text()
    assert card.count("* Filter: ") == 3
    assert "| with a piece of an evaluation set | 1 |" in card


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--near-duplicates", "much"], "--near-duplicates is 'much'"),
        (["--near-duplicates", "1.5"], "above 0 and up to 1"),
        (["--language", "english"], "no language that can be recognised"),
        (["--decontaminate", "absent.json"], "absent.json cannot be read"),
        (["--tokenizer", "./absent"], "there is no tokenizer './absent'"),
        (["--mixture", "s11"], "unknown mixture 's11' (did you mean 's1'"),
        (["--mixture", "s10"], "s10 needs q-bio, cs"),
        (["--method", "feintune"], "did you mean 'feyntune'"),
        (["--format", "csv"], "'.csv' is no suffix"),
        (["--table", "missing.yaml"], "missing.yaml cannot be read"),
        (["missing.json"], "missing.json cannot be read: No such file"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    yukawa, snapshot: Path, tmp_path: Path, arguments, reason: str
):
    done = yukawa("data", "abstracts", str(snapshot), "--out", str(tmp_path / "set"), *arguments)
    assert (done.code, done.out) == (2, "")
    assert reason in done.err.splitlines()[-1]
    assert done.err.splitlines()[-1].startswith("error: ")
    assert not (tmp_path / "set").exists()


def test_an_interrupted_run_says_that_nothing_was_written(
    yukawa, snapshot: Path, tmp_path: Path, monkeypatch
):
    def interrupted(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("yukawa.data.abstracts.build_abstracts", interrupted)
    done = yukawa("data", "abstracts", str(snapshot), "--out", str(tmp_path / "set"))
    assert done.code == INTERRUPTED
    assert done.err == "interrupted; nothing was written, type the same command again\n"


def test_the_group_alone_prints_its_help(yukawa):
    done = yukawa("data")
    assert done.code == 0
    assert "abstracts" in done.out
