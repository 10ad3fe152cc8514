"""Answers a missing optional package with the line that installs it."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from types import ModuleType

from yukawa.errors import MissingPackage


def require(package: str, purpose: str, extra: str) -> ModuleType:
    """Import `package`, which `purpose` (such as "reading ROOT files") needs.

    Args:
        extra: of Yukawa, which has it.

    Raises:
        MissingPackage: it is not installed.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        missing = package.partition(".")[0]
        if error.name != missing:
            raise
        raise MissingPackage(missing, f"pip install 'yukawa[{extra}]'", purpose=purpose) from None


def check_installed(package: str, purpose: str, extra: str) -> None:
    """As `require`, without importing it, which may take seconds."""
    if find_spec(package) is None:
        raise MissingPackage(package, f"pip install 'yukawa[{extra}]'", purpose=purpose)
