"""`yukawa generate`: events from a decay card or settings of Pythia, with every approximation said."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from yukawa.cli import session
from yukawa.cli.options import Force, Json, argument, option
from yukawa.cli.output import need, note, print_json, say
from yukawa.core.errors import InputError, nearest

if TYPE_CHECKING:
    from yukawa.generators.events import GeneratedEvents

_EVENTS = 1000
WITH = ("yukawa", "evtgen")


def generate(
    card: Annotated[Path, argument("FILE", "A decay card, or a .cmnd file with settings of Pythia.")],
    events: Annotated[
        int | None, option("-n", "N", "Number of events; by default 1000, or what the settings say.")
    ] = None,
    parent: Annotated[
        str | None,
        option("--parent", "NAME", "The particle that decays first; by default the first of the card."),
    ] = None,
    out: Annotated[
        Path | None,
        option("--out", "FILE", "Output file, .hepmc, .npz or .parquet; CARD.hepmc by default.", short="-o"),
    ] = None,
    draw: Annotated[
        Path | None, option("--draw", "FILE.png", "Also draw the first event, as PNG and SVG.")
    ] = None,
    by: Annotated[
        str, option("--with", "NAME", "Generator: yukawa, or evtgen, your own installation in EVTGEN_ROOT.")
    ] = "yukawa",
    seed: Annotated[int, option("--seed", "SEED", "Seed of the random numbers.", min=0, max=900_000_000)] = 1,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Generate events from a decay card, or from settings of Pythia.

    Phase space of any number of bodies, with the amplitudes of VSS, VLL, SVS, VVPIPI, JPIPI, HELAMP, PI0_DALITZ and the
    radiative transitions of charmonium; other models are replaced by flat phase space, and the output says so.
    """
    from yukawa.generators import drawing, output

    if by not in WITH:
        raise InputError(f"--with {by} is not one of {', '.join(WITH)}")
    _check_name(card)
    target = out or card.with_suffix(".hepmc")
    _check_targets(card, target, draw, force)
    _check_there(card)
    generated, first = _generated(card, events, parent, by, seed)
    if draw is not None:
        drawing.check_drawable(generated)
    output.write_events(generated, target)
    count = int(generated.event[-1]) + 1 if len(generated.event) else 0
    if draw is not None:
        draw = drawing.draw_event(generated, draw)
    if as_json:
        print_json({
            "file": str(target), "events": count, "parent": first, "particles": len(generated.event),
            "seed": seed, "picture": str(draw) if draw else None, "notes": list(generated.notes),
        })  # fmt: skip
        return
    of = f" of {first}" if first else ""
    say(f"{count:,} event{'s' * (count != 1)}{of}, {len(generated.event):,} particles: {target}")
    if draw is not None:
        say(f"the first event is drawn: {draw}")
    for line in generated.notes:
        note((line, "dim"))


def _check_targets(card: Path, target: Path, draw: Path | None, force: bool) -> None:
    """Refuse what cannot be written, before anything is generated."""
    from yukawa.generators import output

    session.check_file(target, force, card)
    if draw is not None:
        for picture in (draw, draw.with_suffix(".svg")):
            session.check_file(picture, force, card)
    output.check_ending(target)
    if draw is None:
        return
    if draw.suffix != ".png":
        raise InputError(f"{draw.name} does not end in .png", hint="an SVG is written beside it")
    need("matplotlib", purpose="drawing an event")


def _check_name(path: Path) -> None:
    """Refuse what names no file."""
    if str(path) == "-":
        raise InputError("a card is read from a file, not from standard input", hint="save it as a file")
    if path.is_dir():
        raise InputError(f"{path} is a folder", hint="name a file in it")


def _check_there(path: Path) -> None:
    """Refuse a name without a file, with how to come to one."""
    if not path.exists():
        there = [each.name for each in path.parent.glob("*") if each.suffix.lower() in (".dec", ".cmnd")]
        near = nearest(path.name, there)
        write = f'type: yukawa write decay-card "SENTENCE" -o {path.with_suffix(".dec").name}'
        raise InputError(
            f"there is no file {path}", hint=f"is {path.with_name(near)} meant?" if near else write
        )


def _generated(
    path: Path, wanted: int | None, parent: str | None, by: str, seed: int
) -> "tuple[GeneratedEvents, str | None]":
    """The events, and what decays first."""
    from yukawa.generators import checking, events, evtgen, pythia_runs, reading

    text = reading.read_file(path)
    kind = checking.kind_of(path.name, text)
    if kind == "pythia":
        return pythia_runs.run_settings(text, wanted, parent, seed), parent
    if kind != "card":
        raise InputError(f"{path} is neither a decay card nor settings of Pythia")
    read = reading.read_card(text)
    errors = [each for each in checking.check_card(read, checking.Surroundings()) if each.level == "error"]
    if errors:
        raise InputError(
            f"{path}:{errors[0].line}: {errors[0].code}: {errors[0].message}", hint=f"yukawa check {path}"
        )
    first = parent or next((block.parent for block in read.blocks()), "")
    if not first:
        raise InputError(f"{path} decays nothing")
    count = _EVENTS if wanted is None else wanted
    if by == "evtgen":
        root = evtgen.evtgen_root()
        if root is None:
            raise InputError(
                f"{evtgen.VARIABLE} is not set", hint=f"export {evtgen.VARIABLE}=FOLDER_OF_EVTGEN"
            )
        return evtgen.run_evtgen(path, count, first, seed, root), first
    return events.EventGenerator(read, seed).generate(count, first), first
