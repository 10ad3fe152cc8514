"""Writes job options of BOSS and settings of Pythia for a plan; both are checked before they are given."""

import re
from collections.abc import Sequence

from yukawa.core.errors import InputError
from yukawa.generators.boss import INCLUDES, RESONANCES
from yukawa.generators.checking import check
from yukawa.generators.plans import OF_HARD_PROCESS, CardPlan, DecayStep
from yukawa.generators.sentences import count_of_events, read_plan
from yukawa.generators.species import SpeciesNames
from yukawa.knowledge.parsing.spelling import spell

_EVENTS = 5000  # where the sentence does not say
_SPREADS = ((3.2, 0.0008), (10.0, 0.0013))  # GeV: up to this energy, as public options have it
_NEAR = 0.02


def write_job_options(sentence: str) -> tuple[str, tuple[str, ...]]:
    """Job options of a simulation with KKMC and BesEvtGen: energy, spread, flag of the resonance, card, seed, runs.

    Args:
        sentence: names a resonance or an energy; the number of events and the card, if wanted.

    Returns:
        The options, and a note for each choice.

    Raises:
        InputError: neither resonance nor energy is named, or no resonance is produced at the energy.
    """
    plan = _plan(sentence)
    row, energy = _resonance(sentence, plan)
    notes = [f"KKMC.CMSEnergy {energy:.4g} GeV and {row[0]}: the {row[1]}"]
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
        loop, "", kkmc, f"KKMC.CMSEnergy = {energy:.4g};", f"KKMC.BeamEnergySpread = {spread};",
        *(f"KKMC.{flag} = {'true' if flag == row[0] else 'false'};" for flag, *_ in RESONANCES),
        "KKMC.GenerateContinuum = false;", "KKMC.NumberOfEventPrinted = 1;", "", evtgen,
        f'EvtDecay.userDecayTableName = "{card}";', "", "BesRndmGenSvc.RndmSeed = 1;", "", *simulation[:2], "",
        "// the runs of the data set that is simulated: {-FIRST, 0, -LAST}", "RealizationSvc.RunIdList = {-1, 0, -1};", "",
        simulation[2], 'RootCnvSvc.digiRootOutputFile = "simulation.rtraw";', "MessageSvc.OutputLevel = 5;",
        f"ApplicationMgr.EvtMax = {events};", "",
    ))  # fmt: skip
    return _checked(text, "jobOptions.txt"), tuple(notes)


def _plan(sentence: str) -> CardPlan | None:
    try:
        return read_plan(sentence, "besiii")
    except InputError:
        return None  # options need no decay


def _card(sentence: str) -> str:
    found = re.search(r"(?<![\w./-])[\w./-]+\.dec\b", sentence)
    return found[0] if found else ""


def _resonance(sentence: str, plan: CardPlan | None) -> tuple[tuple[str, str, float, float], float]:
    """The row of the resonance and the energy."""
    energy = plan.energy if plan else None
    found = re.search(r"(?<![\d.])(\d{1,9}+(?:\.\d{1,9}+)?)\s{0,3}(GeV|MeV)", sentence)
    if energy is None and found:
        energy = float(found[1]) / (1000 if found[2] == "MeV" else 1)
    rows = [row for row in RESONANCES if energy is not None and abs(energy - row[2]) <= row[3]]
    plain = spell(sentence).plain
    named = [row for row in RESONANCES if row[1] in plain or (plan and plan.steps[0].parent == row[1])]
    first = next((row for row in named if plan and row[1] == plan.steps[0].parent), None)
    if energy is not None and not rows:
        raise InputError(
            f"BEPCII makes no resonance at {energy:g} GeV",
            hint="energies from 2 to 4.95 GeV; J/psi 3.097, psi(2S) 3.686",
        )
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


# ---- settings of Pythia ---------------------------------------------------------------------------

_OFF = ("ProcessLevel:all = off",)
_LEPTONS = ("Beams:idA = 11", "Beams:idB = -11")
_PROTONS = ("Beams:idA = 2212", "Beams:idB = 2212")
# The energy in GeV and the process in which e+ e- or two protons make a particle, by a pattern of its name: the first counts.
_LEPTON_PROCESSES: tuple[tuple[re.Pattern[str], float, tuple[str, ...], str], ...] = (
    (re.compile(r"Higgs0"), 240.0, ("HiggsSM:ffbar2HZ = on",), "e+ e- -> Z H"),
    (re.compile(r"W[+-]"), 163.0, ("WeakDoubleBoson:ffbar2WW = on",), "e+ e- -> W+ W-"),
    (re.compile(r"(?:anti-)?t$"), 365.0, ("Top:ffbar2ttbar(s:gmZ) = on",), "e+ e- -> t anti-t"),
    (re.compile(r"Z0"), 91.188, ("WeakSingleBoson:ffbar2gmZ = on",), "e+ e- -> Z"),
    (re.compile(r"tau[+-]"), 91.188, ("WeakSingleBoson:ffbar2gmZ = on", "23:onMode = off", "23:onIfAny = 15"), "e+ e- -> Z -> tau+ tau-"),
    (re.compile(r"(?:anti-)?(?:B(?!_c)|Lambda_b|Xi_b|Omega_b|Sigma_b)"), 91.188,
     ("WeakSingleBoson:ffbar2gmZ = on", "23:onMode = off", "23:onIfAny = 5"), "e+ e- -> Z -> b anti-b"),
    (re.compile(r"(?:anti-)?(?:D(?!elta)|Lambda_c|Xi_c(?!c)|Omega_c(?!c)|Sigma_c)"), 91.188,
     ("WeakSingleBoson:ffbar2gmZ = on", "23:onMode = off", "23:onIfAny = 4"), "e+ e- -> Z -> c anti-c"),
)  # fmt: skip
_PROTON_PROCESSES: tuple[tuple[re.Pattern[str], tuple[str, ...], str], ...] = (
    (re.compile(r"Higgs0"), ("HiggsSM:gg2H = on",), "g g -> H"), (re.compile(r"W[+-]"), ("WeakSingleBoson:ffbar2W = on",), "q q' -> W"),
    (re.compile(r"Z0"), ("WeakSingleBoson:ffbar2gmZ = on",), "q anti-q -> Z"),
    (re.compile(r"(?:anti-)?t$"), ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on"), "g g and q anti-q -> t anti-t"),
    (re.compile(r"(?:anti-)?(?:B(?!_c)|Lambda_b|Xi_b|Omega_b|Sigma_b)"), ("HardQCD:hardbbbar = on",), "b anti-b"),
    (re.compile(r"(?:anti-)?(?:D(?!elta)|Lambda_c|Xi_c(?!c)|Omega_c(?!c)|Sigma_c)"), ("HardQCD:hardccbar = on",), "c anti-c"),
    (re.compile(r"tau[+-]"), ("HardQCD:hardccbar = on",), "c anti-c; few events have a tau, from a D_s"),
    (re.compile(r"J/psi|psi\(|chi_c"), ("Charmonium:all = on",), "charmonium"),
    (re.compile(r"Upsilon|chi_b"), ("Bottomonium:all = on",), "bottomonium"),
    (re.compile(r"(?:anti-)?(?:K|pi|eta|rho|omega|phi|Lambda|Sigma|Xi|Omega)(?!_[bc])"),
     ("SoftQCD:inelastic = on",), "inelastic collisions"),
)  # fmt: skip


def write_pythia(plan: CardPlan) -> tuple[str, tuple[str, ...]]:
    """Settings of Pythia 8 that produce the first particle of a plan and force its decays.

    Raises:
        InputError: Pythia refuses a channel.
    """
    first = plan.steps[0].parent
    production, note = _production(plan.experiment, first, plan.energy)
    lines = [
        f"! {', '.join(map(str, plan.steps))}",
        f"Main:numberOfEvents = {plan.events or _EVENTS}",
        *production,
    ]
    for parent in dict.fromkeys(step.parent for step in plan.steps):
        lines += _channels([step for step in plan.steps if step.parent == parent])
    notes = (note, "the channels are flat in phase space (meMode 0)", *plan.notes)
    return _checked("\n".join((*lines, "")), "settings.cmnd"), notes


def _production(experiment: str, first: str, energy: float | None) -> tuple[Sequence[str], str]:
    """The lines that make the first particle, and the note on them."""
    if experiment == "lhcb":
        for pattern, lines, name in _PROTON_PROCESSES:
            if pattern.match(first):
                at = energy or 13000
                return (*_PROTONS, f"Beams:eCM = {at:g}", *lines), f"p p at {at / 1000:g} TeV: {name}"
    elif experiment in ("fcc", "evtgen"):
        for pattern, usual, lines, name in _LEPTON_PROCESSES:
            if pattern.match(first):
                at = energy or usual
                return (*_LEPTONS, f"Beams:eCM = {at:g}", *lines), f"e+ e- at {at:g} GeV: {name}"
    return _OFF, (
        f"no hard process of Pythia makes a {first} here: a program puts it into the event record, as --parent of yukawa generate does"
    )


def _channels(modes: Sequence[DecayStep]) -> list[str]:
    """The lines that leave a particle these modes alone."""
    names = SpeciesNames()
    parent = names.get(modes[0].parent)
    lines: list[str] = []
    for step in modes:
        daughters = [names.get(name) for name in step.daughters]
        if parent is None or None in daughters:
            raise InputError(f"the tables lack a particle of {step}")
        numbers = [each.number for each in daughters if each is not None]
        if parent.number < 0:  # the channels of a pair are those of the particle
            numbers = [_opposite(names, number) for number in numbers]
        own, products = abs(parent.number), " ".join(map(str, numbers))
        if parent.base in OF_HARD_PROCESS:  # chosen from the channels that Pythia has
            lines += [f"{own}:onMode = off"] if not lines else []
            lines.append(f"{own}:onIfMatch = {products}")
        else:
            verb = "addChannel" if lines else "oneChannel"
            lines.append(f"{own}:{verb} = 1 {round(1 / len(modes), 4)} 0 {products}")
    return lines


def _opposite(names: SpeciesNames, number: int) -> int:
    species = next(
        each for name in names.all_names() if (each := names.get(name)) is not None and each.number == number
    )
    other = names.get(names.antiparticle(species))
    return other.number if other is not None else number
