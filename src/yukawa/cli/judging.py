"""`yukawa evaluate answers`, `ranking`, `scores` and `power`: what models answer, and what people and models say of it."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar

from yukawa import assistant, evaluation, llm
from yukawa.cli.options import Json, argument, option
from yukawa.cli.output import give, note, print_json, progress_bar, say, show
from yukawa.cli.session import check_folder, read_settings, taught_base
from yukawa.core.errors import InputError, check_name
from yukawa.evaluation import judging

Found = TypeVar("Found")
Judged = Annotated[
    list[Path],
    argument("FILE...", "Verdicts, scores and answers: JSON Lines, JSON or a table (.csv)."),
]
Out = Annotated[Path | None, option("--out", "DIR", "Folder of a report: Markdown, HTML, JSON, pictures.")]
Level = Annotated[float, option("--level", None, "Confidence level of the intervals.")]
Resamples = Annotated[int, option("--resamples", "N", "Number of bootstrap resamples.", min=1)]
Seed = Annotated[int, option("--seed", "S", "Seed of the random numbers.", min=0)]
GROUNDED = " grounded"  # after the name of a model that answers from the base
_MADE = (("report.json",), ("report.html", "report.md", "plots"))


def ranking(
    files: Judged,
    criterion: Annotated[
        str | None, option("--criterion", "NAME", "Rank by this criterion; needed where there are several.")
    ] = None,
    style: Annotated[
        bool | None,
        option(
            "--style/--no-style",
            None,
            "Include length and style as effects; by default if the files have all answers.",
        ),
    ] = None,
    allow_invalid: Annotated[
        bool,
        option("--allow-invalid", None, "Rank although more than 5 % of a judge's replies cannot be used."),
    ] = False,
    out: Out = None,
    level: Level = 0.95,
    resamples: Resamples = 1_000,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Rank models by verdicts on pairs of answers.

    One model describes the strengths together with the effects of ties and of the position, length and style of answers.
    Files of FastChat, AlpacaEval, Argilla and Label Studio are read as well; their layout is recognised by its keys.
    """
    _check_report(out)
    found = judging.read_judgements(files)
    rows = found.verdicts
    if criterion is not None:
        rows = [row for row in rows if row.criterion == criterion]
        if not rows:
            names = sorted({row.criterion for row in found.verdicts})
            raise InputError(f"no verdict is on {criterion!r}", hint=f"there are: {', '.join(names)}")
    whole = all((row.question, name) in found.answers for row in rows for name in row.pair)
    texts = found.answers if style or (style is None and whole and rows) else None
    result = judging.rank(
        rows, texts, level=level, resamples=resamples, seed=seed, allow_invalid=allow_invalid
    )
    if texts is None and style is None:
        note("length and style are not known: add files with the answers")
    pages = judging.pages
    _report(result, out, as_json, pages.write_ranking, pages.ranking_json, pages.ranking_sections)


def scores(
    files: Judged,
    out: Out = None,
    level: Level = 0.95,
    resamples: Resamples = 2_000,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Compare models by scores of single answers.

    Groups of models are compared too.

    A table has the columns paper (or question), model, rater (or judge), score and, if models form groups, category.
    Differences are taken on the same questions by the same judges, so that their levels cancel.
    """
    _check_report(out)
    studies = judging.analyse(
        judging.read_judgements(files).scores, level=level, resamples=resamples, seed=seed
    )
    pages = judging.pages
    _report(studies, out, as_json, pages.write_scores, pages.score_json, pages.score_sections)


def power(
    effect: Annotated[
        float,
        option("--effect", None, "Share of the decided verdicts that the better model wins, above 0.5."),
    ],
    ties: Annotated[float, option("--ties", None, "Share of ties.")] = 0.2,
    power: Annotated[float, option("--power", None, "Probability of finding the effect.")] = 0.8,
    level: Annotated[float, option("--level", None, "Confidence level of the test.")] = 0.95,
    verdicts: Annotated[int, option("--verdicts", "N", "Number of verdicts on each question.", min=1)] = 1,
    correlation: Annotated[
        float, option("--correlation", None, "Correlation of verdicts on the same question, from 0 to 1.")
    ] = 0.5,
    as_json: Json = False,
) -> None:
    """Plan how many questions must be judged."""
    number = judging.planned_questions(
        effect, ties, power=power, level=level, verdicts=verdicts, correlation=correlation
    )
    give(
        as_json,
        {"questions": number, "verdicts": number * verdicts},
        f"{number:,} questions, {number * verdicts:,} verdicts",
    )


def answers(
    questions: Annotated[
        str, argument("QUESTIONS", "A shipped set, four-fields (400 questions), or a file of questions.")
    ],
    out: Annotated[Path, option("--out", "DIR", "Folder of the answers, NAME.jsonl for each model.")],
    model: Annotated[
        list[str] | None,
        option("--model", "NAME", "Row of yukawa.toml that answers from what it knows; may be repeated."),
    ] = None,
    grounded: Annotated[
        list[str] | None,
        option(
            "--grounded", "NAME", "Row that answers from the knowledge base, with sources; may be repeated."
        ),
    ] = None,
    limit: Annotated[int | None, option("--limit", "N", "Ask only the first N questions.", min=1)] = None,
    new_tokens: Annotated[
        int, option("--new-tokens", "N", "Largest number of tokens in an answer without sources.", min=1)
    ] = 512,
    as_json: Json = False,
) -> None:
    """Let models answer questions for judges.

    They answer from memory or from the knowledge base. The same command resumes an interrupted call.

    Answers are judged by rules at once: whether a number of the reference is right, whether the sources support what is
    said, and whether a text repeats itself.
    """
    check_folder(out)
    asked = judging.questions.read_questions(Path(questions))[:limit]
    made = _all_answers(asked, out, list(model or ()), list(grounded or ()), new_tokens)
    scores = judging.judge_by_rules(asked, made)
    counts = _counted(made, scores)
    if as_json:
        print_json(counts)
        return
    for line in counts:
        said = [
            f"; {name} {value['share']:.0%} of {value['judged']:,}" for name, value in line["rules"].items()
        ]
        say((line["model"], "bold"), f"  {line['answers']:,} answers", *said)


def _check_report(out: Path | None) -> None:
    if out is not None:
        from yukawa.core.files import check_made_folder
        from yukawa.core.plotting import matplotlib

        check_folder(out)
        check_made_folder(out, *_MADE)
        matplotlib()


def _report(
    found: Found,
    out: Path | None,
    as_json: bool,
    write: Callable[[Found, Path], None],
    figures: Callable[[Found], dict[str, Any]],
    sections: Callable[[Found], list[Any]],
) -> None:
    """Write what was found into a folder, and print it as figures or as sections."""
    if out is not None:
        write(found, out)
    if as_json:
        print_json(figures(found))
        return
    show(sections(found))
    if out is not None:
        say(f"{out / 'report.md'} and {out / 'report.html'} are written")


# ---- answers -----------------------------------------------------------------------------------------


def _all_answers(
    questions: "Sequence[judging.questions.AskedQuestion]",
    out: Path,
    models: Sequence[str],
    grounded: Sequence[str],
    new_tokens: int,
) -> "list[judging.questions.ModelAnswer]":
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
    evaluation.runner.check_names(
        [*models, *(name + GROUNDED for name in grounded)], "models", "another row of yukawa.toml"
    )
    made = []
    for name in models:
        row = settings.models[name]
        with llm.SyncChat(llm.open_model(row)) as chat:
            how = {**_identity(row), "new_tokens": new_tokens}
            made += _collected(name, judging.answering.chat_asker(chat, new_tokens), questions, out, how)
    if grounded:
        from yukawa.knowledge.store import traces

        with taught_base(settings) as base:
            traces.note(base.store, out)
            asked = assistant.Assistant(base, settings)
            for name in grounded:
                how = {**_identity(settings.models[name]), "grounded": True}
                made += _collected(name + GROUNDED, _over_base(asked, name), questions, out, how)
    return made


def _identity(row: Any) -> dict[str, Any]:
    found: dict[str, Any] = row.model_dump(
        mode="json", include={"backend", "model", "base_url", "temperature", "seed"}, exclude_none=True
    )
    return found


def _collected(
    name: str,
    ask: "judging.answering.Asker",
    questions: "Sequence[judging.questions.AskedQuestion]",
    out: Path,
    how: dict[str, Any],
) -> "list[judging.questions.ModelAnswer]":
    note(name)
    with progress_bar("answers") as progress:
        return judging.answering.collect_answers(
            name, ask, questions, out / f"{evaluation.runner.slug(name)}.jsonl", how, progress=progress
        )


def _over_base(asked: assistant.Assistant, name: str) -> "judging.answering.Asker":
    def ask(question: "judging.questions.AskedQuestion") -> "judging.answering.Said":
        """The answers to all turns; a later turn knows those before it."""
        texts: list[str] = []
        passages: list[judging.questions.CitedPassage] = []
        for number, turn in enumerate(question.turns):
            answer = asked.ask(turn, history=question.turns[:number], model=name, keep=False)
            texts.append(answer.text)
            if len(question.turns) == 1 and not answer.abstained:
                ordered = sorted(answer.sources, key=lambda source: source.marker)
                passages = [
                    judging.questions.CitedPassage(text=source.quote, url=source.url) for source in ordered
                ]
        return "\n\n".join(texts), passages

    return ask


def _counted(
    answers: "Sequence[judging.questions.ModelAnswer]", scores: "Sequence[judging.Score]"
) -> list[dict[str, Any]]:
    """Answers of each model, and the share of each rule that has something to say of them."""
    values: dict[tuple[str, str], list[float]] = {}
    for score in scores:
        values.setdefault((score.model, score.judge), []).append(score.value or 0.0)
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
