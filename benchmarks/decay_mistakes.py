"""Plants one mistake of twenty kinds in a clean decay card; `decay_cards.py` counts how many are found and mended."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from yukawa.generators.cards import DecayBlock, DecayMode
from yukawa.generators.models import HADRONISATION, decay_models
from yukawa.generators.reading import read_card
from yukawa.generators.species import SpeciesNames
from yukawa.generators.words import is_number

NAMES = SpeciesNames()


@dataclass(frozen=True)
class Planted:
    """A card with one mistake: its text, the line of it, the codes that report it."""

    text: str
    line: int
    codes: frozenset[str]


class Planter:
    """Puts mistakes into one clean card."""

    def __init__(self, text: str, random_numbers: random.Random) -> None:
        self.text, self.random = text, random_numbers
        self.card = read_card(text)
        self.lines = text.split("\n")
        self.words = self.card.text.words

    def modes(self) -> list[tuple[DecayBlock, DecayMode]]:
        """All modes of real particles."""
        return [
            (block, mode)
            for block in self.card.blocks()
            for mode in block.modes
            if mode.model not in HADRONISATION
        ]

    def replaced(self, word: int, new: str, *codes: str) -> Planted:
        """The card with one word replaced."""
        line, column = self.card.text.place(word)
        lines = list(self.lines)
        lines[line - 1] = (
            lines[line - 1][: column - 1] + new + lines[line - 1][column - 1 + len(self.words[word]) :]
        )
        return Planted("\n".join(lines), line, frozenset(codes))

    def without_lines(self, first: int, last: int, at: int, *codes: str) -> Planted:
        """The card without some lines."""
        return Planted("\n".join(self.lines[: first - 1] + self.lines[last:]), at, frozenset(codes))

    def pick(self, choices: list[Any]) -> Any:
        """One of them, None of none."""
        return self.random.choice(choices) if choices else None

    def own_line(self, start: int, end: int) -> bool:
        """Whether words fill whole lines alone."""
        line, last = self.card.line(start), self.card.line(end)
        before = start == 0 or self.card.line(start - 1) < line
        after = end + 1 >= len(self.words) or self.card.line(end + 1) > last
        return before and after

    def daughters(self, wanted: Callable[[str], bool]) -> list[tuple[int, str]]:
        """The numbers and names of daughters that are wanted."""
        return [
            (mode.start + 1 + at, name) for _, mode in self.modes() if mode.fraction and mode.model != "SINGLE"
            for at, name in enumerate(mode.daughters) if wanted(name)
        ]  # fmt: skip


def _species(name: str) -> Any:
    return NAMES.get(name)


def _charge(planter: Planter) -> Planted | None:
    chosen = planter.pick(
        planter.daughters(
            lambda name: bool((s := _species(name)) and s.base == name and s.charge3 and not s.is_parton)
        )
    )
    return chosen and planter.replaced(chosen[0], NAMES.antiparticle(_species(chosen[1])), "E-CHARGE")


def _baryon(planter: Planter) -> Planted | None:
    chosen = planter.pick(
        planter.daughters(lambda name: bool((s := _species(name)) and s.sums[1] and not s.charge3))
    )
    return chosen and planter.replaced(chosen[0], NAMES.antiparticle(_species(chosen[1])), "E-BARYON")


def _lepton(planter: Planter) -> Planted | None:
    chosen = planter.pick(planter.daughters(lambda name: bool((s := _species(name)) and s.spin_type == "N")))
    return chosen and planter.replaced(chosen[0], NAMES.antiparticle(_species(chosen[1])), "E-LEPTON")


def _spin(planter: Planter) -> Planted | None:
    swaps = {
        "mu-": "pi-",
        "mu+": "pi+",
        "e-": "K-",
        "e+": "K+",
        "p+": "pi+",
        "anti-p-": "pi-",
        "pi+": "mu+",
        "pi-": "mu-",
    }
    chosen = planter.pick(planter.daughters(lambda name: name in swaps))
    return chosen and planter.replaced(chosen[0], swaps[chosen[1]], "E-SPIN")


def _mass(planter: Planter) -> Planted | None:
    heavy = {0: "Upsilon", 3: "B_c+", -3: "B_c-"}
    chosen = planter.pick(
        planter.daughters(lambda name: bool((s := _species(name)) and s.spin2 == 0 and s.mass and s.mass < 2))
    )
    return chosen and planter.replaced(chosen[0], heavy[_species(chosen[1]).charge3], "E-MASS")


def _particle(planter: Planter) -> Planted | None:
    chosen = planter.pick(planter.daughters(lambda name: len(name) > 3))
    if not chosen:
        return None
    at, name = chosen
    place = planter.random.randrange(1, len(name) - 1)
    new = name[:place] + name[place + 1] + name[place] + name[place + 2 :] if planter.random.random() < 0.5 else (
        name[:place] + name[place + 1 :])  # fmt: skip
    return None if new in NAMES or new == name or "-" in (new[0],) else planter.replaced(at, new, "E-PART")


def _model(planter: Planter) -> Planted | None:
    chosen = planter.pick([mode for _, mode in planter.modes() if len(mode.model) > 2])
    if not chosen:
        return None
    place = planter.random.randrange(1, len(chosen.model))
    new = planter.pick([chosen.model.lower(), chosen.model[:place] + chosen.model[place + 1 :]])
    return (
        None if new in decay_models() or new in NAMES else planter.replaced(chosen.model_at, new, "E-MODEL")
    )


def _semicolon(planter: Planter) -> Planted | None:
    chosen = planter.pick(
        [at for at, word in enumerate(planter.words) if word == ";" and planter.card.line(at)]
    )
    return planter.replaced(chosen, " ", "E-NOSEMI") if chosen is not None else None


def _enddecay(planter: Planter) -> Planted | None:
    chosen = planter.pick([at for at, word in enumerate(planter.words) if word == "Enddecay"])
    return planter.replaced(chosen, "", "E-NOENDDECAY") if chosen is not None else None


def _end(planter: Planter) -> Planted | None:
    return planter.replaced(len(planter.words) - 1, "", "E-NOEND") if planter.words[-1] == "End" else None


def _comma(planter: Planter) -> Planted | None:
    chosen = planter.pick(
        [mode for _, mode in planter.modes() if re.fullmatch(r"\d+\.\d+", planter.words[mode.start])]
    )
    return chosen and planter.replaced(chosen.start, planter.words[chosen.start].replace(".", ","), "E-FRAC")


def _alias(planter: Planter) -> Planted | None:
    aliases = [
        each for each in planter.card.commands("Alias") if planter.own_line(each.start, each.start + 2)
    ]
    usable = [
        each
        for each in aliases
        if each.words[0] in planter.words[each.start + 3 :] and each.words[0] not in NAMES
    ]
    chosen = planter.pick(usable)
    if not chosen:
        return None
    line = planter.card.line(chosen.start)
    use = next(
        at for at in range(chosen.start + 3, len(planter.words)) if planter.words[at] == chosen.words[0]
    )
    return planter.without_lines(
        line, planter.card.line(chosen.start + 2), planter.card.line(use) - 1, "E-PART"
    )


def _chargeconj(planter: Planter) -> Planted | None:
    copied = {each.words[0] for each in planter.card.commands("CDecay")}
    aliases = {each.words[0] for each in planter.card.commands("Alias")}
    usable = [each for each in planter.card.commands("ChargeConj") if copied & set(each.words) & aliases]
    chosen = planter.pick([each for each in usable if planter.own_line(each.start, each.start + 2)])
    if not chosen:
        return None
    use = next(each for each in planter.card.commands("CDecay") if each.words[0] in chosen.words)
    line = planter.card.line(chosen.start)
    return planter.without_lines(line, line, planter.card.line(use.start) - 1, "E-CDNOCC")


def _cdecay_self(planter: Planter) -> Planted | None:
    chosen = planter.pick(list(planter.card.commands("CDecay")))
    if not chosen:
        return None
    pairs = {
        one: other
        for each in planter.card.commands("ChargeConj")
        for one, other in (each.words, each.words[::-1])
    }
    partner = pairs.get(chosen.words[0]) or NAMES.conjugate(chosen.words[0])
    decayed = [block.parent for block in planter.card.blocks()]
    return planter.replaced(chosen.start + 1, partner, "E-CDORDER") if partner in decayed else None


def _cdecay_order(planter: Planter) -> Planted | None:
    usable = [
        each for each in planter.card.commands("CDecay") if planter.own_line(each.start, each.start + 1)
    ]
    chosen = planter.pick(usable)
    first = next(planter.card.blocks(), None)
    if not chosen or first is None or not planter.own_line(first.start, first.start + 1):
        return None
    line, target = planter.card.line(chosen.start), planter.card.line(first.start)
    if line <= target:
        return None
    lines = list(planter.lines)
    moved = lines.pop(line - 1)
    lines.insert(target - 1, moved)
    return Planted("\n".join(lines), target, frozenset({"E-CDORDER"}))


def _arguments(planter: Planter) -> Planted | None:
    models = decay_models()
    usable = [
        mode
        for _, mode in planter.modes()
        if (m := models.get(mode.model)) and m.arguments and mode.arguments != ["0"]
    ]
    chosen = planter.pick([mode for mode in usable if all(map(is_number, mode.arguments))])
    if not chosen:
        return None
    if chosen.arguments and str(len(chosen.arguments) - 1) not in models[chosen.model].arguments:
        return planter.replaced(chosen.model_at + 1, "", "E-NARG")
    if str(len(chosen.arguments) + 1) in models[chosen.model].arguments:
        return None
    return planter.replaced(chosen.model_at, f"{chosen.model} 1.0", "E-NARG")


def _order(planter: Planter) -> Planted | None:
    models = decay_models()
    usable = []
    for _, mode in planter.modes():
        model = models.get(mode.model)
        species = [_species(name) for name in mode.daughters]
        if model is None or None in species or len(species) < 2 or mode.end - mode.start > 60:
            continue
        swapped = [species[1], species[0], *species[2:]]
        if not model.takes(swapped):
            usable.append(mode)
    mode = planter.pick(usable)
    if not mode or planter.card.line(mode.start + 1) != planter.card.line(mode.start + 2):
        return None
    first = planter.replaced(mode.start + 2, mode.daughters[0])
    again = Planter(first.text, planter.random)
    return again.replaced(mode.start + 1, mode.daughters[1], "E-ORDER")


def _daughter_count(planter: Planter) -> Planted | None:
    models = decay_models()
    usable = [mode for _, mode in planter.modes() if (m := models.get(mode.model)) and m.daughters]
    mode = planter.pick(
        [mode for mode in usable if len(mode.daughters) + 1 not in models[mode.model].daughters]
    )
    return mode and planter.replaced(mode.start, f"{planter.words[mode.start]} pi0", "E-NDAUG")


def _sum(planter: Planter) -> Planted | None:
    usable = [
        block for block in planter.card.blocks() if 0.99 < sum(mode.fraction for mode in block.modes) < 1.0005
    ]
    block = planter.pick([block for block in usable if block.modes and block.modes[0].fraction > 0.1])
    if not block:
        return None
    mode = max(block.modes, key=lambda mode: mode.fraction)
    planted = planter.replaced(mode.start, f"{mode.fraction * 1.5:.5f}", "W-SUM")
    return Planted(planted.text, planter.card.line(block.start), planted.codes)


def _duplicate(planter: Planter) -> Planted | None:
    usable = [
        mode
        for _, mode in planter.modes()
        if planter.own_line(mode.start, mode.end) and mode.model and mode.daughters
    ]
    mode = planter.pick(
        [mode for mode in usable if planter.card.line(mode.start) == planter.card.line(mode.end)]
    )
    if not mode:
        return None
    line = planter.card.line(mode.start)
    lines = list(planter.lines)
    lines.insert(line, lines[line - 1])
    return Planted("\n".join(lines), line + 1, frozenset({"E-DUPMODE"}))


KINDS: dict[str, Callable[[Planter], Planted | None]] = {
    "charge": _charge, "baryon number": _baryon, "lepton number": _lepton, "spin": _spin, "mass": _mass,
    "particle misspelt": _particle, "model misspelt": _model, "no semicolon": _semicolon, "no Enddecay": _enddecay,
    "no End": _end, "decimal comma": _comma, "no Alias": _alias, "no ChargeConj": _chargeconj,
    "CDecay of itself": _cdecay_self, "CDecay too early": _cdecay_order, "number of arguments": _arguments,
    "order of daughters": _order, "number of daughters": _daughter_count, "sum": _sum, "mode twice": _duplicate,
}  # fmt: skip
