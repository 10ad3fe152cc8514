"""What a terminal shows while a language model writes, and the verbs that speak to a model alone (`--raw`)."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from yukawa.cli import session
from yukawa.cli.output import fail, print_json, say, say_on
from yukawa.core.errors import YukawaError
from yukawa.core.settings import Settings

if TYPE_CHECKING:
    from yukawa.assistant import Answer
    from yukawa.assistant.raw import RawReply

UNCHECKED = "a draft; whether its sources say so is checked when it is complete:"


class Draft:
    """A reader that shows the words of a model as they come.

    Args:
        title: shown above the first words.

    Attributes:
        text: what was shown since it last began anew.
    """

    def __init__(self, title: str = "") -> None:
        self.text = ""
        self._title = title

    def piece(self, text: str) -> None:
        """Show the next words."""
        text = text if self.text else text.lstrip()
        if self._title and text:
            say((self._title, "dim"))
            self._title = ""
        self.text += text
        say_on(text)

    def again(self, reason: str) -> None:
        """Say why what was shown does not count."""
        self.end()
        say((f"(this does not count: {reason})", "dim"))
        self.text = ""

    def end(self) -> None:
        """End the line."""
        if self.text and not self.text.endswith("\n"):
            say_on("\n")


def draft(for_script: bool) -> Draft | None:
    """A reader where a person looks on; a script gets what was checked, and nothing else."""
    return Draft(UNCHECKED) if sys.stdout.isatty() and not for_script else None


def show_answer(answer: Answer, reader: Draft | None) -> None:
    """Show an answer below the draft of it; where the checks changed the text, say so and show the text that counts."""
    if reader is None or not reader.text:
        session.show_answer(answer)
        return
    if reader.text.strip() == answer.text.strip():
        reader.end()
    else:
        reader.again(_what_replaces_it(answer))
        say(answer.text)
    session.show_sources(answer)


def _what_replaces_it(answer: Answer) -> str:
    if answer.abstained:
        return "the model found no answer in its passages"
    if answer.model == "quote":
        return "its sources do not say so; they answer in their own words"
    whole = all(check.passed for check in answer.checks)
    return "its citations were missing" if whole else "its unfinished end is omitted"


def raw(
    settings: Settings, questions: Iterable[str], model: str | None, *, as_json: bool, single: bool
) -> None:
    """Put questions to a model without the knowledge base, and say so.

    Args:
        settings: which models there are.
        questions: one conversation.
        model: the row; the default one if None.
        as_json: one object, or a list of a whole conversation.
        single: whether there is one question, whose failure is that of the verb.
    """
    from yukawa.assistant.raw import WARNING, RawConversation  # only where a model is spoken to

    replies: list[RawReply] = []
    with RawConversation.open(settings, model) as conversation:
        for question in questions:
            reader = None if as_json else Draft()
            if reader:
                say((f"{conversation.model} {WARNING}", "yellow"))
            try:
                replies.append(conversation.ask(question, reader))
            except YukawaError as error:
                if reader:
                    reader.end()
                if single:
                    raise
                fail(str(error))
                continue
            if reader:
                _end(reader, replies[-1])
    if as_json:
        print_json(replies[0].as_json() if single else [reply.as_json() for reply in replies])


def _end(reader: Draft, reply: RawReply) -> None:
    reader.end()
    if not reply.text:
        say(("(no words)", "dim"))
    if reply.cut:
        say(("(cut at the token limit twice: the end is missing)", "yellow"))
    say((f"by {reply.model} in {reply.seconds:.1f} s", "dim"))
