"""Writes job options of BOSS for a sentence; they are checked before they are given."""

import re

from yukawa.core.errors import InputError
from yukawa.generators import energies
from yukawa.generators.boss import INCLUDES, RESONANCES
from yukawa.generators.checking import check
from yukawa.generators.plans import CardPlan, NoDecay
from yukawa.generators.sentences import count_of_events, names_decay, read_plan
from yukawa.generators.writing import write_card
from yukawa.knowledge.parsing.spelling import spell

_EVENTS = 5000  # where the sentence does not say
_SPREADS = ((3.2, 0.0008), (10.0, 0.0013))  # GeV: up to this energy, as public options have it
_LOWEST, _HIGHEST = 1.84, 4.95  # GeV, of the collisions of BEPCII
_CONTINUUM = re.compile(r"\bcontinuum\b|\boff[- ]?(?:resonance|peak)\b|连续谱|连续本底|非共振", re.IGNORECASE)


def write_job_options(sentence: str) -> tuple[str, tuple[str, ...]]:
    """Job options of a simulation with KKMC and BesEvtGen: energy, spread, flag of the resonance, card, seed, runs.

    Args:
        sentence: names a resonance or an energy; the number of events and the card, if wanted.

    Returns:
        The options, and a note for each choice.

    Raises:
        InputError: neither resonance nor energy is named, or no resonance is produced at the energy.
    """
    if _CONTINUUM.search(sentence):
        raise InputError(
            "the continuum is not written: these options make one resonance in KKMC",
            hint="write the options of the nearest resonance, set its flag to false and KKMC.GenerateContinuum to true by hand",
        )
    plan = _plan(sentence)
    row, energy = _resonance(sentence, plan)
    notes = [f"KKMC.CMSEnergy {energy:.4g} GeV and {row[0]}: the {row[1]}"]
    spread = energies.spread_of(sentence)
    if spread is None:
        spread = next(value for limit, value in _SPREADS if energy < limit)
        notes.append(f"BeamEnergySpread {spread}: as public options have it at this energy")
    events = count_of_events(sentence)
    if events is None:
        events = _EVENTS
        notes.append(f"{events} events: the sentence does not say how many")
    card = plan.card if plan and plan.card else _card(sentence)
    if not card:
        card = "card.dec"
        notes.append('the card is "card.dec": the sentence names none')
    notes.append("RunIdList is a placeholder: put the runs of your data set, with a minus, in its place")
    loop, kkmc, evtgen, *simulation = (f'#include "{include}"' for include in INCLUDES)
    text = "\n".join((
        loop, "", kkmc, f"KKMC.CMSEnergy = {energy:.4g};", f"KKMC.BeamEnergySpread = {spread:g};",
        *(f"KKMC.{flag} = {'true' if flag == row[0] else 'false'};" for flag, *_ in RESONANCES),
        "KKMC.GenerateContinuum = false;", "KKMC.NumberOfEventPrinted = 1;", "", evtgen,
        f'EvtDecay.userDecayTableName = "{card}";', "", "BesRndmGenSvc.RndmSeed = 1;", "", *simulation[:2], "",
        "// the runs of the data set that is simulated: {-FIRST, 0, -LAST}", "RealizationSvc.RunIdList = {-1, 0, -1};", "",
        simulation[2], 'RootCnvSvc.digiRootOutputFile = "simulation.rtraw";', "MessageSvc.OutputLevel = 5;",
        f"ApplicationMgr.EvtMax = {events};", "",
    ))  # fmt: skip
    return _checked(text, "jobOptions.txt"), tuple(notes)


def _plan(sentence: str) -> CardPlan | None:
    """The plan of a sentence with a decay, which a card can hold; None for one without, which options do not need.

    Raises:
        InputError: the sentence names a decay that no card is written for.
    """
    try:
        plan = read_plan(sentence, "besiii")
    except InputError as error:
        if names_decay(sentence) and not isinstance(error, NoDecay):
            raise
        return None
    write_card(plan)
    return plan


def _card(sentence: str) -> str:
    found = re.search(r"(?<![\w./-])[\w./-]+\.dec\b", sentence)
    return found[0] if found else ""


def _resonance(sentence: str, plan: CardPlan | None) -> tuple[tuple[str, str, float, float], float]:
    """The row of the resonance and the energy."""
    energy = energies.energy_of(sentence)
    rows = [row for row in RESONANCES if energy is not None and abs(energy - row[2]) <= row[3]]
    # Of what e+ e- make together the beams make none alone.
    collision = plan is not None and plan.steps[0].parent == "vpho"
    plain = "" if collision else spell(sentence).plain
    named = [row for row in RESONANCES if row[1] in plain or (plan and plan.steps[0].parent == row[1])]
    first = next((row for row in named if plan and row[1] == plan.steps[0].parent), None)
    if energy is not None and not rows:
        inside = _LOWEST <= energy <= _HIGHEST
        what = "KKMC has no flag for a resonance" if inside else "BEPCII makes no collisions"
        listed = ", ".join(f"{name} {mass:.4g}" for _, name, mass, _ in RESONANCES)
        raise InputError(f"{what} at {energy:g} GeV", hint=f"resonances in GeV: {listed}")
    if first or named:
        # Of several in a decay the heaviest is made by the beams.
        row = first or max(named, key=lambda each: each[2])
        if energy is not None and abs(energy - row[2]) > row[3]:
            raise InputError(f"{energy:g} GeV makes no {row[1]}, which has {row[2]:.4g} GeV")
        return row, energy if energy is not None else round(row[2], 3)
    if energy is None:
        raise InputError(
            "the sentence names neither a resonance nor an energy",
            hint="write, for instance, 50k psi(2S) events",
        )
    return min(rows, key=lambda each: abs(energy - each[2])), energy


def _checked(text: str, name: str) -> str:
    errors = [each for each in check(text, name=name) if each.level == "error"]
    if errors:
        raise InputError(f"no {name}: line {errors[0].line}: {errors[0].text}")
    return text
