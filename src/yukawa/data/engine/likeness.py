"""When two questions are the same: by what they ask where Yukawa reads them, else by their particulars and their meaning.

No likeness of letters or vectors tells the mass of the J/psi from that of the psi(2S), or knows that "How heavy is it?" asks for
a mass. Two questions that are read as plans are the same exactly if their plans want the same. Of others the particulars decide
first (particles, numbers, property): where they differ, the questions do; where they agree, the cosine of the meanings does.
"""

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from yukawa.data.ngrams import normalise
from yukawa.embedding.base import Embedder
from yukawa.knowledge.facts import OF_EACH_STATE
from yukawa.knowledge.parsing import particle_table, read
from yukawa.knowledge.parsing.grammar import plan
from yukawa.knowledge.parsing.plan import Amount, Goal, Plan, Wanted
from yukawa.knowledge.parsing.question import of_particle

SAME = 0.9  # cosine of MiniLM from which two texts with the same particulars ask the same
_MOST = 64  # combinations of what the words can mean
_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_IN_ANY_ORDER = frozenset({"sum", "average", "product", "which"})


@dataclass(frozen=True)
class Features:
    """What a question is compared by.

    Attributes:
        keys: what it asks, one key for each thing that its words can mean; none where it is not read whole.
        norm: its words in lower case, without punctuation.
        particulars: the particles, numbers and the property that it names.
        terms: its search terms, for novelty.
    """

    keys: frozenset[str]
    norm: str
    particulars: frozenset[Any]
    terms: frozenset[str]


@functools.lru_cache(maxsize=16384)
def features(question: str) -> Features:
    """The features of a question in any notation, and in the languages that are read."""
    reading = read(question)
    kept = list(reading.plain)
    for mention in reading.mentions:
        kept[mention.start : mention.end] = " " * (mention.end - mention.start)
    numbers = _NUMBER.findall("".join(kept))
    named = {frozenset(particle_table().identifiers(mention.names)) for mention in reading.mentions}
    charges = {m.names if len(m.names) == 1 else () for m in reading.mentions}
    particulars = frozenset({*numbers, *named, *charges, reading.property})
    return Features(claim_keys(plan(question)), normalise(question), particulars, frozenset(reading.terms()))


def claim_keys(found: Plan) -> frozenset[str]:
    """Keys of what a plan wants: two complete plans with a key in common want the same. None of a plan that is not complete."""
    if not found.complete or any(goal.operation == "overview" for goal in found.goals):
        return frozenset()
    keys = [list(itertools.islice(_of_goal(goal), _MOST)) for goal in found.goals]
    if len(keys) == 1:
        return frozenset(keys[0])
    return frozenset({" & ".join(sorted(min(several, default="") for several in keys))})


def _of_goal(goal: Goal) -> Iterator[str]:
    rest = [
        goal.operation if goal.operation != "value" else "",
        *(f"{f.property}{f.relation}{_shown(f.amount)}" for f in goal.filters),
        *(str(value) for value in (goal.order, goal.most) if value),
        *([f"rank {goal.rank}"] if goal.rank != 1 else []),
        *([f"{goal.relation}{_shown(goal.asserted)}"] if goal.asserted is not None else []),
        *([f"power {goal.power}"] if goal.power != 1 else []),
        *([f"per {_shown(goal.per)}"] if goal.per else []),
        *(["1-"] if goal.from_one else []),
    ]
    for chosen in itertools.product(*(list(itertools.islice(_of_wanted(w), _MOST)) for w in goal.operands)):
        operands = sorted(chosen) if goal.operation in _IN_ANY_ORDER else chosen
        yield "|".join(filter(None, [*rest, *operands]))


def _of_wanted(wanted: Wanted) -> Iterator[str]:
    more = [f"{name}={value}" for name, value in sorted(wanted.qualifiers.items())]
    more += [wanted.name] if wanted.name else []
    more += [f"x{wanted.factor:g}"] if wanted.factor != 1 else []
    more += sorted(wanted.other.names)[:1] if wanted.other else []
    if wanted.channel is not None:
        more += [
            *wanted.channel.conditions,
            *map(str, wanted.channel.steps),
            *(["+X"] if wanted.channel.inclusive else []),
        ]
        for subject, products in itertools.product(
            wanted.thing.names, itertools.islice(itertools.product(*wanted.channel.products), _MOST)
        ):
            turned = (
                of_particle(subject, products)
                if subject in particle_table().particles
                else (subject, products)
            )
            if turned:
                yield _key(turned[0], wanted.property, sorted(turned[1]), more)
        return
    for name in wanted.thing.names or ("",):
        yield _key(name if wanted.property in OF_EACH_STATE else as_particle(name), wanted.property, (), more)


def _key(subject: str, name: str, products: Sequence[str], more: Iterable[str]) -> str:
    return "|".join([subject, name, ",".join(products), *more])


def as_particle(name: str) -> str:
    """The particle of a state, itself where it is one or not in the table: sources list one value for both."""
    found = particle_table().particles.get(name)
    return found.conjugate if found is not None and found.is_antiparticle else name


def _shown(value: Any) -> str:
    if isinstance(value, Amount):
        return f"{value.value:g}{value.unit}"
    return next(_of_wanted(value), "") if isinstance(value, Wanted) else str(value)


def comparable(one: Features, other: Features) -> bool | None:
    """Whether two questions are the same as far as reading tells; None where their meanings have to decide."""
    if one.norm == other.norm:
        return True
    if one.keys and other.keys:
        return not one.keys.isdisjoint(other.keys)
    return None if one.particulars == other.particulars else False


class Known:
    """The questions that are known so far: finds the one that a new question repeats.

    Args:
        embedder: gives the meanings; without vectors only what is read and equal wording count.
        near: cosine from which two meanings count as one.
    """

    def __init__(self, embedder: Embedder, near: float = SAME) -> None:
        self._embedder, self._near = embedder, near
        self._by_norm: dict[str, int] = {}
        self._by_key: dict[str, int] = {}
        self._unread: dict[frozenset[Any], list[tuple[int, Any]]] = {}

    def find(self, question: str) -> int | None:
        """The id of a known question that asks the same, or None."""
        own = features(question)
        if own.norm in self._by_norm:
            return self._by_norm[own.norm]
        for key in own.keys:
            if key in self._by_key:
                return self._by_key[key]
        if own.keys:
            return None
        near = self._unread.get(own.particulars, ())
        if not near or not self._embedder.dimensions:
            return None
        vector = self._embedder.embed([question])[0]
        cosines = np.array([known @ vector for _, known in near])
        best = int(cosines.argmax())
        return near[best][0] if cosines[best] >= self._near else None

    def add(self, question: str, identity: int) -> None:
        """Know a question from now on."""
        own = features(question)
        self._by_norm.setdefault(own.norm, identity)
        for key in own.keys:
            self._by_key.setdefault(key, identity)
        if not own.keys and self._embedder.dimensions:
            vector = self._embedder.embed([question])[0]
            self._unread.setdefault(own.particulars, []).append((identity, vector))


def overlap(one: Features, other: Features) -> float:
    """Jaccard index of the terms of two questions, 0 to 1: how near they are for the choice of what is asked next."""
    union = len(one.terms | other.terms)
    return len(one.terms & other.terms) / union if union else 0.0
