"""The form in which a jet becomes bytes: sizes of patches, and what is refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from yukawa.core.errors import InputError
from yukawa.jets.bytes.form import ByteForm


@pytest.mark.parametrize(
    ("code", "width"), [("fixed16", 2), ("ordered16", 2), ("ordered32", 4), ("float32", 4)]
)
def test_a_patch_is_a_particle_unless_said(code: str, width: int):
    form = ByteForm(code=code)
    assert form.record_size(17) == form.patch_size(17) == 17 * width


@pytest.mark.parametrize("patch", [1, 2, 17, 34, 68, 340])
def test_parts_and_multiples_of_a_particle_fit(patch: int):
    assert ByteForm(patch=patch).patch_size(17) == patch


@pytest.mark.parametrize("patch", [3, 16, 33, 35, 64])
def test_other_patches_do_not(patch: int):
    with pytest.raises(InputError, match=f"a patch of {patch} does not fit a particle of 34 bytes") as caught:
        ByteForm(patch=patch).patch_size(17)
    assert caught.value.hint == "leave it out, or give 1, 2, 17, 34 or a multiple of 34"


def test_any_patch_fits_text():
    assert ByteForm(form="text").patch_size(17) == 16
    assert [ByteForm(form="text", patch=patch).patch_size(17) for patch in (1, 13, 64)] == [1, 13, 64]


@pytest.mark.parametrize(
    "wrong",
    [{"patch": 0}, {"context": 0}, {"code": "fixed8"}, {"form": "xml"}, {"longer": "window"}, {"x": 1}],
)
def test_what_is_no_form(wrong: dict[str, object]):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        ByteForm.model_validate(wrong)
