"""Simulated jets: collisions, a detector, jets and their labels, and whole data sets of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yukawa.facades import from_homes

if TYPE_CHECKING:
    from yukawa.jets.simulation.cards import Card, load_card
    from yukawa.jets.simulation.events import simulate_events
    from yukawa.jets.simulation.processes import Process, Sample, load_process
    from yukawa.jets.simulation.production import produce

__all__ = ["Card", "Process", "Sample", "load_card", "load_process", "produce", "simulate_events"]
_HOMES = {
    "Card": "cards",
    "Process": "processes",
    "Sample": "processes",
    "load_card": "cards",
    "load_process": "processes",
    "produce": "production",
    "simulate_events": "events",
}
# Imported when first used: the verbs must not wait for NumPy and pydantic.
__getattr__ = from_homes(__name__, _HOMES)
