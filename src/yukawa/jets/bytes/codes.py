"""Features of particles as bytes and back."""

from __future__ import annotations

import numpy as np

from yukawa.bytelm.numbers import from_bytes, from_ordered, to_bytes, to_ordered
from yukawa.bytelm.vocabulary import BYTES, Mark
from yukawa.core.errors import InputError
from yukawa.jets.bytes.form import WIDTHS, ByteForm
from yukawa.jets.features.config import DataConfig
from yukawa.jets.table import Array

STEPS = 65535
_BLOCK = 4096  # particles whose numbers fit the processor's cache


def feature_bytes(features_NF: Array, form: ByteForm, config: DataConfig) -> Array:
    """Each particle's features in the form's code, one after another: uint8 of shape (N, record size).

    `fixed16` is exact to half a step of (high - low) / 65535, where low and high are the bounds at which the
    config clips the variable; values beyond them, which a variable that is not standardised may have, become the
    bounds. `ordered16` rounds to the nearest float16. `ordered32` and `float32` keep every bit.

    Raises:
        InputError: `fixed16` and a bound is infinite; `ordered16` and a number is beyond the largest float16.
    """
    count, features = features_NF.shape
    bytes_NR = np.empty((count, form.record_size(features)), np.uint8)
    low_F, step_F = _steps(config) if form.code == "fixed16" else (np.zeros(0), np.zeros(0))
    for start in range(0, count, _BLOCK):
        block = features_NF[start : start + _BLOCK]
        if form.code == "fixed16":
            scaled = (block - low_F) * (1 / step_F)
            numbers = to_bytes(np.rint(np.clip(scaled, 0, STEPS, out=scaled)).astype(np.uint16).reshape(-1))
        elif form.code == "ordered16":
            numbers = to_ordered(_half(block).reshape(-1))
        else:
            numbers = (to_ordered if form.code == "ordered32" else to_bytes)(block.reshape(-1))
        bytes_NR[start : start + _BLOCK] = numbers.reshape(len(block), -1)
    return bytes_NR


def decode_features(patches_NP: Array, form: ByteForm, config: DataConfig) -> Array:
    """The features (N, F), float32, of the particles whose patches an encoder of the native form gave.

    The patches may be of several jets; marks, prompts and answers are left out. See `feature_bytes` for how
    exact each code is.

    Raises:
        InputError: the form is text, or the ids are no whole records.
    """
    if form.form != "native":
        raise InputError("features are decoded from the native form", hint="parse_jets reads text")
    ids = np.asarray(patches_NP).reshape(-1)
    ids = ids[ids != Mark.PAD]
    # Each id belongs to the mark before it; behind RECORDS stands one byte that says the format.
    marks = np.flatnonzero(ids >= BYTES)
    ends = np.append(marks[1:], len(ids))
    records = ids[marks] == Mark.RECORDS
    spread = np.zeros(len(ids) + 1, np.int64)
    spread[np.minimum(marks[records] + 2, ends[records])] += 1
    spread[ends[records]] -= 1
    bytes_X = ids[np.cumsum(spread[:-1]) > 0].astype(np.uint8)
    features, width = len(config.features), WIDTHS[form.code]
    if len(bytes_X) % (features * width):
        raise InputError(
            f"{len(bytes_X)} bytes of particles are no whole records of {features * width} "
            f"({features} features in {form.code})"
        )
    numbers_XW = bytes_X.reshape(-1, width)
    if form.code == "fixed16":
        low_F, step_F = _steps(config)
        return from_bytes(numbers_XW, np.uint16).reshape(-1, features) * step_F + low_F
    if form.code == "ordered16":
        return from_ordered(numbers_XW, np.float16).astype(np.float32).reshape(-1, features)
    read = from_ordered if form.code == "ordered32" else from_bytes
    return read(numbers_XW, np.float32).reshape(-1, features)


def _steps(config: DataConfig) -> tuple[Array, Array]:
    """The lower bound of each feature, and what one step of `fixed16` is worth; float32."""
    variables = config.inputs.pf_features.vars
    low, high = (np.array([getattr(v, bound) for v in variables], np.float32) for bound in ("low", "high"))
    width = high - low
    if not np.isfinite(width).all():
        bad = config.features[int(np.argmax(~np.isfinite(width)))]
        raise InputError(f"{bad} is not clipped, fixed16 needs finite bounds", hint="give code=ordered16")
    return low, np.where(width > 0, width, 1) / np.float32(STEPS)


def _half(block: Array) -> Array:
    with np.errstate(over="raise"):
        try:
            return block.astype(np.float16)
        except FloatingPointError:
            raise InputError(
                f"a feature is {np.abs(block).max():g}, the largest number of ordered16 is 65504",
                hint="give code=ordered32",
            ) from None
