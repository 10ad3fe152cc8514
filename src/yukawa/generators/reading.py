"""Reads a decay card: every command of EvtGen and its dialects; after a mistake the next statement is read again."""

import functools
import itertools
import re
from bisect import bisect_left
from collections.abc import Iterable
from typing import TYPE_CHECKING

from yukawa.generators.cards import Command, DecayBlock, DecayCard, DecayMode
from yukawa.generators.diagnostics import Diagnostic, Edit
from yukawa.generators.models import decay_models
from yukawa.generators.species import MASTER_MODELS, known_species
from yukawa.generators.words import (
    COMMANDS,
    FLAGS,
    KEYWORDS,
    NUMBER,
    OTHER_CASES,
    is_number,
    nearest_word,
    split_words,
)

if TYPE_CHECKING:
    from pathlib import Path

LARGEST = 4_000_000  # bytes of a file
_CLOSING = frozenset({"Decay", "RemoveDecay", "Enddecay", "End"})  # which end a mode without its semicolon
_INFINITE, _ENDLESS = float("inf"), frozenset({"nan", "inf", "infinity"})  # the generator reads them
_COMMA = re.compile(r"([+-]?\d+),(\d+)$")


def _is_fraction(word: str) -> bool:
    """Whether a word is meant as a number, with a point or a comma in it."""
    return is_number(word) or _COMMA.match(word) is not None


def read_file(path: "Path") -> str:
    """The text of a card or of job options; bytes that are not UTF-8 are read as Latin-1.

    Raises:
        InputError: it cannot be read, is not text, or is larger than `LARGEST`.
    """
    from yukawa.core.files import read_bytes  # what it imports costs as much as a check

    return decoded(read_bytes(path), str(path))


def decoded(raw: bytes, name: str) -> str:
    """Bytes as text, UTF-8 or Latin-1.

    Raises:
        InputError: they are not text, or too many for a card.
    """
    from yukawa.core.errors import InputError

    if len(raw) > LARGEST:
        raise InputError(
            f"{name} has {len(raw) / 1e6:.1f} MB, and files of up to {LARGEST / 1e6:g} MB are read: the table of LHCb has 0.6",
            hint="split it",
        )

    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{name} is UTF-16, which no generator reads", hint="save it as UTF-8")
    if b"\0" in raw:
        raise InputError(f"{name} is not text: it has a zero byte at {raw.index(0):,}")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def foreign_bytes(raw: bytes) -> Diagnostic | None:
    """A remark on the first byte of a file that is not UTF-8, and so is read as Latin-1; None if all are."""
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        text = f"the byte 0x{raw[error.start]:02X} is not UTF-8, so the file is read as Latin-1"
        return Diagnostic("I-BYTES", line, column, text, "the file in UTF-8")
    return None


def read_card(text: str, models: Iterable[str] = ()) -> DecayCard:
    """Read a decay card.

    Args:
        text: the card; a line end is white space to the generator.
        models: names that a base table defines by ModelAlias.

    Returns:
        Its statements and everything that is wrong with its grammar.
    """
    reader = _CardReader(text, models)
    reader.read()
    return reader.card


@functools.lru_cache(maxsize=64)
def _known_models(own: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """All models, and these with the flags that may precede one."""
    models = own.union(decay_models(), MASTER_MODELS)
    return models, models | FLAGS


class _CardReader:
    def __init__(self, text: str, models: Iterable[str]) -> None:
        self.card = DecayCard(split_words(text))
        self.text = self.card.text
        self.words = self.text.words
        self.found = self.card.found
        self.found += self.text.found
        self.next = 0
        self._mend_cases()
        own = self._behind_each("ModelAlias")
        self.ends = [at for at, word in enumerate(self.words) if word == ";" or word in KEYWORDS]
        self.aliases = frozenset(self._behind_each("Alias"))
        self.models, self.stops = _known_models(frozenset({*models, *own}))

    def _mend_cases(self) -> None:
        """Read commands and flags whose letters have another case as what they are meant to be, each as one finding."""
        if OTHER_CASES.keys().isdisjoint(self.words):
            return
        wrong = OTHER_CASES.keys() & set(self.words)
        wrong -= {name for each in ("Alias", "ModelAlias", "Define") for name in self._behind_each(each)}
        words, lines = self.words, self.text.at
        block = inside = False  # of a mode or a ModelAlias, whose arguments may be any words
        for at, word in enumerate(words):
            right = OTHER_CASES[word] if word in wrong else word
            closes = right in _CLOSING and (not at or lines[at - 1] < lines[at])
            if right != word and (not inside or right in FLAGS or closes):
                kind = "flag" if right in FLAGS else "command"
                self._report("E-KEY", at, f'unknown {kind} "{word}"', f'"{right}"', self._replaced(at, right))
                words[at] = right
            if words[at] == "End":
                return
            if words[at] in KEYWORDS:
                block = words[at] in ("Decay", "RemoveDecay")
            inside = words[at] != ";" and (
                words[at] == "ModelAlias" or block or (inside and words[at] not in KEYWORDS)
            )

    def _behind_each(self, command: str) -> list[str]:
        """The word behind each of a command."""
        if command not in self.words:
            return []
        return [after for word, after in itertools.pairwise(self.words) if word == command]

    def read(self) -> None:
        """Read to End, or to the last word."""
        words = self.words
        while self.next < len(words):
            word = words[self.next]
            if word == "End":
                self._ended()
                return
            if word in ("Decay", "RemoveDecay"):
                self._block()
            elif word == "ModelAlias":
                self._model_alias()
            elif word in COMMANDS:
                self._command(word)
            else:
                self._unknown(word)
        lines = self.text.lines
        last = max((at for at, line in enumerate(lines, 1) if line.strip()), default=1)
        mend = Edit(last, len(lines[last - 1]) + 1, "", "\nEnd")
        self.found.append(
            Diagnostic("E-NOEND", last, 1, "the card has no End", '"End" as its last line', (mend,))
        )

    def _ended(self) -> None:
        for at in range(self.next + 1, len(self.words)):
            if self.words[at] in KEYWORDS:
                self._report("W-AFTEREND", at, f"{self.words[at]} follows End and is not read")
                return

    def _report(self, code: str, word: int, text: str, write: str = "", edits: tuple[Edit, ...] = ()) -> None:
        line, column = self.text.place(word)
        self.found.append(Diagnostic(code, line, column, text, write, edits))

    def _replaced(self, word: int, new: str) -> tuple[Edit, ...]:
        line, column = self.text.place(word)
        return (Edit(line, column, self.words[word], new),)

    def _behind(self, word: int, new: str) -> tuple[Edit, ...]:
        line, column = self.text.place(word)
        return (Edit(line, column + len(self.words[word]), "", new),)

    # ---- statements ------------------------------------------------------------------------------

    def _unknown(self, word: str) -> None:
        """A word where a command should begin; all up to the next command is passed over."""
        at = self.next
        if is_number(word):
            self._report(
                "E-KEY", at, f"a mode outside a Decay block begins with {word}", '"Decay PARTICLE" before it'
            )
        elif word == "Enddecay" or (meant := nearest_word(word, KEYWORDS)) == "Enddecay":
            self._report("E-KEY", at, f"{word} without a Decay before it")
            self.next += 1
            return
        else:
            # What follows a misspelt End may be wanted.
            ends = meant == "End" and at + 1 == len(self.words)
            mend = self._replaced(at, meant) if meant and (ends or meant != "End") else ()
            self._report("E-KEY", at, f'unknown command "{word}"', f'"{meant}"' if meant else "", mend)
            if ends:
                self.words[at] = meant
                return
            if meant in ("Decay", "RemoveDecay"):
                self._block(meant)
                return
            if meant == "ModelAlias":
                self._model_alias()
                return
            if meant in COMMANDS:
                self._command(meant)
                return
        self.next += 1
        while self.next < len(self.words) and self.words[self.next] not in KEYWORDS:
            self.next += 1

    def _command(self, name: str) -> None:
        at = self.next
        count = COMMANDS[name]
        given = self.words[at + 1 : at + 1 + count]
        for number, word in enumerate(given):
            if word in KEYWORDS or word == ";":
                given = given[:number]
                break
        self.next = at + 1 + len(given)
        if len(given) < count:
            self._report("E-ARGS", at, f"{name} takes {count} words, here {len(given)}")
            if self.words[self.next : self.next + 1] == [";"]:
                self.next += 1
            return
        if name == "Particle" and self.next < len(self.words) and is_number(self.words[self.next]):
            given.append(self.words[self.next])
            self.next += 1
        while self.next < len(self.words) and self.words[self.next] == ";":  # the generator stops on it
            self._report(
                "E-KEY",
                self.next,
                f'the ";" behind {name} stops the generator: leave it out',
                "",
                self._replaced(self.next, ""),
            )
            self.next += 1
        self.card.statements.append(Command(name, given, at))

    def _model_alias(self) -> None:
        at = self.next
        end = self._end_of_mode(at + 1)
        words = self.words[at + 1 : end]
        if len(words) < 2 or words[1] not in self.models:
            meant = nearest_word(words[1], self.models) if len(words) > 1 else ""
            reason = f"unknown model {words[1]}" if len(words) > 1 else "ModelAlias wants a name and a model"
            self._report("E-MODEL", min(at + 2, len(self.words) - 1), reason, f'"{meant}"' if meant else "")
        else:
            self.card.statements.append(Command("ModelAlias", words, at))
            if words[0] not in self.models:  # its command was misspelt
                self.models, self.stops = self.models | {words[0]}, self.stops | {words[0]}
        if self.words[end : end + 1] == [";"]:
            self.next = end + 1
        else:
            self.next = end
            self._report(
                "E-NOSEMI", end - 1, "ModelAlias ends with a semicolon", '";"', self._behind(end - 1, ";")
            )

    def _end_of_mode(self, start: int) -> int:
        """The number of the semicolon of what begins here, or of the word before which it is missing."""
        place = bisect_left(self.ends, start)
        return self.ends[place] if place < len(self.ends) else len(self.words)

    # ---- blocks ----------------------------------------------------------------------------------

    def _block(self, kind: str = "") -> None:
        at, words = self.next, self.words
        removes = (kind or words[at]) == "RemoveDecay"
        self.next += 1
        if self.next >= len(words) or words[self.next] in KEYWORDS:
            self._report("E-ARGS", at, f"{words[at]} names no particle")
            return
        block = DecayBlock(words[self.next], at, removes=removes)
        self.card.statements.append(block)
        self.next += 1
        while self.next < len(words):
            word = words[self.next]
            if word == "Enddecay":
                block.end = self.next
                self.next += 1
                return
            if word in KEYWORDS:
                break
            if word == ";":
                self._report("E-FRAC", self.next, "a semicolon without a mode before it")
                self.next += 1
                continue
            meant = "" if is_number(word) or removes else self._closing()
            if meant:
                self._report(
                    "E-KEY",
                    self.next,
                    f'unknown command "{word}"',
                    f'"{meant}"',
                    self._replaced(self.next, meant),
                )
                block.end = self.next
                self.next += 1
                return
            self._mode(block)
        block.end = self.next - 1
        more = self.next < len(words) and self.card.line(self.next) == self.card.line(block.end)
        self._report(
            "E-NOENDDECAY", block.end, f"Decay {block.parent} (line {self.card.line(at)}) has no Enddecay", '"Enddecay"',
            self._behind(block.end, " Enddecay") if more else (Edit(*self._line_end(block.end), "", "\nEnddecay"),),
        )  # fmt: skip

    def _closing(self) -> str:
        """The command for which a word inside a block is misspelt, '' if it is none."""
        word, *after = self.words[self.next : self.next + 2]
        return nearest_word(word, ["Enddecay"]) if not after or after[0] in KEYWORDS else ""

    def _line_end(self, word: int) -> tuple[int, int]:
        line, _ = self.text.place(word)
        return line, len(self.text.lines[line - 1]) + 1

    def _mode(self, block: DecayBlock) -> None:
        """Read one mode: fraction, daughters, flags, model, arguments, semicolon."""
        words, start = self.words, self.next
        end = self._end_of_mode(start)
        mode = DecayMode(block.parent, 0.0, start=start, end=end)
        block.modes.append(mode)
        first = start if block.removes else self._fraction(mode)
        at = first
        while at < end and words[at] not in self.stops:
            at += 1
        mode.daughters = words[first:at]
        while at < end and words[at] in FLAGS:
            if words[at] in mode.flags:
                self._report("W-FLAG2", at, f"{words[at]} twice", "it once", self._replaced(at, ""))
            else:
                mode.flags.append(words[at])
            at += 1
        mode.model_at = at
        if at < end and words[at] in self.models:
            mode.model = words[at]
            at += 1
        else:
            mode.sound = False
            mode.daughters += words[at:end]  # which of them is a model is for the check of names
        if self.text.cut and not self.text.cut.isdisjoint(self.text.at[start : end + 1]):
            mode.sound = False  # the generator reads a part of it
        following = self._following(at, end) if mode.model else 0
        mode.arguments = words[at : following or end] if mode.model else []
        if following:
            mode.end = self.next = following
        else:
            self.next = end + 1 if words[end : end + 1] == [";"] else end
        if following or self.next == end:
            mode.sound = False
            last = (following or end) - 1
            self._report(
                "E-NOSEMI", last, "the mode ends without a semicolon", '";"', self._behind(last, ";")
            )

    def _following(self, at: int, end: int) -> int:
        """Where the next mode begins if the semicolon before it is missing: a fraction, particles, and a model.

        Where no model follows, for it may be misspelt, a line is a mode that begins with a fraction and a particle.
        """
        if at == end:
            return 0
        words = self.words
        other = next((number for number in range(at, end) if words[number] in self.models), None)
        if other is None:
            starts = (number for number in range(at, end) if self.text.at[number - 1] < self.text.at[number])
            return next((number for number in starts if self._opens_mode(number)), 0)
        while other > at and not _is_fraction(words[other]):
            other -= 1
        return other if _is_fraction(words[other]) else 0

    def _opens_mode(self, word: int) -> bool:
        """Whether a fraction begins here, with a particle after it."""
        next_word = self.words[word + 1] if word + 1 < len(self.words) else ""
        return _is_fraction(self.words[word]) and (next_word in known_species() or next_word in self.aliases)

    def _fraction(self, mode: DecayMode) -> int:
        """Read the fraction; return the number of the first word behind it."""
        at = mode.start
        word = self.words[at]
        if word.lower().lstrip("+-") in _ENDLESS or (
            is_number(word) and float(word) in (_INFINITE, -_INFINITE)
        ):
            mode.sound = False
            self._report("E-FRAC", at, f'the branching fraction "{word}" is not a finite number')
            return at + 1
        if is_number(word):
            mode.fraction = float(word)
            if mode.fraction < 0:
                self._report("E-NEG", at, f"the branching fraction {word} is negative", f'"{word[1:]}"')
            return at + 1
        comma = _COMMA.match(word)
        if comma:
            right = f"{comma[1]}.{comma[2]}"
            mode.fraction = float(right)
            reason = f'"{word}" is read as {comma[1]}'
            self._report("E-FRAC", at, reason, f'"{right}"', self._replaced(at, right))
            return at + 1
        head = NUMBER.match(word)
        if head and word[head.end() :] in ("%", "\uff05"):
            mode.fraction = float(head[0]) / 100
            right = f"{mode.fraction:.10g}"
            self._report(
                "E-FRAC", at, f'"{word}" is read as {head[0]}', f'"{right}"', self._replaced(at, right)
            )
            return at + 1
        if head:
            mode.fraction = float(head[0])
            self._report("E-FRAC", at, f'"{word}" is read as {head[0]}', f'"{head[0]}"')
            return at + 1
        mode.sound = False
        self._report(
            "E-FRAC", at, f'a mode begins with its branching fraction, not with "{word}"', f'"1.0 {word}"'
        )
        return at
