"""What the ROOT formats share: opening a file, and jagged branches as flat arrays."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError
from yukawa.core.optional import require
from yukawa.jets.table import Array


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """The open ROOT file, whose damage shows as one clear line.

    Raises:
        InputError: there is no such file, or it is no ROOT file, cut off or damaged.
    """
    uproot = require("uproot", "reading ROOT files")
    damage = (OSError, ValueError, LookupError, EOFError, struct.error, zlib.error, RuntimeError)
    try:
        with uproot.open(path) as file:
            yield file
    except FileNotFoundError:
        raise InputError(f"{path} cannot be read: no such file") from None
    except (*damage, uproot.deserialization.DeserializationError) as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise InputError(
            f"{path} cannot be read as ROOT, it is of another kind, cut off or damaged: "
            f"{lines[0] if lines else type(error).__name__}",
            hint="fetch or make the file again",
        ) from None


def flat(array: Any) -> tuple[Array, Array]:
    """Counts and values of a jagged awkward array of numbers."""
    awkward = require("awkward", "reading ROOT files")
    return awkward.to_numpy(awkward.num(array)), native(awkward.to_numpy(awkward.flatten(array)))


def native(array: Array) -> Array:
    """The same numbers in this machine's byte order; ROOT stores them in the other."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)
