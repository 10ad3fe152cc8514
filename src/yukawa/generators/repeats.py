"""Settings that a file gives more than once: which of them counts, and what is said of the others."""

from collections.abc import Iterator

from yukawa.generators.diagnostics import Diagnostic


class GivenSettings:
    """The settings of a file, each with the value and the line that it had last."""

    def __init__(self) -> None:
        self._given: dict[object, tuple[str, int]] = {}

    def given(self, key: object, value: str, line: int) -> tuple[str, int] | None:
        """Take a setting; give the value and the line of the one that it replaces or repeats."""
        before = self._given.get(key)
        self._given[key] = value, line
        return before

    def __iter__(self) -> Iterator[object]:
        """What was given, in its order."""
        return iter(self._given)

    def last(self, key: object) -> tuple[str, int] | None:
        """The value of a setting that counts, and its line; None if it was not given."""
        return self._given.get(key)


def given_again(
    shown: str, value: str, before: tuple[str, int], place: tuple[int, int], write: str = ""
) -> Diagnostic:
    """The finding on a setting that replaces or repeats one of before.

    Args:
        shown: how it is called.
        value: as it is now.
        before: value and line that it had.
        place: line and column.
        write: what to write in its place.
    """
    if before[0] == value:
        return Diagnostic("I-TWICE", *place, f"{shown} is set already in line {before[1]}, to the same")
    return Diagnostic("W-DEF", *place, f"{shown} is set already in line {before[1]}, to {before[0]}", write)
