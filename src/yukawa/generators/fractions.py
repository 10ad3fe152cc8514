"""Compares the branching fractions of a card with those of the Review of Particle Physics."""

from collections.abc import Callable, Iterator

from yukawa.generators.cards import DecayBlock, DecayCard, DecayMode
from yukawa.generators.diagnostics import Diagnostic
from yukawa.generators.species import SpeciesNames
from yukawa.knowledge.base import KnowledgeBase
from yukawa.knowledge.parsing.particles import particle_table

# The measured fraction and its error for Monte Carlo numbers of parent and daughters; None if there is none.
Measured = Callable[[int, tuple[int, ...]], tuple[float, float] | None]

_SIGMAS, _SHARE = 5.0, 0.2


def measured_in(base: KnowledgeBase) -> Measured:
    """Looks fractions up in a knowledge base."""
    names = particle_table().numbers

    def measured(parent: int, daughters: tuple[int, ...]) -> tuple[float, float] | None:
        """The measured fraction of a decay and its error; None where there is none with an error."""
        for sign in (1, -1):  # the Review lists particle and antiparticle once
            channel = [names.get(sign * number, names.get(number, "")) for number in daughters]
            subject = names.get(sign * parent, names.get(parent, ""))
            if "" in (subject, *channel):
                return None
            found = base.find_facts(subjects=[subject], property="branching-fraction", channel=channel)
            for each in found:
                fact = each.fact
                if fact.value is not None and fact.bound is None and fact.error_plus and fact.error_minus:
                    return fact.value, (fact.error_plus + fact.error_minus) / 2
        return None

    return measured


def unlike_measured(card: DecayCard, measured: Measured) -> Iterator[Diagnostic]:
    """Modes whose share among the measured modes of their block is off by five standard deviations and a fifth.

    A single forced mode has no share, so its fraction is never compared.
    """
    names = SpeciesNames()
    for command in card.commands("Alias"):
        species = names.get(command.words[1])
        if species is not None:
            names.alias(command.words[0], species)
    for block in card.blocks():
        rows = list(_rows(block, names, measured))
        whole, known = sum(mode.fraction for mode, *_ in rows), sum(value for _, value, _ in rows)
        if len(rows) < 2 or whole <= 0 or known <= 0:
            continue
        for mode, value, error in rows:
            share, expected = mode.fraction / whole, value / known
            if abs(share - expected) > max(_SIGMAS * error / known, _SHARE * expected):
                daughters = " ".join(mode.daughters)
                shares = (
                    f"a share of {share:.3g} of the {len(rows)} measured modes, measured is {expected:.3g}"
                )
                reason = f"{mode.parent} -> {daughters} has {shares}"
                yield Diagnostic(
                    "W-PDG", *card.text.place(mode.start), reason, f"{value * whole / known:.4g}"
                )


def _rows(
    block: DecayBlock, names: SpeciesNames, measured: Measured
) -> Iterator[tuple[DecayMode, float, float]]:
    parent = names.get(block.parent)
    if parent is None or len(block.modes) < 2:
        return
    for mode in block.modes:
        species = [names.get(name) for name in mode.daughters]
        numbers = tuple(each.number for each in species if each is not None)
        if not mode.sound or not numbers or len(numbers) < len(species):
            continue
        found = measured(parent.number, numbers)
        if found is not None:
            yield mode, *found
