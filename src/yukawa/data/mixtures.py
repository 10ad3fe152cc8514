"""Mixtures of archives, defined in one table: FeynTune's s1 to s10, and your own in the same form."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import field_validator

from yukawa.core.errors import InputError, check_name
from yukawa.core.manifest import SPLITS
from yukawa.core.validation import StrictModel, checked
from yukawa.core.yaml_files import read_table
from yukawa.data.spool import Places

_SHIPPED = Path(__file__).with_name("mixtures.yaml")
_TOLERANCE = 1e-9


class Mixture(StrictModel):
    """A mixture of archives: one line of the table.

    Attributes:
        parts: archives (or single categories) with their shares, which add up to 1; None takes all documents.
        size: the mixture to whose size this one is cut, split by split; None if it is not cut.
        sure: whether its name is published; the composition always is.
    """

    parts: dict[str, float | None]
    size: str | None = None
    sure: bool = True

    @field_validator("parts", mode="before")
    @classmethod
    def _from_list(cls, parts: Any) -> Any:
        if isinstance(parts, list):
            if len(set(map(str, parts))) < len(parts):
                raise ValueError("an archive is named twice")
            return dict.fromkeys(parts)
        return parts

    @field_validator("parts")
    @classmethod
    def _whole(cls, parts: dict[str, float | None]) -> dict[str, float | None]:
        if not parts:
            raise ValueError("at least one archive is expected")
        shares = [share for share in parts.values() if share is not None]
        if not shares:
            return parts
        if len(shares) < len(parts) or min(shares) <= 0 or abs(sum(shares) - 1) > _TOLERANCE:
            raise ValueError("each archive needs a share above 0, and the shares must add up to 1")
        return parts

    def describe(self) -> str:
        """Describe the mixture in words, such as `70 % hep-th + 30 % gr-qc, cut to the size of s1`."""
        parts = [name if share is None else f"{100 * share:g} % {name}" for name, share in self.parts.items()]
        size = f", cut to the size of {self.size}" if self.size else ""
        return " + ".join(parts) + size


MixtureTable = Mapping[str, Mixture]


@cache
def shipped_mixtures() -> MixtureTable:
    """FeynTune's ten mixtures; which of them s4 to s7 are is not certain."""
    return read_mixtures(_SHIPPED, {})


def read_mixtures(path: Path, known: MixtureTable | None = None) -> MixtureTable:
    """The mixtures of a YAML file beside those `known` (if None, the shipped ones), which it may build on.

    Raises:
        InputError: the file cannot be read or is not such a table; a mixture is cut to the size of an unknown
            one, or to its own.
    """
    known = shipped_mixtures() if known is None else known
    mixtures = dict(known)
    for name, values in read_table(Path(path)).items():
        if name in known:
            raise InputError(f"{path}: {name} is a shipped mixture", hint="choose another name")
        mixtures[name] = checked(Mixture, values, f"{path}: {name}")
    for name, mixture in mixtures.items():
        _check_size(name, mixture, mixtures)
    return mixtures


def find_mixture(name: str, table: MixtureTable) -> Mixture:
    """The mixture of this name.

    Raises:
        InputError: the table has no such mixture; the nearest is named.
    """
    check_name("mixture", name, table)
    return table[name]


def archives_of(name: str, table: MixtureTable) -> tuple[str, ...]:
    """The archives that decide a mixture: its own, and those of the mixture that gives its size.

    Raises:
        InputError: the mixture is unknown.
    """
    mixture = find_mixture(name, table)
    others = archives_of(mixture.size, table) if mixture.size else ()
    return tuple(dict.fromkeys((*mixture.parts, *others)))


@dataclass(frozen=True)
class Chosen:
    """The documents of a mixture.

    Attributes:
        places: places of the documents, shuffled, by split.
        parts: number of documents of each part, by split.
        wanted: size that the mixture should have, by split; larger than the real one if documents are too few.
    """

    places: dict[str, Places]
    parts: dict[str, dict[str, int]]
    wanted: dict[str, int]


def choose(
    name: str, table: MixtureTable, members: Mapping[str, Places], splits: Places, ranks: Places
) -> Chosen:
    """Choose the documents of a mixture: of each part the first in shuffled order, split by split.

    Of two mixtures that take different numbers from an archive, the smaller takes some of the larger's.

    Args:
        members: places of the documents of each archive.
        splits: the split of each document.
        ranks: the place of each document in shuffled order.

    Raises:
        InputError: the mixture is unknown, or one of its archives has no documents.
    """
    mixture = find_mixture(name, table)
    missing = [part for part in archives_of(name, table) if not len(members[part])]
    if missing:
        present = ", ".join(part for part in members if len(members[part])) or "none of its archives"
        raise InputError(
            f"the mixture {name} needs documents of {', '.join(missing)}, and the input has none",
            hint=f"it has some of {present}; add a snapshot, or choose another mixture",
        )
    places, parts, wanted = {}, {}, {}
    for code, split in enumerate(SPLITS):
        here = {part: found[splits[found] == code] for part, found in members.items()}
        counts = {part: len(found) for part, found in here.items()}
        sizes = _sizes(name, table, counts)
        taken = np.concatenate([in_order(here[part], ranks)[: sizes[part]] for part in mixture.parts])
        places[split] = in_order(taken, ranks)
        parts[split] = sizes
        wanted[split] = sum(_sizes(mixture.size or name, table, counts).values())
    return Chosen(places, parts, wanted)


def in_order(places: Places, ranks: Places) -> Places:
    """The places of documents by their ranks."""
    return places[np.argsort(ranks[places])]


def apportion(total: int, shares: Sequence[float]) -> list[int]:
    """Whole numbers that add up to `total` in proportion to `shares`, by largest remainders."""
    exact = [total * share / sum(shares) for share in shares]
    whole = [int(value + _TOLERANCE) for value in exact]
    left = total - sum(whole)
    by_remainder = sorted(range(len(shares)), key=lambda i: (whole[i] - exact[i], i))
    for i in by_remainder[:left]:
        whole[i] += 1
    return whole


def _sizes(name: str, table: MixtureTable, counts: Mapping[str, int]) -> dict[str, int]:
    """How many documents of each part a mixture takes if `counts` are available."""
    mixture = table[name]
    parts = list(mixture.parts)
    there = [counts[part] for part in parts]
    shares = [share for share in mixture.parts.values() if share is not None]
    total = sum(there)
    if mixture.size:
        total = min(total, sum(_sizes(mixture.size, table, counts).values()))
    if not shares:
        return dict(zip(parts, apportion(total, there) if total else there, strict=True))
    total = min(total, *(int((count + 1) / share) for count, share in zip(there, shares, strict=True)))
    while any(a > b for a, b in zip(apportion(total, shares), there, strict=True)):
        total -= 1
    return dict(zip(parts, apportion(total, shares), strict=True))


def _check_size(name: str, mixture: Mixture, table: MixtureTable) -> None:
    """Refuse sizes that lead to an unknown mixture or in a circle."""
    seen = [name]
    while mixture.size is not None:
        if mixture.size in seen:
            raise InputError(
                f"the mixture {name} is cut to its own size", hint="remove `size` from one of them"
            )
        seen.append(mixture.size)
        mixture = find_mixture(mixture.size, table)


def members_of(
    archives: Iterable[str], names: Sequence[str], categories: Places, matches: Any
) -> dict[str, Places]:
    """Places of the documents of each archive; a document of two belongs to the first.

    Args:
        names: the primary categories; `categories` gives the position of each document's in them.
        matches: whether a category (first) belongs to an archive (second).
    """
    archives = tuple(archives)
    first = [
        next((index for index, part in enumerate(archives) if matches(name, part)), -1) for name in names
    ]
    part_codes = np.array(first or [-1], np.int64)[categories]
    return {part: np.flatnonzero(part_codes == index) for index, part in enumerate(archives)}
