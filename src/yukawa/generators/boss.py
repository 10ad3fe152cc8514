"""Job options of BOSS, the software of BESIII: read as statements, and checked for the services that generate events."""

import functools
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from yukawa.core.errors import nearest
from yukawa.generators.diagnostics import Diagnostic, Edit
from yukawa.generators.repeats import GivenSettings, given_again
from yukawa.generators.species import table_rows
from yukawa.generators.words import is_number, is_slip, nearest_word, split_lines

# Flag of KKMC, resonance, its energy in GeV, and how far from it the resonance is still produced.
RESONANCES = (
    ("GenerateJPsi", "J/psi", 3.0969, 0.02), ("GeneratePsiPrime", "psi(2S)", 3.6861, 0.02),
    ("GeneratePsi3770", "psi(3770)", 3.7737, 0.05), ("GeneratePsi4030", "psi(4040)", 4.04, 0.12),
    ("GeneratePsi4160", "psi(4160)", 4.191, 0.12), ("GeneratePsi4260", "psi(4260)", 4.23, 0.8),
    ("GeneratePsi4415", "psi(4415)", 4.421, 0.12),
)  # fmt: skip
# The lines that include the services of a simulation, in the order in which BOSS reads them.
INCLUDES = (
    "$OFFLINEEVENTLOOPMGRROOT/share/OfflineEventLoopMgr_Option.txt", "$KKMCROOT/share/jobOptions_KKMC.txt",
    "$BESEVTGENROOT/share/BesEvtGen.txt", "$BESSIMROOT/share/G4Svc_BesSim.txt", "$CALIBSVCROOT/share/calibConfig_sim.txt",
    "$ROOTIOROOT/share/jobOptions_Digi2Root.txt",
)  # fmt: skip
_LARGEST_SPREAD = 0.01  # GeV
_LOWEST_ENERGY, _HIGHEST_ENERGY = (
    1.8,
    5.6,
)  # GeV, with some room: BEPCII runs from 1.84 to 4.95, and is built for more
_COMPLETE = ("KKMC", "EvtDecay")  # of these every property is known
_STATEMENT = re.compile(r"\s*([A-Za-z_]\w*(?:\.\w+)*)\s*(\+?=)\s*")
_INCLUDE = re.compile(r'\s*#include\s*"([^"]*)"')
_TRUTH = frozenset({"true", "false", "1", "0", "True", "False"})


@dataclass(frozen=True, slots=True)
class OptionLine:
    """One statement: a property with its value as text, or an include with key '#include'; `adds` to a list."""

    line: int
    column: int
    key: str
    value: str
    adds: bool = False


@functools.cache
def properties() -> dict[str, tuple[str, str, str]]:
    """Type, default and meaning of each known property."""
    return {key: (kind, default, meaning) for key, kind, default, meaning in table_rows("boss")}


def read_options(text: str) -> tuple[list[OptionLine], list[Diagnostic]]:
    """Read job options: `Service.Property = value;` over any number of lines, `//` comments, `#include "file"`."""
    lines, found = split_lines(text)
    lines = [_without_comment(line) for line in lines]
    statements: list[OptionLine] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if not line.strip():
            at += 1
            continue
        include = _INCLUDE.match(line)
        if include:
            statements.append(OptionLine(at + 1, 1, "#include", include[1]))
            at += 1
            continue
        opened = _STATEMENT.match(line)
        if not opened:
            found.append(Diagnostic("E-KEY", at + 1, 1, f'"{line.strip()[:60]}" is not KEY = VALUE;'))
            at += 1
            continue
        value, last = line[opened.end() :], at
        while ";" not in value and last + 1 < len(lines) and not _begins(lines[last + 1]):
            last += 1
            value += "\n" + lines[last]
        if ";" not in value:
            while last > at and not lines[last].strip():
                last -= 1
            end = len(lines[last].rstrip()) + 1
            found.append(
                Diagnostic(
                    "E-NOSEMI",
                    last + 1,
                    end,
                    f"{opened[1]} ends without a semicolon",
                    '";"',
                    (Edit(last + 1, end, "", ";"),),
                )
            )
        value = value.partition(";")[0].strip()
        statements.append(OptionLine(at + 1, opened.start(1) + 1, opened[1], value, opened[2] == "+="))
        at = last + 1
    return statements, found


def _begins(line: str) -> bool:
    return bool(_STATEMENT.match(line) or line.lstrip().startswith("#"))


def _without_comment(line: str) -> str:
    quoted = False
    for at, character in enumerate(line):
        if character == '"':
            quoted = not quoted
        elif not quoted and line.startswith("//", at):
            return line[:at]
    return line


def check_options(text: str) -> list[Diagnostic]:
    """Everything that is wrong with job options, as far as the services that generate events are concerned."""
    statements, found = read_options(text)
    given: dict[str, OptionLine] = {}
    settings = GivenSettings()
    for each in statements:
        if each.adds:
            continue
        if each.key == "#include":
            before = settings.given((each.key, each.value), "", each.line)
            if before:
                found.append(given_again(each.value, "", before, (each.line, each.column)))
            continue
        before = settings.given(each.key, each.value, each.line)
        if before:
            found.append(given_again(each.key, each.value, before, (each.line, each.column)))
        given[each.key] = each
        found += _property(each)
    found += _includes(statements, given)
    found += _energy(given)
    found += _counts(given)
    return found


def _property(each: OptionLine) -> Iterator[Diagnostic]:
    known = properties()
    service, _, name = each.key.rpartition(".")
    if each.key in known:
        kind = known[each.key][0]
        if kind == "stale":
            right = "KKMC.BeamEnergySpread"
            mend: tuple[Edit, ...] = (Edit(each.line, each.column, each.key, right),)
            yield Diagnostic(
                "E-KEY", each.line, each.column, f"{each.key} is not a property of {service}", right, mend
            )
        else:
            yield from _value(each, kind)
        return
    if service in _COMPLETE:
        own = [key.partition(".")[2] for key in known if key.startswith(service + ".")]
        meant = nearest_word(name, own)
        right = f"{service}.{meant}" if meant else ""
        mend = (
            (Edit(each.line, each.column, each.key, right),)
            if meant and meant.lower() == name.lower()
            else ()
        )
        yield Diagnostic(
            "E-KEY", each.line, each.column, f"{each.key} is not a property of {service}", right, mend
        )
        return
    meant = nearest(each.key, known)
    if meant and is_slip(each.key.lower(), meant.lower()):
        yield Diagnostic(
            "E-KEY",
            each.line,
            each.column,
            f"{each.key} is not known",
            meant,
            (Edit(each.line, each.column, each.key, meant),),
        )


def _value(each: OptionLine, kind: str) -> Iterator[Diagnostic]:
    value = each.value

    def wrong(wanted: str, write: str = "") -> Diagnostic:
        return Diagnostic("E-VALUE", each.line, each.column, f"{each.key} = {value} is not {wanted}", write)

    if kind == "bool" and value not in _TRUTH:
        yield wrong("true or false")
    elif kind == "double" and not is_number(value):
        yield wrong("a number", f'"{value.replace(",", ".")}"' if is_number(value.replace(",", ".")) else "")
    elif kind == "int" and not re.fullmatch(r"[+-]?\d+", value):
        yield wrong("an integer")
    elif kind == "string" and not re.fullmatch(r'"[^"]*"', value, re.DOTALL):
        yield wrong("a text in quotes", f'"{value}"')
    elif kind == "list" and not (value.startswith("{") and value.endswith("}")):
        yield wrong("a list in braces", "{" + value + "}")
    elif each.key.lower().endswith("beamenergyspread") and not 0 <= float(value) < _LARGEST_SPREAD:
        yield wrong(f"between 0 and {_LARGEST_SPREAD} GeV")
    elif each.key == "MessageSvc.OutputLevel" and not 1 <= int(value) <= 7:
        yield wrong("between 1 and 7")


def _includes(statements: list[OptionLine], given: dict[str, OptionLine]) -> Iterator[Diagnostic]:
    order = {include: number for number, include in enumerate(INCLUDES)}
    known = [
        (order[each.value], each) for each in statements if each.key == "#include" and each.value in order
    ]
    for (before, first), (after, second) in itertools.pairwise(known):
        if after < before:
            reason = f"{second.value} is included after {first.value}, which needs it first"
            yield Diagnostic("W-ORDER", second.line, 1, reason)
    own = [each for key, each in given.items() if key.startswith("KKMC.")]
    included = [each for number, each in known if number == 1]
    if included and own and min(each.line for each in own) < included[0].line:
        first = min(own, key=lambda each: each.line)
        yield Diagnostic(
            "W-ORDER", first.line, 1, f"{first.key} is set before {included[0].value}, which sets it again"
        )


def _energy(given: dict[str, OptionLine]) -> Iterator[Diagnostic]:
    energy = given.get("KKMC.CMSEnergy")
    on = [
        row
        for row in RESONANCES
        if (each := given.get(f"KKMC.{row[0]}")) and each.value.lower() in ("true", "1")
    ]
    parent = given.get("EvtDecay.ParentParticle")
    if parent and any(key.startswith("KKMC.") for key in given):
        reason = "EvtDecay.ParentParticle is for jobs without KKMC, which this one sets up"
        yield Diagnostic("E-VALUE", parent.line, parent.column, reason)
    if not energy or not is_number(energy.value):
        yield from _several(on, given)
        return
    value = float(energy.value)
    if not _LOWEST_ENERGY <= value <= _HIGHEST_ENERGY:
        meant = value / 1000  # as of one that is written in MeV
        write = f'"{meant:g}"' if _LOWEST_ENERGY <= meant <= _HIGHEST_ENERGY else ""
        reason = f"KKMC.CMSEnergy = {energy.value} GeV: BEPCII makes no collisions there"
        yield Diagnostic("E-ECMS", energy.line, energy.column, reason, write)
        return
    makes = [row for row in on if abs(value - row[2]) <= row[3]]
    for flag, name, mass, _ in on:
        if flag not in [row[0] for row in makes]:
            each = given[f"KKMC.{flag}"]
            there = [row for row in RESONANCES if abs(value - row[2]) <= row[3]]
            other = f", or {min(there, key=lambda row: abs(value - row[2]))[0]}" if there else ""
            reason = f"{flag} at {energy.value} GeV makes no {name}"
            yield Diagnostic("E-ECMS", each.line, each.column, reason, f"{mass:.4g}{other}")
    yield from _several(makes, given)


def _several(
    on: Sequence[tuple[str, str, float, float]], given: dict[str, OptionLine]
) -> Iterator[Diagnostic]:
    """More than one resonance that is switched on: an error if no energy makes both, else the events are of both."""
    for (first, _, mass, reach), (second, _, other, its) in itertools.pairwise(on):
        one, two = sorted((given[f"KKMC.{flag}"] for flag in (first, second)), key=lambda each: each.line)
        names = f"{one.key} (line {one.line}) and {two.key}"
        if abs(mass - other) > reach + its:
            reason = f"{names} are both on, and no energy makes both"
            yield Diagnostic("E-ECMS", two.line, two.column, reason, "true for one of them")
        else:
            reason = f"{names} are both on, so the events are of both"
            yield Diagnostic("W-DEF", two.line, two.column, reason, "true for one of them")


def _counts(given: dict[str, OptionLine]) -> Iterator[Diagnostic]:
    """How many events are made, and in which runs."""
    events, runs = given.get("ApplicationMgr.EvtMax"), given.get("RealizationSvc.RunIdList")
    if events and events.value.startswith("-"):
        yield Diagnostic(
            "E-VALUE", events.line, events.column, f"EvtMax = {events.value}: a generator never ends"
        )
    elif events and re.fullmatch(r"\+?0+", events.value):
        yield Diagnostic("E-VALUE", events.line, events.column, f"EvtMax = {events.value}: no event is made")
    if runs and re.search(r"(?<![\d.-])[1-9]\d+", runs.value):
        yield Diagnostic(
            "E-VALUE", runs.line, runs.column, "RunIdList: runs that are simulated have negative numbers"
        )
