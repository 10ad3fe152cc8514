"""What the names in the PDG's tables mean: for each, the charge states that it can stand for."""

import re
import sqlite3
from collections import defaultdict

from yukawa.knowledge.parsing import final_state
from yukawa.knowledge.sources.pdg.text import plain

_MASS = re.compile(r"\([0-9.~]++(?:[^\W0-9]\w*)?\)")
_ALIAS_DEPTH = 4  # an alias of an alias of a list is the longest chain


class Names:
    """The meaning of every name in the decay tables and descriptions, by the tables' own maps first.

    Names that these maps lack ('rho0', 'e+-', 'D^*()-') are looked up as a reader's spelling would be.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        own: dict[int, list[str]] = defaultdict(list)
        for item, name in connection.execute("SELECT pdgitem_id, name FROM pdgparticle ORDER BY id"):
            own[item].append(name)
        targets: dict[int, list[int]] = defaultdict(list)
        for item, target in connection.execute("SELECT pdgitem_id, target_id FROM pdgitem_map ORDER BY sort"):
            targets[item].append(target)
        self._listed: dict[str, tuple[str, ...]] = {}
        for item, name, kind in connection.execute("SELECT id, name, item_type FROM pdgitem"):
            found = tuple(dict.fromkeys(_resolved(item, own, targets, 0)))
            if found and kind != "T":
                self._listed.setdefault(plain(name), found)
        short: dict[str, set[str]] = defaultdict(set)
        for name, states in self._listed.items():
            if len(states) == 1 and _MASS.search(name):
                short[_MASS.sub("", name)].update(states)
        # 'B_10' is B_1(5721)0, but 'f_0' can be any of several states.
        self._states = dict(self._listed)
        self._short = {name: (*states,) for name, states in short.items() if len(states) == 1}

    def listed(self, name: str) -> tuple[str, ...]:
        """The states of a name that the tables list themselves; none of a mere spelling."""
        return self._listed.get(plain(name), ())

    def states(self, name: str) -> tuple[str, ...]:
        """PDG names of the charge states that `name` can mean; none if it names no particle of the tables."""
        key = plain(name)
        if key not in self._states:
            self._states[key] = final_state.states(key) or self._short.get(key, ())
        return self._states[key]


def _resolved(item: int, own: dict[int, list[str]], targets: dict[int, list[int]], depth: int) -> list[str]:
    if item in own:
        return own[item]
    if depth == _ALIAS_DEPTH:
        return []
    return [n for target in targets.get(item, ()) for n in _resolved(target, own, targets, depth + 1)]
