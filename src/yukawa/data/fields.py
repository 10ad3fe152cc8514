"""Which of the eight fields a paper of arXiv is of, by its categories, and the filter that keeps papers of some of them.

Synchrotron radiation and neutron science have no category of arXiv, so no paper is of them by its categories.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from yukawa.core.errors import InputError, unknown_name
from yukawa.data.rows import AnyRow, Document, RowFilter
from yukawa.knowledge.records import DOMAINS

OTHER = "none"
"""The field of another science."""
_PARTICLE, _ASTRO, _EXPERIMENT, _THEORY, _ACCELERATOR, _, _, _COMPUTER = DOMAINS
CATEGORIES: Mapping[str, str] = {
    "hep-ph": _PARTICLE, "hep-ex": _PARTICLE, "hep-th": _THEORY, "hep-lat": _THEORY, "math-ph": _THEORY,
    "physics.ins-det": _EXPERIMENT, "physics.acc-ph": _ACCELERATOR,
}  # fmt: skip
"""Categories that decide; whatever begins with astro-ph is particle astrophysics, with cs. computer science."""
_NEAR: Mapping[str, str] = {"gr-qc": _THEORY, "nucl-th": _THEORY, "nucl-ex": _EXPERIMENT}
_OTHERS = ("q-bio", "math.", "econ.", "q-fin", "nlin.", "cond-mat.")
_COMPUTED = frozenset(f"math.{name}" for name in "CO IT LO NA OC ST PR".split())  # nearly computer science
_OTHER_PHYSICS = frozenset(
    f"physics.{name}" for name in "soc-ph flu-dyn geo-ph ao-ph bio-ph chem-ph hist-ph ed-ph".split()
)


def field_of_category(category: str) -> str:
    """The field of a category of arXiv, `OTHER` for another science, or '' where the category does not decide."""
    if category in CATEGORIES:
        return CATEGORIES[category]
    if category.startswith("astro-ph"):
        return _ASTRO
    if category.startswith("cs."):
        return _COMPUTER
    other = category.startswith(_OTHERS) and category not in _COMPUTED
    return OTHER if other or category in _OTHER_PHYSICS else ""


def field_of_categories(categories: Sequence[str]) -> str | None:
    """The field of a paper: of its primary category, or where that does not decide of the first that does; None if none is.

    Gravitation and nuclear theory count as theory, nuclear experiment as experiment, unless another category decides.
    """
    if not categories or field_of_category(categories[0]) == OTHER:
        return None
    decided = (field_of_category(category) for category in categories)
    near = (_NEAR.get(category) for category in categories)
    return next((name for name in decided if name and name != OTHER), None) or next(filter(None, near), None)


def check_fields(names: Iterable[str]) -> tuple[str, ...]:
    """These fields, in the order of all of them.

    Raises:
        InputError: one is not a field, or has no category of arXiv.
    """
    wanted = set(names)
    for name in sorted(wanted):
        if name not in DOMAINS:
            raise unknown_name("field", name, DOMAINS)
    known = {_ASTRO, _COMPUTER, *CATEGORIES.values()}
    found = tuple(name for name in DOMAINS if name in wanted & known)
    without = sorted(wanted - known)
    if without and wanted != set(DOMAINS):
        raise InputError(
            f"arXiv has no category of {' or '.join(without)}",
            hint=f"choose of {', '.join(name for name in DOMAINS if name in known)}",
        )
    return found


class FieldFilter(RowFilter):
    """Keeps the documents of some of the eight fields, by the categories of arXiv.

    Attributes:
        fields: the fields that are kept.
        kept: number of documents kept so far, by field.

    Raises:
        InputError: one is not a field, or has no category.
    """

    def __init__(self, fields: Iterable[str]) -> None:
        self.fields = check_fields(fields)
        self.kept: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()

    @property
    def settings(self) -> dict[str, Any]:
        """What decides, for the manifest."""
        counts = ", ".join(f"{self.kept[name]:,} {name}" for name in self.fields)
        return {
            "filter": "fields",
            "about": f"papers whose categories are of other fields are omitted; kept are {counts}.",
            "fields": {name: self.kept[name] for name in self.fields},
        }

    def keeps(self, rows: Iterable[AnyRow]) -> Iterator[bool]:
        """Say of each row, in order, whether it is of one of the fields."""
        for row in rows:
            field = field_of_categories(row.categories) if isinstance(row, Document) else None
            if field in self.fields:
                self.kept[str(field)] += 1
                yield True
            else:
                self.dropped[f"of {field}" if field else "of none of the eight fields"] += 1
                yield False
