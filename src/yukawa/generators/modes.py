"""Checks one decay mode after another: its names, what its model takes, and the laws."""

import itertools
import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence

from yukawa.generators import amplitudes, models
from yukawa.generators.cards import DecayBlock, DecayCard, DecayMode
from yukawa.generators.diagnostics import Diagnostic, Edit
from yukawa.generators.laws import Violation, violations
from yukawa.generators.species import Species, SpeciesNames
from yukawa.generators.words import FLAGS, OPENING, candidates, folded, is_number, is_slip, nearest_word

_LETTERS = {
    ord(letter): name for letter, name in zip(
        "πμτρηγνφϕωψχΛΣΞΩΔΥϒ−", "pi mu tau rho eta gamma nu phi phi omega psi chi Lambda Sigma Xi Omega Delta Upsilon Upsilon -".split(),
        strict=True,
    )
}  # fmt: skip
_TOO_MUCH, _TOO_LITTLE = 1.0005, 0.9995
_PREFIX = re.compile(r"^(?:[Mm]y|[Ss]ig|[Tt]ag)[-_]?")
_CHARGE = re.compile(r"(?<![+-])[+-]+$")
_OFFERED = 3
MOST_FOUND = 1000  # findings of a file
_MOST_GUESSED = 50  # unknown names of a file of which the meaning is looked for
_MOST_DAUGHTERS = 7  # of which all orders are tried
_STOPS_READING = "E-CHARGE"  # the one law that the generator checks itself, of every mode that it reads


class ModeCheck:
    """Checks modes with the names that are known at their place.

    Args:
        card: the card, for the places of its words.
        names: particles and aliases.
        values: what Define has defined.
        model_aliases: the words of each ModelAlias behind its name.
        found: where findings are put.
    """

    def __init__(
        self, card: DecayCard, names: SpeciesNames, values: Collection[str], model_aliases: Mapping[str, list[str]],
        found: list[Diagnostic],
    ) -> None:  # fmt: skip
        self.card, self.names, self.values, self.model_aliases, self.found = (
            card,
            names,
            values,
            model_aliases,
            found,
        )
        self._models = models.decay_models()
        self._meant: dict[str, tuple[list[str], bool]] = {}
        self._reported: set[str] = set()
        self.aliases = {
            each.words[0]: each for each in reversed(list(card.commands("Alias")))
        }  # the first of a name
        self._conjugates = {
            one: other
            for each in card.commands("ChargeConj")
            for one, other in (each.words, each.words[::-1])
        }
        self.circular: set[str] = set()  # aliases of each other, which is reported where they are defined

    def check(self, block: DecayBlock, parent: Species | None) -> None:
        """Check all modes of a block; without a parent their names alone."""
        seen: dict[tuple[object, ...], DecayMode] = {}
        for mode in block.modes:
            if not mode.model:
                self._without_model(mode, parent)
                continue
            daughters = self._daughters(mode)
            if daughters is None or not mode.sound:
                continue
            name, arguments = self._model(mode)
            self._fits(mode, name, arguments, parent, daughters)
            if parent is not None:
                for violation in violations(name, parent, daughters, self.conjugate):
                    self._violated(mode, daughters, violation)
            key = (name, tuple(arguments), tuple(sorted(mode.daughters)))
            if key in seen and daughters and name not in models.HADRONISATION:
                line = self.card.line(seen[key].start)
                self.report(
                    "E-DUPMODE",
                    mode.start,
                    f"the mode of line {line} again: {' '.join(mode.daughters)} {name}",
                )
            seen.setdefault(key, mode)
        self._sum(block)

    def report(
        self,
        code: str,
        word: int,
        text: str,
        write: str = "",
        edits: tuple[Edit, ...] = (),
        *,
        physics: bool = False,
    ) -> None:
        """Put a finding at a word."""
        if len(self.found) < MOST_FOUND:  # whose place need not be looked for
            self.add(Diagnostic(code, *self.card.text.place(word), text, write, edits, physics))

    def add(self, finding: Diagnostic) -> None:
        """Keep a finding, of as many as are shown."""
        if len(self.found) < MOST_FOUND:
            self.found.append(finding)

    def conjugate(self, species: Species) -> Species:
        """The antiparticle, an alias where there is one."""
        name = self.names.conjugate(species.name) or self.names.antiparticle(species)
        return self.names.get(name) or species

    def replaced(self, word: int, new: str) -> tuple[Edit, ...]:
        """The edit that puts `new` where a word is."""
        return (Edit(*self.card.text.place(word), self.card.text.words[word], new),)

    # ---- names -----------------------------------------------------------------------------------

    def _daughters(self, mode: DecayMode) -> list[Species] | None:
        """The particles of a mode; None if a name is unknown, which is reported."""
        first = self._first_daughter(mode)
        found = []
        for at, name in enumerate(mode.daughters):
            if (species := self.names.get(name)) is None:
                self.unknown(first + at, name)
            else:
                found.append(species)
        return found if len(found) == len(mode.daughters) else None

    def _first_daughter(self, mode: DecayMode) -> int:
        words = self.card.text.words
        return mode.start + (words[mode.start] != (mode.daughters or [""])[0])

    def unknown(self, word: int, name: str) -> None:
        """Report an unknown particle, with the name that was meant."""
        if name in self.circular:
            return
        if is_number(name):
            self.report("E-PART", word, f"{name} where a particle is wanted")
            return
        if name in self.aliases:
            line = self.card.line(self.aliases[name].start)
            self.report("E-PART", word, f"{name} is defined by Alias only in line {line}, after its use")
            return
        if name not in self._reported and len(self._reported) >= _MOST_GUESSED:
            self.report("E-PART", word, f"unknown particle {name}")
            return
        base = self._aliased(name)
        first = name not in self._reported
        self._reported.add(name)
        if base:
            reason = f"unknown particle {name}, and no line makes it an alias"
            # One line for all uses of the name.
            edits = self._before(word, f"Alias {name} {base}\n") if first else ()
            self.report("E-PART", word, reason, f'"Alias {name} {base}"', edits)
            return
        meant, certain = self.meant(name)
        edits = self.replaced(word, meant[0]) if certain else ()
        alias = next((self.aliases[each] for each in meant if each in self.aliases), None)
        where = f"; the card defines {alias.words[0]} (line {self.card.line(alias.start)})" if alias else ""
        write = " or ".join(f'"{each}"' for each in meant[:_OFFERED])
        self.report("E-PART", word, f"unknown particle {name}{where}", write, edits)

    def meant(self, name: str) -> tuple[list[str], bool]:
        """The names of which a word can be a misspelling, and whether it can be that of one alone."""
        if name not in self._meant and not name.isascii():
            plain = _plain_letters(name)
            self._meant[name] = ([plain], True) if plain in self.names else ([], False)
        if name not in self._meant:
            names = list(self.names.usual_names())
            same = [each for each in names if _charge(each) == _charge(name) and _stars(each) >= _stars(name)]
            found = candidates(name, same) or ([] if _charge(name) else candidates(name, names))
            near = "" if found else nearest_word(name, same)
            self._meant[name] = (found or ([near] if near else []), len(found) == 1)
        return self._meant[name]

    def _aliased(self, name: str) -> str:
        """The particle of which a name must be meant as an alias; '' if it is none, or names an alias misspelt.

        Beside an alias in ChargeConj it is that of the antiparticle; else MyD0 is usual for one of D0.
        """
        other = self._conjugates.get(name, "")
        if other in self.names.own:
            return self.names.antiparticle(self.names.own[other])
        stem = _PREFIX.sub("", name)
        if stem == name or len(stem) < 2:
            return ""
        own = {*self.names.own, *self.aliases}
        if any(
            folded(each) == folded(name)
            or (is_slip(name, each) and each[-1] == name[-1] and _stars(each) >= _stars(name))
            for each in own
        ):
            return ""
        same = [each for each in self.names.all_names() if each.lower() == stem.lower()]
        return same[0] if len(same) == 1 else ""

    def _before(self, word: int, text: str) -> tuple[Edit, ...]:
        """The edit that inserts a line before the statement of a word."""
        words = self.card.text.words
        while word and words[word] not in OPENING:
            word -= 1
        return (Edit(self.card.line(word), 1, "", text),)

    def _without_model(self, mode: DecayMode, parent: Species | None) -> None:
        """A mode in which no word is a model: which word is wrong depends on what is known."""
        words = mode.daughters
        # Flags are words of the mode too, and may come before what should be the model.
        places = [
            at for at in range(self._first_daughter(mode), mode.end) if self.card.text.words[at] not in FLAGS
        ]
        unknown = [at for at, word in enumerate(words) if word not in self.names and not is_number(word)]
        if not unknown:
            self.report("E-NOMODEL", mode.start, f"{mode.parent} -> {' '.join(words)} has no decay model")
            return
        particles = [at for at in unknown if any(word in self.names for word in words[at + 1 :])]
        for at in particles:
            self.unknown(places[at], words[at])
        rest = [at for at in unknown if at not in particles]
        if not rest:
            self.report("E-NOMODEL", mode.start, f"{mode.parent} -> {' '.join(words)} has no decay model")
            return
        at = rest[0]
        meant = self._meant_model(words[at], parent, words[:at])
        particle = any(folded(each) == folded(words[at]) for each in self.meant(words[at])[0])
        is_model = meant and meant.lower() == words[at].lower()
        if particle and at == len(words) - 1 and len(rest) == 1 and not is_model:
            self.unknown(places[at], words[at])
            self.report("E-NOMODEL", mode.start, f"{mode.parent} -> {' '.join(words)} has no decay model")
            return
        edits = self.replaced(places[at], meant) if meant and meant.lower() == words[at].lower() else ()
        self.report(
            "E-MODEL", places[at], f"unknown decay model {words[at]}", f'"{meant}"' if meant else "", edits
        )

    def _meant_model(self, word: str, parent: Species | None, names: Sequence[str]) -> str:
        """The model that a word must mean: of those that take the spins of the mode the nearest, or that of the amplitude."""
        allowed = sorted({*self._models, *self.model_aliases})
        same = next((name for name in allowed if name.lower() == word.lower()), "")
        daughters = [species for name in names if (species := self.names.get(name)) is not None]
        if same or parent is None or len(daughters) < len(names) or len(daughters) > _MOST_DAUGHTERS:
            return same or nearest_word(word, allowed)
        orders = list(itertools.permutations(daughters))
        fitting = [
            name for name in allowed
            if (model := self._models.get(name)) is None or (
                model.takes_parent(parent)
                and len(daughters) in (model.daughters or (len(daughters),))
                and any(map(model.takes, orders))
            )
        ]  # fmt: skip
        chosen = amplitudes.choose_amplitude(parent, daughters, "evtgen").model
        return nearest_word(word, fitting) or ("" if chosen == "PHSP" else chosen)

    # ---- models ----------------------------------------------------------------------------------

    def _model(self, mode: DecayMode) -> tuple[str, list[str]]:
        alias = self.model_aliases.get(mode.model)
        return (alias[0], [*alias[1:], *mode.arguments]) if alias else (mode.model, mode.arguments)

    def _fits(
        self,
        mode: DecayMode,
        name: str,
        arguments: Sequence[str],
        parent: Species | None,
        daughters: Sequence[Species],
    ) -> None:
        model = self._models.get(name)
        if model is None:
            return
        if name not in models.TEXT_ARGUMENTS:
            for at, word in enumerate(mode.arguments):
                if not is_number(word) and word not in self.values:
                    self._argument(mode, name, at, word)
                    if not is_number(_as_number(word)):
                        return
        if model.daughters and len(daughters) not in model.daughters:
            wanted = " or ".join(map(str, model.daughters))
            self.report("E-NDAUG", mode.model_at, f"{name} takes {wanted} daughters, here {len(daughters)}")
            return
        self._count(mode, model, arguments, parent, daughters)
        if parent is not None and not parent.redefined and not model.takes_parent(parent):
            wanted = _KINDS[model.parent]
            self.report(
                "E-MSPIN",
                mode.model_at,
                f"{name} decays {wanted}, {parent.name} is {_KINDS[parent.spin_type]}",
            )
            return
        if not model.takes(daughters) and not any(each.redefined for each in daughters):
            self._order(mode, model, daughters)

    def _argument(self, mode: DecayMode, name: str, at: int, word: str) -> None:
        """Report a word that is not an argument: a flag behind its model, a number with a comma, or another one."""
        place, number = mode.model_at + 1 + at, _as_number(word)
        if word in FLAGS:
            edits = (*self.replaced(mode.model_at, f"{word} {mode.model}"), *self.replaced(place, ""))
            self.report("E-ARG", place, f"{word} comes before the model", f'"{word} {mode.model}"', edits)
            return
        reason = f"{name}: {word} is neither a number nor defined"
        if is_number(number):
            self.report("E-ARG", place, reason, f'"{number}"', self.replaced(place, number))
        else:
            self.report("E-ARG", place, reason)

    def _count(
        self,
        mode: DecayMode,
        model: models.DecayModel,
        arguments: Sequence[str],
        parent: Species | None,
        daughters: Sequence[Species],
    ) -> None:
        counted: int | None = None
        if parent is not None and len(daughters) == 2 and model.arguments in (("HELAMP",), ("PARTWAVE",)):
            count = models.helicity_arguments if model.name == "HELAMP" else models.wave_arguments
            counted = count(parent, daughters)
        elif model.arguments and model.arguments[0].isdigit() and str(len(arguments)) not in model.arguments:
            wanted = " or ".join(model.arguments)
            self.report(
                "E-NARG", mode.model_at, f"{model.name} takes {wanted} arguments, here {len(arguments)}"
            )
        if counted is not None and counted != len(arguments):
            names = " ".join(each.name for each in daughters)
            reason = f"{model.name} of {names} takes {counted} arguments, here {len(arguments)}"
            self.report("E-NARG", mode.model_at, reason)

    def _order(self, mode: DecayMode, model: models.DecayModel, daughters: Sequence[Species]) -> None:
        names = " ".join(each.name for each in daughters)
        if len(daughters) <= _MOST_DAUGHTERS:
            orders = {
                tuple(each.name for each in order): order
                for order in itertools.permutations(daughters) if model.takes(order)
            }  # fmt: skip
            if orders:
                # The order that moves the fewest; the first of equals keeps the rest as it is.
                best = min(
                    orders.values(),
                    key=lambda order: sum(a is not b for a, b in zip(order, daughters, strict=True)),
                )
                right = " ".join(each.name for each in best)
                edits = self._daughter_edits(mode, best)
                self.report(
                    "E-ORDER",
                    mode.model_at,
                    f"{model.name} does not take {names} in this order",
                    f'"{right}"',
                    edits,
                )
                return
        wanted = " ".join(
            _KINDS.get(kind.split("|")[0], "any") for kind in model.daughter_spins(len(daughters))
        )
        if model.name == "JPIPI":
            wanted = "a vector, then pi+ pi- or pi0 pi0"
        self.report("E-MSPIN", mode.model_at, f"{model.name} takes {wanted}, not {names}")

    # ---- laws ------------------------------------------------------------------------------------

    def _violated(self, mode: DecayMode, daughters: Sequence[Species], violation: Violation) -> None:
        states = [" ".join(each.name for each in state) for state in violation.final_states]
        rest = mode.daughters[len(daughters) :]
        write = " or ".join(f'"{state}"' for state in states)
        edits: tuple[Edit, ...] = ()
        if len(violation.final_states) == 1 and not rest:
            edits = self._daughter_edits(mode, violation.final_states[0])
        if violation.parent:
            write = f'"Decay {violation.parent}"'
        code, text = violation.code, violation.text
        if not mode.fraction and code.startswith("E") and code != _STOPS_READING:
            code, text = "W-ZERO", f"{text}; with the fraction 0 no event has it"
        self.report(code, mode.start, text, write, edits, physics=True)

    def _daughter_edits(self, mode: DecayMode, state: Sequence[Species]) -> tuple[Edit, ...]:
        first = self._first_daughter(mode)
        changed = [(at, each.name) for at, each in enumerate(state) if each.name != mode.daughters[at]]
        return tuple(edit for at, name in changed for edit in self.replaced(first + at, name))

    def _sum(self, block: DecayBlock) -> None:
        if not block.modes or any(not mode.sound and not mode.fraction for mode in block.modes):
            return  # of a fraction that cannot be read there is no sum
        total = sum(mode.fraction for mode in block.modes)
        if total <= 0:
            self.report("E-SUM", block.start, f"the branching fractions of {block.parent} sum to {total:.4g}")
        elif total > _TOO_MUCH:
            self.report(
                "W-SUM",
                block.start,
                f"the branching fractions of {block.parent} sum to {total:.6g}, not to 1",
            )
        elif total < _TOO_LITTLE:
            self.report(
                "I-SUM",
                block.start,
                f"the branching fractions of {block.parent} sum to {total:.6g}; they are rescaled to 1",
            )


_KINDS = {
    "S": "a scalar", "D": "a lepton or baryon", "V": "a vector", "T": "a tensor", "R": "a spin-3/2 baryon", "G": "a photon",
    "N": "a neutrino", "-": "any", "": "of unknown spin",
}  # fmt: skip


def _as_number(word: str) -> str:
    """A word without the comma at its end, and with a point for one among its digits."""
    return word.rstrip(",").replace(",", ".")


def _plain_letters(name: str) -> str:
    """A name with Greek letters and raised signs as generators write them."""
    return unicodedata.normalize("NFKC", name).translate(_LETTERS)


def _charge(name: str) -> str:
    found = _CHARGE.search(name)
    return found[0] if found else ""


def _stars(name: str) -> int:
    """Stars, which are forgotten and not invented: D_s+ may have been D_s*+, D_s*+ was not D_s+."""
    return name.count("*")
