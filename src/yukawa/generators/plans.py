"""What is to be simulated: a chain of decays by the names of EvtGen, and the particles as a sentence names them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from yukawa.core.errors import InputError
from yukawa.generators.species import SpeciesNames
from yukawa.generators.words import nearest_word

EXPERIMENTS = ("evtgen", "besiii", "lhcb", "belle2", "fcc")
# What a program of hard processes makes and decays itself.
OF_HARD_PROCESS = frozenset({"Z0", "W+", "W-", "Higgs0", "t", "anti-t"})


class UnreadSentence(InputError):
    """A sentence that the grammar does not read; another reader may."""


class NoDecay(UnreadSentence):
    """A sentence without any decay, which names a resonance or an energy alone."""


@dataclass(frozen=True, slots=True)
class DecayStep:
    """One decay by the names of EvtGen.

    Args:
        parent: what decays.
        daughters: in order.
        share: its fraction beside the other modes; None if the sentence gives none.
        part: 1 for one of two that are produced together, 2 for the other; 0 for all of a kind.
        model: the name of the decay model that the sentence gives it, and its arguments; empty if it gives none.
    """

    parent: str
    daughters: tuple[str, ...]
    share: float | None = field(default=None, compare=False)
    part: int = 0
    model: tuple[str, ...] = field(default=(), compare=False)

    @property
    def decayed(self) -> str:
        """What has this decay as one of its modes: the particle, with a space and the part where it is one of two."""
        return f"{self.parent} {self.part}" if self.part else self.parent

    def __str__(self) -> str:
        return f"{self.parent} -> {' '.join(self.daughters)}"


@dataclass(frozen=True, slots=True)
class CardPlan:
    """What a sentence wants.

    Args:
        steps: the decays, that of the first particle first.
        experiment: one of `EXPERIMENTS`.
        both: whether the antiparticles of a pair decay alike.
        events: how many; None if the sentence does not say.
        energy: in the centre of mass in GeV; None if the sentence does not say.
        card: the name of a card that the sentence names.
        alone: whether the other half of a pair decays by the table.
        searched: whether the sentence says that a decay is searched for, or violates a law.
        photos: whether charged daughters radiate photons; None for those of decays with leptons alone.
        notes: how the sentence was read where it is not certain.
    """

    steps: tuple[DecayStep, ...]
    experiment: str = "evtgen"
    both: bool = False
    events: int | None = None
    energy: float | None = None
    card: str = ""
    alone: bool = False
    searched: bool = False
    photos: bool | None = None
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class NamedParticle:
    """A particle in the sentence: the names that it can mean, and what comes between it and its neighbours.

    Args:
        options: the names of EvtGen that it can mean.
        text: as written.
        count: how many of it.
        arrow: whether an arrow or a verb of decay follows.
        opens: whether a bracket with its decay follows.
        closes: how many brackets end behind it.
        apart: whether a comma or a word of a new decay comes before it.
        aside: whether it only names a place, as in "at the Upsilon(4S)", or decays by the table.
        begins: whether a word of a new decay comes before it, and it is not a daughter of the last.
        instead: whether "or" comes before it.
        listed: whether a comma comes before it.
        joined: whether "and" comes before it.
        origin: whether "from" or "in" comes before it.
        through: whether "via" comes before it.
        every: whether "both" or "each" comes before it.
        part: 1 where "one" comes before it, 2 where "the other" does.
        either: whether it has both signs, as in mu+-.
        share: the fraction of the mode that begins with it.
        model: the decay model that is named beside it.
        model_of: of which decay: "made" for the one that makes it, "own" for its own, "first" for the one of the sentence,
            "all" or "both" of them; '' without a model.
        outside: how many brackets end between it and the model.
    """

    options: tuple[str, ...]
    text: str
    count: int = 1
    arrow: bool = False
    opens: bool = False
    closes: int = 0
    apart: bool = False
    aside: bool = False
    begins: bool = False
    instead: bool = False
    listed: bool = False
    joined: bool = False
    every: bool = False
    part: int = 0
    origin: bool = False
    through: bool = False
    either: bool = False
    share: float | None = None
    model: tuple[str, ...] = ()
    model_of: str = ""
    outside: int = 0


@dataclass(slots=True)
class DecayClause:
    """A particle that decays.

    Args:
        parent: what decays.
        daughters: as the sentence names them.
        instead: whether these are another mode of the clause before it.
        searched: whether the sentence says that the decay is searched for, or violates a law.
        model: the decay model that the sentence names for it, and its arguments.
    """

    parent: NamedParticle
    daughters: list[NamedParticle] = field(default_factory=list)
    instead: bool = False
    searched: bool = False
    model: tuple[str, ...] = ()


def with_experiment(plan: CardPlan, experiment: str) -> CardPlan:
    """The plan for another experiment.

    Raises:
        InputError: there is no such experiment.
    """
    if experiment not in EXPERIMENTS:
        near = nearest_word(experiment, EXPERIMENTS)
        raise InputError(
            f"{experiment} is not one of {', '.join(EXPERIMENTS)}", hint=f"write {near}" if near else ""
        )
    return replace(plan, experiment=experiment)


def fractions_of(modes: Sequence[DecayStep]) -> list[float]:
    """The fractions of the modes of a particle, which sum to 1: equal ones where the sentence gives none.

    Raises:
        InputError: some modes have a fraction, others none.
    """
    shares = [mode.share for mode in modes if mode.share is not None]
    if not shares:
        return [1 / len(modes)] * len(modes)
    if len(shares) < len(modes):
        bare = next(mode for mode in modes if mode.share is None)
        raise InputError(
            f"{bare} has no fraction, and other modes of {bare.parent} have one",
            hint='write, for instance, "A -> B C (60%) or D E (40%)"',
        )
    return [share / sum(shares) for share in shares]


def joined_steps(steps: Sequence[DecayStep], more: Sequence[DecayStep], count: int) -> list[DecayStep]:
    """The decays of one of `count` variants of a sentence beside those of others, which share its fractions equally."""
    joined = list(steps)
    for step in more:
        part = None if step.share is None else step.share / count
        if step not in joined:
            joined.append(replace(step, share=part))
        elif part is not None:
            at = joined.index(step)
            joined[at] = replace(step, share=(joined[at].share or 0.0) + part)
    return joined


def conjugate_step(step: DecayStep) -> DecayStep:
    """The decay of the antiparticle."""
    return replace(step, parent=conjugate_of(step.parent), daughters=tuple(map(conjugate_of, step.daughters)))


def same_state(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two lists name the same particles."""
    return sorted(one) == sorted(other)


def conjugate_of(name: str) -> str:
    """The name of the antiparticle."""
    names = SpeciesNames()
    species = names.get(name)
    return names.antiparticle(species) if species else name
