"""Review by people: claims with leases, blind overlap, doubtful pairs first, verdicts that are only ever added.

A pair has as many slots as reviewers are to see it. Who claims one has it for a while; a lease that runs out gives it back. Nobody sees
a pair twice, or what others said of it. An edit keeps the words before and after, which make a preference for training.
"""

import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from yukawa.core.errors import InputError, NotFound, check_name
from yukawa.data.engine.tables import WorkStore, claims, evidence, keep, notes, pairs, reviews

LEASE_S = 600.0  # seconds that a claimed pair is somebody's
VERDICTS = ("accept", "edit", "reject", "skip")
_STATES: Mapping[str, str] = {"accept": "accepted", "edit": "edited", "reject": "rejected"}
_SURE = 0.05  # share of the pairs without doubts that are reviewed first, to measure the automatic acceptance


@dataclass(frozen=True)
class Claimed:
    """A pair that a reviewer has before him.

    Attributes:
        pair: its row as the run made it, whatever others have decided meanwhile.
        quotes: what its sentences rest on.
        until: when the lease ends, in seconds since 1970.
    """

    pair: Mapping[str, Any]
    quotes: tuple[Mapping[str, Any], ...]
    until: float


class ReviewQueue:
    """The pairs of a run in the order in which they should be reviewed.

    Args:
        store: of the run.
        overlap: reviewers that see each pair.
        seed: draws which of the sure pairs come early.
    """

    def __init__(self, store: WorkStore, overlap: int = 1, seed: int = 0) -> None:
        if overlap < 1:
            raise InputError(f"expected an overlap of at least 1, got {overlap}")
        self._store, self._overlap, self._seed = store, overlap, seed

    def claim(self, reviewer: str, *, now: float | None = None) -> Claimed | None:
        """The next pair for a reviewer: the one before him already, else one with a free slot that he has not seen; None at the end.

        Raises:
            InputError: the reviewer has no name.
        """
        if not reviewer.strip():
            raise InputError("a reviewer needs a name", hint="type --as NAME")
        now = time.time() if now is None else now
        with self._store.write() as connection:
            if self._store.is_postgres:  # SQLite has one writer at a time
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(1501917537)"))
            connection.execute(sa.delete(claims).where(claims.c.state == "claimed", claims.c.until < now))
            mine = claims.c.reviewer == reviewer
            chosen = sa.select(claims).where(mine, claims.c.state == "claimed").order_by(claims.c.id)
            held = connection.execute(chosen).mappings().first()
            if held is not None:
                connection.execute(
                    sa.update(claims).where(claims.c.id == held["id"]).values(until=now + LEASE_S)
                )
                return self._shown(connection, held["pair_id"], now + LEASE_S)
            seen = set(connection.execute(sa.select(claims.c.pair_id).where(mine)).scalars())
            slots: dict[int, set[int]] = {}
            skipped: Counter[int] = Counter()
            for pair_id, slot, state in connection.execute(
                sa.select(claims.c.pair_id, claims.c.slot, claims.c.state)
            ):
                slots.setdefault(pair_id, set()).add(slot)
                skipped[pair_id] += state == "skipped"
            for pair_id in self._order(connection):
                used = slots.get(pair_id, set())
                if (
                    pair_id not in seen and len(used) - skipped[pair_id] < self._overlap
                ):  # who skips leaves it to others
                    slot = min(set(range(len(used) + 1)) - used)
                    row = {
                        "pair_id": pair_id,
                        "slot": slot,
                        "reviewer": reviewer,
                        "until": now + LEASE_S,
                        "state": "claimed",
                    }
                    connection.execute(sa.insert(claims).values(row))
                    return self._shown(connection, pair_id, now + LEASE_S)
        return None

    def decide(
        self,
        pair_id: int,
        reviewer: str,
        verdict: str,
        *,
        after: str = "",
        reason: str = "",
        now: float | None = None,
    ) -> None:
        """Keep a verdict on a claimed pair.

        Args:
            after: the answer as the reviewer would have it, for `edit`.
            reason: why; needed to reject.

        Raises:
            InputError: the verdict is unknown or lacks its text, or the reviewer does not hold the pair (any more).
        """
        check_name("verdict", verdict, VERDICTS)
        if verdict == "edit" and not after.strip():
            raise InputError("an edit needs the new answer", hint="type --edit ID --answer TEXT")
        if verdict == "reject" and not reason.strip():
            raise InputError("a rejection needs a reason", hint="type --reject ID --reason TEXT")
        now = time.time() if now is None else now
        with self._store.write() as connection:
            pair = self._as_made(connection, pair_id)
            place = (
                claims.c.pair_id == pair_id,
                claims.c.reviewer == reviewer,
                claims.c.state == "claimed",
                claims.c.until >= now,
            )
            held = connection.execute(sa.select(claims.c.id).where(*place)).scalar()
            if held is None:
                raise InputError(
                    f"pair {pair_id} is not before {reviewer}", hint="claim one first: yukawa data review RUN"
                )
            connection.execute(
                sa.update(claims)
                .where(claims.c.id == held)
                .values(state="skipped" if verdict == "skip" else "done")
            )
            if verdict == "skip":
                return
            row = {
                "pair_id": pair_id, "revision": pair["revision"], "reviewer": reviewer, "verdict": verdict, "before": pair["answer"],
                "after": after.strip() if verdict == "edit" else pair["answer"], "reason": reason.strip(), "at": now,
            }  # fmt: skip
            connection.execute(sa.insert(reviews).values(row))
            self._apply(connection, pair_id)

    def undo(self, reviewer: str) -> int | None:
        """Take back a reviewer's last verdict: the pair is before him again. Returns its id; None if there is none.

        The verdict stays among the reviews, followed by a row that says that it was taken back.
        """
        now = time.time()
        with self._store.write() as connection:
            valid = [row for row in self._valid(connection) if row["reviewer"] == reviewer]
            if not valid:
                return None
            last = max(valid, key=lambda row: row["id"])
            row = {key: last[key] for key in ("pair_id", "revision", "reviewer", "before", "after")}
            connection.execute(
                sa.insert(reviews).values(row | {"verdict": "undo", "reason": str(last["id"]), "at": now})
            )
            place = (claims.c.pair_id == last["pair_id"], claims.c.reviewer == reviewer)
            connection.execute(sa.update(claims).where(*place).values(state="claimed", until=now + LEASE_S))
            self._apply(connection, last["pair_id"])
            return int(last["pair_id"])

    def progress(self) -> dict[str, int]:
        """How many pairs there are, how many were judged, and how many verdicts of each kind are valid."""
        with self._store.read() as connection:
            valid = self._valid(connection)
            total = connection.execute(sa.select(sa.func.count()).select_from(pairs)).scalar() or 0
        counts = {
            verdict: sum(row["verdict"] == verdict for row in valid)
            for verdict in VERDICTS
            if verdict != "skip"
        }
        return {"pairs": total, "judged": len({row["pair_id"] for row in valid})} | counts

    # ---- inside -----------------------------------------------------------------------------------------

    def _order(self, connection: sa.Connection) -> list[int]:
        """Ids of the pairs: a few sure ones drawn at random, then by doubt; what the machine rejected comes last."""
        columns = (pairs.c.id, pairs.c.support, pairs.c.state)
        rows = connection.execute(sa.select(*columns).order_by(pairs.c.support, pairs.c.id)).all()
        accepted = [row.id for row in rows if row.state != "rejected"]
        rejected = [row.id for row in rows if row.state == "rejected"]
        sure = [row.id for row in rows if row.state != "rejected" and row.support >= 1]
        early = set(random.Random(self._seed).sample(sure, round(_SURE * len(sure))))  # noqa: S311 -- no secret
        return [*sorted(early), *(number for number in accepted if number not in early), *rejected]

    def _apply(self, connection: sa.Connection, pair_id: int) -> None:
        """Let the state of a pair follow its valid verdicts: the majority, of a tie the more careful one, the last edit's words."""
        valid = self._valid(connection, pair_id)
        first = self._as_made(connection, pair_id)
        if not valid:
            values = {"state": first["state"], "answer": first["answer"]}
        else:
            order = ("reject", "edit", "accept")
            chosen = max(
                order,
                key=lambda verdict: (sum(row["verdict"] == verdict for row in valid), -order.index(verdict)),
            )
            edits = [row["after"] for row in valid if row["verdict"] == "edit"]
            values = {"state": _STATES[chosen], "answer": edits[-1] if chosen == "edit" else first["answer"]}
        connection.execute(
            sa.update(pairs).where(pairs.c.id == pair_id).values(revision=pairs.c.revision + 1, **values)
        )

    def _as_made(self, connection: sa.Connection, pair_id: int) -> Mapping[str, Any]:
        """A pair with the answer and state that it had before anybody judged it, which are kept when that is asked first."""
        pair, key = self._pair(connection, pair_id), f"made {pair_id}"
        found = connection.execute(sa.select(notes.c.value).where(notes.c.key == key)).scalar()
        if found is None:
            found = {"state": pair["state"], "answer": pair["answer"], "revision": pair["revision"]}
            keep(connection, key, found)
        return {**pair, **found}

    def _valid(self, connection: sa.Connection, pair_id: int | None = None) -> Sequence[Mapping[str, Any]]:
        """The verdicts that were not taken back, on all pairs or on one."""
        chosen = sa.select(reviews).order_by(reviews.c.id)
        if pair_id is not None:
            chosen = chosen.where(reviews.c.pair_id == pair_id)
        rows = [dict(row) for row in connection.execute(chosen).mappings()]
        undone = {int(row["reason"]) for row in rows if row["verdict"] == "undo"}
        return [row for row in rows if row["verdict"] != "undo" and row["id"] not in undone]

    def _pair(self, connection: sa.Connection, pair_id: int) -> Mapping[str, Any]:
        found = connection.execute(sa.select(pairs).where(pairs.c.id == pair_id)).mappings().first()
        if found is None:
            raise NotFound(f"the run has no pair {pair_id}")
        return dict(found)

    def _shown(self, connection: sa.Connection, pair_id: int, until: float) -> Claimed:
        chosen = sa.select(evidence).where(evidence.c.pair_id == pair_id).order_by(evidence.c.id)
        quotes = tuple(dict(row) for row in connection.execute(chosen).mappings())
        return Claimed(self._as_made(connection, pair_id), quotes, until)
