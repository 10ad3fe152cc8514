"""The review queue: leases, blind overlap, verdicts and undoing, eight processes at once, bad input."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from yukawa.core.errors import InputError
from yukawa.data.engine import ReviewQueue, WorkStore
from yukawa.data.engine.review import LEASE_S
from yukawa.data.engine.tables import candidates, claims, pairs, reviews


def filled(folder: Path, many: int) -> WorkStore:
    """A run with this many pairs; one in ten has little support, the last was rejected."""
    store = WorkStore(folder, new=True)
    with store.write() as connection:
        for n in range(1, many + 1):
            row = {"question": f"Question {n}?", "domain": "d", "seed": "s", "frame": "", "depth": 1, "topic": 1, "reason": "",
                   "state": "answered", "support": 1.0, "about": {}}  # fmt: skip
            connection.execute(sa.insert(candidates).values(row))
            state = "rejected" if n == many else "accepted"
            pair = {"candidate_id": n, "question": f"Question {n}?", "answer": f"Answer {n}.", "domain": "d", "model": "m", "reason": "",
                    "support": 0.5 if n % 10 == 0 else 1.0, "state": state, "revision": 1}  # fmt: skip
            connection.execute(sa.insert(pairs).values(pair))
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[WorkStore]:
    found = filled(tmp_path, 20)
    yield found
    found.close()


def pair(store: WorkStore, number: int) -> tuple[str, str]:
    with store.read() as connection:
        return tuple(
            connection.execute(sa.select(pairs.c.state, pairs.c.answer).where(pairs.c.id == number)).one()
        )  # type: ignore[return-value]


def next_id(queue: ReviewQueue, reviewer: str, **more: float) -> int | None:
    claimed = queue.claim(reviewer, **more)
    return None if claimed is None else int(claimed.pair["id"])


def test_doubtful_pairs_come_before_sure_ones_and_rejected_ones_last(store: WorkStore) -> None:
    queue, order = ReviewQueue(store), []
    while (number := next_id(queue, "ada")) is not None:
        queue.decide(number, "ada", "accept")
        order.append(number)
    assert sorted(order) == list(range(1, 21))
    assert 10 in order[:2]  # behind the one that was drawn
    assert order[-1] == 20


def test_a_pair_is_before_one_reviewer_until_the_lease_ends(store: WorkStore) -> None:
    queue = ReviewQueue(store)
    first = next_id(queue, "ada", now=0.0)
    assert first is not None
    assert next_id(queue, "ada", now=1.0) == first
    assert next_id(queue, "bob", now=2.0) != first
    assert next_id(queue, "cyd", now=LEASE_S + 5.0) == first
    with pytest.raises(InputError, match=f"pair {first} is not before ada"):
        queue.decide(first, "ada", "accept", now=LEASE_S + 6.0)


def test_with_an_overlap_two_see_a_pair_and_nobody_twice(store: WorkStore) -> None:
    queue = ReviewQueue(store, overlap=2)
    seen: dict[str, list[int]] = {"ada": [], "bob": [], "cyd": []}
    for _ in range(20):
        for reviewer, mine in seen.items():
            if (number := next_id(queue, reviewer)) is not None:
                queue.decide(number, reviewer, "accept")
                mine.append(number)
    assert all(len(mine) == len(set(mine)) for mine in seen.values())
    assert sorted(n for mine in seen.values() for n in mine) == sorted([*range(1, 21)] * 2)


def test_verdicts_decide_and_can_be_taken_back(store: WorkStore) -> None:
    queue = ReviewQueue(store)
    number = next_id(queue, "ada")
    assert number is not None
    queue.decide(number, "ada", "edit", after="Better.")
    assert pair(store, number) == ("edited", "Better.")
    assert queue.undo("ada") == number
    assert pair(store, number) == ("accepted", f"Answer {number}.")
    assert next_id(queue, "ada") == number
    queue.decide(number, "ada", "reject", reason="beside the question")
    assert pair(store, number) == ("rejected", f"Answer {number}.")
    with store.read() as connection:
        assert list(connection.execute(sa.select(reviews.c.verdict).order_by(reviews.c.id)).scalars()) == [
            "edit",
            "undo",
            "reject",
        ]
    assert queue.progress() == {"pairs": 20, "judged": 1, "accept": 0, "edit": 0, "reject": 1}
    assert queue.undo("nobody") is None


def test_of_two_who_disagree_the_more_careful_prevails(store: WorkStore) -> None:
    queue = ReviewQueue(store, overlap=2)
    number = next_id(queue, "ada")
    assert number == next_id(queue, "bob")
    queue.decide(number, "ada", "accept")
    queue.decide(number, "bob", "reject", reason="wrong unit")
    assert pair(store, number)[0] == "rejected"


def test_a_second_reviewer_sees_the_pair_as_it_was_made(store: WorkStore) -> None:
    queue = ReviewQueue(store, overlap=2)
    first = queue.claim("ada")
    assert first is not None
    number = first.pair["id"]
    queue.decide(number, "ada", "edit", after="Better.")
    second = queue.claim("bob")
    assert second is not None
    assert second.pair == first.pair
    queue.decide(number, "bob", "edit", after="Best.")
    with store.read() as connection:
        rows = connection.execute(sa.select(reviews.c.before, reviews.c.after).order_by(reviews.c.id)).all()
    assert [tuple(row) for row in rows] == [
        (first.pair["answer"], "Better."),
        (first.pair["answer"], "Best."),
    ]


@pytest.mark.parametrize("overlap", [1, 2])
def test_what_is_skipped_goes_to_another(overlap: int, store: WorkStore) -> None:
    queue = ReviewQueue(store, overlap)
    number = next_id(queue, "ada")
    assert number is not None
    queue.decide(number, "ada", "skip")
    assert next_id(queue, "ada") != number
    assert next_id(queue, "bob") == number


CLAIM = """
import sys
from pathlib import Path
from yukawa.data.engine import ReviewQueue, WorkStore
store = WorkStore(Path(sys.argv[1]))
queue = ReviewQueue(store)
while (claimed := queue.claim(sys.argv[2])) is not None:
    queue.decide(claimed.pair["id"], sys.argv[2], "accept")
"""


def test_processes_that_claim_at_once_share_the_pairs(tmp_path: Path) -> None:
    filled(tmp_path, 60).close()
    children = [subprocess.Popen([sys.executable, "-c", CLAIM, str(tmp_path), f"r{n}"]) for n in range(3)]
    assert [child.wait() for child in children] == [0] * 3
    store = WorkStore(tmp_path)
    with store.read() as connection:
        done = list(
            connection.execute(sa.select(claims.c.pair_id, claims.c.reviewer).where(claims.c.state == "done"))
        )
    store.close()
    assert sorted(pair_id for pair_id, _ in done) == list(range(1, 61))


@pytest.mark.parametrize(
    ("verdict", "complaint"),
    [("edit", "new answer"), ("reject", "reason"), ("perhaps", "unknown verdict 'perhaps'")],
)
def test_an_incomplete_verdict_is_refused(verdict: str, complaint: str, store: WorkStore) -> None:
    queue = ReviewQueue(store)
    number = next_id(queue, "ada")
    assert number is not None
    with pytest.raises(InputError, match=complaint):
        queue.decide(number, "ada", verdict)
    for wrong in (
        lambda: queue.claim(" "),
        lambda: ReviewQueue(store, overlap=0),
        lambda: queue.decide(999, "ada", "accept"),
    ):
        with pytest.raises(InputError):
            wrong()
