"""`check`: everything that is wrong with a decay card, job options of BOSS or settings of Pythia."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yukawa.generators.cards import DecayCard
from yukawa.generators.declarations import CardCheck
from yukawa.generators.diagnostics import Diagnostic
from yukawa.generators.modes import MOST_FOUND
from yukawa.generators.reading import read_card
from yukawa.generators.species import Species, SpeciesNames, header_species
from yukawa.generators.words import MARK

if TYPE_CHECKING:
    from yukawa.generators.fractions import Measured


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a card is read with.

    Args:
        base: the decay table that the generator reads first; None for the names that the standard tables define.
        table: the user's particles by name; None for the package's own.
        ecms: the energy in the centre of mass in GeV, as the mass of a virtual photon; None if unknown.
        measured: looks up branching fractions (`yukawa.generators.fractions`); None for no comparison.
    """

    base: DecayCard | None = None
    table: Mapping[str, Species] | None = None
    ecms: float | None = None
    measured: "Measured | None" = None


def check(text: str, *, name: str = "", surroundings: Surroundings | None = None) -> list[Diagnostic]:
    """Check a decay card, BOSS job options, Pythia settings, or Python code, which is not run.

    Args:
        text: of the file.
        name: of the file, which helps to tell the kinds; see `kind_of`.
        surroundings: a base table, a table of particles and an energy.

    Returns:
        All findings, by line.
    """
    kind = kind_of(name, text)
    if kind == "boss":
        from yukawa.generators.boss import check_options

        found = check_options(text)
    elif kind == "pythia":
        from yukawa.generators.pythia import check_settings

        found = check_settings(text)
    elif kind == "python":
        from yukawa.generators.snippets import check_snippet

        found = check_snippet(text.removeprefix(MARK))
    else:
        around = surroundings or Surroundings()
        models = [each.words[0] for each in around.base.commands("ModelAlias")] if around.base else []
        found = check_card(read_card(text, models), around)
    return sorted(found, key=lambda each: (each.line, each.column, each.code))[:MOST_FOUND]


def check_card(card: DecayCard, surroundings: Surroundings) -> list[Diagnostic]:
    """Check a decay card that was read."""
    names = SpeciesNames(surroundings.table)
    if surroundings.ecms is not None:
        for name in ("vpho", "xvpho"):
            species = names.get(name)
            if species is not None:
                names.redefine(replace(species, mass=surroundings.ecms, width=0.0))
    for species in header_species(card.text.lines):
        names.redefine(species)
    checked = CardCheck(card, names, surroundings.base)
    checked.run()
    found = [*card.found, *checked.found]
    if surroundings.measured is not None:
        from yukawa.generators.fractions import unlike_measured

        found += unlike_measured(card, surroundings.measured)
    return found


def kind_of(name: str, text: str) -> str:
    """'card', 'boss', 'pythia' or 'python', by the ending of the file's name, or by its text where that says nothing."""
    ending = name.lower().rpartition(".")[2] if "." in name else ""
    if ending in ("dec", "evt"):
        return "card"
    if ending == "py":
        return "python"
    if ending in ("cmnd", "cmd", "pythia"):
        return "pythia"
    lines = [line.strip() for line in text.removeprefix(MARK).splitlines()[:2000]]
    if any(
        line.startswith(
            ("#include", "ApplicationMgr.", "KKMC.", "EvtDecay.", "BesRndmGenSvc.", "MessageSvc.")
        )
        for line in lines
    ):
        return "boss"
    if any(line.split()[:1] in (["Decay"], ["Alias"], ["End"], ["Enddecay"]) for line in lines):
        return "card"
    if any(_is_setting(line) for line in lines):
        return "pythia"
    return "card"


def _is_setting(line: str) -> bool:
    key, equals, _ = line.partition("=")
    return bool(equals) and ":" in key and " " not in key.strip() and not line.startswith(("#", "!"))
