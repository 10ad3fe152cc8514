"""Checks the commands of a card in their order: aliases, antiparticles, copied decays, values; and what is left unused."""

from collections.abc import Callable

from yukawa.generators.cards import Command, DecayBlock, DecayCard
from yukawa.generators.diagnostics import Diagnostic, Edit
from yukawa.generators.modes import ModeCheck
from yukawa.generators.repeats import GivenSettings, given_again
from yukawa.generators.species import MASTER_MODELS, MASTER_VALUES, Species, SpeciesNames
from yukawa.generators.words import is_number

# Stable in a detector: an alias of one needs no decay.
_LONGEST_CHAIN = 100  # aliases of aliases that are followed
_STABLE = frozenset({11, 13, 22, 12, 14, 16, 211, 321, 2212, 2112, 130, 1000010020})


class CardCheck:
    """One pass over the statements of a card.

    Args:
        card: what is checked.
        names: the particles that are known before its first line.
        base: a decay table that the generator reads first, which defines aliases, values and decays.
    """

    def __init__(self, card: DecayCard, names: SpeciesNames, base: DecayCard | None = None) -> None:
        self.card, self.names = card, names
        self.found: list[Diagnostic] = []
        self.values: dict[str, str] = dict.fromkeys(MASTER_VALUES, "")
        self.model_aliases: dict[str, list[str]] = {name: [model] for name, model in MASTER_MODELS.items()}
        self.aliases: dict[str, int] = {}  # of this card, with the number of the word
        self.decayed: dict[str, DecayBlock | None] = {}  # written out above; None where copied
        self.copied: dict[str, int] = {}
        self.copies: dict[str, int] = {}  # by CopyDecay
        self.settings = GivenSettings()
        self.ranges: list[Command] = []
        self.of_base: set[str] = set()
        self.modes = ModeCheck(card, names, self.values, self.model_aliases, self.found)
        if base is not None:
            self._take(base)

    def _take(self, base: DecayCard) -> None:
        """Learn what a base table defines, without a finding."""
        silent = CardCheck(base, self.names)
        silent.run()
        self.values |= silent.values
        self.model_aliases |= silent.model_aliases
        self.of_base = {*silent.decayed, *silent.copied}

    def run(self) -> None:
        """Check every statement, then what is defined and never used, or without effect."""
        for each in self.card.statements:
            if isinstance(each, DecayBlock):
                self._block(each)
                continue
            if each.name in _ACTIONS:
                _ACTIONS[each.name](self, each)
            elif each.name in _OF_PARTICLES:
                self._known(each, each.words[: _OF_PARTICLES[each.name]])
            if each.name in _SETTINGS:
                self._given(each)
        self._unused()
        self._photons()
        self._ranges()

    # ---- settings --------------------------------------------------------------------------------

    def _given(self, command: Command) -> None:
        """Note a setting, and report one that replaces another."""
        name, words = command.name, command.words
        if name in _SWITCHES:
            kind, key, shown, value = _SWITCHES[name], tuple(words), " ".join((_SWITCHES[name], *words)), name
            if "Mixing" in name:  # whose words are values
                key, shown, value = (), kind, " ".join((name, *words))
        elif name in _NAMED:
            if name.startswith("ChangeMass"):
                self.ranges.append(command)
            count = _NAMED[name]
            kind, key, value = name, tuple(words[:count]), " ".join(words[count:])
            shown = " ".join((name, *key))
        else:
            target, _, value = words[0].partition("=")
            kind, key, shown = name, (target,), f"{name} {target}"
        before = self.settings.given((kind, *key), value, self.card.line(command.start))
        if before is not None:
            if _plain(before[0]) == _plain(value):
                before = value, before[1]
            self.modes.add(given_again(shown, value, before, self.card.text.place(command.start)))

    def _photons(self) -> None:
        """A flag PHOTOS in a card in which noPhotos switches all radiation off."""
        last = self.settings.last(("the radiation of photons",))
        if last is None or last[0] != "noPhotos":
            return
        flagged = next(
            (mode for block in self.card.blocks() for mode in block.modes if "PHOTOS" in mode.flags), None
        )
        if flagged is not None:
            reason = f"PHOTOS has no effect: line {last[1]} has noPhotos"
            self.modes.report("W-DEF", flagged.start, reason, '"normalPhotos" there, or no PHOTOS')

    def _ranges(self) -> None:
        """A mass outside the range that ChangeMassMin and ChangeMassMax leave it."""
        for command in sorted(
            self.ranges, key=lambda each: each.name, reverse=True
        ):  # the least masses first
            name, value = command.words
            if not is_number(value) or float(value) < 0:
                self.modes.report(
                    "E-VALUE", command.start + 2, f"{command.name} {name}: {value} is not a mass in GeV"
                )
                continue
            species, limit = self.names.get(name), float(value)
            least = self.settings.last(("ChangeMassMin", name))
            below = command.name == "ChangeMassMax"
            if below and least and is_number(least[0]) and float(least[0]) >= limit:
                reason = f"the greatest mass of {name}, {value} GeV, is not above the least, {least[0]} (line {least[1]})"
                self.modes.report("E-VALUE", command.start, reason)
            elif species is not None and species.mass is not None:
                mass = species.mass
                if (mass > limit) if below else (mass < limit):
                    side = "below" if below else "above"
                    reason = f"{name} is generated {side} {value} GeV alone, and its mass is {mass:.4g}"
                    self.modes.report("W-RANGE", command.start, reason)

    # ---- names -----------------------------------------------------------------------------------

    def _known(self, command: Command, names: list[str]) -> bool:
        known = True
        for name in names:
            if name not in self.names:
                known = False
                self.modes.unknown(command.start + 1 + command.words.index(name), name)
        return known

    def _alias(self, command: Command) -> None:
        new, old = command.words
        at = command.start
        if new in self.modes.circular:
            return
        if new == old:
            self.modes.report("E-CIRCLE", at, f"{new} is an alias of itself")
            self.modes.circular.add(new)
            return
        species = self.names.get(old)
        if species is None:
            back = self.modes.aliases.get(old)
            if back is not None and back.start > at and new in self._chain(old):
                line = self.card.line(back.start)
                self.modes.report(
                    "E-CIRCLE", at, f"{new} is an alias of {old}, which line {line} makes an alias of {new}"
                )
                self.modes.circular |= {new, *self._chain(old)}
            else:
                self.modes.unknown(at + 2, old)
            return
        if new in self.aliases:
            line = self.card.line(self.aliases[new])
            self.modes.report("W-REALIAS", at, f"{new} is an alias already (line {line})")
        elif new in self.names.own and self.names.own[new].base != species.base:
            self.modes.report(
                "W-REALIAS", at, f"{new} is an alias of {self.names.own[new].base} in the base table"
            )
        elif self.names.is_listed(new):
            self.modes.report("W-ALIASNAME", at, f"{new} is the name of a particle")
        self.aliases.setdefault(new, at)
        self.names.alias(new, species)

    def _chain(self, name: str) -> list[str]:
        """A name, and those of which it is an alias, one behind the other."""
        found: dict[str, None] = {}
        while name not in found:
            found[name] = None
            target = self.modes.aliases.get(name)
            if target is None or len(found) > _LONGEST_CHAIN:
                break
            name = target.words[1]
        return list(found)

    def _charge_conj(self, command: Command) -> None:
        if not self._known(command, command.words):
            return
        one, other = command.words
        first, second = self.names.get(one), self.names.get(other)
        if first is None or second is None:
            return
        expected = self.names.antiparticle(first)
        if (
            expected != second.base
            and self.names.antiparticle(second) != first.base
            and first.number != -second.number
        ):
            reason = f"{one} is {first.base}, whose antiparticle is {expected}, and {other} is {second.base}"
            self.modes.report("E-CC", command.start, reason)
        self.names.conjugates[one], self.names.conjugates[other] = other, one

    def _define(self, command: Command) -> None:
        name, value = command.words
        if not is_number(value) and value not in self.values:
            self.modes.report("E-VALUE", command.start + 2, f"Define {name}: {value} is not a number")
        self.values[name] = value

    def _particle(self, command: Command) -> None:
        if not self._known(command, command.words[:1]):
            return
        for at, word in enumerate(command.words[1:], 2):
            if not is_number(word):
                self.modes.report("E-VALUE", command.start + at, f"the mass or width {word} is not a number")
                return
        name, mass, *width = command.words
        for at, word in enumerate(command.words[1:], 2):
            if float(word) < 0:
                self.modes.report("E-VALUE", command.start + at, f"the mass or width {word} is negative")
                return
        own = self.names.get(name)
        if own is not None and own.mass and not own.redefined and 0.5 < float(mass) / own.mass / 1000 < 2:
            reason = f"masses are in GeV, and {name} has {own.mass:.4g}"
            self.modes.report("W-RANGE", command.start + 2, reason, f'"{float(mass) / 1000:.10g}"')
        self.names.set_mass(name, float(mass), float(width[0]) if width else None)

    def _factor(self, command: Command) -> None:
        name, word = command.words
        if self._known(command, [name]) and word not in ("yes", "no"):
            reason = f"{command.name} {name} is yes or no, not {word}"
            self.modes.report("E-VALUE", command.start + 2, reason)

    def _model_alias(self, command: Command) -> None:
        self.model_aliases[command.words[0]] = command.words[1:]

    # ---- decays ----------------------------------------------------------------------------------

    def _block(self, block: DecayBlock) -> None:
        parent = self.names.get(block.parent)
        if parent is None:
            self.modes.unknown(block.start + 1, block.parent)
        if block.removes:
            return
        before = self.decayed.get(block.parent)
        if before is not None:
            line = self.card.line(before.start)
            self.modes.report("W-REDECAY", block.start, f"Decay {block.parent} replaces that of line {line}")
        elif block.parent in self.copies:
            line = self.card.line(self.copies[block.parent])
            self.modes.report(
                "W-REDECAY", block.start, f"Decay {block.parent} replaces the CopyDecay of line {line}"
            )
        self.decayed[block.parent] = block
        self.modes.check(block, parent)

    def _copy(self, command: Command) -> None:
        if self._known(command, command.words):
            self.decayed.setdefault(command.words[0], None)
            self.copies[command.words[0]] = command.start

    def _cdecay(self, command: Command) -> None:
        """CDecay X gives X the conjugate of the decay above of its antiparticle."""
        name, at = command.words[0], command.start
        if not self._known(command, [name]):
            return
        report = self.modes.report
        if name in self.copied:
            report("W-CDTWICE", at, f"CDecay {name} again (line {self.card.line(self.copied[name])})")
            return
        self.copied[name] = at
        partner = self.names.conjugate(name)
        if not partner:
            report("E-CDNOCC", at, f"{name} is an alias without ChargeConj, so its antiparticle is not known")
            return
        own, source = self.decayed.get(name), self.decayed.get(partner)
        if partner == name:
            report("W-CDOVER", at, f"{name} is its own antiparticle: CDecay copies its decay onto itself")
        elif own is not None and source is None:
            mend = self.modes.replaced(at + 1, partner)
            end = self.card.line(own.end)
            reason = f"CDecay {name} discards the block that ends on line {end}"
            report("E-CDORDER", at, reason, f'"CDecay {partner}"', mend)
        elif own is not None:
            line = self.card.line(own.start)
            report(
                "W-CDOVER",
                at,
                f"CDecay {name} replaces the decay of line {line} by the conjugate of that of {partner}",
            )
        elif partner not in self.decayed and partner not in self.of_base:
            self._without_source(at, name, partner)
        if source is not None:
            self._daughters_conjugate(at, source)
            self.decayed.setdefault(name, None)

    def _without_source(self, at: int, name: str, partner: str) -> None:
        later = next((block for block in self.card.blocks() if block.parent == partner), None)
        if later is not None:
            line = self.card.line(later.start)
            self.modes.report(
                "E-CDORDER", at, f"CDecay {name} comes before Decay {partner} (line {line}), which it copies"
            )
        elif name in self.aliases or partner in self.aliases:
            self.modes.report("E-CDORDER", at, f"CDecay {name} copies the decay of {partner}, which has none")

    def _daughters_conjugate(self, at: int, source: DecayBlock) -> None:
        lacking = dict.fromkeys(
            name for mode in source.modes for name in mode.daughters
            if name in self.aliases and name not in self.names.conjugates
        )  # fmt: skip
        for name in lacking:
            base = self.names.own[name].base
            own = self.names.antiparticle(self.names.own[name]) == base
            write = f'"ChargeConj {name} {name}"' if own else f'"ChargeConj {name} …"'
            line = self.card.line(self.aliases[name])
            reason = f"{self.card.text.words[at]} {self.card.text.words[at + 1]} needs the antiparticle of {name} (line {line})"
            edits = (
                (Edit(*self._end_of_line(self.aliases[name]), "", f"\nChargeConj {name} {name}"),)
                if own
                else ()
            )
            self.modes.report("E-CDNOCC", at, reason, write, edits)

    def _end_of_line(self, word: int) -> tuple[int, int]:
        line, _ = self.card.text.place(word)
        return line, len(self.card.text.lines[line - 1]) + 1

    # ---- what is left ----------------------------------------------------------------------------

    def _unused(self) -> None:
        produced = {name for block in self.card.blocks() for mode in block.modes for name in mode.daughters}
        # The antiparticles come with every CDecay; an alias may also be used by what reads the card.
        both = produced | {self.names.conjugates[name] for name in produced if name in self.names.conjugates}
        if self.copied:
            produced = both
        decays = {*self.decayed, *self.copied, *self.of_base}
        used = decays | both
        tops = [name for name in self.decayed if name not in both and name not in self.aliases]
        for name, at in self.aliases.items():
            species: Species = self.names.own[name]
            if name in produced and name not in decays:
                if abs(species.number) not in _STABLE and not species.is_parton:
                    self.modes.report(
                        "W-ALIASNODECAY", at, f"{name} is produced and has no Decay, so it stays undecayed"
                    )
            elif name not in used:
                if name.endswith("sig"):  # what makes the signal uses it
                    continue
                if self.names.conjugates.get(name, name) in used and not self.copied:
                    continue  # the other half of a pair
                self.modes.report("W-ALIASUNUSED", at, f"nothing produces or decays {name}")
            elif name not in both and self._is_orphan(name, tops):
                self.modes.report("I-UNREACH", at, f"nothing in the card produces {name}")

    def _is_orphan(self, name: str, tops: list[str]) -> bool:
        own = {name, self.names.conjugates.get(name, name)}
        return any(top not in own for top in tops)


def _plain(value: str) -> list[float | str]:
    """The words of a value, numbers as such, so that 0.10 is 0.1."""
    return [float(word) if is_number(word) else word for word in value.split()]


# Commands without a value that switch the same thing, or the same of a particle.
_SWITCHES = {
    **dict.fromkeys(("yesPhotos", "noPhotos", "normalPhotos"), "the radiation of photons"),
    **dict.fromkeys(("yesFSR", "noFSR", "normalFSR"), "final-state radiation"),
    **dict.fromkeys(("LSNONRELBW", "LSFLAT", "LSMANYDELTAFUNC"), "the line shape of"),
    **dict.fromkeys(("yesIncoherentB0Mixing", "noIncoherentB0Mixing"), "the mixing of B0"),
    **dict.fromkeys(("yesIncoherentBsMixing", "noIncoherentBsMixing"), "the mixing of B_s0"),
}
# Commands whose first words name what is set to the others, and those of the form X=v.
_NAMED = {
    "Define": 1, "Particle": 1, "ModelAlias": 1, "ChangeMassMin": 1, "ChangeMassMax": 1, "IncludeBirthFactor": 1,
    "IncludeDecayFactor": 1, "BlattWeisskopf": 1, "BlattWeisskopfBirth": 1, "SetLineshapePW": 3, "ChargeConj": 1, "CopyDecay": 1,
}  # fmt: skip
_ASSIGNED = frozenset({"JetSetPar", "PythiaGenericParam", "PythiaAliasParam", "PythiaBothParam"})
_SETTINGS = frozenset({*_SWITCHES, *_NAMED, *_ASSIGNED})
_ACTIONS: dict[str, Callable[[CardCheck, Command], object]] = {
    "Alias": CardCheck._alias, "ChargeConj": CardCheck._charge_conj, "CDecay": CardCheck._cdecay, "CopyDecay": CardCheck._copy,
    "Define": CardCheck._define, "Particle": CardCheck._particle, "ModelAlias": CardCheck._model_alias,
    "IncludeBirthFactor": CardCheck._factor, "IncludeDecayFactor": CardCheck._factor,
}  # fmt: skip
# Commands that begin with so many particles.
_OF_PARTICLES = {
    "SetLineshapePW": 3, "ChangeMassMin": 1, "ChangeMassMax": 1, "LSNONRELBW": 1,
    "LSFLAT": 1, "LSMANYDELTAFUNC": 1, "BlattWeisskopf": 1, "BlattWeisskopfBirth": 1,
}  # fmt: skip
