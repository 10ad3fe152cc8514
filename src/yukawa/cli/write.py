"""`yukawa write`: decay cards, job options and settings from a sentence, checked before they are printed."""

from pathlib import Path
from typing import Annotated

from yukawa.cli import options
from yukawa.cli.options import Json, argument, option
from yukawa.cli.output import note, print_json, say
from yukawa.core.files import atomic_write

Sentence = Annotated[str, argument("SENTENCE", "What is to be simulated, in English, Chinese or LaTeX.")]
For = Annotated[
    str | None,
    option("--for", "NAME", "besiii, lhcb, belle2, fcc or evtgen; by default what the sentence says."),
]
Out = Annotated[Path | None, option("--out", "FILE", "Write to this file instead of stdout.")]


def decay_card(sentence: Sentence, experiment: For = None, out: Out = None, as_json: Json = False) -> None:
    """Write a decay card for EvtGen."""
    from yukawa.generators.sentences import read_plan, with_experiment
    from yukawa.generators.writing import write_card

    plan = read_plan(sentence)
    plan = with_experiment(plan, experiment) if experiment else plan
    written = write_card(plan)
    remarks = tuple(f"line {each.line}: {each.code}: {each.message}" for each in written.remarks)
    _give(written.text, (f"for {plan.experiment}", *written.notes, *remarks), out, as_json)


def job_options(sentence: Sentence, out: Out = None, as_json: Json = False) -> None:
    """Write job options of BOSS for a simulation at BESIII."""
    from yukawa.generators.jobs import write_job_options

    _give(*write_job_options(sentence), out, as_json)


def pythia(sentence: Sentence, experiment: For = None, out: Out = None, as_json: Json = False) -> None:
    """Write settings of Pythia 8."""
    from yukawa.generators.jobs import write_pythia
    from yukawa.generators.sentences import read_plan, with_experiment

    plan = read_plan(sentence)
    _give(*write_pythia(with_experiment(plan, experiment) if experiment else plan), out, as_json)


def _give(text: str, notes: tuple[str, ...], out: Path | None, as_json: bool) -> None:
    if out is not None:
        atomic_write(out, text)
    if as_json:
        print_json({"text": text, "notes": list(notes), "file": str(out) if out else None})
        return
    if out is None:
        say(text.rstrip("\n"))
    for line in notes:
        note((line, "dim"))


app = options.new_app("Write decay cards and settings from a sentence.", decay_card, job_options, pythia)
