"""What a check finds: where, under which code, what is wrong, what to write, and how that is shown to people and machines."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

# Every code with its meaning. E: the generator stops or produces unphysical events. W: it runs, but not as meant.
# I: a remark.
CODES = {
    "E-NOEND": "no End: the generator stops",
    "E-NOENDDECAY": "a Decay without Enddecay",
    "E-NOSEMI": "a mode without its semicolon",
    "E-KEY": "an unknown command or property",
    "E-ARGS": "a command with too few words",
    "E-VALUE": "a value of the wrong kind or outside its range",
    "E-FRAC": "a branching fraction that is not a number",
    "E-NEG": "a negative branching fraction",
    "E-LINE": "a line too long for the generator, or unreadable bytes",
    "E-NOMODEL": "a mode without a decay model",
    "E-PART": "an unknown particle",
    "E-MODEL": "an unknown decay model",
    "E-NDAUG": "a number of daughters that the model does not take",
    "E-NARG": "a number of arguments that the model does not take",
    "E-ARG": "an argument that is neither a number nor defined",
    "E-MSPIN": "particles whose spins the model does not take",
    "E-ORDER": "daughters in an order that the model does not take",
    "E-CHARGE": "electric charge is not conserved",
    "E-BARYON": "baryon number is not conserved, by a slip",
    "E-LEPTON": "lepton number is not conserved, by a slip",
    "E-FLAVOUR": "strangeness, charm or beauty changes in a strong or electromagnetic decay",
    "E-SPIN": "angular momentum is not conserved",
    "E-MASS": "the daughters are heavier than the parent",
    "E-SUM": "branching fractions that sum to zero",
    "E-DUPMODE": "two modes with the same daughters and model",
    "E-CC": "ChargeConj of particles that are not each other's antiparticle",
    "E-CDORDER": "CDecay before, or instead of, the decay that it copies",
    "E-CDNOCC": "CDecay that needs a ChargeConj",
    "E-CIRCLE": "an alias of itself",
    "E-SYNTAX": "a Python file that cannot be parsed",
    "E-IMPORT": "a package that is not installed or cannot be imported",
    "E-NAME": "a name that an installed package does not have",
    "E-RUN": "Python code that ended with an error or met a limit",
    "E-ECMS": "an energy at which the resonance is not produced",
    "E-AFTERSEMI": "a word directly behind a semicolon, which is dropped and needed",
    "W-AFTERSEMI": "text behind a semicolon is dropped",
    "W-FLAG2": "a flag written twice",
    "W-BNV": "baryon number is violated",
    "W-LNV": "lepton number is violated",
    "W-LFV": "lepton flavour is violated",
    "W-FLAVOUR": "flavour changes as in a weak decay of a particle that decays otherwise",
    "W-SPIN": "angular momentum is not conserved, as the card seems to want",
    "W-C": "charge conjugation is violated in a strong or electromagnetic decay",
    "W-P": "parity is violated in a strong or electromagnetic decay",
    "W-SUM": "branching fractions that sum to more than 1",
    "W-ZERO": "a law is broken by a mode with fraction 0, which is never drawn",
    "W-PDG": "branching fractions unlike those of the Review of Particle Physics",
    "W-CDOVER": "CDecay replaces a decay that is written out",
    "W-CDTWICE": "CDecay of the same particle twice",
    "W-ALIASNODECAY": "an alias that is produced and never decays",
    "W-ALIASUNUSED": "an alias that nothing uses",
    "W-REALIAS": "an alias defined twice",
    "W-ALIASNAME": "an alias with the name of a particle",
    "W-REDECAY": "a second Decay replaces the first",
    "W-DEF": "a setting that another one replaces, or leaves without effect",
    "W-RANGE": "a mass outside the range to which the file limits it",
    "W-AFTEREND": "statements behind End are not read",
    "W-ORDER": "lines in an order that does not work",
    "I-BYTES": "bytes that are not UTF-8, read as Latin-1",
    "I-MASS": "possible only in the tails of the resonances",
    "I-TWICE": "the same setting twice",
    "I-SUM": "branching fractions that sum to less than 1, and are rescaled",
    "I-UNREACH": "a decay of an alias that nothing in the card produces",
}  # fmt: skip
_LEVELS = {"E": "error", "W": "warning", "I": "note"}


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement in one line: `old` at a column, counted from 1, becomes `new`; an empty `old` inserts."""

    line: int
    column: int
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding of a check.

    Args:
        code: one of `CODES`; its letter is the level.
        line: counted from 1.
        column: counted from 1.
        text: what is wrong.
        write: what to write in its place, '' if the right text cannot be known.
        edits: the same as replacements, if there is one right text alone.
        physics: whether the mend alters which decay is generated, which `--fix` leaves to its author.
    """

    code: str
    line: int
    column: int
    text: str
    write: str = ""
    edits: tuple[Edit, ...] = ()
    physics: bool = False

    @property
    def level(self) -> str:
        """'error', 'warning' or 'note'."""
        return _LEVELS[self.code[0]]

    @property
    def message(self) -> str:
        """What is wrong and what to write, on one line."""
        return f"{self.text}; write {self.write}" if self.write else self.text


def as_text(file: str, found: Iterable[Diagnostic]) -> list[str]:
    """`FILE:LINE: CODE: what; write …`, a line each."""
    return [f"{file}:{each.line}: {each.code}: {each.message}" for each in found]


def as_objects(file: str, found: Iterable[Diagnostic]) -> list[dict[str, Any]]:
    """Objects for JSON, with file, place, code, level, text and what to write."""
    return [
        {
            "file": file, "line": each.line, "column": each.column, "code": each.code, "level": each.level,
            "text": each.text, "write": each.write,
        }
        for each in found
    ]  # fmt: skip


def as_github(file: str, found: Iterable[Diagnostic]) -> list[str]:
    """Workflow commands by which GitHub shows findings beside the lines of a pull request."""

    def escaped(text: str, more: str = "") -> str:
        for character in "%\r\n" + more:
            text = text.replace(character, f"%{ord(character):02X}")
        return text

    return [
        f"::{'notice' if each.level == 'note' else each.level} file={escaped(file, ':,')},line={each.line},"
        f"col={each.column},title={each.code}::{escaped(each.message)}"
        for each in found
    ]


def as_sarif(found: Sequence[tuple[str, Sequence[Diagnostic]]], version: str) -> str:
    """A SARIF 2.1.0 log of all files, as code-scanning services read it.

    Args:
        found: name and findings of each file.
        version: of this program.
    """
    import json  # only where it is written
    from urllib.parse import quote

    codes = sorted({each.code for _, diagnostics in found for each in diagnostics})
    rules = [{"id": code, "shortDescription": {"text": CODES[code]}} for code in codes]
    results = [
        {
            "ruleId": each.code, "ruleIndex": codes.index(each.code), "level": each.level,
            "message": {"text": each.message},
            "locations": [{
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(file.replace("\\", "/"))},
                    "region": {"startLine": each.line, "startColumn": each.column},
                }
            }],
        }
        for file, diagnostics in found for each in diagnostics
    ]  # fmt: skip
    driver = {"name": "yukawa-check", "version": version, "rules": rules}
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }  # fmt: skip
    return json.dumps(log, ensure_ascii=False, indent=1)
