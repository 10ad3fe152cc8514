"""Applies the unambiguous mends of findings to a file, and shows them as a difference."""

import difflib
import re
from collections.abc import Callable, Iterable, Sequence

from yukawa.generators.diagnostics import Diagnostic
from yukawa.generators.words import MARK, with_ends

_ROUNDS = 20  # each mends as many findings as a check shows
# Characters of a line that nobody sees, or takes for a plain space.
_UNSEEN = re.compile("[\r\u00a0\u2000-\u200b\u202f\u3000\ufeff]")


def mended(text: str, found: Iterable[Diagnostic], *, physics: bool = False) -> str:
    """The text with all mends that leave the physics as it is; every other line keeps its bytes and its end.

    Args:
        text: of the file.
        found: findings of `check` on this text.
        physics: also apply those that alter which decay is generated.
    """
    edits = {edit for each in found if physics or not each.physics for edit in each.edits}
    pairs = with_ends(text)
    usual = "\r\n" if "\r\n" in text else "\n"
    lines = [line + end for line, end in pairs]
    taken: set[tuple[int, int]] = set()
    for edit in sorted(edits, key=lambda edit: (edit.line, edit.column, edit.old), reverse=True):
        if edit.line > len(lines):
            continue
        line = lines[edit.line - 1]
        start = edit.column - 1
        if edit.line == 1 and text.startswith(MARK):  # which no column counts
            start += 1
        place = (edit.line, edit.column)
        if place in taken or not line.startswith(edit.old, start):
            continue
        taken.add(place)
        end = pairs[edit.line - 1][1]
        new = edit.new if edit.old == "\r" else edit.new.replace("\n", end if end.endswith("\n") else usual)
        lines[edit.line - 1] = line[:start] + new + line[start + len(edit.old) :]
    return "".join(lines)


def mended_fully(
    text: str, check: Callable[[str], Sequence[Diagnostic]], *, physics: bool = False
) -> tuple[str, Sequence[Diagnostic]]:
    """Mend and check again until nothing more can be mended, for a mend can uncover the next mistake.

    Args:
        text: of the file.
        check: gives the findings of a text.
        physics: as for `mended`.

    Returns:
        The text, and the findings that are left.
    """
    found = check(text)
    for _ in range(_ROUNDS):
        better = mended(text, found, physics=physics)
        if better == text:
            break
        text, found = better, check(better)
    return text, found


def difference(before: str, after: str, name: str) -> str:
    """A unified difference, as `patch` reads it, with characters that nobody sees by their numbers; '' if there is none."""
    lines = difflib.unified_diff(
        _shown(before), _shown(after), f"a/{name.lstrip('/')}", f"b/{name.lstrip('/')}"
    )
    return "".join(
        line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines
    )


def _shown(text: str) -> list[str]:
    """Lines as they are shown, a carriage return that is mended as <U+000D>; those before line feeds are never mended."""
    lines = [line + (end if end == "\r" else end[-1:]) for line, end in with_ends(text)]
    named = (_UNSEEN.sub(lambda found: f"<U+{ord(found[0]):04X}>", line) for line in lines if line)
    return [line if line.endswith("\n") or not line.endswith("<U+000D>") else f"{line}\n" for line in named]
