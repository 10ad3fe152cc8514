"""The eleven jet-origin classes, and how any set of classes pairs with its antiparticles."""

from __future__ import annotations

from collections.abc import Sequence

# The order of the published matrices (arXiv:2310.03440). Codes in the field number these classes
# differently, so files and checkpoints carry names, never numbers.
JET_ORIGIN = ("b", "bbar", "c", "cbar", "s", "sbar", "u", "ubar", "d", "dbar", "g")

PDG_ID = {"d": 1, "u": 2, "s": 3, "c": 4, "b": 5, "g": 21}
PDG_ID |= {f"{quark}bar": -PDG_ID[quark] for quark in "duscb"}
NAME_OF_PDG_ID = {pdg: name for name, pdg in PDG_ID.items()}


def conjugate(name: str) -> str:
    """The class of the antiparticle: `b` and `bbar` are each other's, `g` and unknown names are their own."""
    other = name.removesuffix("bar") if name.endswith("bar") else f"{name}bar"
    return other if name in PDG_ID and other in PDG_ID else name


def flavours(classes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The (quark, antiquark) pairs of which both are in `classes`, in its order."""
    return tuple((name, f"{name}bar") for name in classes if f"{name}bar" in classes)
