"""Published figures of jet-origin taggers, to stand beside one's own."""

from __future__ import annotations

PUBLISHED_SOURCE = "arXiv:2310.03440 and its authors' matrices, CEPC simulation"

_FLAVOURS = ("b", "c", "s", "u", "d")


def _figures(
    efficiencies: tuple[float, ...], flips: tuple[float, ...], gluon: float, mean_diagonal: float
) -> dict[str, float]:
    return {
        "mean_diagonal": mean_diagonal,
        **{f"efficiency_{name}": value for name, value in zip(_FLAVOURS, efficiencies, strict=True)},
        "efficiency_g": gluon,
        **{f"flip_{name}": value for name, value in zip(_FLAVOURS, flips, strict=True)},
    }


# By tagger and simulation; the names of figures are those of `Confusion.figures`. Other simulation and other
# training give other digits: orderings and gaps are what to compare.
PUBLISHED = {
    "published ParticleNet, full simulation": _figures(
        (0.907, 0.796, 0.645, 0.420, 0.354), (0.183, 0.070, 0.158, 0.139, 0.223), 0.667, 0.544
    ),
    "published ParticleNet, fast simulation": _figures(
        (0.899, 0.805, 0.664, 0.446, 0.383), (0.169, 0.072, 0.156, 0.147, 0.197), 0.599, 0.553
    ),
    "published ParT, fast simulation": _figures(
        (0.908, 0.822, 0.668, 0.450, 0.415), (0.155, 0.068, 0.147, 0.138, 0.193), 0.587, 0.567
    ),
}
