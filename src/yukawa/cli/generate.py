"""`yukawa generate`: events from a decay card, with every approximation said."""

from pathlib import Path
from typing import Annotated

from yukawa.cli.options import Json, argument, option
from yukawa.cli.output import note, print_json, say
from yukawa.core.errors import InputError


def generate(
    card: Annotated[Path, argument("FILE", "A decay card.")],
    events: Annotated[int, option("-n", "N", "Number of events.")] = 1000,
    parent: Annotated[
        str | None,
        option("--parent", "NAME", "The particle that decays first; by default the first of the card."),
    ] = None,
    out: Annotated[
        Path | None, option("--out", "FILE", "OUT.hepmc, OUT.npz or OUT.parquet; CARD.hepmc by default.")
    ] = None,
    seed: Annotated[int, option("--seed", "SEED", "Of the random numbers.")] = 1,
    as_json: Json = False,
) -> None:
    """Generate events from a decay card.

    Phase space of any number of bodies, with the amplitudes of VSS, VLL, SVS, VVPIPI, JPIPI, HELAMP and the radiative
    transitions of charmonium; for other models flat phase space is used, which is said.
    """
    from yukawa.generators.checking import Surroundings, check_card
    from yukawa.generators.events import EventGenerator
    from yukawa.generators.output import check_ending, write_events
    from yukawa.generators.reading import read_card, read_file

    target = out or card.with_suffix(".hepmc")
    check_ending(target)
    read = read_card(read_file(card))
    errors = [each for each in check_card(read, Surroundings()) if each.level == "error"]
    if errors:
        raise InputError(
            f"{card}:{errors[0].line}: {errors[0].code}: {errors[0].message}", hint=f"yukawa check {card}"
        )
    first = parent or next((block.parent for block in read.blocks()), "")
    if not first:
        raise InputError(f"{card} decays nothing")
    generated = EventGenerator(read, seed).generate(events, first)
    write_events(generated, target)
    if as_json:
        print_json({
            "file": str(target), "events": events, "parent": first, "particles": len(generated.event),
            "seed": seed, "notes": list(generated.notes),
        })  # fmt: skip
        return
    say(f"{events:,} events of {first}, {len(generated.event):,} particles: {target}")
    for line in generated.notes:
        note((line, "dim"))
