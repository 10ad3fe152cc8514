"""Features as bytes: four codes, the patches that fit them, and how ids fill rows and answers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from yukawa.bytelm.numbers import RecordFormat
from yukawa.bytelm.segments import Mark, Records
from yukawa.bytelm.tokenizer import ByteTokenizer
from yukawa.core.errors import InputError
from yukawa.jets.bytes.encoder import (
    ByteForm,
    answer_patches,
    decode_features,
    feature_bytes,
    pack,
    patch_row,
)
from yukawa.jets.features.config import FEATURES, DataConfig, Variable, load_data_config

CODES = ("fixed16", "ordered16", "ordered32", "float32")
CONFIG = load_data_config("jet-origin")
STEP = 10 / 65535


def config_of(*variables: Variable) -> DataConfig:
    return CONFIG.with_variables({FEATURES: variables})


def patches(bytes_NR: np.ndarray) -> np.ndarray:
    head = np.full((1, bytes_NR.shape[1]), int(Mark.PAD), np.int16)
    head[0, :3] = [Mark.BOS, Mark.RECORDS, 0]
    return np.concatenate([head, bytes_NR.astype(np.int16)])


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("count", [0, 1, 4096, 5000])
def test_features_come_back(code: str, count: int):
    features = np.random.default_rng(1).uniform(-5, 5, (count, 17)).astype(np.float32)
    features[:, 3] = -0.0
    form = ByteForm(code=code)
    bytes_NR = feature_bytes(features, form, CONFIG)
    assert bytes_NR.shape == (count, form.record_size(17))
    read = decode_features(patches(bytes_NR), form, CONFIG)
    assert read.dtype == np.float32
    if code == "fixed16":
        np.testing.assert_allclose(read, features, rtol=0, atol=0.51 * STEP)  # half a step, and float32
    elif code == "ordered16":
        np.testing.assert_array_equal(read, features.astype(np.float16))
    else:
        assert read.tobytes() == features.tobytes()


@given(st.lists(st.floats(-5, 5, width=32), min_size=2, max_size=30))
def test_bytes_sort_as_numbers(values: list[float]):
    config = config_of(Variable("x"))
    for code in ("fixed16", "ordered16", "ordered32"):
        numbers = np.sort(np.array(values, np.float32) + np.float32(0))[:, None]  # -0 equals 0
        rows = [bytes(row) for row in feature_bytes(numbers, ByteForm(code=code), config)]
        assert rows == sorted(rows)
        if code == "ordered32":
            assert len(set(rows)) == len(np.unique(numbers))


@pytest.mark.parametrize(
    ("code", "kind"), [("ordered16", "float16"), ("ordered32", "float32"), ("float32", "float32")]
)
def test_the_tokenizer_of_the_byte_model_writes_the_same(code: str, kind: str):
    features = np.random.default_rng(2).normal(size=(9, 17)).astype(np.float32)
    fields = RecordFormat(tuple((name, code) for name in CONFIG.features))
    records = np.zeros(9, fields.dtype)
    for name, column in zip(CONFIG.features, features.T, strict=True):
        records[name] = column.astype(kind)
    form = ByteForm(code=code)
    ours = patches(feature_bytes(features, form, CONFIG))
    theirs = ByteTokenizer(form.patch_size(17), [fields]).encode(Records(records, fields), eos=False)
    np.testing.assert_array_equal(ours.reshape(-1), theirs)


def test_fixed16_maps_the_bounds_of_each_variable_to_the_bounds_of_its_code():
    config = config_of(Variable("x"), Variable("y", 0.0, 1.0, -1.0, 3.0), Variable("z", 0.0, 1.0, 2.0, 2.0))
    features = np.array([[-5, -1, 2], [5, 3, 2], [0, 1, 2], [-7, -1, 2], [9, 3, 2]], np.float32)
    bytes_NR = feature_bytes(features, ByteForm(), config)
    expected = [[0, 0, 0], [65535, 65535, 0], [32768, 32768, 0], [0, 0, 0], [65535, 65535, 0]]
    np.testing.assert_array_equal(bytes_NR.view(">u2"), expected)
    read = decode_features(patches(bytes_NR), ByteForm(), config)
    np.testing.assert_allclose(read, np.clip(features, [-5, -1, 2], [5, 3, 2]), atol=0.51 * STEP)


def test_numbers_that_a_code_cannot_hold():
    large = np.full((1, 17), 7e4, np.float32)
    with pytest.raises(
        InputError, match=r"a feature is 70000, beyond 65504, the largest number of ordered16"
    ) as caught:
        feature_bytes(large, ByteForm(code="ordered16"), CONFIG)
    assert caught.value.hint == "give code=ordered32"
    with pytest.raises(InputError, match="x is not clipped, fixed16 needs finite bounds"):
        feature_bytes(
            np.zeros((1, 1), np.float32), ByteForm(), config_of(Variable("x", 0.0, 1.0, -5.0, np.inf))
        )


def test_what_cannot_be_decoded():
    with pytest.raises(InputError, match="from the native form"):
        decode_features(np.zeros((0, 16), np.int16), ByteForm(form="text"), CONFIG)
    damaged = patches(feature_bytes(np.zeros((2, 17), np.float32), ByteForm(), CONFIG)).reshape(-1)[:-1]
    with pytest.raises(
        InputError, match=r"67 bytes of particles are not whole records of 34 \(17 features in fixed16\)"
    ):
        decode_features(damaged[:, None], ByteForm(), CONFIG)


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
    assert caught.value.hint == "omit it, or give 1, 2, 17, 34 or a multiple of 34"


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


PAD = int(Mark.PAD)


def test_rows_are_filled_to_whole_patches():
    assert patch_row([1, 2, 3], 2).tolist() == [1, 2, 3, PAD]
    assert patch_row([1, 2], 2).tolist() == [1, 2]
    assert patch_row([], 2).tolist() == []


@pytest.mark.parametrize("patch_size", [1, 2, 3, 7, 16])
@pytest.mark.parametrize("tail", [0, 1])
def test_sequences_are_head_bytes_padding_and_tail(patch_size: int, tail: int):
    rng = np.random.default_rng(patch_size)
    lengths = np.array([0, 5, 1, 0, 16, 30])
    ends = np.cumsum(lengths)
    bytes_X = rng.integers(0, 256, ends[-1]).astype(np.uint8)
    head = np.array([Mark.BOS, Mark.TEXT], np.int16)
    tails = rng.integers(0, 256, (6, tail * patch_size)).astype(np.int16)
    patches, counts = pack(head, bytes_X, ends - lengths, ends, tails, patch_size)
    assert patches.dtype == np.int16
    expected = [
        [*patch_row([*head, *bytes_X[end - length : end]], patch_size), *row]
        for length, end, row in zip(lengths, ends, tails, strict=True)
    ]
    assert counts.tolist() == [len(ids) // patch_size for ids in expected]
    assert patches.reshape(-1).tolist() == [number for ids in expected for number in ids]


def test_no_sequences():
    none = np.zeros(0, np.int64)
    patches, counts = pack(
        np.zeros(2, np.int16), none.astype(np.uint8), none, none, np.zeros((0, 0), np.int16), 4
    )
    assert patches.shape == (0, 4)
    assert counts.tolist() == []


def test_an_answer_is_the_name_of_a_class_and_its_end() -> None:
    patches = answer_patches(("b", "bbar"), 6)
    assert patches.dtype == np.int16
    pad, text, end = (int(mark) for mark in (Mark.PAD, Mark.TEXT, Mark.EOS))
    assert patches.tolist() == [[text, 98, end, pad, pad, pad], [text, 98, 98, 97, 114, end]]


def test_a_name_that_does_not_fit_is_named() -> None:
    with pytest.raises(
        InputError, match=r"the answer 'bbar' needs 6 ids, a patch has 5 \(give a larger patch"
    ):
        answer_patches(("b", "bbar"), 5)
    with pytest.raises(InputError, match="the answer 'tä' needs 5 ids"):
        answer_patches(("tä",), 4)
