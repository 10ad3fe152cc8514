"""Simulated jets: collisions, a detector, jets and their labels, and whole data sets of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from yukawa.jets.simulation.cards import Card, load_card
    from yukawa.jets.simulation.events import simulate_events
    from yukawa.jets.simulation.processes import Process, Sample, load_process
    from yukawa.jets.simulation.production import produce

__all__ = ["Card", "Process", "Sample", "load_card", "load_process", "produce", "simulate_events"]
_HOMES = {"Card": "cards", "load_card": "cards", "produce": "production", "simulate_events": "events"}


def __getattr__(name: str) -> Any:
    # Imported when first used: the verbs must not wait for NumPy and pydantic.
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'processes')}"), name)
