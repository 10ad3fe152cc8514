"""`yukawa demo`: builds a base of its own, asks, corrects, unloads, and says what to type next."""

from __future__ import annotations

import shlex
import shutil
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
# A comparison, a conversion, a derived value.
QUESTIONS = (
    "Which has the larger width, the W or the Z?",
    "What is the lifetime of the muon in microseconds?",
    "How long does a Higgs boson live?",
)
CORRECTED = "What is the mass of the W boson?"
CORRECTION = "The mass of the W boson is 80.4335 ± 0.0094 GeV."
CORRECTION_SOURCE = "CDF, Science 376 (2022) 170"
# Only one edition is held: a refusal says so.
REFUSED = "What was the mass of the W boson in the 2018 edition?"
T = TypeVar("T")


def demo(as_json: Json = False) -> None:
    """Show what Yukawa does, in a knowledge base of its own.

    That base is .yukawa-demo in the current folder; your own is not touched. A second run is quick.
    """
    settings = Settings(home=Path(FOLDER))  # no yukawa.toml and no variable leads elsewhere
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
    """Ask, correct an answer, ask again, unload the correction, and ask what is refused."""
    asked = assistant.Assistant(base, settings)

    def ask(question: str) -> assistant.Answer:
        command = f"ask {shlex.quote(question)}"
        return script.step(command, lambda: asked.ask(question), session.show_answer, lambda a: a.as_json())

    def change(command: str, action: Callable[[], knowledge.Item]) -> knowledge.Item:
        return script.step(command, action, session.show_change, knowledge.Item.as_json)

    for question in QUESTIONS:
        ask(question)
    answer = ask(CORRECTED)
    teach = (
        f"teach --corrects {answer.id} {shlex.quote(CORRECTION)} --source {shlex.quote(CORRECTION_SOURCE)}"
    )
    item = change(
        teach,
        lambda: base.teach(CORRECTION, source=CORRECTION_SOURCE, author=session.me(), corrects=answer.id),
    )
    ask(CORRECTED)
    change(
        f"knowledge unload {item.id}",
        lambda: base.unload(item.id, actor=session.me(), reason="end of the demo"),
    )
    ask(REFUSED)


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
    own = Path(sys.argv[0]).absolute()
    say(("\nNow type, for instance:", "bold"))
    if own.name == "yukawa" and shutil.which("yukawa") != str(own):
        say(f"  export PATH={shlex.quote(str(own.parent))}:$PATH")
    say(f"  export YUKAWA_HOME={shlex.quote(str(settings.home))}")
    for rest in (
        'ask "mass of the tau divided by the mass of the muon" --explain',
        'teach "..." --source "..."',
        "chat",
        "--help",
    ):
        say(f"  yukawa {rest}")
