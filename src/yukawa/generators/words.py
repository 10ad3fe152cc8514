"""The words of a decay card as EvtGen reads it: a stream without lines, with the place of each word kept."""

import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

from yukawa.generators.diagnostics import Diagnostic, Edit

# Commands with the number of their words: EvtGen's own, then those of BesEvtGen and of CMS.
COMMANDS = {
    "Alias": 2, "ChargeConj": 2, "CDecay": 1, "CopyDecay": 2, "Define": 2, "Particle": 2, "ChangeMassMin": 2,
    "ChangeMassMax": 2, "IncludeBirthFactor": 2, "IncludeDecayFactor": 2, "LSNONRELBW": 1, "LSFLAT": 1,
    "LSMANYDELTAFUNC": 1, "BlattWeisskopf": 2, "BlattWeisskopfBirth": 2, "SetLineshapePW": 4, "noPhotos": 0,
    "yesPhotos": 0, "normalPhotos": 0, "JetSetPar": 1, "PythiaGenericParam": 1, "PythiaAliasParam": 1,
    "PythiaBothParam": 1,
    "yesFSR": 0, "noFSR": 0, "normalFSR": 0, "AddFactorPn": 0,
    "yesIncoherentB0Mixing": 2, "noIncoherentB0Mixing": 0, "yesIncoherentBsMixing": 2, "noIncoherentBsMixing": 0,
}  # fmt: skip
FLAGS = frozenset({"PHOTOS", "VERBOSE", "SUMMARY"})
OPENING = frozenset({*COMMANDS, "Decay", "RemoveDecay", "ModelAlias"})
KEYWORDS = frozenset({*OPENING, "Enddecay", "End"})
BY_CASE = {word.lower(): word for word in (*KEYWORDS, *FLAGS)}
# As people write them otherwise: a table of these costs less than the lower case of every word of a card.
OTHER_CASES = {
    other: word for word in BY_CASE.values()
    for other in (word.lower(), word.upper(), word.capitalize(), word[0].lower() + word[1:], word.replace("dd", "dD"), "endDecay")
    if other not in KEYWORDS | FLAGS and other.lower() == word.lower()
}  # fmt: skip

NUMBER = re.compile(r"[+-]?(?:\d++(?:\.\d*+)?|\.\d++)(?:[eE][+-]?\d+)?")
MARK = "\ufeff"  # of the byte order, as some editors put it before the first line
_LONGEST = 1023  # characters of a line that the generator reads
_LOOKALIKES = (
    (re.compile("[\u00a0\u2000-\u200b\u202f\u3000\ufeff]"), "space", " "), (re.compile("[\u2010-\u2015\u2212]"), "minus", "-"),
    (re.compile("[\uff1b\u037e]"), "semicolon", ";"),
)  # fmt: skip
_COMMENT = re.compile(r"(?:(?:^|(?<=[\s;]))(?=//)|^\s*+(?=!))(//|!)")  # as other programs have them
_PIECE = re.compile(r"[^\s;]++|;\S*+")


def is_number(word: str) -> bool:
    """Whether a word is a number for the generator: decimal, with a point, without anything behind it."""
    return NUMBER.fullmatch(word) is not None


# ---- lines ---------------------------------------------------------------------------------------


def with_ends(text: str) -> list[tuple[str, str]]:
    """Every line of a text with its end: a line feed and the carriage returns before it, or a carriage return alone."""
    *ended, rest = text.split("\n")
    found: list[tuple[str, str]] = []
    for part in ended:
        line = part.rstrip("\r")
        *alone, last = line.split("\r")
        found += [(each, "\r") for each in alone]
        found.append((last, f"{part[len(line) :]}\n"))
    *alone, last = rest.split("\r")
    return [*found, *((each, "\r") for each in alone), (last, "")]


def split_lines(text: str) -> tuple[list[str], list[Diagnostic]]:
    """The lines of a file, and what of their ends and before their first no generator knows.

    The first column is that behind a mark of the byte order, as editors count.
    """
    found: list[Diagnostic] = []
    if text.startswith(MARK):
        reason = "the file begins with a byte order mark (U+FEFF), which the generator takes for a part of its first word"
        found.append(Diagnostic("E-LINE", 1, 1, reason, "the file without it", (Edit(1, 0, MARK, ""),)))
        text = text[1:]
    if "\r" not in text:
        return text.split("\n"), found
    pairs = with_ends(text)
    end = "\r\n" if "\r\n" in text else "\n"
    edits = tuple(
        Edit(number, len(line) + 1, "\r", end) for number, (line, own) in enumerate(pairs, 1) if own == "\r"
    )
    if edits:
        count = f"{len(edits):,} lines end" if len(edits) > 1 else "the line ends"
        reason = f"{count} in a carriage return alone, which ends no line for the generator"
        found.append(Diagnostic("E-LINE", edits[0].line, edits[0].column, reason, "line feeds", edits))
    return [line for line, _ in pairs], found


# ---- words ---------------------------------------------------------------------------------------


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
            text = _meant(self.lines[line - 1].partition("#")[0])
            self.starts = {line: [column for _, column in _pieces(text, [], line)]}
        return self.starts[line][word - bisect_left(self.at, line)]

    def place(self, word: int) -> tuple[int, int]:
        """Line and column of a word; of the last line for a place behind the last word."""
        if word < len(self.words):
            return self.at[word], self.column(word)
        return max(len(self.lines), 1), 1


def split_words(text: str) -> CardText:
    """Split a card into words: a `#` begins a comment anywhere, a `;` drops what follows it in its word."""
    lines, found = split_lines(text)
    card = CardText(lines, found=found)
    words, at = card.words, card.at
    plain, foreign = text.isascii(), "//" in text or "!" in text
    long = max(map(len, lines)) > _LONGEST
    for number, line in enumerate(lines, 1):
        if long and len(line) > _LONGEST:
            reason = f"the line has {len(line):,} characters, of which {_LONGEST:,} are read"
            card.cut.add(number)
            found.append(Diagnostic("E-LINE", number, _LONGEST + 1, reason, "it on several lines"))
        code = line.partition("#")[0] if "#" in line else line
        if not code:
            continue
        if not plain and not code.isascii():
            found += _lookalikes(number, code)
            code = _meant(code)
        if foreign and ("//" in code or "!" in code) and (comment := _COMMENT.search(code)):
            place, sign = comment.start(1), comment[1]
            reason = f'a comment begins with "#", not with "{sign}"'
            mend = (Edit(number, place + 1, sign, "#"),)
            found.append(Diagnostic("E-LINE", number, place + 1, reason, '"#"', mend))
            code = code[:place]
        end = code.find(";")
        if end < 0:
            new = code.split()
        elif not code[end + 1 :].strip():  # as most statements end
            new = code[:end].split()
            new.append(";")
        else:
            new = [word for word, _ in _pieces(code, found, number)]
        words += new
        at += [number] * len(new)
    return card


def _pieces(code: str, found: list[Diagnostic], number: int) -> list[tuple[str, int]]:
    """The words of a line with their columns; what a semicolon drops is put into `found`, and read all the same if it is needed."""
    pieces: list[tuple[str, int]] = []
    for match in _PIECE.finditer(code):
        piece, column = match[0], match.start() + 1
        if piece[0] != ";":
            pieces.append((piece, column))
            continue
        pieces.append((";", column))
        tail = piece.strip(";")
        if not tail:
            continue
        behind = column + piece.index(tail)
        reason, write = f'"{tail}" directly after ";" is dropped', f'"; {tail}"'
        # The fraction of the next mode, or a command, whatever its case.
        if tail.lower() in BY_CASE or (is_number(tail) and code[match.end() :].strip()):
            pieces.append((tail, behind))
            mend = (Edit(number, behind, "", " "),)
            found.append(Diagnostic("E-AFTERSEMI", number, behind, f"{reason}, and needed", write, mend))
        else:
            found.append(Diagnostic("W-AFTERSEMI", number, behind, reason, f"{write} or remove it"))
    return pieces


def _meant(code: str) -> str:
    """A line with spaces, dashes and semicolons of text programs as the plain ones that are meant."""
    if code.isascii():
        return code
    for pattern, _, plain in _LOOKALIKES:
        code = pattern.sub(plain, code)
    return code


def _lookalikes(number: int, code: str) -> list[Diagnostic]:
    """Spaces and dashes of text programs, which are neither for the generator."""
    return [
        Diagnostic(
            "E-LINE", number, match.start() + 1, f"the character U+{ord(match[0]):04X} is not a {name} for the generator",
            f"a plain {name}", (Edit(number, match.start() + 1, match[0], plain),),
        )
        for pattern, name, plain in _LOOKALIKES for match in pattern.finditer(code)
    ]  # fmt: skip


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
