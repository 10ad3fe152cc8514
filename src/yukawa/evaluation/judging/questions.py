"""Questions that models are asked, with references where there are any, and the answers that models gave."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from yukawa.core.errors import InputError
from yukawa.core.files import begins_with, read_jsonl, read_text
from yukawa.core.validation import StrictModel, one_line
from yukawa.evaluation.completions import COMPLETIONS_HEAD, read_completions
from yukawa.evaluation.judging.verdicts import Answers

SHIPPED = Path(__file__).parent / "four-fields.tsv"
ANSWERS_HEAD = "answers of models"
_FIELDS = {"question_id": "id", "question": "turns", "prompt": "turns", "answer": "reference"}


class AskedQuestion(StrictModel):
    """A question, or the turns of one side of a conversation.

    Attributes:
        id: unique in its file.
        turns: what is asked, one turn after the other.
        reference: the right answer; empty where none is known.
        category: such as a field of physics.
        cluster: questions of one cluster are resampled together; empty where the question is its own.
    """

    id: str = Field(min_length=1)
    turns: tuple[str, ...] = Field(min_length=1)
    reference: str = ""
    category: str = ""
    cluster: str = ""

    @property
    def text(self) -> str:
        """All turns."""
        return "\n\n".join(self.turns)


class CitedPassage(StrictModel):
    """What an answer rests on: a text with its address, if it has one."""

    text: str
    url: str | None = None


class ModelAnswer(StrictModel):
    """The answer of one model to one question.

    Attributes:
        question: its id.
        model: who answered.
        text: the answer; of several turns, all of them.
        passages: what it cites, numbered from 1 in this order.
        error: why there is no answer.
    """

    question: str = Field(min_length=1)
    model: str = Field(min_length=1)
    text: str
    passages: tuple[CitedPassage, ...] = ()
    error: str = ""

    @property
    def sha256(self) -> str:
        """Hash of the text: verdicts on another text are verdicts on another answer."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


def shipped_questions() -> list[AskedQuestion]:
    """The set `four-fields`: 100 questions each of particle physics, astrophysics, synchrotron radiation, neutron science."""
    lines = read_text(SHIPPED).splitlines()[2:]
    counts: Counter[str] = Counter()
    found = []
    for category, question, reference in (line.split("\t") for line in lines):
        counts[category] += 1
        name = f"{category.split()[0]}-{counts[category]:03}"
        found.append(AskedQuestion(id=name, turns=(question,), reference=reference, category=category))
    return found


def read_questions(path: Path) -> list[AskedQuestion]:
    """The questions of a file of JSON Lines: this package's, FastChat's, or rows with `question` and `answer`.

    The name `four-fields` is that of the set that is shipped.

    Raises:
        InputError: it cannot be read or holds none, a row is something else, or two questions have one id.
    """
    if str(path) == SHIPPED.stem and not path.exists():
        return shipped_questions()
    found: dict[str, AskedQuestion] = {}
    for number, row in enumerate(read_jsonl(path), start=1):
        known = {_FIELDS.get(key, key): value for key, value in row.items()}
        known["id"] = str(known.get("id", number))
        if isinstance(known.get("turns"), str):
            known["turns"] = [known["turns"]]
        used = {key: value for key, value in known.items() if key in AskedQuestion.model_fields}
        try:
            question = AskedQuestion.model_validate(used)
        except ValidationError as error:
            raise InputError(f"{path}, row {number}: {one_line(error, AskedQuestion)}") from None
        if question.id in found:
            raise InputError(f"{path} has two questions with the id {question.id!r}")
        found[question.id] = question
    if not found:
        raise InputError(f"{path} holds no questions", hint='a row is: {"id": "q1", "turns": ["What is …?"]}')
    return list(found.values())


def read_answers(paths: Iterable[Path]) -> list[ModelAnswer]:
    """The answers of files that `yukawa evaluate answers` or `yukawa evaluate completions` wrote.

    Raises:
        InputError: a file cannot be read, a row is not an answer, or a model answers a question twice.
    """
    found: dict[tuple[str, str], ModelAnswer] = {}
    for path in paths:
        for number, answer in enumerate(_answers(path), start=1):
            if (answer.question, answer.model) in found:
                raise InputError(
                    f"{path}, answer {number}: {answer.model!r} answers {answer.question!r} twice"
                )
            found[answer.question, answer.model] = answer
    return list(found.values())


def _answers(path: Path) -> Iterator[ModelAnswer]:
    if begins_with(path, COMPLETIONS_HEAD):
        model, _, rows = read_completions(path)
        yield from (ModelAnswer(question=row.id, model=model, text=row.completion) for row in rows)
        return
    for number, row in enumerate(read_jsonl(path), start=1):
        if number == 1 and row.get("kind") == ANSWERS_HEAD:
            continue
        try:
            yield ModelAnswer.model_validate(row)
        except ValidationError as error:
            raise InputError(f"{path}, row {number}: {one_line(error, ModelAnswer)}") from None


def texts(answers: Iterable[ModelAnswer]) -> Answers:
    """The texts of answers by question and model."""
    return {(answer.question, answer.model): answer.text for answer in answers}


def by_question(
    questions: Sequence[AskedQuestion], answers: Iterable[ModelAnswer]
) -> Mapping[str, dict[str, ModelAnswer]]:
    """The answers to each question by model; those with an error are omitted.

    Raises:
        InputError: an answer is to none of the questions.
    """
    found: dict[str, dict[str, ModelAnswer]] = {question.id: {} for question in questions}
    for answer in answers:
        if answer.question not in found:
            raise InputError(
                f"{answer.model!r} answers {answer.question!r}, which is not among the questions"
            )
        if not answer.error:
            found[answer.question][answer.model] = answer
    return found
