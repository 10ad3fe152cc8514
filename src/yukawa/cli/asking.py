"""What `yukawa evaluate answers` does: opens the models of the settings, alone or over the base, and counts what rules find."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from yukawa import assistant
from yukawa.cli.output import note, progress_bar
from yukawa.cli.session import read_settings, taught_base
from yukawa.core.errors import InputError, check_name
from yukawa.core.settings import ModelSettings
from yukawa.evaluation.judging.answering import Asker, Said, chat_asker, collect_answers
from yukawa.evaluation.judging.questions import AskedQuestion, CitedPassage, ModelAnswer
from yukawa.evaluation.judging.verdicts import Score
from yukawa.evaluation.runner import check_names, slug
from yukawa.llm import SyncChat, open_model

GROUNDED = " grounded"  # after the name of a model that answers from the base


def all_answers(
    questions: Sequence[AskedQuestion],
    out: Path,
    models: Sequence[str],
    grounded: Sequence[str],
    new_tokens: int,
) -> list[ModelAnswer]:
    """The answers of all models, each in its file in the folder.

    Raises:
        InputError: no model is named, one is not in the settings, or a file holds something else.
        ModelError: a model failed; the same call resumes.
    """
    settings = read_settings()
    if not models and not grounded:
        raise InputError("no model was named", hint="add --model NAME or --grounded NAME")
    for name in (*models, *grounded):
        check_name("model", name, settings.models)
    check_names([*models, *(name + GROUNDED for name in grounded)], "models", "another row of yukawa.toml")
    made = []
    for name in models:
        row = settings.models[name]
        with SyncChat(open_model(row)) as chat:
            how = {**_identity(row), "new_tokens": new_tokens}
            made += _collected(name, chat_asker(chat, new_tokens), questions, out, how)
    if grounded:
        with taught_base(settings) as base:
            asked = assistant.Assistant(base, settings)
            for name in grounded:
                how = {**_identity(settings.models[name]), "grounded": True}
                made += _collected(name + GROUNDED, _over_base(asked, name), questions, out, how)
    return made


def _identity(row: ModelSettings) -> dict[str, Any]:
    return row.model_dump(
        mode="json", include={"backend", "model", "base_url", "temperature", "seed"}, exclude_none=True
    )


def _collected(
    name: str, ask: Asker, questions: Sequence[AskedQuestion], out: Path, how: dict[str, Any]
) -> list[ModelAnswer]:
    note(name)
    with progress_bar("answers") as progress:
        return collect_answers(name, ask, questions, out / f"{slug(name)}.jsonl", how, progress=progress)


def _over_base(asked: assistant.Assistant, name: str) -> Asker:
    def ask(question: AskedQuestion) -> Said:
        """The answers to all turns; a later turn knows those before it."""
        texts: list[str] = []
        passages: list[CitedPassage] = []
        for number, turn in enumerate(question.turns):
            answer = asked.ask(turn, history=question.turns[:number], model=name, keep=False)
            texts.append(answer.text)
            if len(question.turns) == 1 and not answer.abstained:
                ordered = sorted(answer.sources, key=lambda source: source.marker)
                passages = [CitedPassage(text=source.quote, url=source.url) for source in ordered]
        return "\n\n".join(texts), passages

    return ask


def counted(answers: Sequence[ModelAnswer], scores: Sequence[Score]) -> list[dict[str, Any]]:
    """Answers of each model, and the share of each rule that has something to say of them."""
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for score in scores:
        values[score.model, score.judge].append(score.value or 0.0)
    names = dict.fromkeys(answer.model for answer in answers)
    rules = dict.fromkeys(score.judge for score in scores)
    return [
        {
            "model": name,
            "answers": sum(answer.model == name for answer in answers),
            "rules": {
                rule: {"judged": len(found), "share": sum(found) / len(found)}
                for rule in rules
                if (found := values.get((name, rule), []))
            },
        }
        for name in names
    ]
