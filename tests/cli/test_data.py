"""`yukawa data` makes data sets and checks them; what cannot be done is one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from yukawa.cli.data import _counter, _in_tokens
from yukawa.cli.main import INTERRUPTED
from yukawa.core.errors import InputError
from yukawa.data.dataset import SplitRecord, check_manifest


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
    assert "but not that its name is s5" in done.json["notes"][0]
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
        (["--near-duplicates", "much"], "for --near-duplicates, got 'much'"),
        (["--near-duplicates", "1.5"], "above 0 and up to 1"),
        (["--language", "english"], "unknown language code"),
        (["--decontaminate", "absent.json"], "absent.json cannot be read"),
        (
            ["--tokenizer", "./absent"],
            "the tokenizer './absent' cannot be loaded: there is no folder ./absent",
        ),
        (["--mixture", "s11"], "unknown mixture 's11' (did you mean 's1'"),
        (["--mixture", "s10"], "s10 needs documents of q-bio, cs"),
        (["--method", "feintune"], "did you mean 'feyntune'"),
        (["--format", "csv"], "unknown suffix of row files '.csv'"),
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

    monkeypatch.setattr("yukawa.data.build_abstracts", interrupted)
    done = yukawa("data", "abstracts", str(snapshot), "--out", str(tmp_path / "set"))
    assert done.code == INTERRUPTED
    assert done.err == "interrupted; nothing was written, type the same command again\n"


def test_the_group_alone_prints_its_help(yukawa):
    done = yukawa("data")
    assert done.code == 0
    assert "abstracts" in done.out


QUESTIONS = [
    {"question": f"Which particle has the number {i} in this list of ours?", "answer": f"The {i}th."}
    for i in range(20)
]


@pytest.fixture
def questions(home: Path) -> str:
    Path("questions.json").write_text(json.dumps(QUESTIONS))
    return "questions.json"


def test_questions_become_a_data_set(yukawa, questions):
    done = yukawa("data", "conversations", questions, "--out", "set", "--format", "jsonl", "--near", "1")
    assert done.code == 0, done.err
    assert done.out == (
        "questions.json: 20 rows of the format qa\nset holds 20 conversations: 16 train, 2 validation, 2 test\n"
    )
    assert done.err == ""
    assert len(Path("set/train.jsonl").read_text().splitlines()) == 16
    done = yukawa(
        "data", "conversations", questions, "--out", "other", "--split", "50/0/50", "--seed", "3", "--near", "1",
        "--format", "jsonl.gz", "--json",
    )  # fmt: skip
    assert done.json["rows"] == {"train": 10, "validation": 0, "test": 10}
    assert done.json["files"] == [{"path": questions, "format": "qa", "rows": 20, "bad": [], "ignored": []}]
    assert done.json["manifest"]["made"]["seed"] == 3
    assert done.json["manifest"]["made"]["shares"] == {"train": 0.5, "validation": 0, "test": 0.5}


def test_bad_rows_are_refused_or_told(yukawa, questions):
    Path("more.jsonl").write_text(
        '{"instruction": "a", "output": "b", "n": 1}\n{"instruction": "c", "output": ""}\n'
    )
    command = ("data", "conversations", questions, "more.jsonl", "--out", "set")
    assert "more.jsonl has 1 bad of 2 rows: row 2: the text of the assistant is empty" in yukawa(
        *command
    ).failed(2)
    assert not Path("set").exists()
    done = yukawa(*command, "--drop-bad")
    assert "more.jsonl: 1 rows of the format alpaca" in done.out
    assert done.err == "note: fields not read: n\nnote: row 2 dropped: the text of the assistant is empty\n"
    assert done.code == 0


def test_leaks_are_found_and_told(yukawa, questions):
    leak = "As I said, which particle has the number 7 in this list of ours? Nobody knows."
    rows = [{"id": "a", "text": leak, "source": "s"}, {"id": "b", "text": "Which particle?", "source": "s"}]
    Path("train.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = yukawa("data", "check", "train.jsonl", "--against", questions)
    assert done.out == (
        "a holds 11 words of questions:8: which particle has the number 7 in this list of ours\n"
        "1 of 2 rows hold pieces of 1 of 20 evaluation items\n"
    )
    done = yukawa("data", "check", "train.jsonl", "--against", questions, "--words", "5", "--json")
    assert done.json["counts"]["documents_hit"] == 1
    assert done.json["counts"]["items_hit"] == 20
    assert len(done.json["hits"]) == 20
    yukawa("data", "conversations", questions, "--out", "set", "--near", "1")
    done = yukawa("data", "check", "set", "--against", "set", "--json")
    assert done.json["counts"] | {"items_too_short": 0} == {
        "documents": 16, "documents_hit": 0, "items": 2, "items_hit": 0, "items_too_short": 0,
    }  # fmt: skip
    done = yukawa("data", "check", "set", "--against", "set", "--split", "test", "--json")
    assert done.json["counts"]["documents_hit"] == 2


def test_a_data_set_is_held_against_its_manifest(yukawa, questions):
    yukawa("data", "conversations", questions, "--out", "set", "--near", "1", "--format", "jsonl")
    done = yukawa("data", "check", "set")
    assert (done.code, done.out) == (0, "set holds 20 conversations, as its manifest says\n")
    done = yukawa("data", "check", "set", "--json")
    assert sorted(done.json["files"]) == ["test.jsonl", "train.jsonl", "validation.jsonl"]
    Path("set/train.jsonl").write_text("")
    assert "the manifest says" in yukawa("data", "check", "set").failed(2)


def test_evaluation_questions_and_other_languages_are_left_out(yukawa, questions):
    Path("asked.jsonl").write_text(json.dumps(QUESTIONS[3]))
    german = "Wir zeigen, dass die Masse des Top-Quarks am Beschleuniger gemessen wird, und warum das so ist."
    Path("german.json").write_text(json.dumps([{"question": german, "answer": german}]))
    done = yukawa(
        "data", "conversations", questions, "german.json", "--out", "set", "--near", "1", "--format", "jsonl",
        "--decontaminate", "asked.jsonl", "--language", "en",
    )  # fmt: skip
    assert "set holds 19 conversations" in done.out
    assert "note: omitted 1 rows with a piece of an evaluation set\n" in done.err
    assert "note: omitted 1 rows in another language (de)\n" in done.err
    assert yukawa("data", "check", "set", "--against", "asked.jsonl", "--json").json["hits"] == []


def test_tokens_are_counted_by_split(yukawa, questions, monkeypatch):
    class Words:
        """A fake tokenizer; the real ones are tested with the counter."""

        def __init__(self, name: str) -> None:
            self.name, self.tokens = name, 0

        def add(self, texts: list[str]) -> None:
            self.tokens += sum(len(text.split()) for text in texts)

        def take(self) -> int:
            tokens, self.tokens = self.tokens, 0
            return tokens

    monkeypatch.setattr("yukawa.data.TokenCounter", Words)
    done = yukawa(
        "data", "conversations", questions, "--out", "set", "--near", "1", "--format", "jsonl",
        "--tokenizer", "words",
    )  # fmt: skip
    assert "16 train (208 tokens), 2 validation (26 tokens), 2 test (26 tokens)" in done.out
    done = yukawa("data", "check", "set", "--tokenizer", "words")
    assert done.out.splitlines()[1:] == [
        "train: 208 tokens of words",
        "validation: 26 tokens of words",
        "test: 26 tokens of words",
    ]
    done = yukawa("data", "check", questions, "--tokenizer", "words", "--json")
    assert done.json == {"tokens": {questions: 260}}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("conversations", "absent.json", "--out", "x"), "absent.json cannot be read"),
        (("conversations", "questions.json", "--out", "x", "--from", "alpacca"), "did you mean 'alpaca'"),
        (("conversations", "questions.json", "--out", "x", "--split", "80/20"), "such as 80/10/10"),
        (("conversations", "questions.json", "--out", "x", "--near", "0"), "above 0 and up to 1"),
        (
            ("conversations", "questions.json", "--out", "x", "--format", "csv"),
            "unknown suffix of row files '.csv'",
        ),
        (("check", "absent"), "absent does not exist (name the folder of a data set, or a file)"),
        (("check", "questions.json"), "name an evaluation set with --against"),
        (("check", "questions.json", "--against", "absent.json"), "absent.json cannot be read"),
        (("check", "questions.json", "--against", "questions.json", "--words", "0"), "choose one or more"),
    ],
)
def test_what_is_wrong_is_one_line(yukawa, questions, arguments, message):
    assert message in yukawa("data", *arguments).failed(2)
    assert not Path("x").exists()


def test_a_counter_is_made_where_one_is_named():
    assert _counter(None) is None
    with pytest.raises(InputError, match="the tokenizer"):
        _counter("./absent")


def test_tokens_stand_behind_a_split_that_has_some():
    empty = {"sources": {}, "licences": {}, "categories": {}, "size": 0, "sha256": "0" * 64}
    split = SplitRecord(name="test", path="test.parquet", rows=1, characters=9, **empty)
    assert _in_tokens(split) == ""
    assert _in_tokens(split.model_copy(update={"tokens": 12_345})) == " (12,345 tokens)"


def test_papers_become_a_set_that_is_trained_on(yukawa, home: Path, tmp_path: Path):
    papers = tmp_path / "papers"
    papers.mkdir()
    for n in range(3):
        (papers / f"p{n}.tex").write_text(
            f"\\section{{Decays}} Particle ${n}$ decays into \\input{{gone}} particles. " * 9
        )
    (papers / "damaged.tex").write_bytes(b"\xf6")
    words = ("data", "papers", str(papers), "--out", "set")
    done = yukawa(*words)
    assert done.code == 0, done.err
    assert "3 papers; 1 could not be read" in done.out
    assert "not read: " in done.err
    assert "missing: p0.tex: \\input{gone}" in done.err
    assert "holds files already" in yukawa(*words).failed(2)
    found = yukawa(*words[:-1], "other", "--json").json
    assert (found["papers"], len(found["unread"]), len(found["missing"])) == (3, 1, 27)
    recipe = tmp_path / "little.yaml"
    recipe.write_text(
        "model: {base: 'generated:tiny'}\ndata: {path: set}\n"
        "training: {steps: 2, batch: 1, length: 64, precision: fp32, device: cpu}\n"
    )
    assert yukawa("train", str(recipe), "adapter.rank=2", "--json").code == 0


def test_an_engine_that_cannot_be_loaded_is_one_line(yukawa, tmp_path: Path):
    assert "the engine 'nothing:read' cannot be loaded" in yukawa(
        "data", "papers", str(tmp_path), "--out", "set", "--engine", "nothing:read"
    ).failed(2)


def test_papers_are_selected_and_their_licence_decides_what_is_fetched(yukawa, tmp_path: Path):
    rows = [
        {"id": f"2301.0000{n}", "categories": "hep-ph", "citations": n, "license": "arXiv"}
        for n in range(1, 4)
    ]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = ("data", "select", "a.jsonl", "--out", "list.jsonl", "--per", "2")
    assert "list.jsonl lists 2 of 3 papers" in yukawa(*words).out
    assert "is there already" in yukawa(*words).failed(2)
    assert yukawa(*words, "--force", "--json").json["papers"] == 2
    assert "expected years" in yukawa(*words, "--force", "--years", "x").failed(2)
    done = yukawa("data", "fetch", "list.jsonl", "--out", "papers")
    assert "omitted 2 papers by licence: arXiv" in done.err
    assert "papers holds 0 of 2 papers" in done.out
    made = yukawa("data", "fetch", "list.jsonl", "--out", "papers", "--json").json
    assert (made["left_out"], made["new"]) == ({"arXiv": 2}, 0)
    said = yukawa("data", "fetch", "list.jsonl", "--out", "papers", "--server", "nowhere").failed(2)
    assert "'nowhere' is not the address of a server" in said


def test_abstracts_of_some_fields(yukawa, snapshot: Path, tmp_path: Path):
    made = yukawa(
        "data", "abstracts", str(snapshot), "--out", "set", "--fields", "particle physics", "--json"
    ).json
    assert sum(made["rows"].values()) == 100
    assert "no category" in yukawa(
        "data", "abstracts", str(snapshot), "--out", "b", "--fields", "neutron science"
    ).failed(2)
