"""Segments as ids: what went in comes out, patches lie as they should, damage is named."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.bytelm.numbers import CODES, FLOATS, INTEGERS, TYPES, RecordFormat, to_bytes, to_ordered
from yukawa.bytelm.segments import (
    VOCABULARY,
    Decimals,
    Floats,
    Formula,
    Image,
    Integers,
    Mark,
    Ordered,
    Records,
    Segment,
    Text,
)
from yukawa.bytelm.tokenizer import ByteTokenizer
from yukawa.core.errors import InputError, StoreError

FORMATS = (
    RecordFormat.of(energy="ordered32", charge="int8"),
    RecordFormat(tuple((code, code) for code in CODES)),
    RecordFormat.of(charge="int8", energy="ordered32"),
)
PATCH_SIZES = st.sampled_from([1, 2, 3, 5, 8, 16, 64])
characters = st.characters(codec="utf-8")


def bits(kind: Any, least: int = 1) -> st.SearchStrategy[np.ndarray[Any, Any]]:
    """Arrays of a type with any bits; all zeros and all ones among them."""
    kind = np.dtype(kind)
    one = st.binary(min_size=kind.itemsize, max_size=kind.itemsize)
    edges = st.sampled_from([bytes(kind.itemsize), b"\xff" * kind.itemsize])
    return st.lists(one | edges, min_size=least, max_size=8).map(
        lambda rows: np.frombuffer(b"".join(rows), kind)
    )


def numbers(kind: type[Segment], types: tuple[str, ...]) -> st.SearchStrategy[Segment]:
    return st.sampled_from(types).flatmap(bits).map(kind)


def finite(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.where(np.isfinite(values), values, values.dtype.type(1))


SIDE = st.integers(1, 5)
SHAPES = st.tuples(SIDE, SIDE) | st.tuples(SIDE, SIDE, st.just(3))
KINDS: dict[str, st.SearchStrategy[Segment]] = {
    "text": st.text(characters, min_size=1).map(Text),
    "formula": st.text(st.characters(codec="utf-8", exclude_characters="{}%\\")).map(
        lambda source: Formula(rf"\frac{{{source}}}{{\{{^2}}_0")
    ),
    "decimals": st.sampled_from(TYPES).flatmap(bits).map(finite).map(Decimals),
    "integers": numbers(Integers, INTEGERS),
    "floats": numbers(Floats, FLOATS),
    "ordered": numbers(Ordered, FLOATS),
    "image": SHAPES.flatmap(
        lambda shape: st.binary(min_size=int(np.prod(shape)), max_size=int(np.prod(shape))).map(
            lambda data: Image(np.frombuffer(data, np.uint8).reshape(shape))
        )
    ),
    "records": st.sampled_from(FORMATS).flatmap(
        lambda form: bits(form.dtype).map(lambda records: Records(records, form))
    ),
}
SEGMENTS = st.lists(st.one_of(*KINDS.values()), max_size=6)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data(), patch_size=PATCH_SIZES)
def test_every_kind_round_trips(kind: str, data: st.DataObject, patch_size: int) -> None:
    segment = data.draw(KINDS[kind])
    tokenizer = ByteTokenizer(patch_size, FORMATS)
    (back,) = tokenizer.decode(tokenizer.encode(segment))
    assert back == segment
    assert type(back) is type(segment)


@given(SEGMENTS, PATCH_SIZES, st.booleans(), st.booleans())
def test_mixtures_round_trip(segments: list[Segment], patch_size: int, bos: bool, eos: bool) -> None:
    tokenizer = ByteTokenizer(patch_size, FORMATS)
    ids = tokenizer.encode(*segments, bos=bos, eos=eos)
    assert ids.dtype == np.int16
    assert ids.ndim == 1
    assert len(ids) % patch_size == 0
    assert (Mark.BOS in ids, Mark.EOS in ids) == (bos, eos)
    assert tokenizer.decode(ids) == tuple(segments)
    assert tokenizer.decode(ids.astype(np.int64)) == tokenizer.decode(ids.tolist()) == tuple(segments)


@settings(max_examples=40)  # each builds many sequences
@given(SEGMENTS, st.randoms(use_true_random=False))
def test_another_order_is_another_sequence_with_the_same_segments(
    segments: list[Segment], random: Any
) -> None:
    tokenizer = ByteTokenizer(8, FORMATS)
    shuffled = random.sample(segments, len(segments))
    back = tokenizer.decode(tokenizer.encode(*shuffled))
    assert back == tuple(shuffled)
    assert Counter(back) == Counter(segments)


@given(SEGMENTS, PATCH_SIZES)
def test_every_segment_begins_a_patch(segments: list[Segment], patch_size: int) -> None:
    ids = ByteTokenizer(patch_size, FORMATS).encode(*segments, bos=False, eos=False)
    begins = np.flatnonzero(ids >= Mark.TEXT)
    assert len(begins) == len(segments)
    assert not (begins % patch_size).any()


@given(SEGMENTS, PATCH_SIZES)
def test_patches_change_the_padding_alone(segments: list[Segment], patch_size: int) -> None:
    ids = ByteTokenizer(patch_size, FORMATS).encode(*segments)
    np.testing.assert_array_equal(ids[ids != Mark.PAD], ByteTokenizer(1, FORMATS).encode(*segments))


@given(SEGMENTS, st.data())
def test_padding_means_nothing(segments: list[Segment], data: st.DataObject) -> None:
    tokenizer = ByteTokenizer(records=FORMATS)
    ids = tokenizer.encode(*segments)
    places = data.draw(st.lists(st.integers(0, len(ids)), max_size=5))
    assert tokenizer.decode(np.insert(ids, places, int(Mark.PAD))) == tuple(segments)


def test_without_segments() -> None:
    assert ByteTokenizer(4).encode().tolist() == [Mark.BOS, Mark.EOS, Mark.PAD, Mark.PAD]
    assert ByteTokenizer().encode(bos=False, eos=False).tolist() == []
    assert ByteTokenizer().decode([]) == ByteTokenizer().decode([Mark.BOS]) == ()


@pytest.mark.parametrize("patch_size", [1, 4])
def test_a_prompt_ends_with_its_last_byte(patch_size: int) -> None:
    ids = ByteTokenizer(patch_size).encode(Text("jet"), eos=False, whole=False)
    assert ids.tolist() == [Mark.BOS, Mark.TEXT, *b"jet"]


def test_a_record_is_a_patch() -> None:
    form = FORMATS[0]
    records = np.array([(1.0, -1), (np.nan, 1), (-2.0, 0)], form.dtype)
    ids = ByteTokenizer(form.size, FORMATS).encode(Records(records, form)).reshape(-1, form.size)
    assert ids[0].tolist() == [Mark.BOS, Mark.RECORDS, 0, Mark.PAD, Mark.PAD]
    np.testing.assert_array_equal(ids[1:4], form.to_bytes(records))
    assert ids[4].tolist() == [Mark.EOS] + [Mark.PAD] * 4
    assert len(ids) == 5


@pytest.mark.parametrize(("patch_size", "patches"), [(8, 1), (4, 2), (3, 2), (2, 3), (1, 5)])
def test_every_record_begins_a_patch(patch_size: int, patches: int) -> None:
    form = FORMATS[2]
    records = np.ones(3, form.dtype)
    ids = ByteTokenizer(patch_size, [form]).encode(Records(records, form), bos=False, eos=False)
    body = ids[-(-2 // patch_size) * patch_size :].reshape(3, patches * patch_size)
    np.testing.assert_array_equal(body[:, : form.size], form.to_bytes(records))
    assert (body[:, form.size :] == Mark.PAD).all()


def test_numbers_begin_a_patch() -> None:
    values = np.array([1.5, -2.5, np.inf])
    tokenizer = ByteTokenizer(8)
    for segment, data in ((Floats(values), to_bytes(values)), (Ordered(values), to_ordered(values))):
        ids = tokenizer.encode(segment, eos=False).reshape(-1, 8)
        np.testing.assert_array_equal(ids[1:], data)


def test_the_sequence_of_the_paper() -> None:
    grey = Image(np.array([[128, 64], [192, 255]], np.uint8))
    ids = ByteTokenizer().encode(Text("é"), Integers(np.array([12345])), Formula("E=mc^2"), grey)
    assert ids.tolist() == [
        Mark.BOS, Mark.TEXT, 0xC3, 0xA9, Mark.INTEGERS, 3, 0, 0, 0, 0, 0, 0, 48, 57,
        Mark.FORMULA, 69, 61, 109, 99, 94, 50, Mark.GREY, 0, 0, 0, 2, 0, 0, 0, 2, 128, 64, 192, 255, Mark.EOS,
    ]  # fmt: skip
    assert ByteTokenizer().encode(Decimals(np.array([-1.5, 1e-5], "f4"))).tolist() == [
        Mark.BOS, Mark.DECIMALS, 9, *b"-1.5 1e-05", Mark.EOS,
    ]  # fmt: skip


@settings(max_examples=40)  # each builds many sequences
@given(st.lists(SEGMENTS, min_size=1, max_size=5), PATCH_SIZES)
def test_a_batch_holds_every_sequence(sequences: list[list[Segment]], patch_size: int) -> None:
    tokenizer = ByteTokenizer(patch_size, FORMATS)
    batch = tokenizer.batch(sequences)
    assert batch.input_ids.dtype == batch.attention_mask.dtype == np.int64
    assert batch.input_ids.shape == batch.attention_mask.shape
    assert batch.input_ids.shape[1] % patch_size == 0
    assert batch.sequence.tolist() == list(range(len(sequences)))
    assert batch.windowed == 0
    for segments, ids, mask in zip(sequences, batch.input_ids, batch.attention_mask, strict=True):
        assert tokenizer.decode(ids) == tuple(segments)
        alone = tokenizer.encode(*segments)
        np.testing.assert_array_equal(ids[mask == 1], alone)
        assert mask.tolist() == [1] * len(alone) + [0] * (len(mask) - len(alone))
        assert (ids[mask == 0] == Mark.PAD).all()


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=6),
    st.integers(1, 5),
    st.sampled_from([1, 4]),
    st.data(),
)
def test_windows_hold_every_id(
    lengths: list[int], context: int, patch_size: int, data: st.DataObject
) -> None:
    sequences = [
        np.array(data.draw(st.lists(st.integers(0, 255), min_size=size, max_size=size)), np.int16)
        for size in (each * patch_size for each in lengths)
    ]
    context *= patch_size
    batch = ByteTokenizer(patch_size).collate(sequences, context=context, longer="window")
    assert batch.input_ids.shape[1] <= context
    assert batch.windowed == sum(len(each) > context for each in sequences)
    for place, ids in enumerate(sequences):
        rows = batch.sequence == place
        assert rows.sum() == -(-len(ids) // context)
        np.testing.assert_array_equal(batch.input_ids[rows][batch.attention_mask[rows] == 1], ids)


def test_saved_and_loaded(tmp_path: Path) -> None:
    tokenizer = ByteTokenizer(16, FORMATS)
    tokenizer.save(tmp_path / "tokenizer.json")
    loaded = ByteTokenizer.load(tmp_path / "tokenizer.json")
    assert loaded == tokenizer
    assert hash(loaded) == hash(tokenizer)
    assert repr(loaded) == repr(tokenizer)
    assert loaded.records == FORMATS
    assert loaded != ByteTokenizer(16, FORMATS[::-1])
    with pytest.raises(StoreError, match="cannot be written"):
        tokenizer.save(tmp_path / "missing" / "tokenizer.json")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not valid JSON"),
        ("[]", "holds list; expected a JSON object"),
        ('{"patch_size": 1}', "not the values of a byte tokenizer: KeyError.'records'"),
        ('{"patch_size": 1, "records": [["ab", "abc"]]}', "not the values of a byte tokenizer"),
        ('{"patch_size": 0, "records": []}', "patch size is 0"),
        ('{"patch_size": 1, "records": [[["a", "int9"]]]}', "code 'int9'"),
    ],
)
def test_damaged_files(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "tokenizer.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=message):
        ByteTokenizer.load(path)


@pytest.mark.parametrize("patch_size", [0, -1, 1.0, True, "16"])
def test_patch_sizes_that_are_none(patch_size: Any) -> None:
    with pytest.raises(InputError, match="whole number of at least 1"):
        ByteTokenizer(patch_size)


def test_record_formats_that_are_too_many_or_twice() -> None:
    with pytest.raises(InputError, match="2 record formats came, up to 256 different ones"):
        ByteTokenizer(records=[FORMATS[0], FORMATS[0]])
    many = [RecordFormat.of(**{f"a{number}": "int8"}) for number in range(257)]
    assert len(ByteTokenizer(records=many[:256]).records) == 256
    with pytest.raises(InputError, match="257 record formats"):
        ByteTokenizer(records=many)
    for none in (FORMATS[0], ["energy"], [[]]):
        with pytest.raises(InputError, match=r"records is .*, a list of RecordFormat is expected"):
            ByteTokenizer(records=none)  # type: ignore[arg-type]


def test_what_cannot_be_encoded() -> None:
    with pytest.raises(InputError, match=r"of the kind str, allowed are Text, Formula, .*Records"):
        ByteTokenizer().encode("text")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"does not know the record format \{'energy'.*name it at the start"):
        ByteTokenizer().encode(Records(np.ones(1, FORMATS[0].dtype), FORMATS[0]))


M = Mark


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([M.TEXT, 97, VOCABULARY], r"unknown id 272 \(id 2\); ids are 0 to 267"),
        ([M.TEXT, -1], r"unknown id -1 \(id 1\)"),
        ([M.TEXT, 97, 268], r"unknown mark 268 \(id 2\); marks are 256 to 267"),
        ([M.PAD, M.BOS, 97, M.TEXT, 98], r"byte 97 precedes the first mark \(id 2\)"),
        ([97], r"byte 97 precedes the first mark \(id 0\)"),
        ([M.TEXT, 97, M.BOS, M.TEXT, 98], r"BOS is within the sequence \(id 2\)"),
        ([M.BOS, M.BOS], r"BOS is within the sequence \(id 1\)"),
        ([M.TEXT, 97, M.EOS, M.PAD, 98], r"EOS is within the sequence \(id 2\)"),
        ([M.EOS, M.EOS], r"EOS is within the sequence \(id 0\)"),
        ([M.BOS, M.TEXT, M.PAD, M.EOS], r"TEXT at id 1: the segment is empty"),
        ([M.RECORDS, M.TEXT, 97], r"RECORDS at id 0: the segment is empty"),
        (
            [M.BOS, M.TEXT, 97, M.PAD, 0xC3, M.EOS],
            r"TEXT at id 1: .* not UTF-8: unexpected end of data \(id 4\)",
        ),
        ([M.TEXT, 0xFF, 97], r"TEXT at id 0: .* not UTF-8: invalid start byte \(id 1\)"),
        ([M.TEXT, 0xED, 0xA0, 0x80], "not UTF-8: invalid continuation byte"),
        ([M.FORMULA, 97, 0x80], r"FORMULA at id 0: .* not UTF-8"),
        ([M.TEXT, 97, M.FORMULA, *b"{"], r"FORMULA at id 2: Formula: the brace opened at character 0"),
        ([M.DECIMALS, 9], "DECIMALS at id 0: Decimals is empty"),
        ([M.DECIMALS, 11, *b"1"], r"DECIMALS at id 0: its header gives number type 11; .* \(id 1\)"),
        ([M.DECIMALS, 0, *b"1.5"], "DECIMALS at id 0: byte 1 of the numbers is 46"),
        ([M.DECIMALS, 10, *b"inf"], "DECIMALS at id 0: byte 0 of the numbers is 105"),
        ([M.INTEGERS, 8, 0, 0], r"INTEGERS at id 0: .* type float16, allowed are int8.* \(id 1\)"),
        ([M.FLOATS, 3, *[0] * 8], "FLOATS at id 0: .* type int64, allowed are float16"),
        ([M.ORDERED, 3, *[0] * 8], "ORDERED at id 0: .* type int64"),
        (
            [M.BOS, M.INTEGERS, 3, *[0] * 7],
            r"INTEGERS at id 1: 7 bytes are not whole integers of 8 bytes \(id 9\)",
        ),
        ([M.FLOATS, 9], r"FLOATS at id 0: 0 bytes are not whole floats of 4 bytes \(id 1\)"),
        ([M.ORDERED, 9, *[0] * 9], "ORDERED at id 0: 9 bytes are not whole floats of 4 bytes"),
        ([M.RECORDS, 0, *[0] * 9], "RECORDS at id 0: 9 bytes are not whole records of 5 bytes"),
        ([M.RECORDS, 3, *[0] * 5], r"RECORDS at id 0: .* record format 3, the tokenizer knows 3 \(id 1\)"),
        ([M.GREY, 0, 0, 0, 2], r"GREY at id 0: its header has 4 bytes, 8 are expected \(id 4\)"),
        (
            [M.GREY, 0, 0, 0, 2, 0, 0, 0, 3, *[9] * 5],
            r"GREY at id 0: .* 2 x 3 pixels, 6 bytes, 5 came \(id 13\)",
        ),
        ([M.RGB, 0, 0, 0, 1, 0, 0, 0, 1, *[9] * 4], "RGB at id 0: .* 1 x 1 pixels, 3 bytes, 4 came"),
        ([M.GREY, *[255] * 8, 1], "GREY at id 0: .* 4294967295 x 4294967295 pixels"),
        ([M.RGB, 0, 0, 0, 0, 0, 0, 0, 1], "RGB at id 0: .* 0 x 1 pixels, at least one is expected"),
    ],
)
def test_damaged_ids(ids: list[int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ByteTokenizer(records=FORMATS).decode(ids)


@pytest.mark.parametrize("ids", [[[1, 2]], [1.0], ["a"], [True], 259])
def test_what_are_no_ids(ids: Any) -> None:
    with pytest.raises(InputError, match=r"integers \(L,\) are expected"):
        ByteTokenizer().decode(ids)


def tried(tokenizer: ByteTokenizer, ids: Any) -> tuple[Segment, ...] | str:
    try:
        return tokenizer.decode(ids)
    except InputError as error:
        return str(error)


@settings(max_examples=40)  # each builds many sequences
@given(SEGMENTS, st.data())
def test_damage_is_refused_or_gives_segments(segments: list[Segment], data: st.DataObject) -> None:
    tokenizer = ByteTokenizer(records=FORMATS)
    ids = tokenizer.encode(*segments)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(ids) - 1))
        ids[place] = data.draw(st.integers(0, int(max(Mark))))
    ids = ids[: data.draw(st.integers(0, len(ids)))]
    found = tried(tokenizer, ids)
    if isinstance(found, str):
        assert "id " in found  # it says where
    else:
        assert tokenizer.decode(tokenizer.encode(*found)) == found


@pytest.mark.parametrize(
    ("lengths", "options", "message"),
    [
        ([], {}, "there are no sequences"),
        ([4, 0], {}, "sequence 1 has 0 ids, whole patches of 4"),
        ([4, 6], {}, "sequence 1 has 6 ids, whole patches of 4"),
        ([4], {"context": 6}, "context is 6 ids, whole patches of 4 are expected .try 8"),
        ([4], {"context": 0}, "context is 0 ids"),
        ([4], {"context": -4}, "context is -4 ids"),
        (
            [4, 8, 12],
            {"context": 4},
            r"sequence 1 has 8 ids, more than the context of 4 \(2 are longer\).*longer='window'",
        ),
        ([4], {"context": "8"}, "context is '8', a whole number"),
        ([4], {"context": 8.0}, "context is 8.0, a whole number"),
        ([4], {"longer": "cut"}, "longer is 'cut', allowed are refuse, window"),
    ],
)
def test_batches_that_cannot_be(lengths: list[int], options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ByteTokenizer(4).collate([np.zeros(length, np.int16) for length in lengths], **options)


@pytest.mark.parametrize("ids", [[[1, 2]], [1.0], ["a"], [True], 259])
def test_what_are_no_ids_of_a_batch(ids: Any) -> None:
    with pytest.raises(InputError, match=r"sequence 1 came with shape .* integers \(L,\) are expected"):
        ByteTokenizer().collate([np.zeros(4, np.int16), ids])


def test_a_batch_of_segments_is_no_batch_of_sequences() -> None:
    with pytest.raises(InputError, match="sequence 0 is a Text, a list of segments is expected"):
        ByteTokenizer().batch([Text("a"), Text("b")])  # type: ignore[list-item]
