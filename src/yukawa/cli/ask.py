"""`yukawa ask` and `yukawa chat`: questions, one or many."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from yukawa.cli.formatting import show_answer
from yukawa.cli.options import AsOf, Debug, Domain, Json, Model, checked_filters
from yukawa.cli.output import fail, note, print_json, say
from yukawa.cli.session import read_settings, taught_base
from yukawa.core.errors import YukawaError

if TYPE_CHECKING:
    from yukawa.core.settings import Settings

_LEAVE = frozenset({"/quit", "/exit", "/q"})


def ask(
    question: Annotated[str, typer.Argument(help="A question on high-energy physics, in any notation.")],
    model: Model = None,
    as_of: AsOf = None,
    domain: Domain = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Answer a question with its sources, or say that nothing supports an answer."""
    settings = read_settings()
    _check(settings, question, model, domain)
    with taught_base(settings) as base:
        from yukawa.assistant import Assistant

        answer = Assistant(base, settings).ask(question, model=model, as_of=as_of, domain=domain)
    if as_json:
        print_json(answer.as_json())
    else:
        show_answer(answer)


def _check(settings: Settings, question: str, model: str | None, domain: str | None) -> None:
    """Refuse what cannot be asked before a base is built for it."""
    from yukawa.assistant.routing import model_for
    from yukawa.knowledge.items import checked_text

    checked_text(question, "the question")
    checked_filters(domain)
    model_for(domain or "", settings, model)


def chat(model: Model = None, as_json: Json = False, debug: Debug = False) -> None:
    """Ask question after question; 'and its width?' is understood.

    Leave with /quit or Ctrl-D. With --json the answers are printed as one list at the end.
    """
    settings = read_settings()
    if model is not None:
        from yukawa.assistant.routing import model_for

        model_for("", settings, model)
    answers = []
    with taught_base(settings) as base:
        from yukawa.assistant import Assistant

        assistant = Assistant(base, settings)
        for question in _questions():
            try:
                answer = assistant.follow_up(question, model=model)
            except YukawaError as error:
                fail(str(error))
                continue
            answers.append(answer.as_json())
            if not as_json:
                show_answer(answer)
                say()
    if as_json:
        print_json(answers)


def _questions() -> Iterator[str]:
    """Lines typed or piped in, until the end, /quit or Ctrl-C."""
    interactive = sys.stdin.isatty()
    if interactive:
        import contextlib

        with contextlib.suppress(ImportError):  # gives line editing where the platform has it
            import readline  # noqa: F401
        note(("Ask; /quit or Ctrl-D leaves.", "dim"))
    while True:
        if interactive:
            sys.stderr.write("> ")
            sys.stderr.flush()
        try:
            line = input().strip()
        except (EOFError, KeyboardInterrupt):
            if interactive:
                sys.stderr.write("\n")
            return
        if line in _LEAVE:
            return
        if line:
            yield line
