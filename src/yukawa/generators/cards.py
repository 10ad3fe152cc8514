"""A decay card as statements in their order: blocks of decay modes, and commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from yukawa.generators.diagnostics import Diagnostic
from yukawa.generators.words import CardText


@dataclass(slots=True)
class DecayMode:
    """One mode of a block.

    Args:
        parent: name of the particle that decays.
        fraction: the branching fraction as the generator reads it.
        daughters: names, in order.
        flags: PHOTOS, VERBOSE, SUMMARY.
        model: name of the decay model or of a ModelAlias; '' if there is none.
        arguments: words behind the model.
        start: number of the word with the fraction.
        model_at: number of the word of the model.
        end: number of the word that ends the mode.
        sound: whether the mode was read without an error; one that was not is not checked further.
    """

    parent: str
    fraction: float
    daughters: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    model: str = ""
    arguments: list[str] = field(default_factory=list)
    start: int = 0
    model_at: int = 0
    end: int = 0
    sound: bool = True


@dataclass(slots=True)
class DecayBlock:
    """The lines between Decay (or RemoveDecay) and Enddecay, with the numbers of its first and last word."""

    parent: str
    start: int
    end: int = 0
    modes: list[DecayMode] = field(default_factory=list)
    removes: bool = False


@dataclass(slots=True)
class Command:
    """Any other command with its words; `start` is the number of its first word."""

    name: str
    words: list[str]
    start: int


@dataclass(slots=True)
class DecayCard:
    """A card that was read.

    Args:
        text: its words and their places.
        statements: blocks and commands, in order.
        found: what is wrong with its grammar.
    """

    text: CardText
    statements: list[DecayBlock | Command] = field(default_factory=list)
    found: list[Diagnostic] = field(default_factory=list)

    def line(self, word: int) -> int:
        """The line of a word, without its column, which costs more."""
        return self.text.at[word] if word < len(self.text.at) else self.text.place(word)[0]

    def blocks(self) -> Iterator[DecayBlock]:
        """All blocks of decays, in order."""
        return (each for each in self.statements if isinstance(each, DecayBlock) and not each.removes)

    def commands(self, name: str) -> Iterator[Command]:
        """All commands of a name, in order."""
        return (each for each in self.statements if isinstance(each, Command) and each.name == name)

    def decays(self) -> dict[str, list[DecayMode]]:
        """The modes of each particle that is decayed; a later block replaces an earlier one, as in the generator."""
        return {block.parent: block.modes for block in self.blocks()}


def card_text(card: DecayCard) -> str:
    """The card as text in one form: a command a line, a mode a line; comments are not kept."""
    lines: list[str] = []
    for each in card.statements:
        if isinstance(each, Command):
            end = " ;" if each.name == "ModelAlias" else ""
            lines.append(" ".join((each.name, *each.words)) + end)
            continue
        lines.append(f"{'RemoveDecay' if each.removes else 'Decay'} {each.parent}")
        lines += [mode_text(mode, with_fraction=not each.removes) for mode in each.modes]
        lines.append("Enddecay")
    return "\n".join((*lines, "End", ""))


def mode_text(mode: DecayMode, *, with_fraction: bool = True) -> str:
    """A mode on one line."""
    fraction = (f"{mode.fraction:.10g}",) if with_fraction else ()
    return "  " + " ".join((*fraction, *mode.daughters, *mode.flags, mode.model, *mode.arguments)) + ";"
