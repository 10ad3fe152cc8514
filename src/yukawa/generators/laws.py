"""The laws that a decay mode must obey: charge, baryon and lepton number, angular momentum, C and P, masses."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from yukawa.generators.models import GUNS, HADRONISATION, WITH_REAL_DAUGHTERS
from yukawa.generators.species import Species, flavours, known_species

_MARGIN = 0.0005  # GeV: tables of particles differ by as much
_SEEN = 0.01  # GeV: a tail that is shorter is none
_STRONG = 1e-6  # GeV: what is wider decays by the strong or the electromagnetic interaction
_NAMED = 20  # daughters that a finding names
_SHOWN = 3  # alternatives that a finding lists

_FLAVOURS = ("strangeness", "charm", "beauty")
# Warnings of what searches look for; a sentence that names it and no search is refused all the same.
_SEARCHED = frozenset({"W-SPIN", "W-C", "W-P", "W-BNV"})

Conjugate = Callable[[Species], Species]


@dataclass(frozen=True, slots=True)
class Violation:
    """A law that a mode breaks.

    Args:
        code: of the finding.
        text: what is broken, with the numbers on both sides.
        final_states: what would obey all laws, as daughters in the order of the mode; several if that is not certain.
        parent: the name of the parent that would obey them.
    """

    code: str
    text: str
    final_states: tuple[tuple[Species, ...], ...] = ()
    parent: str = ""


def is_impossible(code: str, *, searched: bool = False) -> bool:
    """Whether nothing is written that breaks the law of this code, unless it is searched for."""
    return code.startswith("E") or (code in _SEARCHED and not searched)


def violations(
    model: str, parent: Species, daughters: Sequence[Species], conjugate: Conjugate
) -> Iterator[Violation]:
    """All laws that a mode breaks.

    Args:
        model: name of the decay model; some list no real particles.
        parent: what decays.
        daughters: in order.
        conjugate: gives the antiparticle of each.
    """
    if model in HADRONISATION or model in GUNS:
        return
    if model in WITH_REAL_DAUGHTERS:
        daughters = daughters[: WITH_REAL_DAUGHTERS[model]]
    partons = [abs(each.number) for each in daughters if each.is_parton]
    if not daughters or (partons and max(partons) in range(81, 100)):
        return
    broken = list(_numbers(parent, daughters, conjugate))
    yield from broken
    if partons:
        return
    if not broken and decays_strongly(parent):
        yield from _flavour(parent, daughters, conjugate)
    masses = list(_masses(parent, daughters))
    # What is never drawn has no C and no P to violate.
    closed = "E" in [each.code[0] for each in masses]
    if not (parent.is_virtual or parent.redefined or True in [each.redefined for each in daughters]):
        spin = _spin(parent, daughters)
        if spin:
            yield spin
        elif not (broken or closed):
            yield from _parities(parent, daughters, conjugate)
    yield from masses


# ---- additive numbers ----------------------------------------------------------------------------


def _sums(species: Sequence[Species]) -> tuple[int, ...]:
    """Three times the charge, baryon number, lepton numbers."""
    return tuple(map(sum, zip(*[each.sums for each in species], strict=True)))


def _numbers(parent: Species, daughters: Sequence[Species], conjugate: Conjugate) -> Iterator[Violation]:
    before, after = parent.sums, _sums(daughters)
    if before == after:
        return
    shown = f"{parent.name} ({{}}) -> {_listed(daughters)} ({{}})"
    if before[0] != after[0]:
        states = _conjugated(before, daughters, conjugate, 1, charged=True)
        if len(states) != 1:
            # An antibaryon or antineutrino may have been meant beside it, which needs no second guess.
            states = states[:_SHOWN]
        yield Violation("E-CHARGE", "charge: " + shown.format(_signed(before[0]), _signed(after[0])), states)
        return
    if parent.is_virtual or any(each.redefined or each.is_parton for each in (parent, *daughters)):
        return
    states = _conjugated(before, daughters, conjugate, 1, charged=False) or _conjugated(
        before, daughters, conjugate, 2, charged=False
    )
    if before[1] != after[1]:
        text = "baryon number: " + shown.format(before[1], after[1])
        other = "" if states else _other_parent(parent, after)
        yield Violation("E-BARYON" if states or other else "W-BNV", text, states, other)
    if before[2:] != after[2:]:
        names = ("electron number", "muon number", "tau number")
        which = [number for number in range(3) if before[2 + number] != after[2 + number]]
        numbers = [
            f"{names[number]}: {shown.format(before[2 + number], after[2 + number])}" for number in which
        ]
        total = sum(before[2:]) != sum(after[2:])
        code = "E-LEPTON" if states else "W-LNV" if total else "W-LFV"
        yield Violation(code, numbers[0], states)


def _conjugated(
    before: tuple[int, ...], daughters: Sequence[Species], conjugate: Conjugate, count: int, *, charged: bool
) -> tuple[tuple[Species, ...], ...]:
    """The different final states that obey all numbers after `count` daughters became their antiparticles."""
    found: dict[tuple[str, ...], tuple[Species, ...]] = {}
    usable = [at for at, each in enumerate(daughters) if charged or each.charge3 == 0]
    if len(usable) > 12:  # a slip in so long a list is not to be guessed
        return ()
    for chosen in itertools.combinations(usable, count):
        state = list(daughters)
        for at in chosen:
            state[at] = conjugate(state[at])
        if _sums(state) == before:
            # Of equal daughters the last is the one that was meant otherwise: pi+ pi+ was pi+ pi-. An alias is not its particle.
            found[tuple(sorted(each.name for each in state))] = tuple(state)
    return tuple(found.values())


def _other_parent(parent: Species, after: tuple[int, ...]) -> str:
    """The name of a parent of the same charge that has the numbers of the daughters: anti-Sigma- for Sigma-."""
    # They are not each other's antiparticle: the names alone are alike.
    name = parent.base.removeprefix("anti-")
    other = known_species().get(name if name != parent.base else f"anti-{name}")
    return other.name if other and other.charge3 and other.sums == after else ""


def _listed(species: Sequence[Species]) -> str:
    """Names on a line that stays readable."""
    names = [each.name for each in species]
    if len(names) > _NAMED:
        names[_NAMED:] = [f"and {len(names) - _NAMED} more"]
    return " ".join(names)


def _signed(charge3: int) -> str:
    whole, rest = divmod(abs(charge3), 3)
    sign = "+" if charge3 > 0 else "-" if charge3 < 0 else ""
    return f"{sign}{abs(charge3)}/3" if rest else f"{sign}{whole}"


# ---- flavour -------------------------------------------------------------------------------------


def decays_strongly(parent: Species) -> bool:
    """Whether a particle decays by the strong or the electromagnetic interaction, as its width or its C parity shows.

    Tables give D_s* and B* no width; no meson with spin waits for the weak interaction.
    """
    own_antiparticle = bool(parent.c_parity) and not parent.charge3
    excited = abs(parent.number) > 100 and abs(parent.number) % 10 in (3, 5)
    return (parent.width or 0.0) > _STRONG or own_antiparticle or excited


def flavour_change(parent: Species, daughters: Sequence[Species]) -> tuple[int, int, int]:
    """By how much strangeness, charm and beauty change at least; 0 where the quarks of a particle are not known.

    Each K_S0 or K_L0 has strangeness +1 or -1, whichever changes less.
    """
    strange = charm = beauty = 0
    for sign, each in ((-1, parent), *((1, each) for each in daughters)):
        own = flavours(each.number)
        if own is None:
            return 0, 0, 0
        strange, charm, beauty = strange + sign * own[0], charm + sign * own[1], beauty + sign * own[2]
    strange, charm, beauty = abs(strange), abs(charm), abs(beauty)
    either = sum([abs(each.number) in (130, 310) for each in daughters])
    strange = strange - either if strange > either else (either - strange) % 2
    return strange, charm, beauty


def _flavour(parent: Species, daughters: Sequence[Species], conjugate: Conjugate) -> Iterator[Violation]:
    """Flavour that the decay of a parent changes which decays strongly or electromagnetically.

    With leptons, or with one heavy quark changed, it is a weak decay of the parent as searches look for it, and a warning.
    """
    if 22 < abs(parent.number) < 100 or True in [each.redefined for each in (parent, *daughters)]:
        return
    change = flavour_change(parent, daughters)
    if not any(change):
        return
    at = next(number for number, size in enumerate(change) if size)
    before, after = (
        _signed(3 * sum((flavours(each.number) or (0, 0, 0))[at] for each in side))
        for side in ((parent,), daughters)
    )
    either = ", K_S0 and K_L0 +1 or -1" if any(abs(each.number) in (130, 310) for each in daughters) else ""
    text = (
        f"{_FLAVOURS[at]}: {parent.name} ({before}) -> {_listed(daughters)} ({after}{either})"
        " in a strong or electromagnetic decay"
    )
    leptons = any(11 <= abs(each.number) <= 16 for each in daughters)
    heavy = not {"4", "5"}.isdisjoint(str(abs(parent.number))[-4:-1])
    searched = leptons or (heavy and change[1] + change[2] == 1)
    states = [
        state
        for count in (1, 2)
        for state in _conjugated(parent.sums, daughters, conjugate, count, charged=True)
        if not any(flavour_change(parent, state))
    ]
    yield Violation("W-FLAVOUR" if searched else "E-FLAVOUR", text, tuple(states[:_SHOWN]))


# ---- spin, P, C ----------------------------------------------------------------------------------


def _spin(parent: Species, daughters: Sequence[Species]) -> Violation | None:
    spins = [each.spin2 for each in daughters if each.spin2 is not None]
    if parent.spin2 is None or len(spins) < len(daughters):
        return None
    if (parent.spin2 + sum(spins)) % 2:
        return Violation(
            "E-SPIN", f"{parent.name} -> {_listed(daughters)}: half-integer spin on one side alone"
        )
    if len(daughters) != 2:
        return None
    one, other = daughters
    kinds = sorted([each.spin_type for each in daughters])
    if parent.spin2 == 0 and kinds == ["G", "S"]:
        return Violation(
            "E-SPIN", f"{parent.name} -> {_listed(daughters)}: a particle without spin emits no single photon"
        )
    if parent.spin2 == 2 and kinds == ["G", "G"]:
        code = "W-SPIN" if parent.base == "Z0" else "E-SPIN"  # searches for it are made with the Z
        return Violation(
            code, f"{parent.name} -> {_listed(daughters)}: a particle of spin 1 does not decay to two photons"
        )
    if _identical_bosons(one, other) and not _symmetric(_waves(parent, one, other)):
        # Whichever interaction it is; searches with two K_S0 are made, since mixing lets them differ in time.
        code = "W-SPIN" if one.base in ("K_S0", "K_L0") else "E-SPIN"
        text = f"two identical bosons are in no symmetric state of spin {parent.spin2 // 2}"
        return Violation(code, f"{parent.name} -> {_listed(daughters)}: {text}")
    return None


def _identical_bosons(one: Species, other: Species) -> bool:
    """Whether two particles are the same boson with a mass; photons lack the longitudinal states that are counted."""
    return (
        one.number == other.number and one.spin_type != "G" and one.spin2 is not None and one.spin2 % 2 == 0
    )


def _symmetric(waves: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The waves of two bosons that exchange leaves as they are."""
    return [(wave, spin) for wave, spin in waves if (wave + spin) % 2 == 0]


def _parities(parent: Species, daughters: Sequence[Species], conjugate: Conjugate) -> Iterator[Violation]:
    """C of any number of daughters that have one; P, and C of a pair, of two-body decays (PDG review Quark Model)."""
    # Leptons and the weak bosons come with the interaction that violates both.
    if (
        not parent.parity
        or not decays_strongly(parent)
        or any(11 <= abs(each.number) <= 18 or 23 <= abs(each.number) <= 37 for each in daughters)
    ):
        return
    c_parity = _c_parity(parent, conjugate)
    product = 1
    for each in daughters:
        product *= _c_parity(each, conjugate)
    if c_parity and product and product != c_parity:
        yield Violation(
            "W-C", f"{parent.name} -> {_listed(daughters)}: C is {c_parity:+d} before and {product:+d} after"
        )
        return
    parity = int(f"{parent.parity}1")
    if len(daughters) == 3 and not any(each.spin2 != 0 for each in (parent, *daughters)):
        yield from _three_spinless(parent, daughters, parity)
    if len(daughters) != 2 or None in (parent.spin2, daughters[0].spin2, daughters[1].spin2):
        return
    one, other = daughters
    waves = list(_waves(parent, one, other))
    if one.parity and other.parity:
        own = int(f"{one.parity}1") * int(f"{other.parity}1")
        if (
            abs(one.number) == abs(other.number)
            and one.spin2 is not None
            and one.spin2 % 2
            and one.number != other.number
        ):
            own = -1  # a fermion and its antiparticle, whichever parities a table gives
        waves = [(wave, spin) for wave, spin in waves if own * (-1) ** wave == parity]
        if not waves:
            yield Violation(
                "W-P",
                f"{parent.name} -> {_listed(daughters)}: no orbital angular momentum gives parity {parity:+d}",
            )
            return
    pair = conjugate(one).number == other.number and one.number != other.number
    if _identical_bosons(one, other):
        if not _symmetric(waves):
            yield Violation(
                "W-C",
                f"{parent.name} -> {_listed(daughters)}: two identical bosons are in no symmetric state of this spin",
            )
    elif pair and c_parity:
        waves = [(wave, spin) for wave, spin in waves if (-1) ** (wave + spin) == c_parity]
        if not waves:
            yield Violation(
                "W-C", f"{parent.name} -> {_listed(daughters)}: the pair is in no state of C {c_parity:+d}"
            )


def _three_spinless(parent: Species, daughters: Sequence[Species], parity: int) -> Iterator[Violation]:
    """Without spins the two orbital angular momenta are equal, so their parities cancel: three pseudoscalars make 0-, never 0+."""
    product = 1
    for each in daughters:
        if not each.parity:
            return
        product *= int(f"{each.parity}1")
    if product != parity:
        text = (
            f"three particles without spin have parity {product:+d} if their total spin is 0, not {parity:+d}"
        )
        yield Violation("W-P", f"{parent.name} -> {_listed(daughters)}: {text}")


def _c_parity(species: Species, conjugate: Conjugate) -> int:
    """+1 or -1 of a particle that is its own antiparticle, else 0."""
    if not species.c_parity or species.charge3 or conjugate(species).number != species.number:
        return 0
    return int(f"{species.c_parity}1")


def _waves(parent: Species, one: Species, other: Species) -> Iterator[tuple[int, int]]:
    """Orbital angular momentum and total spin of two particles that couple to the spin of the parent."""
    total, first, second = (each.spin2 or 0 for each in (parent, one, other))
    for spin in range(abs(first - second), first + second + 1, 2):
        for wave in range(abs(total - spin), total + spin + 1, 2):
            if wave % 2 == 0:
                yield wave // 2, spin // 2


# ---- masses --------------------------------------------------------------------------------------


def with_tail(mass: float, end: float, tail: str = "its tail") -> str:
    """A mass in GeV, and the end of the tail where that is seen, as a finding says them."""
    return f"{mass:.4g}, {end:.4g} at the end of {tail}" if abs(end - mass) > _SEEN else f"{mass:.4g}"


def _masses(parent: Species, daughters: Sequence[Species]) -> Iterator[Violation]:
    own = len(daughters) > 1 and parent.number in [each.number for each in daughters]
    if own and not (parent.is_virtual or parent.redefined or any(each.redefined for each in daughters)):
        text = f"{parent.name} -> {_listed(daughters)}: a particle is not among its own daughters"
        yield Violation("E-MASS", text)
        return
    if parent.mass is None:
        return
    nominal = sum([each.mass or 0.0 for each in daughters])
    only = daughters[0] if len(daughters) == 1 and daughters[0].mass is not None else None
    if only and only.heaviest < parent.lightest - _MARGIN and not (only.redefined or parent.is_virtual):
        text = f"{only.name} has {only.mass:.4g} GeV, {parent.name} {parent.mass:.4g}: one daughter alone has the mass of its parent"
        yield Violation("E-MASS", text)
    if nominal <= parent.mass:
        return
    names = _listed(daughters)
    least = sum(each.lightest for each in daughters)
    redefined = any(each.redefined for each in daughters)
    if least > parent.heaviest + _MARGIN:
        has = with_tail(parent.mass, parent.heaviest)
        text = f"{names} need {with_tail(nominal, least, 'their tails')} GeV, {parent.name} has {has}"
        yield Violation("I-MASS" if redefined else "E-MASS", text)
    elif nominal > parent.mass + _MARGIN:
        yield Violation(
            "I-MASS", f"{names} have {nominal:.4g} GeV, {parent.name} {parent.mass:.4g}: in the tails alone"
        )
