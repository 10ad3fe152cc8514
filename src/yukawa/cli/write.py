"""`yukawa write`: decay cards, job options and settings from a sentence, checked before they are printed."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from yukawa.cli import options, session
from yukawa.cli.options import Force, Json, argument, option
from yukawa.cli.output import note, print_json, say
from yukawa.core.files import atomic_write

if TYPE_CHECKING:
    from yukawa.generators.requests import Kind
    from yukawa.llm import SyncChat

Sentence = Annotated[
    str, argument("SENTENCE", "A sentence in English, Chinese or LaTeX on what is to be simulated.")
]
For = Annotated[
    str | None,
    option(
        "--for",
        "NAME",
        "Experiment or generator: besiii, lhcb, belle2, fcc or evtgen; by default what the sentence says.",
    ),
]
Model = Annotated[
    str | None, option("--model", "NAME", "Row of yukawa.toml whose model reads what the grammar does not.")
]
Out = Annotated[Path | None, option("--out", "FILE", "Write to this file instead of stdout.", short="-o")]


def decay_card(
    sentence: Sentence,
    experiment: For = None,
    out: Out = None,
    model: Model = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write a decay card for EvtGen.

    For instance:

    yukawa write decay-card "psi(2S) -> pi pi J/psi, J/psi -> mu mu"
    """
    _write("decay-card", sentence, experiment, out, model, force, as_json)


def job_options(sentence: Sentence, out: Out = None, force: Force = False, as_json: Json = False) -> None:
    """Write job options of BOSS for a simulation at BESIII.

    For instance:

    yukawa write job-options "10000 events of psi(2S) -> pi pi J/psi"
    """
    _write("job-options", sentence, None, out, None, force, as_json)


def pythia(
    sentence: Sentence,
    experiment: For = None,
    out: Out = None,
    model: Model = None,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Write settings of Pythia 8.

    For instance:

    yukawa write pythia "Z -> b bbar at FCC-ee"
    """
    _write("pythia", sentence, experiment, out, model, force, as_json)


def _write(
    kind: "Kind",
    sentence: str,
    experiment: str | None,
    out: Path | None,
    model: str | None,
    force: bool,
    as_json: bool,
) -> None:
    if out is not None:
        session.check_file(out, force)
    from yukawa.generators.requests import write_request

    with _reader(model) as chat:
        written = write_request(kind, sentence, experiment, chat)
    if out is not None:
        atomic_write(out, written.text)
    if as_json:
        print_json({"text": written.text, "notes": list(written.notes), "file": str(out) if out else None})
        return
    if out is None:
        say(written.text.rstrip("\n"))
    for line in written.notes:
        note((line, "dim"))


@contextlib.contextmanager
def _reader(model: str | None) -> "Iterator[SyncChat | None]":
    """The language model that reads what the grammar does not, where one is named."""
    if model is None:
        yield None
        return
    from yukawa.assistant import model_for
    from yukawa.llm import SyncChat, open_model

    with SyncChat(open_model(model_for("", session.read_settings(), model))) as chat:
        yield chat


app = options.new_app("Write decay cards and settings from a sentence.", decay_card, job_options, pythia)
