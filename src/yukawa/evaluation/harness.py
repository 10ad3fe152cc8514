"""Tasks of EleutherAI's lm-evaluation-harness, where it is installed, asked of our models and compared in our way."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from yukawa.core.errors import InputError, ModelError, require
from yukawa.core.reports import Heading, ReportBlock, Table
from yukawa.core.statistics import ANY, SHARE, Sample
from yukawa.evaluation.recipe import Statistics
from yukawa.evaluation.results import compared_json, differences, with_interval
from yukawa.llm.folders import first_line
from yukawa.llm.loading import LanguageModel

PREFIX = "lm-eval:"  # of the name of a task among sets of questions
_PURPOSE = "tasks of lm-evaluation-harness"
# What decides, the first that a task gives for each of its questions.
_METRICS = ("acc_norm", "acc", "exact_match", "f1", "mc2", "bleu")


@dataclass(frozen=True, slots=True)
class TaskScores:
    """What a model reached in a task, question by question.

    Attributes:
        model: its name.
        metric: as the task calls it.
        ids: of the N questions.
        scores: of each, shape (N,); for accuracies 0 or 1.
    """

    model: str
    metric: str
    ids: tuple[str, ...]
    scores: tuple[float, ...]

    def sample(self) -> Sample:
        """The mean over the questions."""
        within = SHARE if all(0 <= score <= 1 for score in self.scores) else ANY
        return Sample.mean(self.scores, self.ids, within=within)


def run_task(
    model: LanguageModel, task: str, *, limit: int | None = None, folder: str | None = None, batch: int = 8
) -> TaskScores:
    """Ask a model the questions of a task by the harness itself, with the task's own prompts and shots.

    Args:
        model: any causal model.
        task: its name there, such as `arc_easy`; a group of tasks is not one.
        limit: the number of questions, the first ones; None asks all.
        folder: of YAML files with tasks of your own.
        batch: questions at a time.

    Raises:
        MissingPackage: `lm_eval` is not installed.
        InputError: there is no such task, or none of its metrics is given question by question.
        ModelError: the harness fails, such as where its data cannot be downloaded.
    """
    harness, tasks = require("lm_eval", _PURPOSE), require("lm_eval.tasks", _PURPOSE)
    opened = require("lm_eval.models.huggingface", _PURPOSE).HFLM(
        pretrained=model.model, tokenizer=model.tokenizer, batch_size=batch
    )
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    manager = tasks.TaskManager(include_path=folder)
    if task not in manager.all_tasks:
        raise InputError(f"lm-evaluation-harness has no task {task!r}", hint="type: lm-eval ls tasks")
    try:
        found = harness.simple_evaluate(
            model=opened,
            tasks=[task],
            task_manager=manager,
            limit=limit,
            log_samples=True,
            bootstrap_iters=0,
            verbosity=None,
        )
    except Exception as error:  # a task is a program of its own and can raise anything
        raise ModelError(
            f"lm-evaluation-harness could not ask {task}: {first_line(error)}",
            hint="its data come from the Hub: check the network (HF_HUB_OFFLINE forbids it)",
        ) from error
    rows = found["samples"].get(task, [])
    metric = next((name for name in _METRICS if rows and isinstance(rows[0].get(name), int | float)), None)
    if metric is None:
        raise InputError(
            f"{task} gives no score for each question", hint=f"tasks with {', '.join(_METRICS)} are compared"
        )
    ids = tuple(str(row["doc_id"]) for row in rows)
    return TaskScores(model.name, metric, ids, tuple(float(row[metric]) for row in rows))


def task_json(scores: Mapping[str, TaskScores], how: Statistics) -> dict[str, Any]:
    """Means of models in one task with intervals, and paired differences."""
    first = next(iter(scores.values()))
    samples = {name: row.sample() for name, row in scores.items()}
    return {
        "metric": first.metric,
        "questions": len(first.ids),
        **compared_json(samples, how)[0],
        "scores": {name: dict(zip(row.ids, row.scores, strict=True)) for name, row in scores.items()},
    }


def task_section(name: str, data: Mapping[str, Any]) -> list[ReportBlock]:
    """The means as a table, and the differences."""
    rows: Sequence[list[str]] = [[model, with_interval(row)] for model, row in data["estimates"].items()]
    head = ["model", f"{data['metric']} ({data['questions']:,} questions)"]
    pairs = data["differences"]
    return [
        Heading(f"lm-evaluation-harness: {name}"),
        Table(head, list(rows)),
        *(differences(pairs) if pairs else ()),
    ]
