"""The typed plan of a question: what is wanted, of what, how it is combined, and which words say so.

A plan is made by the grammar (`yukawa.knowledge.parsing.grammar`) or proposed by a language model; code alone executes it
(`yukawa.assistant.execution`). Each element points to the characters of the question it was read from: words that
no element covers and that are not provably neutral are listed in `unread`, and a plan with unread words is not executed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Span = tuple[int, int]  # characters of the question, first and one past the last
Operation = Literal[
    "value",  # the quantity itself, of each operand
    "overview",  # what there is on a particle: a question that names it and nothing more
    "list",  # all decays of a particle, all members of a class, with filters and order
    "count",  # how many of these there are
    "which",  # which of the operands is first by a property (compare and choose)
    "deviation",  # how far an asserted value is from the quantity, and whether they agree
    "is",  # a yes-or-no question: an asserted value, order, class, decay or property
    "ratio",
    "sum",  # with a minus before operands of negative factor
    "difference",  # the first operand less all others
    "product",
    "average",  # the arithmetic mean
    "multiple",  # factor times an operand: 'twice the mass of the tau'
    "how-many",  # how many of the second make the first: 'how many K+ masses make a B0 mass'
    "reverse",  # which particles have this: decay products, class, identifier, quantum numbers
    "measurements",  # who measured it, in which papers, used in which average
]
Relation = Literal["<", "<=", ">", ">=", "=", "!="]
Direction = Literal["ascending", "descending"]


@dataclass(frozen=True, slots=True)
class Thing:
    """What a question is about: alternatives the words can mean, best first.

    Args:
        names: PDG names of states ('tau-'), or one 'constant:NAME', or one 'class:NAME' ('class:lepton').
        text: the words of the question.
        span: their place in the question.
        state_given: whether charge and particle or antiparticle were said, so that `names` is what was meant.
    """

    names: tuple[str, ...]
    text: str
    span: Span
    state_given: bool = False


@dataclass(frozen=True, slots=True)
class Channel:
    """The final state of a decay.

    Args:
        products: for each product the PDG names it can mean ('l±' → e, mu), or one literal as sources write it
            ('X', 'hadrons', '(K- pi+)(S-wave)'); multiplicities repeated.
        steps: further steps of a chain, each with the decaying product and its products.
        conditions: 'nonresonant', 'S-wave', 'E_gamma > 10 MeV', 'c.c.' as written.
        inclusive: whether anything else may accompany the products.
    """

    products: tuple[tuple[str, ...], ...]
    steps: tuple[tuple[str, tuple[tuple[str, ...], ...]], ...] = ()
    conditions: tuple[str, ...] = ()
    inclusive: bool = False
    span: Span = (0, 0)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One quantity of one thing.

    Args:
        thing: what it is of.
        property: a name in `yukawa.knowledge.facts.PROPERTIES`, or 'half-life', 'decay-length' (c tau), 'energy-release' (Q
            value), 'rest-energy', 'antiparticle'… which are derived; 'decays' for a list of modes.
        channel: of a decay, else None.
        other: the second thing of a mass difference.
        qualifiers: 'scheme': 'MSbar' | 'pole' | 'Breit-Wigner' | 'direct', 'edition': '2018', 'experiment': 'ATLAS',
            'predicted': 'yes', 'prime': …: each must be met by the fact that answers, or the question is refused.
        factor: a multiple said of it ('twice', 'half of', '5 kaons').
        name: description or identifier of the source where the question gives it ('S035M', 'R(b)'), else ''.
    """

    thing: Thing
    property: str
    channel: Channel | None = None
    other: Thing | None = None
    qualifiers: Mapping[str, str] = field(default_factory=dict)
    factor: float = 1.0
    name: str = ""
    spans: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class Amount:
    """A number in the question with its unit and its errors, upper and lower, as an assertion or a threshold."""

    value: float
    unit: str
    span: Span
    error: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on the results: 'above 10 %', 'charged', 'heavier than the proton'."""

    property: str
    relation: Relation
    amount: Amount | Wanted | str
    span: Span


@dataclass(frozen=True, slots=True)
class Goal:
    """One thing that a question wants to know.

    Args:
        operation: what is done with the operands.
        operands: the quantities, in the order of the question.
        filters: conditions on what is listed.
        order: property by which to sort, with 'ascending' or 'descending'; for 'which' the one looked for.
        most: at most this many results ('the three heaviest').
        rank: the place in the order of the first one wanted: 2 for 'the second heaviest'.
        unit: the unit wanted, as written ('microseconds'), or ''.
        asserted: for 'is' the value, class ('class:boson') or order claimed.
        relation: how operands are compared with each other or with `asserted`.
        power: to which the result is raised ('squared', 'square root of').
        from_one: whether 1 less the result is wanted ('1 - (mW/mZ)^2').
        per: the quantity in whose multiples the result is wanted ('in electron masses').
    """

    operation: Operation
    operands: tuple[Wanted, ...]
    filters: tuple[Filter, ...] = ()
    order: tuple[str, Direction] | None = None
    most: int | None = None
    rank: int = 1
    unit: str = ""
    asserted: Amount | str | None = None
    relation: Relation | None = None
    spans: tuple[Span, ...] = ()
    power: float = 1.0
    per: Wanted | None = None
    from_one: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The reading of a whole question.

    Args:
        question: as asked.
        goals: one for each thing asked, in order; () where nothing was understood.
        unread: the words, with their places, that no element covers and that may change the answer.
        suggestions: (written, meant) of misspelt names, said with the answer ("did you mean").
        problem: why a question that was read cannot be answered ('mass in seconds', 'two schemes'), or ''.
        kind: 'facts', 'small-talk', 'command', 'document' or 'explanation'.
        language: 'en', 'zh', 'de', 'fr', 'ja'.
        unanswered: further questions joined to these that none of the goals answers ('how it is measured'), said with the answer.
    """

    question: str
    goals: tuple[Goal, ...] = ()
    unread: tuple[tuple[str, Span], ...] = ()
    suggestions: tuple[tuple[str, str], ...] = ()
    problem: str = ""
    kind: str = "facts"
    language: str = "en"
    unanswered: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether the plan covers the question, so that it may be executed."""
        return bool(self.goals) and not self.unread and not self.problem
