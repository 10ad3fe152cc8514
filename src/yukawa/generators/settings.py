"""Writes settings of Pythia 8: the collision that makes the first particle, and the decays; checked before they are given."""

import re
from collections.abc import Sequence

from yukawa.core.errors import InputError
from yukawa.generators import energies
from yukawa.generators.checking import check
from yukawa.generators.plans import OF_HARD_PROCESS, CardPlan, DecayStep, fractions_of, same_state
from yukawa.generators.pythia import pythia_keys
from yukawa.generators.sentences import count_of_events, mentioned
from yukawa.generators.species import Species, SpeciesNames
from yukawa.generators.thresholds import refuse_closed

_EVENTS = 5000  # where the sentence does not say
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
# What e+ e- make in one process, by names.
_PAIR_PROCESSES: tuple[tuple[tuple[str, ...], float, tuple[str, ...]], ...] = (
    (("Z0", "Higgs0"), 240.0, ("HiggsSM:ffbar2HZ = on",)),
    (("W+", "W-"), 163.0, ("WeakDoubleBoson:ffbar2WW = on",)),
    (("Z0", "Z0"), 240.0, ("WeakDoubleBoson:ffbar2gmZgmZ = on", "WeakZ0:gmZmode = 2")),
    (("t", "anti-t"), 365.0, ("Top:ffbar2ttbar(s:gmZ) = on",)),
    (("gamma", "gamma"), 91.188, ("PromptPhoton:ffbar2gammagamma = on",)),
    *(
        (
            (name, other),
            91.188,
            ("WeakSingleBoson:ffbar2gmZ = on", "23:onMode = off", f"23:onIfAny = {number}"),
        )
        for name, other, number in (
            ("mu+", "mu-", 13),
            ("tau+", "tau-", 15),
            ("b", "anti-b", 5),
            ("c", "anti-c", 4),
        )
    ),
)
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

# Two protons at the beginning of a reaction or as those that collide; and what they make, by words.
_BEAMS = re.compile(
    r"(?<![A-Za-z])(?:p ?p|protons?[- ]protons?)(?![A-Za-z])[ -]?(?:collisions?|events?|data|interactions?)"
    r"|(?:^|[:;,]|\b(?:simulate|generate|produce|for|of)\s)[^A-Za-z]{0,9}(?:p ?p|protons?[- ]protons?)\s*(?:-+>|→|\\to\b|\bto\b)"
    r"|\b(?:HL-)?LHC\b|质子[- ]?质子对撞|质子对撞", re.IGNORECASE
)  # fmt: skip
_WORDS = (
    (r"(?i:\bt ?t ?-?bar\b|\btop(?:[- ]quark)?[- ]?(?:anti-?top|pairs?)|\bt anti-t\b)|顶夸克对", "t"),
    (r"(?i:\bb ?b ?-?bar\b|\bbeauty pairs?|\bb anti-b\b)", "B0"), (r"(?i:\bc ?c ?-?bar\b|\bcharm pairs?|\bc anti-c\b)", "D0"),
    (r"(?i:\bhiggs\b)|(?<![A-Za-z])H(?![A-Za-z])|希格斯", "Higgs0"), (r"(?<![A-Za-z])Z(?![A-Za-z])|(?i:\bdrell-?yan\b)", "Z0"),
    (r"(?<![A-Za-z])W(?![A-Za-z])", "W+"), (r"(?i:\bmin(?:imum)?[- ]?bias\b|\binelastic\b)", "pi+"),
)  # fmt: skip
_PROCESSES = tuple((re.compile(pattern), name) for pattern, name in _WORDS)


def of_protons(sentence: str) -> bool:
    """Whether a sentence lets two protons collide."""
    return bool(_BEAMS.search(sentence))


def without_beams(sentence: str) -> str:
    """A sentence without the protons that collide, which decay to nothing."""
    return _BEAMS.sub(" ", sentence)


def write_process(sentence: str) -> tuple[str, tuple[str, ...]] | None:
    """Settings of what two protons make, for a sentence without decays and beams; None if it names several processes.

    One that names none wants inelastic collisions.

    Raises:
        InputError: a setting does not pass the check.
    """
    named = [name for pattern, name in _PROCESSES if pattern.search(sentence)]
    particles = [] if named else [options[0] for _, options in mentioned(sentence)]
    if len({*named, *particles}) > 1:
        return None
    lines, note = _production("lhcb", (*named, *particles, "pi+")[0], energies.energy_of(sentence))
    events = count_of_events(sentence) or _EVENTS
    return _checked((f"Main:numberOfEvents = {events}", *lines)), (note,)


def write_pythia(plan: CardPlan, *, protons: bool = False) -> tuple[str, tuple[str, ...]]:
    """Settings of Pythia 8 that produce the first particle of a plan and force its decays.

    Args:
        plan: the decays; one of vpho is what e+ e- make.
        protons: whether the sentence lets two protons collide, whichever experiment it names.

    Raises:
        InputError: Pythia lacks a particle or a process, or refuses a channel.
    """
    refuse_closed(plan.steps, plan.energy)
    steps, first = plan.steps, plan.steps[0]
    apart = next((step for step in steps if step.part), None)
    if apart is not None:
        raise InputError(
            f"in Pythia every {apart.parent} has the same channels, not one of two", hint="write a decay card"
        )
    if first.parent == "vpho":
        production, note = _collision(first, plan.energy)
        steps = steps[1:]
    else:
        production, note = _production("lhcb" if protons else plan.experiment, first.parent, plan.energy)
    species = _species(steps)
    lines: list[str] = []
    for number in dict.fromkeys(abs(species[step.parent].number) for step in steps):
        own = [step for step in steps if abs(species[step.parent].number) == number]
        lines += (
            _chosen(own, species, plan.both) if own[0].parent in OF_HARD_PROCESS else _forced(own, species)
        )
    notes = [note]
    if any("Channel" in line for line in lines):
        notes.append("the channels that are written are flat in phase space (meMode 0)")
    if any("IfMatch" in line for line in lines):
        notes.append("the channels that are chosen keep the amplitudes and the fractions of Pythia")
    head = (f"! {', '.join(map(str, plan.steps))}", f"Main:numberOfEvents = {plan.events or _EVENTS}")
    return _checked((*head, *production, *lines)), (*notes, *plan.notes)


def _checked(lines: Sequence[str]) -> str:
    text = "\n".join((*lines, ""))
    errors = [each for each in check(text, name="settings.cmnd") if each.level == "error"]
    if errors:
        raise InputError(f'Pythia refuses "{lines[errors[0].line - 1]}": {errors[0].text}')
    return text


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


def _collision(step: DecayStep, energy: float | None) -> tuple[Sequence[str], str]:
    """The lines that let e+ e- make the daughters of a virtual photon, and the note on them."""
    for products, usual, lines in _PAIR_PROCESSES:
        if same_state(products, step.daughters):
            at = energy or usual
            made = " ".join(step.daughters)
            return (*_LEPTONS, f"Beams:eCM = {at:g}", *lines), f"e+ e- at {at:g} GeV: e+ e- -> {made}"
    allowed = ", ".join(" ".join(products) for products, *_ in _PAIR_PROCESSES)
    raise InputError(
        f"no process of Pythia for e+ e- -> {' '.join(step.daughters)} is known here",
        hint=f"it makes {allowed}; for a chain of hadrons write a decay card",
    )


def _species(steps: Sequence[DecayStep]) -> dict[str, Species]:
    """The particles of the decays by name.

    Raises:
        InputError: the tables of the generators or Pythia lack one.
    """
    names, known = SpeciesNames(), pythia_keys()
    found: dict[str, Species] = {}
    for step in steps:
        for name in (step.parent, *step.daughters):
            species = names.get(name)
            if species is None or (
                known and not known.particles.particleData.isParticle(abs(species.number))
            ):
                raise InputError(
                    f"no settings for {step}: Pythia has no {name}",
                    hint=f'type: yukawa write decay-card "{step}"',
                )
            found[name] = species
    return found


def _products(step: DecayStep, species: dict[str, Species]) -> str:
    """The numbers of the daughters, conjugate for an antiparticle, since its channels are those of the particle."""
    names = SpeciesNames()
    numbers = [species[name].number for name in step.daughters]
    if species[step.parent].number < 0:
        numbers = [_opposite(names, number) for number in numbers]
    return " ".join(map(str, numbers))


def _chosen(modes: Sequence[DecayStep], species: dict[str, Species], both: bool) -> list[str]:
    """The lines that leave a particle of the hard process some of Pythia's channels.

    A switch of 2 opens a channel for the particle alone, of 3 for the antiparticle alone. Where W+ or t decays alone, all
    channels stay open to W- or anti-t (3), and the chosen ones are opened to both; "Pos" or "Neg" would close them to the other.
    """
    own = abs(species[modes[0].parent].number)
    signs = {step: species[step.parent].number > 0 for step in modes}
    alike = both or SpeciesNames().antiparticle(species[modes[0].parent]) == modes[0].parent
    one_sided = not alike and len(set(signs.values())) == 1
    switch = "off" if not one_sided else "3" if signs[modes[0]] else "2"
    lines = [f"{own}:onMode = {switch}"]
    of_sign = {
        sign: {_products(step, species): None for step in modes if signs[step] == sign}
        for sign in (True, False)
    }
    shared = (
        {*of_sign[True], *of_sign[False]} if alike or one_sided else of_sign[True].keys() & of_sign[False]
    )
    for products in dict.fromkeys((*of_sign[True], *of_sign[False])):
        verb = (
            "onIfMatch"
            if products in shared
            else "onPosIfMatch"
            if products in of_sign[True]
            else "onNegIfMatch"
        )
        lines.append(f"{own}:{verb} = {products}")
    return lines


def _forced(modes: Sequence[DecayStep], species: dict[str, Species]) -> list[str]:
    """The lines that replace the channels of a particle; those of it and of its antiparticle where both decay."""
    own = abs(species[modes[0].parent].number)
    two = len({species[step.parent].number > 0 for step in modes}) > 1
    fractions: dict[DecayStep, float] = {}
    for parent in {step.parent for step in modes}:
        mine = [step for step in modes if step.parent == parent]
        fractions |= zip(mine, fractions_of(mine), strict=True)
    lines: list[str] = []
    for step in modes:
        switch = 1 if not two else 2 if species[step.parent].number > 0 else 3
        verb = "addChannel" if lines else "oneChannel"
        lines.append(f"{own}:{verb} = {switch} {round(fractions[step], 4)} 0 {_products(step, species)}")
    return lines


def _opposite(names: SpeciesNames, number: int) -> int:
    species = next(
        each for name in names.all_names() if (each := names.get(name)) is not None and each.number == number
    )
    other = names.get(names.antiparticle(species))
    return other.number if other is not None else number
