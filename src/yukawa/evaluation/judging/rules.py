"""Judges that are rules: is the number right, do the sources support it, is it on the topic, does it repeat itself."""

import re
from collections.abc import Iterable, Sequence

from yukawa.embedding.base import Embedder
from yukawa.evaluation.completion_metrics import longest_repeat, words
from yukawa.evaluation.judging.questions import AskedQuestion, ModelAnswer
from yukawa.evaluation.judging.verdicts import Outcome, Score, Verdict
from yukawa.knowledge.citing import check
from yukawa.knowledge.parsing.quantities import find_quantities

NUMBER, CITATION, TOPIC, REPETITION = "number", "citation", "off-topic", "repetition"
_FAR = 0.15  # cosine of question and answer below which an answer is about something else
_LOOP = 8  # words; where the same ones follow again, a text repeats itself
_FEW = 4  # words of a reference that is a value
_DENIED = re.compile(
    r"\b(?:not|n't|isn|wrong|incorrect|rather than|instead of)\b[^.;:]{0,20}$", re.IGNORECASE
)


def number_score(question: str, reference: str, answer: str) -> float | None:
    """1 where an answer states the value of its reference, 0 where it does not; None where the reference has none.

    The first quantity of the reference's dimension counts that the question does not hold itself: a list of guesses is
    judged by the first one. Which values are right says `Quantity.gives`.
    """
    known = find_quantities(reference)
    # A number without a unit in a sentence may be a year, or count something else than what is asked.
    known = [found for found in known if found.unit] or (known if len(reference.split()) <= _FEW else [])
    if not known:
        return None
    wanted = known[0]
    given = find_quantities(question)
    for found in find_quantities(answer):
        if found.unit != wanted.unit or any(found.value == other.value for other in given):
            continue
        denied = _DENIED.search(answer[max(0, found.start - 40) : found.start])
        return 0.0 if denied else float(found.gives(wanted))
    return 0.0


def citation_score(answer: ModelAnswer) -> float | None:
    """1 where every sentence is supported by the passages that it cites, 0 where one is not; None without passages."""
    if not answer.passages:
        return None
    return float(not check(answer.text, answer.passages))


def repeats(text: str) -> bool:
    """Whether eight words follow each other twice."""
    return longest_repeat(words(text)) >= _LOOP


def off_topic(questions: Sequence[str], answers: Sequence[str], embedder: Embedder) -> list[bool]:
    """Whether each answer is about something else than its question, by the cosine of their embeddings."""
    one, two = embedder.embed(list(questions)), embedder.embed(list(answers))
    return [bool(value < _FAR) for value in (one * two).sum(axis=1)]


def judge_by_rules(
    questions: Iterable[AskedQuestion], answers: Iterable[ModelAnswer], embedder: Embedder | None = None
) -> list[Score]:
    """Scores of answers by all rules that have something to say of them.

    `number` and `citation` are 1 where an answer is right or supported; `off-topic` and `repetition` are 1 where it fails. An
    answer in more than one turn is judged as a whole.

    Args:
        questions: with references, where there are any.
        answers: to them; one with an error is not judged.
        embedder: for `off-topic`; None omits it.
    """
    known = {question.id: question for question in questions}
    kept = [answer for answer in answers if not answer.error and answer.question in known]
    found = []
    for answer in kept:
        question = known[answer.question]
        values = {
            NUMBER: number_score(question.text, question.reference, answer.text), CITATION: citation_score(answer),
            REPETITION: float(repeats(answer.text)),
        }  # fmt: skip
        found += [_score(answer, rule, value) for rule, value in values.items() if value is not None]
    if embedder is not None and kept:
        far = off_topic([known[a.question].text for a in kept], [a.text for a in kept], embedder)
        found += [_score(answer, TOPIC, float(value)) for answer, value in zip(kept, far, strict=True)]
    return found


def _score(answer: ModelAnswer, rule: str, value: float) -> Score:
    return Score(
        question=answer.question, model=answer.model, judge=rule, value=value, kind="rule", criterion=rule
    )


def verdict_by_score(first: Score, second: Score) -> Verdict:
    """The verdict of a rule on two answers: the one with the higher score is better."""
    one, two = first.value or 0.0, second.value or 0.0
    said: Outcome = "first" if one > two else "second" if one < two else "tie" if one else "both bad"
    return Verdict(
        question=first.question, first=first.model, second=second.model, verdict=said, judge=first.judge, kind=first.kind,
        criterion=first.criterion,
    )  # fmt: skip
