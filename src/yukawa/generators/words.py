"""The words of a decay card as EvtGen reads it: a stream without lines, with the place of each word kept."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from yukawa.generators.diagnostics import Diagnostic, Edit

_LONGEST = 1023  # characters of a line that the generator reads
_LOOKALIKES = (
    (re.compile("[\u00a0\u2000-\u200b\u202f\u3000\ufeff]"), "space", " "), (re.compile("[\u2010-\u2015\u2212]"), "minus", "-"),
)  # fmt: skip
_WORD = re.compile(r"[^\s;]+|;\S*")


@dataclass(slots=True)
class CardText:
    """A card as text and as words.

    Args:
        lines: the lines of the file.
        words: every word outside comments; a semicolon that ends a word is a word of its own.
        at: the number of the line of each word, counted from 1.
        found: what is wrong with the text itself.
        cut: the numbers of the lines that are too long to be read whole.
        starts: the columns of the words of the line that was asked about last.
    """

    lines: list[str]
    words: list[str] = field(default_factory=list)
    at: list[int] = field(default_factory=list)
    found: list[Diagnostic] = field(default_factory=list)
    cut: set[int] = field(default_factory=set)
    starts: dict[int, list[int]] = field(default_factory=dict)

    def column(self, word: int) -> int:
        """The column of a word, counted from 1."""
        line = self.at[word]
        if line not in self.starts:  # kept for one line, which may be the whole file
            text = self.lines[line - 1].partition("#")[0]
            self.starts = {line: [match.start() + 1 for match in _WORD.finditer(text)]}
        return self.starts[line][word - bisect_left(self.at, line)]

    def place(self, word: int) -> tuple[int, int]:
        """Line and column of a word; of the last line for a place behind the last word."""
        if word < len(self.words):
            return self.at[word], self.column(word)
        return max(len(self.lines), 1), 1


def split_words(text: str) -> CardText:
    """Split a card into words: a `#` begins a comment anywhere, a `;` drops what follows it in its word."""
    # Only these end a line for the generator; str.splitlines knows more.
    card = CardText(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    words, at = card.words, card.at
    plain = text.isascii()
    for number, line in enumerate(card.lines, 1):
        if len(line) > _LONGEST:
            reason = f"the line has {len(line):,} characters, of which {_LONGEST:,} are read"
            card.cut.add(number)
            card.found.append(Diagnostic("E-LINE", number, _LONGEST + 1, reason, "it on several lines"))
        code = line.partition("#")[0] if "#" in line else line
        if not plain and not code.isascii():
            card.found += _lookalikes(number, code)
        before = len(words)
        end = code.find(";")
        if end < 0:
            words += code.split()
        elif not code[end + 1 :].strip():  # as most statements end
            words += code[:end].split()
            words.append(";")
        else:
            for word in code.split():
                if ";" not in word:
                    words.append(word)
                    continue
                head, _, tail = word.partition(";")
                if head:
                    words.append(head)
                words.append(";")
                if tail.strip(";"):
                    card.found.append(_dropped(number, line, word, tail))
        at += [number] * (len(words) - before)
    return card


def _lookalikes(number: int, code: str) -> list[Diagnostic]:
    """Spaces and dashes of text programs, which are neither for the generator."""
    return [
        Diagnostic(
            "E-LINE", number, match.start() + 1, f"the character U+{ord(match[0]):04X} is not a {name} for the generator",
            f"a plain {name}", (Edit(number, match.start() + 1, match[0], plain),),
        )
        for pattern, name, plain in _LOOKALIKES for match in pattern.finditer(code)
    ]  # fmt: skip


def _dropped(number: int, line: str, word: str, tail: str) -> Diagnostic:
    column = line.find(word) + word.find(";") + 2
    return Diagnostic(
        "W-AFTERSEMI", number, column, f'"{tail}" directly after ";" is dropped', f'"; {tail}" or remove it'
    )


# ---- names that a misspelt word was meant to be ---------------------------------------------------

_SHORTEST = 3  # letters of a word for which a name that is merely alike is offered


def is_slip(word: str, name: str) -> bool:
    """Whether a word differs from a name by one letter added, lost or replaced, or by two neighbours swapped."""
    if abs(len(word) - len(name)) > 1:
        return False
    same = next(
        (at for at, (a, b) in enumerate(zip(word, name, strict=False)) if a != b), min(len(word), len(name))
    )
    rest, its = word[same:], name[same:]
    if rest[1:] == its[1:] or rest[1:] == its or rest == its[1:]:
        return True
    return rest[2:] == its[2:] and rest[:2] == its[1::-1]


def folded(name: str) -> str:
    """A name in lower case without the marks that people forget; a charge at its end is kept."""
    return name.lower().replace("-", "").replace("_", "") + ("-" if name.endswith("-") else "")


def candidates(word: str, names: Iterable[str]) -> list[str]:
    """The names for which a word can be misspelt, the best first; one alone is certain enough to be put in its place."""
    listed = list(dict.fromkeys(names))
    same = [name for name in listed if name.lower() == word.lower()]
    own = folded(word)
    return same or [name for name in listed if folded(name) == own or is_slip(word, name)]


def nearest_word(word: str, names: Iterable[str]) -> str:
    """The name that differs least from a word; '' if none is near."""
    listed = list(names)
    found = candidates(word, listed)
    if len(found) == 1:
        return found[0]
    from yukawa.core.errors import nearest  # what it imports costs as much as a check

    if found:
        return nearest(word, found) or found[0]
    return nearest(word, listed) if len(word) >= _SHORTEST else ""
