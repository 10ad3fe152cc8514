"""What every test stands on: no settings of the person who runs it, the same random examples each time."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

settings.register_profile("yukawa", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("yukawa")


@pytest.fixture(scope="session", autouse=True)
def _no_settings_of_mine() -> Iterator[None]:
    """Hide YUKAWA_* variables and point the home at an empty folder, for child processes too."""
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as home:
        for variable in list(os.environ):
            if variable.startswith("YUKAWA_") and not variable.startswith("YUKAWA_TEST_"):
                patch.delenv(variable)
        patch.setenv("YUKAWA_HOME", home)
        yield
