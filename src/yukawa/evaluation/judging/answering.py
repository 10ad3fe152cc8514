"""Every model answers every question, one line each on disk; an interrupted call resumes."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from yukawa.core.errors import InputError
from yukawa.core.files import begins_with, mend_jsonl, read_jsonl, report_write_errors
from yukawa.core.processes import Progress, in_threads, lock
from yukawa.evaluation.judging import questions as rows
from yukawa.llm import GenerationOptions, Message, SyncChat

NEW_TOKENS = 512
Said = tuple[str, Sequence[rows.CitedPassage]]
Asker = Callable[[rows.AskedQuestion], Said]
"""The answer to a question, and the passages that it cites."""


def chat_asker(model: SyncChat, new_tokens: int = NEW_TOKENS) -> Asker:
    """Asks a language model turn by turn from what it knows itself, at temperature 0."""
    options = GenerationOptions(temperature=0.0, max_tokens=new_tokens)

    def ask(question: rows.AskedQuestion) -> Said:
        """The replies to all turns, one below the other."""
        messages: list[Message] = []
        replies = []
        for turn in question.turns:
            messages.append(Message("user", turn))
            replies.append(model.chat(messages, options).text.strip())
            messages.append(Message("assistant", replies[-1] or "(nothing)"))
        return "\n\n".join(replies), ()

    return ask


def collect_answers(
    name: str,
    ask: Asker,
    questions: Sequence[rows.AskedQuestion],
    path: Path,
    how: Mapping[str, Any],
    *,
    at_once: int = 4,
    progress: Progress | None = None,
) -> list[rows.ModelAnswer]:
    """Ask a model every question that it has not answered in the file yet.

    Each answer reaches the disk before the next is asked, so that a call that was killed loses those under way alone, and
    the same call resumes.

    Args:
        name: of the model.
        ask: answers a question.
        questions: what is asked.
        path: JSON Lines, made with its folder if need be; the first line says how the answers were made.
        how: what decides the answers, such as the row of the model.
        at_once: questions under way at once.
        progress: called with finished and all questions.

    Returns:
        The answers in the order of the questions.

    Raises:
        InputError: the file holds something else, was begun in another way or with other questions, or another process
            writes it.
        ModelError: the model failed; finished answers are in the file.
        StoreError: the file cannot be written.
    """
    asked = {question.id: question.text for question in questions}
    head = {
        "kind": rows.ANSWERS_HEAD,
        "model": name,
        "how": json.loads(json.dumps(dict(how))),
        "asked": asked,
    }
    with _appending(Path(path), head) as handle:
        done = {answer.question: answer for answer in rows.read_answers([path])}
        left = [question for question in questions if question.id not in done]
        if progress and done:
            progress(len(done), len(questions))
        for question, (text, passages) in in_threads(ask, left, at_once):
            answer = rows.ModelAnswer(question=question.id, model=name, text=text, passages=tuple(passages))
            _write(handle, path, answer.model_dump_json())
            done[question.id] = answer
            if progress:
                progress(len(done), len(questions))
    return [done[question.id] for question in questions]


@contextmanager
def _appending(path: Path, head: Mapping[str, Any]) -> Iterator[IO[bytes]]:
    """The file at its end, mended after a crash; one that was begun in another way is refused."""
    with report_write_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not begins_with(path, rows.ANSWERS_HEAD):
        raise InputError(f"{path} is there already and holds no answers", hint="name another folder")
    with report_write_errors(path):
        handle = open(path, "ab+")  # noqa: SIM115 -- closed below
    try:
        if not lock(handle):
            raise InputError(f"another process writes {path}", hint="wait for it, or name another folder")
        mend_jsonl(handle)
        handle.seek(0, os.SEEK_END)
        if handle.tell() == 0:
            _write(handle, path, json.dumps(head, ensure_ascii=False))
        before = next(read_jsonl(path), {})
        if changed := [key for key in head if before.get(key) != head[key]]:
            names = {
                "model": "another model",
                "how": "another row or other options",
                "asked": "other questions",
            }
            raise InputError(
                f"{path} was begun with {names[changed[0]]}",
                hint="give what it was begun with, or another folder",
            )
        yield handle
    finally:
        handle.close()


def _write(handle: IO[bytes], path: Path, line: str) -> None:
    with report_write_errors(path):
        handle.write(line.encode("utf-8", "replace") + b"\n")
        handle.flush()
        os.fsync(handle.fileno())
