"""Where real abstracts, questions and answers lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; the test is skipped where it is absent."""
    folder = os.environ.get("YUKAWA_TEST_DATA")
    path = Path(folder) if folder else Path(__file__).parents[3] / "shared" / "data"
    if not (path / "arxiv").is_dir():
        pytest.skip(f"needs the real texts of YUKAWA_TEST_DATA, not found at {path}")
    return path
