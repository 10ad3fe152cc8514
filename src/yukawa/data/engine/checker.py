"""The Checker picks what is asked next by measure, leaves a topic that yields nothing, and screens what the Newbie raises."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from yukawa.data.engine.likeness import Known, features, overlap
from yukawa.data.engine.newbie import not_itself
from yukawa.embedding.base import Embedder
from yukawa.knowledge.routing import field_of

LEAST_NOVELTY = 0.25  # mean of the last pairs of a topic, below which it is left
_LAST = 3  # pairs that decide whether a topic is left
_READABLE = 0.3  # what a question that is read whole is worth beside an entirely new one (1)
_DWELLING = 0.15  # what each question of the same topic costs
_STAYING = 0.2  # what staying with the topic of the last question is worth
_REPEATING = 3.0  # what the share of questions asked in the same frame costs
REFUSALS = frozenset({"unanswerable", "rejected"})


@dataclass
class OpenQuestion:
    """A candidate as the Checker sees it.

    Attributes:
        id: of the candidate.
        question: its words.
        seed: from which it descends.
        topic: the first question of its branch that was not of the topic before.
        state: open, picked, answered, or one of `REFUSALS`.
        frame: in which it was raised.
        novelty: 1 less the largest overlap with what was asked before it.
    """

    id: int
    question: str
    seed: str
    topic: int
    state: str
    frame: str = ""
    novelty: float = 1.0


@dataclass
class Checker:
    """Chooses and screens; its state is made of the candidates of a run and needs no other.

    Args:
        embedder: gives the meanings of questions that are not read.
        targets: pairs wanted of each seed.
    """

    embedder: Embedder
    targets: Mapping[str, int]
    history: dict[str, list[OpenQuestion]] = field(default_factory=lambda: defaultdict(list))
    open: dict[int, OpenQuestion] = field(default_factory=dict)
    accepted: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._known = Known(self.embedder)
        self._topics: Counter[int] = Counter()
        self._frames: Counter[str] = Counter()

    # ---- screening ------------------------------------------------------------------------------------

    def screen(self, question: str) -> tuple[str, str, int | None]:
        """State, reason and duplicate of a new question: 'open', 'duplicate' or 'off-topic'."""
        if reason := not_itself(question):
            return "off-topic", reason, None
        if (known := self._known.find(question)) is not None:
            return "duplicate", "asks what was asked before", known
        own = features(question)
        if (
            not own.keys
            and not any(isinstance(p, frozenset) for p in own.particulars)
            and not field_of(question).known
        ):
            return "off-topic", "of none of the eight fields", None
        return "open", "", None

    def add(self, candidate: OpenQuestion) -> None:
        """Know a candidate that is not a duplicate."""
        self._known.add(candidate.question, candidate.id)
        if candidate.state == "open":
            own = features(candidate.question)
            for asked in self.history[candidate.seed]:
                candidate.novelty = min(candidate.novelty, 1 - overlap(own, features(asked.question)))
            self.open[candidate.id] = candidate

    # ---- choosing -------------------------------------------------------------------------------------

    def pick(self, most: int) -> list[OpenQuestion]:
        """Up to `most` open candidates to ask together, of seeds that lack pairs; fewer where fewer are wanted."""
        picked: list[OpenQuestion] = []
        waiting: Counter[str] = Counter()
        for _ in range(most):
            seed = self._neediest(waiting)
            if seed is None:
                break
            chosen = self._best(seed)
            waiting[seed] += 1
            self.take(chosen)
            picked.append(chosen)
        return picked

    def take(self, chosen: OpenQuestion) -> None:
        """Note that a candidate is asked: what is like it becomes less novel."""
        self.open.pop(chosen.id, None)
        chosen.state = "picked"
        self.history[chosen.seed].append(chosen)
        self._topics[chosen.topic] += 1
        self._frames[chosen.frame] += 1
        own = features(chosen.question)
        for other in self.open.values():
            if other.seed == chosen.seed:
                other.novelty = min(other.novelty, 1 - overlap(own, features(other.question)))

    def _neediest(self, waiting: Mapping[str, int]) -> str | None:
        """The seed that lacks the largest share of its pairs and has open candidates."""
        open_seeds = {candidate.seed for candidate in self.open.values()}
        lacking = {
            seed: 1 - (self.accepted[seed] + waiting.get(seed, 0)) / target
            for seed, target in self.targets.items()
            if seed in open_seeds and self.accepted[seed] + waiting.get(seed, 0) < target
        }
        return max(lacking, key=lambda seed: lacking[seed], default=None)

    def _best(self, seed: str) -> OpenQuestion:
        """The most useful open candidate, where those of the present topic have an advantage as long as it yields."""
        topic = self._topic(seed)
        pool = [candidate for candidate in self.open.values() if candidate.seed == seed]
        return max(pool, key=lambda c: (self._utility(c) + _STAYING * (c.topic == topic), -c.id))

    def _utility(self, candidate: OpenQuestion) -> float:
        readable = _READABLE if features(candidate.question).keys else 0.0
        repeated = self._frames[candidate.frame] / max(1, self._frames.total())
        return (
            candidate.novelty + readable - _DWELLING * self._topics[candidate.topic] - _REPEATING * repeated
        )

    def _topic(self, seed: str) -> int | None:
        """The topic of the last question; None where it has stopped yielding."""
        if not self.history[seed]:
            return None
        topic = self.history[seed][-1].topic
        last = [asked for asked in self.history[seed] if asked.topic == topic][-_LAST:]
        tired = len(last) == _LAST and sum(asked.novelty for asked in last) / _LAST < LEAST_NOVELTY
        refused = len(last) == _LAST and all(asked.state in REFUSALS for asked in last)
        return None if tired or refused else topic


def restored(
    rows: Iterable[Mapping[str, Any]],
    accepted: Mapping[str, int],
    embedder: Embedder,
    targets: Mapping[str, int],
) -> Checker:
    """The Checker of a run that is resumed.

    Args:
        rows: candidates in the order of their ids, of which those with a round were asked in the order of rounds.
        accepted: pairs accepted of each seed.
        embedder: as of `Checker`; `targets` too.
    """
    checker = Checker(embedder, targets)
    checker.accepted.update(accepted)
    order: Sequence[Mapping[str, Any]] = [row for row in rows if row["state"] not in ("duplicate", "seed")]
    by_round: dict[int, list[OpenQuestion]] = defaultdict(list)
    for row in order:
        candidate = OpenQuestion(row["id"], row["question"], row["seed"], row["topic"], "open", row["frame"])
        if row["state"] == "off-topic":
            candidate.state = "off-topic"
        checker.add(candidate)
        if row["round"] is not None:
            by_round[row["round"]].append(candidate)
    places = {row["id"]: row for row in order}
    for number in sorted(by_round):
        for candidate in sorted(by_round[number], key=lambda c: places[c.id]["place"]):
            checker.take(candidate)
            candidate.state = places[candidate.id]["state"]
    return checker
