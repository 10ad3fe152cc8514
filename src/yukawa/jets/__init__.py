"""Collider jets: simulate, read, train and measure taggers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yukawa.facades import from_homes

if TYPE_CHECKING:
    from yukawa.jets.classes import JET_ORIGIN
    from yukawa.jets.evaluation.prediction import predict
    from yukawa.jets.evaluation.report import evaluate
    from yukawa.jets.features import FeatureEncoder, load_data_config
    from yukawa.jets.formats import convert, open_source
    from yukawa.jets.models.onnx import export_onnx
    from yukawa.jets.models.saving import load_model, save_model
    from yukawa.jets.models.weaver import import_weaver
    from yukawa.jets.simulation import load_card, load_process, produce, simulate_events
    from yukawa.jets.table import Jets
    from yukawa.jets.training.recipe import load_recipe
    from yukawa.jets.training.run import train

__all__ = [
    "JET_ORIGIN",
    "FeatureEncoder",
    "Jets",
    "convert",
    "evaluate",
    "export_onnx",
    "import_weaver",
    "load_card",
    "load_data_config",
    "load_model",
    "load_process",
    "load_recipe",
    "open_source",
    "predict",
    "produce",
    "save_model",
    "simulate_events",
    "train",
]
_HOMES = {
    "FeatureEncoder": "features",
    "JET_ORIGIN": "classes",
    "Jets": "table",
    "convert": "formats",
    "evaluate": "evaluation.report",
    "export_onnx": "models.onnx",
    "import_weaver": "models.weaver",
    "load_card": "simulation",
    "load_data_config": "features",
    "load_model": "models.saving",
    "load_process": "simulation",
    "load_recipe": "training.recipe",
    "open_source": "formats",
    "predict": "evaluation.prediction",
    "produce": "simulation",
    "save_model": "models.saving",
    "simulate_events": "simulation",
    "train": "training.run",
}
# Imported when first used: reading jets needs no torch, and `import yukawa.jets` nothing at all.
__getattr__ = from_homes(__name__, _HOMES)
