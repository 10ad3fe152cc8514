"""A wish to have decays simulated is answered by the card, the options or the settings that do it, written and checked."""

from collections.abc import Callable

from yukawa.assistant.answer import Answer, Check
from yukawa.core.errors import InputError
from yukawa.generators.requests import Kind, write_request
from yukawa.knowledge.store.writer import new_id
from yukawa.llm import SyncChat

WRITTEN = "card"  # what answers where code writes
_NAMES: dict[Kind, str] = {
    "decay-card": "decay card", "job-options": "job options of BOSS", "pythia": "settings of Pythia 8",
}  # fmt: skip
_ENDINGS: dict[Kind, str] = {
    "decay-card": "card.dec",
    "job-options": "jobOptions.txt",
    "pythia": "settings.cmnd",
}


def generated(kind: Kind, question: str, opened: Callable[[], SyncChat | None]) -> Answer:
    """The answer to a question that wants something to be written, or why that cannot be written.

    Args:
        kind: what `requested` finds that it wants.
        question: as asked.
        opened: gives the language model that reads what the grammar does not, None for none; called where one may be needed.
    """
    name = _NAMES[kind]
    try:
        written = write_request(kind, question, chat=None if kind == "job-options" else opened())
    except InputError as error:
        return Answer(
            new_id(), question, f"I cannot write the {name}: {error}", (), (), True, WRITTEN, "", "", 0.0
        )
    notes = "\n".join(f"- {note}" for note in written.notes)
    again = f"yukawa check {_ENDINGS[kind]}" + (
        f"; yukawa generate {_ENDINGS[kind]}" if kind == "decay-card" else ""
    )
    text = f"The {name}, which passed the check:\n\n```\n{written.text.rstrip()}\n```\n\n{notes}\n- check it again or run it: {again}"
    checks = (Check(f"the {name} passes the check", True),)
    return Answer(new_id(), question, text, (), checks, False, WRITTEN, "", "", 1.0)
