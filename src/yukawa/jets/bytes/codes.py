"""The form in which jets become bytes: numbers in a fixed code or text, cut into patches of ids, and back."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from yukawa.bytelm import numbers
from yukawa.bytelm.segments import BYTES, Mark
from yukawa.core.errors import InputError
from yukawa.jets.features.config import DataConfig
from yukawa.jets.table import Array, offsets_of

STEPS = 65535  # of fixed16, from the lower to the upper bound
_BLOCK = 4096  # particles whose numbers fit the processor's cache
WIDTHS = {"fixed16": 2, "ordered16": 2, "ordered32": 4, "float32": 4}  # bytes of a number
TEXT_PATCH = 16


class ByteForm(BaseModel):
    """How a jet becomes bytes.

    Attributes:
        form: `native`, where a particle is a record of its features, each in the same code; or `text`, the line
            that `yukawa.jets.io.text.format_jets` writes.
        code: of a native number. `fixed16` maps the range at which a variable is clipped to 0 … 65535;
            `ordered16` and `ordered32` are floats whose bytes sort as the numbers do; `float32` is IEEE 754. All
            are big-endian. Text has none.
        patch: ids of a patch. Native: a particle's record unless given; a part of it, or several whole records.
            Text: 16 unless given.
        order: the particles of a jet come with this, a column or an expression of columns, falling (such as
            `part_energy`, or `-part_deltaR`); None leaves them as the jets have them.
        context: most patches of a jet, with all that stands before and behind it; None sets no limit.
        longer: how a longer jet is treated: `refuse`, or `cut`, which omits its last particles.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    form: Literal["native", "text"] = "native"
    code: Literal["fixed16", "ordered16", "ordered32", "float32"] = "fixed16"
    patch: int | None = Field(None, ge=1)
    order: str | None = None
    context: int | None = Field(None, ge=1)
    longer: Literal["refuse", "cut"] = "refuse"

    def record_size(self, features: int) -> int:
        """Bytes of a particle of so many features, in the native form."""
        return features * WIDTHS[self.code]

    def patch_size(self, features: int) -> int:
        """Ids of a patch, where a particle has so many features.

        Raises:
            InputError: the given size neither divides a particle's record nor is a multiple of it.
        """
        if self.form == "text":
            return self.patch or TEXT_PATCH
        record = self.record_size(features)
        patch = self.patch or record
        if record % patch and patch % record:
            divisors = [size for size in range(1, record + 1) if record % size == 0]
            raise InputError(
                f"a patch of {patch} does not fit a particle of {record} bytes ({features} features in {self.code})",
                hint=f"omit it, or give {', '.join(map(str, divisors))} or a multiple of {record}",
            )
        return patch


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
            coded = numbers.to_bytes(
                np.rint(np.clip(scaled, 0, STEPS, out=scaled)).astype(np.uint16).reshape(-1)
            )
        elif form.code == "ordered16":
            coded = numbers.to_ordered(_half(block).reshape(-1))
        else:
            coded = (numbers.to_ordered if form.code == "ordered32" else numbers.to_bytes)(block.reshape(-1))
        bytes_NR[start : start + _BLOCK] = coded.reshape(len(block), -1)
    return bytes_NR


def decode_features(patches_NP: Array, form: ByteForm, config: DataConfig) -> Array:
    """The features (N, F), float32, of the particles whose patches an encoder of the native form gave.

    The patches may be of several jets; marks, prompts and answers are omitted. See `feature_bytes` for how
    exact each code is.

    Raises:
        InputError: the form is text, or the ids are not whole records.
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
            f"{len(bytes_X)} bytes of particles are not whole records of {features * width} "
            f"({features} features in {form.code})"
        )
    numbers_XW = bytes_X.reshape(-1, width)
    if form.code == "fixed16":
        low_F, step_F = _steps(config)
        return numbers.from_bytes(numbers_XW, np.uint16).reshape(-1, features) * step_F + low_F
    if form.code == "ordered16":
        return numbers.from_ordered(numbers_XW, np.float16).astype(np.float32).reshape(-1, features)
    read = numbers.from_ordered if form.code == "ordered32" else numbers.from_bytes
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


def patch_row(ids: Sequence[int], patch_size: int) -> Array:
    """Ids as int16, padded to whole patches."""
    row = np.full(-(-len(ids) // patch_size) * patch_size, int(Mark.PAD), np.int16)
    row[: len(ids)] = ids
    return row


def pack(
    head: Array, bytes_X: Array, begins_B: Array, ends_B: Array, tails_BT: Array, patch_size: int
) -> tuple[Array, Array]:
    """Sequences of the head, the bytes from `begins_B` to `ends_B`, padding to a whole patch, and a tail each.

    Returns:
        patches, int16 of shape (N, P), of all sequences; and the number of patches of each, int64 (B,).
    """
    lengths = ends_B - begins_B
    counts = -(-(len(head) + lengths) // patch_size) + tails_BT.shape[1] // patch_size
    offsets = offsets_of(counts) * patch_size
    ids = np.full(offsets[-1], int(Mark.PAD), np.int16)
    starts = offsets[:-1]
    words = np.flatnonzero(head != Mark.PAD)  # padding is there already
    ids[starts[:, None] + words] = head[words]
    ids[offsets[1:, None] + np.arange(-tails_BT.shape[1], 0)] = tails_BT
    bodies = starts + len(head)
    for body, stop, begin, end in zip(
        bodies.tolist(), (bodies + lengths).tolist(), begins_B.tolist(), ends_B.tolist(), strict=True
    ):
        ids[body:stop] = bytes_X[begin:end]
    return ids.reshape(-1, patch_size), counts


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
