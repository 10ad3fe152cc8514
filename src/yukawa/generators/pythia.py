"""Settings of Pythia 8: each line as the program reads it, and the values that it accepts although they mean nothing."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from yukawa.generators.diagnostics import Diagnostic, Edit
from yukawa.generators.laws import with_tail
from yukawa.generators.repeats import GivenSettings, given_again
from yukawa.generators.words import is_number, nearest_word, split_lines

_ON, _OFF = frozenset({"on", "true", "yes", "ok", "1"}), frozenset({"off", "false", "no", "0"})
_LINE = re.compile(r"\s*([A-Za-z0-9][\w:+\-*/()]*)\s*(=?)\s*(.*?)\s*$")
_LARGEST_ENERGY = 1e6  # GeV: a greater one was meant in MeV
_MARGIN = 0.001  # GeV
_OF_PARTICLES = frozenset(
    "all new add addchannel onechannel names antiname spintype chargetype coltype m0 mwidth mmin mmax tau0 taucalc isresonance"
    " maydecay doexternaldecay isvisible doforcewidth tauautoset varwidth name onmode offifany onifany offifall onifall"
    " offifmatch onifmatch onposifany onnegifany onposifall onnegifall onposifmatch onnegifmatch rescalebr bratio memode"
    " products meanlife".split()
)
_OWN = frozenset({"include"})
# Of a particle, what adds to what was before.
_ADDITIVE = frozenset(
    "addchannel offifany onifany offifall onifall offifmatch onifmatch onposifany onnegifany onposifall onnegifall onposifmatch"
    " onnegifmatch rescalebr".split()
)
# Groups whose flags are processes of a collision.
_PROCESSES = frozenset(
    "hardqcd softqcd weaksingleboson weakdoubleboson weakbosonandparton weakbosonexchange photoncollision photonparton top"
    " fourthbottom fourthtop higgssm higgsbsm higgsh1 higgsh2 higgsa3 charmonium bottomonium onia promptphoton susy newgaugeboson"
    " leftrightsymmetry leptoquark excitedfermion contactinteractions hiddenvalley extradimensionsg* dm".split()
)


@dataclass(frozen=True, slots=True)
class PythiaKeys:
    """The settings that an installed Pythia knows: kind ('flag', 'mode', 'parm', 'word') and range, by name in lower case."""

    kinds: dict[str, tuple[str, str, float | None, float | None]]
    particles: Any

    def name(self, key: str) -> str:
        """The name as Pythia writes it."""
        return self.kinds[key.lower()][1]


@functools.cache
def pythia_keys() -> PythiaKeys | None:
    """All settings of the package pythia8mc; None if it is not installed."""
    if find_spec("pythia8mc") is None:
        return None
    import pythia8mc

    program = pythia8mc.Pythia("", False)
    settings = program.settings
    kinds: dict[str, tuple[str, str, float | None, float | None]] = {}
    for kind, rows in (("flag", settings.getFlagMap("")), ("word", settings.getWordMap(""))):
        kinds |= {key: (kind, row.name, None, None) for key, row in rows.items()}
    for kind, rows in (("mode", settings.getModeMap("")), ("parm", settings.getParmMap(""))):
        for key, row in rows.items():
            kinds[key] = (
                kind,
                row.name,
                row.valMin if row.hasMin else None,
                row.valMax if row.hasMax else None,
            )
    for rows in (
        settings.getFVecMap(""),
        settings.getMVecMap(""),
        settings.getPVecMap(""),
        settings.getWVecMap(""),
    ):
        kinds |= {key: ("list", row.name, None, None) for key, row in rows.items()}
    return PythiaKeys(kinds, program)


def check_settings(text: str) -> list[Diagnostic]:
    """Everything that is wrong with settings of Pythia; without the package pythia8mc, their grammar alone."""
    known = pythia_keys()
    lines, found = split_lines(text)
    commented, again = False, _Repeats()
    for number, line in enumerate(lines, 1):
        stripped = line.strip()
        if stripped.startswith("/*"):
            commented = True
        if stripped.startswith("*/") or stripped.endswith("*/"):
            commented = False
            continue
        # A line that begins with neither a letter nor a digit is a comment for Pythia.
        if commented or not stripped or not stripped[0].isalnum():
            continue
        code = line.partition("!")[0].partition("#")[0].rstrip()
        found += _line(number, code, known)
        found += again.line(number, code)
    found += again.contradictions(known)
    return found


class _Repeats:
    """The settings that were given, to see which of them replace, repeat or contradict others."""

    def __init__(self) -> None:
        self.settings = GivenSettings()
        self.switched: dict[str, tuple[str, int]] = {}  # processes that are on, by their key in lower case

    def line(self, number: int, line: str) -> Iterator[Diagnostic]:
        """Take a line; report what it replaces or repeats."""
        match = _LINE.match(line)
        if not match or ":" not in match[1] or not match[3]:
            return
        key, value = match[1], " ".join(match[3].lower().split())
        name = key.lower()
        if name == "main:subrun":  # what follows is another run
            self.settings = GivenSettings()
            return
        if name.partition(":")[0] in _PROCESSES:
            on = value in _ON
            self.switched.pop(name, None)
            if on:
                self.switched[name] = key, number
        last = name.rpartition(":")[2]
        if name[0].isdigit() and last in _ADDITIVE:
            return
        value = {**dict.fromkeys(_ON - {"1"}, "on"), **dict.fromkeys(_OFF - {"0"}, "off")}.get(value, value)
        before = self.settings.given(name, value, number)
        if before:
            write = (
                f'"{key.rpartition(":")[0]}:addChannel"'
                if last == "onechannel" and before[0] != value
                else ""
            )
            place = number, len(line) - len(line.lstrip()) + 1
            yield given_again(key, value, before, place, write)

    def contradictions(self, known: PythiaKeys | None) -> Iterator[Diagnostic]:
        """Report settings that leave each other without effect."""
        level, count = self.settings.last("processlevel:all"), self.settings.last("main:numberofevents")
        if level and level[0] in ("off", "0"):
            for key, number in self.switched.values():
                reason = f"{key} has no effect: line {level[1]} has ProcessLevel:all = off"
                yield Diagnostic("W-DEF", number, 1, reason)
        if count and re.fullmatch(r"\+?0+", count[0]):
            yield Diagnostic("E-VALUE", count[1], 1, "Main:numberOfEvents = 0: no event is made")
        for each in self.settings:
            own, _, limit = str(each).partition(":")
            if limit in ("mmin", "mmax") and own.isdigit():
                yield from self._range(own, limit, known)

    def _range(self, own: str, name: str, known: PythiaKeys | None) -> Iterator[Diagnostic]:
        """A particle whose mass is outside the range that its mMin and mMax leave it."""
        limit, mass, least = (self.settings.last(f"{own}:{each}") for each in (name, "m0", "mmin"))
        if limit is None or not is_number(limit[0]):
            return
        value = float(limit[0])
        if mass is None and known is not None and known.particles.particleData.isParticle(int(own)):
            mass = f"{known.particles.particleData.m0(int(own)):.4g}", 0
        # A greatest mass below the least means none.
        below = name == "mmax"
        if (
            mass is None
            or not is_number(mass[0])
            or (below and value < (float(least[0]) if least and is_number(least[0]) else 0))
        ):
            return
        if float(mass[0]) > value if below and value > 0 else float(mass[0]) < value:
            side = "below" if below else "above"
            reason = f"particle {own} is generated {side} {value:g} GeV alone, and its mass is {mass[0]}"
            yield Diagnostic("W-RANGE", limit[1], 1, reason)


def _line(number: int, line: str, known: PythiaKeys | None) -> Iterator[Diagnostic]:
    match = _LINE.match(line)
    column = len(line) - len(line.lstrip()) + 1
    if not match or (":" not in match[1] and match[1].lower() not in _OWN):
        yield Diagnostic("E-KEY", number, column, f'"{line.strip()[:60]}" is not Group:name = value')
        return
    key, value = match[1], match[3]
    if key.lower() in _OWN:
        return
    if not value:
        yield Diagnostic("E-VALUE", number, column, f"{key} has no value")
    elif key.partition(":")[0].isdigit():
        yield from _particle(number, column, key, value, known)
    elif known is not None:
        yield from _setting(number, column, key, value, known)


def _setting(number: int, column: int, key: str, value: str, known: PythiaKeys) -> Iterator[Diagnostic]:
    row = known.kinds.get(key.lower())
    if row is None:
        meant = nearest_word(key, [name for _, name, *_ in known.kinds.values()])
        mend = (Edit(number, column, key, meant),) if meant and meant.lower() == key.lower() else ()
        yield Diagnostic(
            "E-KEY", number, column, f"Pythia has no setting {key}", f'"{meant}"' if meant else "", mend
        )
        return
    kind, name, least, most = row
    words = value.split()
    if kind == "flag" and (len(words) != 1 or words[0].lower() not in _ON | _OFF):
        right = "off" if words[0].lower() in _OFF else "on"
        yield Diagnostic(
            "E-VALUE", number, column, f'{name} = {value}: a flag is "on" or "off"', f'"{name} = {right}"'
        )
    elif kind in ("mode", "parm"):
        if len(words) != 1 or not is_number(words[0]):
            comma = value.replace(",", ".")
            write = f'"{name} = {comma}"' if is_number(comma) else ""
            yield Diagnostic("E-VALUE", number, column, f"{name} = {value} is not a number", write)
        elif kind == "mode" and not re.fullmatch(r"[+-]?\d+", words[0]):
            yield Diagnostic("E-VALUE", number, column, f"{name} = {value} is not an integer")
        elif least is not None and float(words[0]) < least:
            yield Diagnostic("E-VALUE", number, column, f"{name} = {value} is below {least:g}")
        elif most is not None and float(words[0]) > most:
            yield Diagnostic("E-VALUE", number, column, f"{name} = {value} is above {most:g}")
        elif name in ("Beams:eCM", "Beams:eA", "Beams:eB") and float(words[0]) > _LARGEST_ENERGY:
            yield Diagnostic(
                "E-VALUE",
                number,
                column,
                f"{name} = {value} GeV: no collider has it",
                f'"{float(words[0]) / 1000:g}"',
            )
    if (
        name in ("Beams:idA", "Beams:idB")
        and is_number(words[0])
        and not known.particles.particleData.isParticle(int(float(words[0])))
    ):
        yield Diagnostic("E-PART", number, column, f"{name} = {value} is the number of no particle")


def _particle(
    number: int, column: int, key: str, value: str, known: PythiaKeys | None
) -> Iterator[Diagnostic]:
    """`ID:property = value`, `ID:channel:property = value`, and the decay channels in it."""
    own, *rest = key.split(":")
    name = rest[-1].lower()
    if name not in _OF_PARTICLES:
        meant = nearest_word(rest[-1], _OF_PARTICLES)
        yield Diagnostic(
            "E-KEY",
            number,
            column,
            f"a particle has no property {rest[-1]}",
            f'"{own}:{meant}"' if meant else "",
        )
        return
    data = known.particles.particleData if known else None
    if data is not None and name not in ("new", "all", "add") and not data.isParticle(int(own)):
        yield Diagnostic("E-PART", number, column, f"{own} is the number of no particle")
        return
    words = value.split()
    if name == "onmode" and words[0].lower() not in _ON | _OFF | {"2", "3"}:
        yield Diagnostic("E-VALUE", number, column, f'{key} = {value}: a mode is "on" or "off"')
    elif name in ("onechannel", "addchannel"):
        if len(words) < 4 or not all(map(is_number, words)):
            yield Diagnostic(
                "E-VALUE",
                number,
                column,
                f"{key} wants onMode, fraction, meMode and the numbers of the daughters",
            )
        elif data is not None:
            yield from _channel(number, column, int(own), [int(float(word)) for word in words[3:]], data)
    elif name in ("m0", "mwidth", "mmin", "mmax", "tau0", "bratio") and not is_number(words[0]):
        yield Diagnostic("E-VALUE", number, column, f"{key} = {value} is not a number")


def _channel(number: int, column: int, parent: int, daughters: list[int], data: Any) -> Iterator[Diagnostic]:
    unknown = [each for each in daughters if not data.isParticle(each)]
    if unknown:
        yield Diagnostic("E-PART", number, column, f"{unknown[0]} is the number of no particle")
        return
    before, after = data.chargeType(parent), sum(data.chargeType(each) for each in daughters)
    names = f"{data.name(parent)} -> {' '.join(data.name(each) for each in daughters)}"
    if before != after:
        yield Diagnostic("E-CHARGE", number, column, f"charge: {names} ({before / 3:+g} to {after / 3:+g})")
    heaviest = data.mMax(parent) if data.mMax(parent) > data.m0(parent) else data.m0(parent)
    least = sum(
        min(data.m0(each), data.mMin(each)) if data.mMin(each) > 0 else data.m0(each) for each in daughters
    )
    if least > heaviest + _MARGIN:
        nominal = with_tail(sum(map(data.m0, daughters)), least, "their tails")
        own = with_tail(data.m0(parent), heaviest)
        text = f"{names}: the daughters need {nominal} GeV, {data.name(parent)} has {own}"
        yield Diagnostic("E-MASS", number, column, text)
