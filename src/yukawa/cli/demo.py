"""`yukawa demo`: builds a base of its own, asks, teaches, asks, unloads, asks again, and says what to type next."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yukawa.cli.opening import read_settings, taught_base
from yukawa.cli.options import Debug, Json, me
from yukawa.cli.output import note, print_json, say
from yukawa.cli.shapes import show_answer, show_change

if TYPE_CHECKING:
    from yukawa.assistant import Assistant

FOLDER = ".yukawa-demo"
QUESTIONS = (
    "What is the mass of the tau lepton?",
    r"What is the branching fraction of $J/\psi \to e^+ e^-$?",
    "How long does a K short live?",
)
FACT = "The BEPCII storage ring has a circumference of 237.5 m."
FACT_QUESTION = "What is the circumference of the BEPCII storage ring?"
FACT_SOURCE = "BEPCII design report"


def demo(as_json: Json = False, debug: Debug = False) -> None:
    """Show what Yukawa does, in a knowledge base of its own (.yukawa-demo here, or YUKAWA_HOME)."""
    from yukawa.assistant import Assistant

    os.environ.setdefault("YUKAWA_HOME", str(Path(FOLDER).absolute()))
    settings = read_settings()
    steps = _Steps(show=not as_json)
    steps.title("yukawa knowledge build", settings.home)
    with steps.timed("build"), taught_base(settings) as base:
        steps.took()
        assistant = Assistant(base, settings)
        for question in QUESTIONS:
            steps.ask(assistant, question)
        steps.ask(assistant, FACT_QUESTION)
        steps.title(f"yukawa teach {shlex.quote(FACT)} --source {shlex.quote(FACT_SOURCE)}")
        item = base.teach(FACT, source=FACT_SOURCE, author=me())
        steps.took(item=item)
        steps.ask(assistant, FACT_QUESTION)
        steps.title(f"yukawa knowledge unload {item.id}")
        steps.took(item=base.unload(item.id, actor=me(), reason="end of the demo"))
        steps.ask(assistant, FACT_QUESTION)
    if as_json:
        print_json(steps.done)


class _Steps:
    """Prints each step with the command a user would type, and keeps what it gave and how long it took."""

    def __init__(self, *, show: bool) -> None:
        self.done: list[dict[str, Any]] = []
