"""Answers a missing optional package of the jet tools with the line that installs it."""

from __future__ import annotations

import importlib
from types import ModuleType

from yukawa.errors import MissingPackage

_EXTRA = {"torch": "train", "transformers": "train", "accelerate": "train"}


def require(package: str, purpose: str) -> ModuleType:
    """Import `package`, which `purpose` (such as "reading ROOT files") needs.

    Raises:
        MissingPackage: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package.partition(".")[0]:
            raise
        extra = _EXTRA.get(error.name, "jets")
        raise MissingPackage(error.name, f"pip install 'yukawa[{extra}]'", purpose=purpose) from None
