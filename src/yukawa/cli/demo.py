"""`yukawa demo`: builds a base of its own, asks, teaches, unloads, asks again, and says what to type next."""

from __future__ import annotations

import os
import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from yukawa import assistant, knowledge
from yukawa.cli import session
from yukawa.cli.options import Json
from yukawa.cli.output import print_json, say
from yukawa.core.settings import Settings

FOLDER = ".yukawa-demo"
QUESTIONS = (
    "What is the mass of the tau lepton?",
    r"What is the branching fraction of $J/\psi \to e^+ e^-$?",
    "How long does a K short live?",
)
FACT = "The BEPCII storage ring has a circumference of 237.5 m."
FACT_QUESTION = "What is the circumference of the BEPCII storage ring?"
FACT_SOURCE = "typed in by hand"
T = TypeVar("T")


def demo(as_json: Json = False) -> None:
    """Show what Yukawa does, in a knowledge base of its own.

    It lies in YUKAWA_HOME, or in .yukawa-demo in the current folder; a second run is quick.
    """
    os.environ.setdefault("YUKAWA_HOME", str(Path(FOLDER).absolute()))
    settings = session.read_settings()
    script = _Script(show=not as_json)
    start = time.perf_counter()
    script.title("knowledge build")
    with session.taught_base(settings) as base:
        edition = base.get_meta("pdg")
        script.add("knowledge build", start, {"pdg": edition})
        script.remark(f"the Review of Particle Physics, edition {edition}, is in {settings.home}")
        _play(script, base, settings)
    if as_json:
        print_json(script.steps)
    else:
        _next(settings)


def _play(script: _Script, base: knowledge.KnowledgeBase, settings: Settings) -> None:
    asked = assistant.Assistant(base, settings)

    def ask(question: str) -> assistant.Answer:
        command = f"ask {shlex.quote(question)}"
        return script.step(command, lambda: asked.ask(question), session.show_answer, lambda a: a.as_json())

    def change(command: str, action: Callable[[], knowledge.Item]) -> knowledge.Item:
        return script.step(command, action, session.show_change, session.item_json)

    for question in QUESTIONS:
        ask(question)
    ask(FACT_QUESTION)
    teach = f"teach {shlex.quote(FACT)} --source {shlex.quote(FACT_SOURCE)}"
    item = change(teach, lambda: base.teach(FACT, source=FACT_SOURCE, author=session.me()))
    ask(FACT_QUESTION)
    change(
        f"knowledge unload {item.id}",
        lambda: base.unload(item.id, actor=session.me(), reason="end of the demo"),
    )
    ask(FACT_QUESTION)


@dataclass
class _Script:
    """Shows each step as the command a user would type, and keeps its result and how long it took."""

    show: bool
    steps: list[dict[str, Any]] = field(default_factory=list)

    def step(
        self, command: str, action: Callable[[], T], show: Callable[[T], None], shape: Callable[[T], Any]
    ) -> T:
        """Run a command and keep its result, in the given shape, with its time."""
        self.title(command)
        start = time.perf_counter()
        result = action()
        self.add(command, start, shape(result))
        if self.show:
            show(result)
        self.remark(f"({self.steps[-1]['ms']:.0f} ms)")
        return result

    def title(self, command: str) -> None:
        if self.show:
            say((f"\n$ yukawa {command}", "bold cyan"))

    def remark(self, text: str) -> None:
        if self.show:
            say((text, "dim"))

    def add(self, command: str, start: float, result: Any) -> None:
        ms = round((time.perf_counter() - start) * 1e3, 1)
        self.steps.append({"command": f"yukawa {command}", "ms": ms, "result": result})


def _next(settings: Settings) -> None:
    command = shlex.quote(sys.argv[0]) if sys.argv[0].endswith("yukawa") else "yukawa"
    say(("\nNow type, for instance:", "bold"))
    say(f"  export YUKAWA_HOME={shlex.quote(str(settings.home))}")
    for rest in ('ask "What is the width of the Z boson?"', 'teach "..." --source "..."', "chat", "--help"):
        say(f"  {command} {rest}")
