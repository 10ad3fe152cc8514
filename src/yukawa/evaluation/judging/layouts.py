"""Reads verdicts, scores and answers that other programs wrote: FastChat, AlpacaEval, Argilla, Label Studio, tables.

What a file holds is seen by its keys. Rows of this package's own files are read as well.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from yukawa.core.errors import InputError
from yukawa.core.files import parse_json, read_jsonl, read_text
from yukawa.core.validation import one_line
from yukawa.evaluation.judging.questions import ANSWERS_HEAD
from yukawa.evaluation.judging.scores import read_score_table
from yukawa.evaluation.judging.verdicts import OVERALL, Outcome, Score, Verdict

LARGEST = 1 << 30  # bytes of a JSON file, which is read as a whole
# Words of a choice between two answers, and of an absolute one, in lower case.
PAIR_WORDS: dict[str, Outcome] = {
    "left": "first", "a": "first", "1": "first", "model_1": "first", "response 1": "first", "output_1": "first",
    "right": "second", "b": "second", "2": "second", "model_2": "second", "response 2": "second", "output_2": "second",
    "tie": "tie", "draw": "tie", "both": "tie", "equal": "tie", "c": "tie", "both good": "tie", "tie (bothbad)": "both bad",
    "both bad": "both bad", "bothbad": "both bad", "neither": "both bad",
}  # fmt: skip
ABSOLUTE = {"fail": 0.0, "pass": 1.0, "excellent": 2.0}
_Row = Mapping[str, Any]


@dataclass(slots=True)
class Judgements:
    """What some files hold.

    Attributes:
        verdicts: on pairs of answers.
        scores: of single answers.
        answers: texts by question and model.
        prompts: of the questions, as far as they are known.
    """

    verdicts: list[Verdict] = field(default_factory=list)
    scores: list[Score] = field(default_factory=list)
    answers: dict[tuple[str, str], str] = field(default_factory=dict)
    prompts: dict[str, str] = field(default_factory=dict)

    def add(self, rows: Iterable[Verdict | Score]) -> None:
        """Keep verdicts and scores."""
        for row in rows:
            self.verdicts.append(row) if isinstance(row, Verdict) else self.scores.append(row)

    def add_answer(self, question: str, model: str, text: str, place: str) -> None:
        """Keep an answer.

        Raises:
            InputError: another text of the same model is there already.
        """
        if self.answers.setdefault((question, model), text) != text:
            raise InputError(f"{place} holds another answer of {model!r} to question {question!r}")


def read_judgements(paths: Iterable[Path]) -> Judgements:
    """All that files of any known layout hold, together.

    Raises:
        InputError: a file cannot be read, or a row has no known layout; the message names it.
    """
    found = Judgements()
    for path in paths:
        if path.suffix.casefold() in (".csv", ".tsv"):
            found.add(read_score_table(path))
            continue
        for place, row in _rows(path):
            _layout(row, place)(row, place, found)
    return found


def _rows(path: Path) -> Iterator[tuple[str, _Row]]:
    if path.suffix.casefold() != ".json":
        for number, row in enumerate(read_jsonl(path), start=1):
            if number > 1 or row.get("kind") != ANSWERS_HEAD:
                yield f"{path}, row {number}", row
        return
    read = parse_json(read_text(path, LARGEST), str(path))
    rows = read.get("records", [read]) if isinstance(read, dict) else read
    for number, row in enumerate(rows if isinstance(rows, list) else [rows], start=1):
        if not isinstance(row, dict):
            raise InputError(f"{path}, row {number} is not an object {{...}}")
        yield f"{path}, row {number}", row


def _layout(row: _Row, place: str) -> Callable[[_Row, str, Judgements], None]:
    for keys, reader in _LAYOUTS:
        if keys <= set(row):
            return reader
    raise InputError(
        f"{place} has no known layout; its keys are: {', '.join(map(str, row))[:200]}",
        hint="known are files of this package, FastChat, AlpacaEval, Argilla and Label Studio, and tables of scores (.csv)",
    )


def _ours(row: _Row, place: str, found: Judgements) -> None:
    kind: type[Verdict] | type[Score] = Verdict if "verdict" in row else Score
    found.add([_valid(kind, row, place)])


def _valid(kind: type[Verdict] | type[Score], row: _Row, place: str) -> Verdict | Score:
    try:
        return kind.model_validate(row)
    except ValidationError as error:
        raise InputError(f"{place}: {one_line(error, kind)}") from None


def _make(row_type: type[Verdict] | type[Score], place: str, /, **values: Any) -> Verdict | Score:
    return _valid(row_type, values, place)


def _table(value: Any, what: str, place: str) -> _Row:
    """A table that may be missing.

    Raises:
        InputError: it is something else.
    """
    if value is None or isinstance(value, dict):
        return value or {}
    raise InputError(f"{place}: {what} is not a table {{...}} but {str(value)[:40]!r}")


def _tables(value: Any, what: str, place: str) -> list[_Row]:
    """A list of tables that may be missing.

    Raises:
        InputError: it is something else.
    """
    if value is None or isinstance(value, list):
        return [_table(one, what, place) for one in value or ()]
    raise InputError(f"{place}: {what} is not a list [...] but {str(value)[:40]!r}")


# ---- FastChat ----------------------------------------------------------------------------------------------


def _question_id(row: _Row) -> str:
    return str(row["question_id"])


def _turn(row: _Row) -> str:
    return OVERALL if row.get("turn", 1) in (1, None) else f"turn {row['turn']}"


def _judge_name(row: _Row) -> str:
    judge = row.get("judge", "judge")
    return str(judge[0] if isinstance(judge, list) and judge else judge)


def _fastchat_pair(row: _Row, place: str, found: Judgements) -> None:
    """Two games, the second with the answers exchanged; winners are named, `error` is a reply that cannot be used."""
    one, two = str(row["model_1"]), str(row["model_2"])
    for first, second, winner in ((one, two, row["g1_winner"]), (two, one, row["g2_winner"])):
        names = {"model_1": one, "model_2": two}
        winner = str(winner)
        said = {first: "first", second: "second"}.get(
            names.get(winner, ""), "tie" if winner == "tie" else None
        )
        if said is None and winner != "error":
            raise InputError(
                f"{place}: unknown winner {winner!r}", hint="allowed: model_1, model_2, tie, error"
            )
        found.add([_make(
            Verdict, place, question=_question_id(row), first=first, second=second, verdict=said, judge=_judge_name(row),
            kind="model", criterion=_turn(row), error="" if said else "error",
        )])  # fmt: skip


def _fastchat_vote(row: _Row, place: str, found: Judgements) -> None:
    """A vote of a person: `winner` names a side."""
    said = PAIR_WORDS.get(str(row["winner"]).casefold())
    if said is None:
        raise InputError(
            f"{place}: unknown winner {row['winner']!r}", hint="allowed: model_a, model_b, tie, tie (bothbad)"
        )
    models = [str(row.get(f"model_{a}", row.get(f"model_{b}", ""))) for a, b in (("a", "1"), ("b", "2"))]
    found.add([_make(
        Verdict, place, question=str(row.get("question_id", place)), first=models[0], second=models[1], verdict=said,
        judge=_judge_name(row), criterion=_turn(row),
    )])  # fmt: skip


def _fastchat_single(row: _Row, place: str, found: Judgements) -> None:
    """A score from 1 to 10; -1 is a reply that cannot be used."""
    value = row["score"] if row["score"] != -1 else None
    found.add([_make(
        Score, place, question=_question_id(row), model=str(row["model"]), judge=_judge_name(row), value=value, kind="model",
        criterion=_turn(row), error="" if value is not None else "error",
    )])  # fmt: skip


def _fastchat_answer(row: _Row, place: str, found: Judgements) -> None:
    choices = row["choices"]
    turns = (
        choices[0].get("turns")
        if isinstance(choices, list) and choices and isinstance(choices[0], dict)
        else None
    )
    if not isinstance(turns, list) or not all(isinstance(turn, str) for turn in turns):
        raise InputError(f"{place} has no turns of text")
    found.add_answer(_question_id(row), str(row["model_id"]), "\n\n".join(turns), place)


def _fastchat_question(row: _Row, place: str, found: Judgements) -> None:
    if _question_id(row) in found.prompts:
        raise InputError(f"{place}: question {_question_id(row)!r} is there twice")
    if not isinstance(row["turns"], list):
        raise InputError(f"{place} has no turns of text")
    found.prompts[_question_id(row)] = "\n\n".join(map(str, row["turns"]))


def _our_answer(row: _Row, place: str, found: Judgements) -> None:
    found.add_answer(str(row["question"]), str(row["model"]), str(row["text"]), place)


# ---- others ------------------------------------------------------------------------------------------------


def _alpaca_eval(row: _Row, place: str, found: Judgements) -> None:
    """A preference from 1 (the first output) to 2 (the second); nearer the middle than a quarter is a tie."""
    said: Outcome | None = None
    preference = row["preference"]
    if isinstance(preference, (int, float)) and 1 <= preference <= 2:
        said = "first" if preference < 1.25 else "second" if preference > 1.75 else "tie"
    models = [str(row["generator_1"]), str(row["generator_2"])]
    question = str(row["instruction"])
    for model, key in zip(models, ("output_1", "output_2"), strict=True):
        if key in row:
            found.add_answer(question, model, str(row[key]), place)
    found.add([_make(
        Verdict, place, question=question, first=models[0], second=models[1], verdict=said,
        judge=str(row.get("annotator", "annotator")), kind="model", error="" if said else "no preference",
    )])  # fmt: skip


def _argilla(row: _Row, place: str, found: Judgements) -> None:
    """A record with the responses of several users to several questions."""
    about = {**_table(row.get("fields"), "fields", place), **_table(row.get("metadata"), "metadata", place)}
    question = str(about.get("question_id") or row.get("external_id") or row.get("id") or place)
    for criterion, given in _table(row["responses"], "responses", place).items():
        for one in _tables(given, f"responses to {criterion}", place):
            if one.get("status", "submitted") == "submitted":
                who = str(one.get("user_id") or one.get("user") or "user")
                found.add(_choice(one.get("value"), about, question, who, str(criterion), place))


def _label_studio(row: _Row, place: str, found: Judgements) -> None:
    """A task with the results of several annotators."""
    about = _table(row.get("data"), "data", place)
    question = str(about.get("question_id") or row.get("id") or place)
    for one in _tables(row["annotations"], "annotations", place):
        if one.get("was_cancelled"):
            continue
        by = one.get("completed_by")
        who = str(by.get("email") or by.get("id") if isinstance(by, dict) else by)
        for result in _tables(one.get("result"), "result", place):
            value = _table(result.get("value"), "value", place)
            said = value.get("selected", value.get("rating", value.get("number", value.get("choices"))))
            said = said[0] if isinstance(said, list) and said else said
            found.add(_choice(said, about, question, who, str(result.get("from_name", OVERALL)), place))


def _choice(
    said: Any, about: _Row, question: str, who: str, criterion: str, place: str
) -> Sequence[Verdict | Score]:
    """A verdict where two models are named, a score where one is; text that is neither is passed over."""
    pair = next(([str(about[k]) for k in keys] for keys in _PAIR_KEYS if all(k in about for k in keys)), None)
    word = said.strip().casefold() if isinstance(said, str) else ""  # a number is a rating, not a side
    if pair is not None and word in PAIR_WORDS:
        return [_make(
            Verdict, place, question=question, first=pair[0], second=pair[1], verdict=PAIR_WORDS[word], judge=who,
            criterion=criterion,
        )]  # fmt: skip
    value = ABSOLUTE.get(word)
    if value is None and isinstance(said, (int, float)) and not isinstance(said, bool):
        value = float(said)
    if value is None or "model" not in about:
        return []
    group = str(about.get("group") or about.get("category") or "")
    return [_make(
        Score, place, question=question, model=str(about["model"]), judge=who, value=value, criterion=criterion, group=group,
    )]  # fmt: skip


_PAIR_KEYS = (("model_1", "model_2"), ("model_a", "model_b"), ("generator_1", "generator_2"))
PAIR_WORDS |= {"model_a": "first", "model_b": "second"}
# Keys that show a layout; the first that fits is taken.
_LAYOUTS: tuple[tuple[frozenset[str], Callable[[_Row, str, Judgements], None]], ...] = (
    (frozenset({"question", "first", "second", "verdict", "judge"}), _ours),
    (frozenset({"question", "model", "judge", "value"}), _ours),
    (frozenset({"question", "model", "text"}), _our_answer),
    (frozenset({"g1_winner", "g2_winner", "model_1", "model_2", "question_id"}), _fastchat_pair),
    (frozenset({"winner", "model_a", "model_b"}), _fastchat_vote),
    (frozenset({"winner", "model_1", "model_2"}), _fastchat_vote),
    (frozenset({"question_id", "model", "score"}), _fastchat_single),
    (frozenset({"question_id", "model_id", "choices"}), _fastchat_answer),
    (frozenset({"question_id", "turns"}), _fastchat_question),
    (frozenset({"instruction", "preference", "generator_1", "generator_2"}), _alpaca_eval),
    (frozenset({"responses"}), _argilla),
    (frozenset({"annotations"}), _label_studio),
)
