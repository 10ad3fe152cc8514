"""Applies the unambiguous mends of findings to a file, and shows them as a difference."""

import difflib
from collections.abc import Callable, Iterable, Sequence

from yukawa.generators.diagnostics import Diagnostic

_ROUNDS = 5  # a mend can uncover the next mistake


def mended(text: str, found: Iterable[Diagnostic], *, physics: bool = False) -> str:
    """The text with all mends that leave the physics as it is.

    Args:
        text: of the file.
        found: findings of `check` on this text.
        physics: also apply those that alter which decay is generated.
    """
    edits = {edit for each in found if physics or not each.physics for edit in each.edits}
    newline = "\r\n" if "\r\n" in text else "\n"
    lines = text.replace("\r\n", "\n").split("\n")
    taken: set[tuple[int, int]] = set()
    for edit in sorted(edits, key=lambda edit: (edit.line, edit.column, edit.old), reverse=True):
        if edit.line > len(lines):
            continue
        line = lines[edit.line - 1]
        start = edit.column - 1
        place = (edit.line, edit.column)
        if place in taken or not line.startswith(edit.old, start):
            continue
        taken.add(place)
        lines[edit.line - 1] = line[:start] + edit.new + line[start + len(edit.old) :]
    return newline.join("\n".join(lines).split("\n"))


def mended_fully(
    text: str, check: Callable[[str], Sequence[Diagnostic]], *, physics: bool = False
) -> tuple[str, Sequence[Diagnostic]]:
    """Mend and check again until nothing more can be mended; give the text and what is left.

    Args:
        text: of the file.
        check: gives the findings of a text.
        physics: as for `mended`.
    """
    found = check(text)
    for _ in range(_ROUNDS):
        better = mended(text, found, physics=physics)
        if better == text:
            break
        text, found = better, check(better)
    return text, found


def difference(before: str, after: str, name: str) -> str:
    """A unified difference, as `patch` reads it; '' if there is none."""
    lines = difflib.unified_diff(
        before.splitlines(keepends=True),
        after.splitlines(keepends=True),
        f"a/{name.lstrip('/')}",
        f"b/{name.lstrip('/')}",
    )
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )
