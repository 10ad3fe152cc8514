"""What the run that a model lies in says of its training, so that it is measured in the same numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.runs.run import RECIPE, Run

_DTYPES = {"fp32": "float32", "bf16": "bfloat16"}


@dataclass(frozen=True, slots=True)
class Trained:
    """A run of `yukawa train`, as far as measuring is concerned.

    Attributes:
        run: its folder.
        dtype: of the base's weights while an adapter was trained; None where all weights were, since they were
            saved as they were.
        four_bits: whether those weights were quantised to NF4.
        precision: of the arithmetic.
    """

    run: Path
    dtype: str | None = None
    four_bits: bool = False
    precision: str = "bfloat16"


def find_trained(folder: str | Path | None) -> Trained | None:
    """The run that trained the model in `folder`: that of a run's folder, of its `model/` or of a checkpoint.

    A merged model is none of these: it is a model of its own, measured as it was saved.

    Raises:
        StoreError: the run's recipe is damaged.
    """
    run = None if folder is None else _run_of(Path(folder).expanduser())
    if run is None:
        return None
    recipe = Run.open(run).recipe
    adapter, model, training = (_table(recipe, name) for name in ("adapter", "model", "training"))
    if training.get("kind") is None:  # a run of something else
        return None
    kind = adapter.get("kind", "lora")
    # Beside an adapter the base lies in bf16 unless the recipe says otherwise.
    dtype = None if kind == "full" else _DTYPES.get(model.get("dtype") or "bf16")
    precision = _DTYPES.get(training.get("precision", "bf16"), "bfloat16")
    return Trained(run, dtype, kind == "qlora", precision)


def _run_of(folder: Path) -> Path | None:
    above = folder.resolve().parents
    places = [folder]
    if folder.name == "model":
        places.append(above[0])
    elif folder.name.startswith("checkpoint-") and len(above) > 1:
        places.append(above[1])
    return next((place for place in places if (place / RECIPE).is_file()), None)


def _table(recipe: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = recipe.get(name)
    return found if isinstance(found, Mapping) else {}
