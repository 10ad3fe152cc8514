"""The states that the PDG's data file lists: misprinted names mended, and those added that it only describes."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

# Edition 2026 of the data file gives this particle the name of another; its own decay modes name it rightly.
MISPRINTS = {"B205": ("P_c_cbar(4312)+", "P_c_cbar_s(4459)0", 0.0)}
# It lists these charge states under a name that its own descriptions and decay modes contradict: the state they
# describe is added, the one listed stays as a second name of it.
UNLISTED = {
    "B150": {"Lambda_c(2765)0": ("Lambda_c(2765)+", 1.0), "Lambdabar_c(2765)0": ("Lambdabar_c(2765)-", -1.0)},
    "B178": {"Lambda_c(2860)0": ("Lambda_c(2860)+", 1.0), "Lambdabar_c(2860)0": ("Lambdabar_c(2860)-", -1.0)},
    "B206": {"Lambda_c(2910)0": ("Lambda_c(2910)+", 1.0), "Lambdabar_c(2910)0": ("Lambdabar_c(2910)-", -1.0)},
    "B122": {"Lambda_c(2940)0": ("Lambda_c(2940)+", 1.0), "Lambdabar_c(2940)0": ("Lambdabar_c(2940)-", -1.0)},
    "B204": {"P_c_cbar_s(4338)+": ("P_c_cbar_s(4338)0", 0.0)},
    "M268": {"T_c_c_cbar_cbar(6900)+": ("T_c_c_cbar_cbar(6900)0", 0.0)},
    "M216": {"T_c_cbar_0(4240)0": ("T_c_cbar_0(4240)+", 1.0)},
}
IGNORED = frozenset(" _^(){}/,")
_WITHOUT_DECORATION = dict.fromkeys(map(ord, IGNORED))
_CHARGE = re.compile(r"(?:0|\+\+|--|\+|-)$")
_CHARGES = {"++": 2, "+": 1, "0": 0, "-": -1, "--": -2}
_TURNED = str.maketrans("+-", "-+")
_OWN_MASS = re.compile(r"(?P<base>\S+?\))(?P<charge>\+\+|--|\+|-|0) +MASS\b", re.IGNORECASE)


def squeeze(name: str) -> str:
    """The letters, digits and signs of a name without its decoration: `B_s^0`, `B_{s}()0` → `Bs0`."""
    return name.translate(_WITHOUT_DECORATION)


def mended(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    """The rows with misprinted states renamed and unlisted ones added."""
    for name, identifier, charge, *rest in rows:
        if identifier in MISPRINTS:
            _, name, charge = MISPRINTS[identifier]
        yield (name, identifier, charge, *rest)
        if added := UNLISTED.get(identifier, {}).get(name):
            yield (added[0], identifier, added[1], *rest)


def described_states(
    listed: Iterable[tuple[str, str, float | None, str]], masses: Iterable[tuple[str, str]]
) -> Iterator[tuple[str, str, float, str]]:
    """The charge states that have a mass of their own ('Sigma_c(2800)++ MASS') and are not listed, with their antiparticles.

    Args:
        listed: name, identifier, charge and 'P' or 'S' for a particle, 'A' for an antiparticle.
        masses: identifiers and descriptions of masses.
    """
    families: dict[str, list[tuple[str, str, float | None, str]]] = defaultdict(list)
    for state in listed:
        families[state[1]].append(state)
    for quantity, description in masses:
        match = _OWN_MASS.match(description)
        family = [s for s in families[quantity[:4]] if match and _same_base(s[0], match["base"])]
        if match is None or not family or quantity[:4] in UNLISTED:
            continue
        if any(_suffix(s[0]) == match["charge"] for s in family):
            continue
        charge = float(_CHARGES[match["charge"]])
        for name, identifier, _, kind in families[quantity[:4]]:
            sign = match["charge"] if kind != "A" else match["charge"].translate(_TURNED)
            new = (_CHARGE.sub("", name) + sign, identifier, charge if kind != "A" else -charge, kind)
            if all(new[0] != other[0] for other in families[identifier]):
                families[identifier].append(new)
                yield new


def _suffix(name: str) -> str:
    match = _CHARGE.search(name)
    return match[0] if match else ""


def _same_base(name: str, base: str) -> bool:
    return squeeze(_CHARGE.sub("", name)) == squeeze(base)
