"""The models that the decay tables of LHCb and Belle II give to modes, and those that a sentence names."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace

from yukawa.core.errors import InputError
from yukawa.generators.amplitudes import Amplitude, choose_amplitude, ordered
from yukawa.generators.models import DecayModel, decay_models
from yukawa.generators.named_models import PHOTOS
from yukawa.generators.plans import conjugate_of
from yukawa.generators.species import Species, table_rows

_TABLES = {"L": "LHCb", "B": "Belle II"}
# The tables that an experiment reads, the first that has a mode; another one's is taken where only phase space is left.
_OWN = {"lhcb": "L", "belle2": "B"}
_LEPTONS = ((11, 12, "e", "electron"), (13, 14, "mu", "muon"), (15, 16, "tau", "tau"))
_FLAT = "PHSP"
_BARYONS = "BaryonPCR"  # of semileptonic decays, in which any lepton may be

# Parent and daughters in any order.
Mode = tuple[str, tuple[str, ...]]


@functools.cache
def _rows() -> Mapping[tuple[str, Mode], tuple[str, tuple[str, ...], tuple[str, ...]]]:
    """By the letter of a table and a mode: the model, the daughters in its order, its arguments."""
    found = {}
    for letters, parent, daughters, model, arguments in table_rows("table_models"):
        order = tuple(daughters.split())
        for letter in letters:
            found[letter, (parent, tuple(sorted(order)))] = (model, order, tuple(arguments.split()))
    return found


def mode_amplitude(parent: Species, daughters: Sequence[Species], experiment: str) -> Amplitude:
    """The model of a mode: that of the experiment's decay table, else that of its spins, else of another's table."""
    own = _OWN.get(experiment, "")
    listed = _listed(parent, daughters, own) if own else None
    if listed is not None:
        return listed
    chosen = choose_amplitude(parent, daughters, experiment)
    isotropic = len(daughters) == 2 and not any(each.spin2 for each in (parent, *daughters))
    if chosen.model != _FLAT or isotropic:
        return chosen
    for letter in _TABLES:
        listed = _listed(parent, daughters, letter)
        if listed is not None and _has(experiment, decay_models()[listed.model]):
            return listed
    return chosen


def _has(experiment: str, model: DecayModel) -> bool:
    """Whether the generator of an experiment has a model; one known by name alone may be anywhere."""
    return model.where == "?" or ("B" if experiment == "besiii" else "E") in model.where


def _listed(parent: Species, daughters: Sequence[Species], letter: str) -> Amplitude | None:
    """The model of a table for a mode, for its conjugate, or for the same mode with another lepton."""
    names = tuple(each.base for each in daughters)
    row, other = _found(parent.base, names, letter), ""
    if row is None:
        for *_, short, long in _LEPTONS:
            row = _found(parent.base, _with_lepton(daughters, short), letter)
            if row is not None and row[0] == _BARYONS:
                other = f", with the {long} in the lepton's place"
                break
        else:
            return None
        row = (row[0], tuple(_same_kind(name, names) for name in row[1]), row[2])
    model, order, arguments = row
    left = list(daughters)
    ordered = []
    for name in order:
        each = next(each for each in left if each.base == name)
        left.remove(each)
        ordered.append(each)
    photos = any(abs(each.number) in (11, 13) for each in daughters)
    note = f"{model}: the decay table of {_TABLES[letter]} has it for this mode{other}"
    return Amplitude(model, arguments, tuple(ordered), photos, note)


def _found(
    parent: str, names: Sequence[str], letter: str
) -> tuple[str, tuple[str, ...], tuple[str, ...]] | None:
    row = _rows().get((letter, (parent, tuple(sorted(names)))))
    if row is not None:
        return row
    row = _rows().get((letter, (conjugate_of(parent), tuple(sorted(map(conjugate_of, names))))))
    return None if row is None else (row[0], tuple(map(conjugate_of, row[1])), row[2])


def _with_lepton(daughters: Sequence[Species], short: str) -> tuple[str, ...]:
    """The names of daughters with another charged lepton and its neutrino."""
    found = []
    for each in daughters:
        size = abs(each.number)
        kind = next((row for row in _LEPTONS if size in row[:2]), None)
        found.append(each.base if kind is None else _renamed(each.base, kind[2], short))
    return tuple(found)


def _renamed(name: str, old: str, new: str) -> str:
    stem = name.rstrip("+-")
    return f"{stem.removesuffix(old)}{new}{name[len(stem) :]}"


def _same_kind(name: str, names: Sequence[str]) -> str:
    """The daughter in the place of `name`: itself, or the lepton of another flavour."""
    if name in names:
        return name
    neutrino = "nu_" in name
    return next(
        each for each in names
        if ("nu_" in each) == neutrino and any(_renamed(each, row[2], other[2]) == name for row in _LEPTONS for other in _LEPTONS)
    )  # fmt: skip


def _known_arguments(parent: Species, daughters: Sequence[Species], name: str) -> list[str]:
    """The arguments that a table gives to a mode with a model of which their number is not known.

    Raises:
        InputError: no table has the mode, and all give the model arguments.
    """
    for letter in _TABLES:
        row = _found(parent.base, [each.base for each in daughters], letter)
        if row is not None and row[0] == name:
            return list(row[2])
    given = [arguments for model, _, arguments in _rows().values() if model == name]
    if given and all(given):
        raise InputError(
            f"{name} takes arguments, and the sentence gives none",
            hint=f'write, for instance, "{name} {" ".join(given[0])}"',
        )
    return []


def named_amplitude(
    words: Sequence[str], parent: Species, daughters: Sequence[Species], experiment: str
) -> Amplitude:
    """The model that a sentence names for a mode, with its arguments.

    Args:
        words: its name, then its arguments.
        parent: what decays.
        daughters: in the order of the sentence, which is kept where the model takes it.
        experiment: one of `plans.EXPERIMENTS`.

    Raises:
        InputError: the model does not take the mode, or the generator of the experiment lacks it.
    """
    name, *rest = words
    arguments = [word for word in rest if word != PHOTOS]
    model = decay_models()[name]
    mode = f"{parent.base} -> {' '.join(each.base for each in daughters)}"
    if not _has(experiment, model):
        own = "BesEvtGen" if "B" not in model.where else "EvtGen"
        raise InputError(f"{name} is not a model of {own}, which reads the cards of {experiment}")
    if model.daughters and len(daughters) not in model.daughters:
        wanted = " or ".join(map(str, model.daughters))
        raise InputError(f"{name} takes {wanted} daughters, and {mode} has {len(daughters)}")
    order = daughters if model.takes(daughters) and name != "TAULNUNU" else ordered(name, daughters)
    if order is None or not model.takes_parent(parent):
        raise InputError(f"{name} does not take the spins of {mode}")
    usual = mode_amplitude(parent, daughters, experiment)
    note = f"{name}: as the sentence says"
    if not arguments and usual.model == name:
        return replace(
            usual, photos=usual.photos or PHOTOS in rest, note=f"{note}; {usual.note.partition(': ')[2]}"
        )
    if not arguments and not model.arguments:
        arguments = _known_arguments(parent, daughters, name)
    photos = PHOTOS in rest or any(abs(each.number) in (11, 13) for each in daughters)
    return Amplitude(name, tuple(arguments), tuple(order), photos, note)
