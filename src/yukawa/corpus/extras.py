"""Answers a missing optional package of the text tools with the line that installs it."""

from __future__ import annotations

import importlib
from types import ModuleType

from yukawa.errors import MissingPackage


def require(package: str, purpose: str) -> ModuleType:
    """Import `package`, which `purpose` (such as "reading Parquet files") needs.

    Raises:
        MissingPackage: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        missing = package.partition(".")[0]
        if error.name != missing:
            raise
        raise MissingPackage(missing, "pip install 'yukawa[train]'", purpose=purpose) from None
