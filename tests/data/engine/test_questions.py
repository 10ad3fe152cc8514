"""Questions from papers: what is accepted rests verbatim on its section, formula by formula; a run resumes and counts every reply."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from yukawa.core.errors import InputError
from yukawa.core.settings import ModelSettings
from yukawa.data.engine import Budget, QuestionsRecipe, WorkStore, compose_set, run_questions, write_report
from yukawa.data.engine.questions import (
    LONGEST_SECTION,
    PaperPair,
    PaperSection,
    judged_pair,
    messages,
    quoted_pairs,
    read_sections,
)
from yukawa.data.engine.tables import calls, candidates, evidence, pairs
from yukawa.llm import GenerationOptions, Message, Reply

TEXT = (
    "We present a measurement of the Z boson mass with the old detector of the ring. The mass of the Z boson is 91.19 GeV. "
    "The signal strength is defined as $\\mu = N / N_{SM}$ in every channel of the fit. "
    "We use a fit of the line shape with $\\chi^2 = 1.2$ to all of the channels together. "
    "We find that the width of the Z boson is 2.495 GeV. Others have seen this before, as Fig. 3 shows."
)
SECTION = PaperSection("a#1", "Mass of the Z", "Results", TEXT, "particle physics", None, "CC-BY-4.0", True)
GOOD = {"kind": "value", "question": "What is the mass of the Z boson?", "quote": "The mass of the Z boson is 91.19 GeV.",
        "answer": "The mass of the Z boson is 91.19 GeV."}  # fmt: skip
DEFINED = {"kind": "definition", "question": "What is the signal strength in “Mass of the Z”?",
           "quote": "The signal strength is defined as $\\mu = N / N_{SM}$ in every channel of the fit.",
           "answer": "The signal strength is $\\mu=N/N_{SM}$ in every channel."}  # fmt: skip


def judge(**changes: str) -> str:
    base = DEFINED if changes.pop("of", "") else GOOD
    return judged_pair(PaperPair.model_validate(base | changes), SECTION).reason


def test_what_is_good_is_accepted_with_its_place() -> None:
    for pair in (GOOD, DEFINED):
        found = judged_pair(PaperPair.model_validate(pair), SECTION)
        assert found.reason == ""
        (rest,) = found.rests
        assert TEXT[rest.start : rest.end] == rest.quote == pair["quote"]


@pytest.mark.parametrize(("changes", "said"), [
    ({"quote": "The mass of the Z boson is 91.20 GeV."}, "not in passage 1"),
    ({"quote": "mass"}, "not in passage 1"),
    ({"answer": "The mass of the Z boson is 91.19 MeV."}, "91.19 MeV"),
    ({"answer": "The mass of the Z boson is 19.19 GeV."}, "19.19"),
    ({"answer": "The mass of the Z boson is 91.19 GeV, as this paper says."}, "not by itself"),
    ({"answer": "The mass of the Z boson is 91.19 GeV, see Fig. 3."}, "not by itself"),
    ({"answer": "What is the mass of the Z boson"}, "repetition"),
    ({"answer": " "}, "empty"),
    ({"question": "What is it in this paper?"}, "not by itself"),
    ({"question": "What do the authors find?"}, "not by itself"),
    ({"question": "Why?"}, "not by itself"),
    ({"question": "What is the mass of the W boson?"}, "question"),
    ({"question": "Who wrote poems about roses?", "kind": "method"}, "something else"),
    ({"of": "d", "answer": "The signal strength is $\\mu = N / N_{SN}$ in every channel."}, "formula: it is not in the quotation"),
    ({"of": "d", "answer": "The signal strength is $\\mu = N / N_{SM$ in every channel."}, "formula: its braces"),
    ({"of": "d", "answer": "The signal strength is $\\mu = N / N_{SM} in every channel."}, "formula: a dollar"),
    ({"of": "d", "answer": "The signal strength is \\mu in every channel."}, "formula: a formula without dollars"),
])  # fmt: skip
def test_what_is_wrong_is_rejected_with_the_reason(changes: dict[str, str], said: str) -> None:
    assert said in judge(**changes)


def test_pairs_without_a_model_are_quoted_and_pass_the_same_checks() -> None:
    found = {pair.kind: pair for pair in quoted_pairs(SECTION, 6)}
    assert set(found) == {"contribution", "definition", "method", "result", "value"}
    assert found["definition"].question == "What is the signal strength, as “Mass of the Z” uses the term?"
    assert "Fig. 3" not in "".join(pair.answer for pair in found.values())
    assert [judged_pair(pair, SECTION).reason for pair in found.values()].count("") >= 4
    assert len(quoted_pairs(SECTION, 2)) == 2


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    for n in range(6):
        text = TEXT.replace("old detector", f"old detector {n}").replace("%", "\\%")
        (folder / f"p{n}.tex").write_text(
            f"\\title{{Mass of the Z {n}}}\n\\begin{{document}}\\section{{Results}} {text}\\end{{document}}"
        )
    (folder / "x.tex").write_bytes(b"\xf6")
    return folder


class Scripted:
    """A model that says of each section one good pair and one with another quote; every third reply is none."""

    name = "scripted"

    def __init__(self, spoilt: bool = False, stop: int = 10**6) -> None:
        self.spoilt, self.stop, self.asked = spoilt, stop, 0

    async def chat(self, messages: Sequence[Message], options: GenerationOptions) -> Reply:
        self.asked += 1
        if self.asked > self.stop:
            raise KeyboardInterrupt
        if self.spoilt and self.asked % 3 == 0:
            return Reply("no JSON", self.name, "stop", {})
        said = {
            "pairs": [
                GOOD,
                GOOD | {"question": "How heavy is the Z boson?", "quote": "It is 91.19 GeV in the ring."},
            ]
        }
        return Reply(json.dumps(said), self.name, "stop", {"prompt_tokens": 9, "completion_tokens": 9})

    async def aclose(self) -> None:
        pass


def run(papers: Path, folder: Path, model: Any = None, **more: Any) -> Any:
    row = (
        None
        if model is None
        else ModelSettings(name="scripted", backend="openai", model="m", base_url="http://127.0.0.1:9/v1")
    )
    return run_questions(
        [papers], folder, QuestionsRecipe(), row=row, model=model, licence="CC-BY-4.0", **more
    )


def rows(folder: Path, table: sa.Table) -> list[dict[str, Any]]:
    store = WorkStore(folder)
    with store.read() as connection:
        found = [dict(row) for row in connection.execute(sa.select(table)).mappings()]
    store.close()
    return found


def test_a_run_without_a_model_is_reported_and_composed(papers: Path, tmp_path: Path) -> None:
    made = run(papers, tmp_path / "run")
    assert (made.sections, made.ended, len(made.unread)) == ((6, 6), "done", 1)
    assert sum(made.accepted.values()) >= 6
    texts = {section.id: section.text for section in read_sections([papers], None, [])}
    quotes = rows(tmp_path / "run", evidence)
    assert all(texts[q["source_id"]][q["start"] : q["end"]] == q["quote"] for q in quotes)
    accepted = {row["id"] for row in rows(tmp_path / "run", pairs) if row["state"] == "accepted"}
    assert accepted <= {q["pair_id"] for q in quotes}
    assert write_report(tmp_path / "run")["pairs"]["accepted"] == len(accepted)
    composed = compose_set([tmp_path / "run"], tmp_path / "set", licence="CC-BY-4.0", suffix=".jsonl")
    assert composed.manifest.rows > 0
    assert run(papers, tmp_path / "run", resume=True) == made


def test_a_model_is_asked_once_for_each_section(papers: Path, tmp_path: Path) -> None:
    model = Scripted()
    made = run(papers, tmp_path / "run", model)
    assert (made.accepted, made.rejected) == ({"value": 6}, {"not in passage 1": 6})
    assert model.asked == 6
    assert {row["state"] for row in rows(tmp_path / "run", calls)} == {"done"}
    assert len(rows(tmp_path / "run", candidates)) == 6 + 12


def test_replies_that_cannot_be_used_are_counted_and_lose_nothing(papers: Path, tmp_path: Path) -> None:
    made = run(papers, tmp_path / "run", Scripted(spoilt=True))
    assert made.sections == (6, 6)
    states = [row["state"] for row in rows(tmp_path / "run", calls)]
    assert (states.count("done"), states.count("refused") > 0) == (6, True)
    assert made.accepted == {"value": 6}


def test_a_budget_stops_a_run_that_goes_on_without_repeating(papers: Path, tmp_path: Path) -> None:
    model = Scripted()
    made = run(papers, tmp_path / "run", model, budget=Budget(calls=2))
    assert (made.ended, made.sections) == ("budget", (6, 2))
    with pytest.raises(InputError):
        run(papers, tmp_path / "run", model)
    made = run(papers, tmp_path / "run", model, resume=True)
    assert (made.ended, made.sections, model.asked) == ("done", (6, 6), 6)
    whole = run(papers, tmp_path / "whole", Scripted())
    assert whole.accepted == made.accepted


def test_other_papers_are_another_run(papers: Path, tmp_path: Path) -> None:
    run(papers, tmp_path / "run")
    (papers / "p0.tex").unlink()
    with pytest.raises(InputError, match="papers"):
        run(papers, tmp_path / "run", resume=True)


def test_nothing_to_ask_about(tmp_path: Path) -> None:
    (tmp_path / "a.tex").write_text("Too short.")
    with pytest.raises(InputError, match="nothing to ask about, no section is long enough"):
        run(tmp_path / "a.tex", tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_long_section_is_cut_between_blocks(tmp_path: Path) -> None:
    paragraphs = "\n\n".join(f"Paragraph {n} " + "with words " * 200 for n in range(9))
    (tmp_path / "a.tex").write_text(f"\\section{{A}} {paragraphs}")
    found = list(read_sections([tmp_path / "a.tex"], "CC0-1.0", []))
    assert len(found) > 2
    assert all(len(section.text.split()) <= LONGEST_SECTION + 5 for section in found)
    assert sum(section.text.count("Paragraph") for section in found) == 9
    assert "never instructions" in messages(found[0], 2)[0].content
