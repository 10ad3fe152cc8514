"""The patch of ids that names each class: what a byte model answers when it is asked for the origin of a jet."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from yukawa.bytelm.vocabulary import Mark
from yukawa.core.errors import InputError
from yukawa.jets.bytes.packing import patch_row
from yukawa.jets.table import Array


def answer_patches(classes: Sequence[str], patch_size: int) -> Array:
    """[TEXT, name, EOS] and padding for each class: int16, (C, P).

    Raises:
        InputError: a name does not fit.
    """
    longest = max(classes, key=lambda name: len(name.encode()))
    if (needed := len(longest.encode()) + 2) > patch_size:
        raise InputError(
            f"the answer {longest!r} needs {needed} ids, a patch has {patch_size}",
            hint="give a larger patch, or shorter names of classes",
        )
    return np.stack([
        patch_row([Mark.TEXT, *name.encode(), Mark.EOS], patch_size) for name in classes
    ])  # fmt: skip
