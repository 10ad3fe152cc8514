"""The form in which a jet becomes bytes: native numbers or text, and how they are cut into patches."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from yukawa.core.errors import InputError

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
        context: most patches of a jet, with all that stands before and behind it; None is no limit.
        longer: what becomes of a longer jet: `refuse`, or `cut`, which leaves out its last particles.
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
                hint=f"leave it out, or give {', '.join(map(str, divisors))} or a multiple of {record}",
            )
        return patch
