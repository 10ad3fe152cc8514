"""Settings of Pythia 8: each line as the program reads it, and the values that it accepts although they mean nothing."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from yukawa.generators.diagnostics import Diagnostic, Edit
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
    commented = False
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
        found += _line(number, line.partition("!")[0].partition("#")[0].rstrip(), known)
    return found


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
        yield Diagnostic(
            "E-MASS", number, column, f"{names}: the daughters need {least:.4g} GeV, there are {heaviest:.4g}"
        )
