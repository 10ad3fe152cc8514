"""Jets as patches of ids: what they hold, in which order, and what is cut or refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.bytelm.segments import Mark, Text
from yukawa.bytelm.tokenizer import ByteTokenizer
from yukawa.core.errors import InputError
from yukawa.jets.bytes.encoder import (
    ANSWER,
    QUESTION,
    ByteEncoder,
    ByteForm,
    QuestionEncoder,
    decode_features,
)
from yukawa.jets.features import FeatureEncoder
from yukawa.jets.features.config import DataConfig, load_data_config, read_config
from yukawa.jets.features.encoder import Encoded, join
from yukawa.jets.io.text import format_jets
from yukawa.jets.table import Jets, concatenate, offsets_of, rows_of

CONFIG = load_data_config("jet-origin")
PAD = int(Mark.PAD)
MakeJets = Callable[..., Jets]
FORMS = [
    ByteForm(),
    ByteForm(code="ordered32", patch=17),
    ByteForm(code="float32", patch=136),
    ByteForm(patch=1),
    ByteForm(form="text"),
    ByteForm(form="text", patch=1),
    ByteForm(form="text", patch=13),
]
forms = pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.form}-{form.code}-{form.patch}")


@cache
def config_of_length(length: int) -> DataConfig:
    return config_with(length)


def config_with(length: int | None = 50, **changes: Any) -> DataConfig:
    text = yaml.safe_load(CONFIG.to_yaml())
    for each in text["inputs"].values():
        each["length"] = length
    return read_config(yaml.safe_dump(text | changes, sort_keys=False))


def sequences(encoded: Encoded) -> list[list[int]]:
    patches_NP, offsets = encoded.rows["patches_NP"], offsets_of(encoded.counts)
    assert patches_NP.dtype == np.int16
    assert offsets[-1] == len(patches_NP)
    return [patches_NP[a:b].reshape(-1).tolist() for a, b in pairwise(offsets)]


def same(one: Encoded, other: Encoded) -> None:
    assert sequences(one) == sequences(other)
    np.testing.assert_array_equal(one.labels, other.labels)
    assert one.truncated == other.truncated


def lines(encoded: Encoded, patch: int) -> list[str]:
    """The text of each sequence, read by the tokenizer; `` for an empty jet, which has none."""
    return [
        "".join(segment.text for segment in ByteTokenizer(patch).decode(ids))
        if any(number < 256 for number in ids)
        else ""
        for ids in sequences(encoded)
    ]


# ---- laws ----


@forms
@settings(max_examples=15)
@given(counts=st.lists(st.integers(0, 6), max_size=6), seed=st.integers(0, 9), cut=st.integers(0, 6))
def test_jets_encoded_apart_and_together_are_the_same(make_jets, form, counts, seed, cut):
    jets = make_jets(counts=counts, seed=seed)
    encoder = ByteEncoder(config_of_length(4), form)
    whole = encoder.encode(jets)
    assert len(whole) == len(counts)
    same(whole, join([encoder.encode(jets[:cut]), encoder.encode(jets[cut:])]))
    same(encoder.encode(concatenate([jets, jets])), join([whole, whole]))


@forms
def test_order_of_jets_is_the_order_of_sequences(form: ByteForm, make_jets: MakeJets):
    jets = make_jets()
    encoder = ByteEncoder(CONFIG, form, ends=True)
    order = np.random.default_rng(0).permutation(len(jets))
    same(encoder.encode(jets[order]), encoder.encode(jets).take(order))


@pytest.mark.parametrize("length", [50, 5])
@pytest.mark.parametrize("patch", [1, 13, 16, 64])
def test_text_is_the_line_to_the_byte(patch: int, length: int, make_jets: MakeJets):
    jets = make_jets()
    encoder = ByteEncoder(config_with(length), ByteForm(form="text", patch=patch))
    assert set(encoder.columns) < set(jets.columns)
    encoded = encoder.encode(jets.pick(encoder.columns))
    # Of a jet with too many particles those of highest energy stay, in the order of the file.
    energy = jets.particles["part_energy"]
    kept = [
        np.sort(np.arange(a, b)[np.argsort(-energy[a:b], kind="stable")[:length]])
        for a, b in pairwise(jets.offsets)
    ]
    rows = np.concatenate(kept)
    fewer = Jets.from_counts(
        np.array([len(rows) for rows in kept]),
        {name: column[rows] for name, column in jets.particles.items()},
        jets.scalars,
    )
    expected = format_jets(fewer)
    assert encoded.truncated == int(np.sum(jets.counts > length))
    assert (encoded.truncated > 0) == (length == 5)
    for ids, line in zip(sequences(encoded), expected, strict=True):
        assert ids[:2] == [Mark.BOS, Mark.TEXT]
        body = [*line.encode(), *[PAD] * (-(len(line) + 2) % patch)]
        assert ids[2:] == body
        if line:
            assert ids == ByteTokenizer(patch).encode(Text(line), eos=False).tolist()


@pytest.mark.parametrize("form", [form for form in FORMS if form.form == "native"])
@pytest.mark.parametrize("length", [50, 3])
def test_native_particles_are_the_features(form: ByteForm, length: int, make_jets: MakeJets):
    config, jets = config_with(length), make_jets()
    encoder, features = ByteEncoder(config, form), FeatureEncoder(config)
    assert encoder.columns == features.columns
    encoded, expected = encoder.encode(jets), features.encode(jets)
    np.testing.assert_array_equal(encoded.labels, expected.labels)
    assert encoded.truncated == expected.truncated
    head = -(-3 // encoder.patch_size)
    assert encoded.counts.tolist() == [
        head + -(-count * form.record_size(17) // encoder.patch_size) for count in expected.counts
    ]
    for ids in sequences(encoded):
        assert ids[:3] == [Mark.BOS, Mark.RECORDS, 0]
        assert set(ids[3 : head * encoder.patch_size]) <= {PAD}
    read = decode_features(encoded.rows["patches_NP"], form, config)
    exact = form.code in ("ordered32", "float32")
    np.testing.assert_allclose(
        read, np.clip(expected.rows["features_NF"], -5, 5) if not exact else expected.rows["features_NF"],
        rtol=0, atol=0 if exact else 0.51 * 10 / 65535,
    )  # fmt: skip


def test_a_particle_is_a_patch(make_jets: MakeJets):
    jets = make_jets(counts=[0, 3])
    encoded = ByteEncoder(CONFIG, ByteForm()).encode(jets)
    assert encoded.counts.tolist() == [1, 4]
    assert encoded.rows["patches_NP"].shape == (5, 34)
    assert not np.any(encoded.rows["patches_NP"][2:] >= 256)


# ---- ends, prompts and answers ----


@forms
def test_an_end_is_a_patch_of_its_own(form: ByteForm, make_jets: MakeJets):
    jets = make_jets()
    plain = ByteEncoder(CONFIG, form).encode(jets)
    ended = ByteEncoder(CONFIG, form, ends=True).encode(jets)
    patch = plain.rows["patches_NP"].shape[1]
    end = [int(Mark.EOS), *[PAD] * (patch - 1)]
    assert sequences(ended) == [ids + end for ids in sequences(plain)]
    np.testing.assert_array_equal(ended.counts, plain.counts + 1)


@forms
def test_a_question_is_words_jet_and_answer(form: ByteForm, make_jets: MakeJets):
    jets = make_jets()
    encoder = ByteEncoder(CONFIG, form)
    patch, plain, asked = encoder.patch_size, encoder.encode(jets), encoder.encode_question(jets)
    np.testing.assert_array_equal(asked.labels, plain.labels)
    words = [int(Mark.BOS), int(Mark.TEXT), *QUESTION.encode()]
    words += [PAD] * (-len(words) % patch)
    cue = [int(Mark.TEXT), *ANSWER.encode()]
    cue += [PAD] * (-len(cue) % patch)
    behind = []
    for ids, old in zip(sequences(asked), sequences(plain), strict=True):
        assert ids[: len(words)] == words
        assert ids[-len(cue) :] == cue
        behind.append([number for number in ids[len(words) : -len(cue)] if number != PAD])
        assert behind[-1] == [number for number in old[1:] if number != PAD]  # the same without BOS
    if patch == 1:
        with pytest.raises(InputError, match="the answer 'bbar' needs 6 ids, a patch has 1"):
            _ = encoder.answers_CP
        return
    assert encoder.answers_CP.shape == (11, patch)
    for name, row in zip(encoder.classes, encoder.answers_CP, strict=True):
        answer = [int(Mark.TEXT), *name.encode(), int(Mark.EOS)]
        assert row.tolist() == [*answer, *[PAD] * (patch - len(answer))]
    answered = encoder.encode_question(jets, answered=True)
    rows = encoder.answers_CP[plain.labels].tolist()
    assert sequences(answered) == [ids + row for ids, row in zip(sequences(asked), rows, strict=True)]


def test_features_are_found_among_words_and_answers(make_jets: MakeJets):
    jets = make_jets()
    for form in (ByteForm(), ByteForm(code="ordered32", patch=17), ByteForm(code="float32", patch=136)):
        encoder = ByteEncoder(CONFIG, form, ends=True)
        expected = decode_features(encoder.encode(jets).rows["patches_NP"], form, CONFIG)
        asked = encoder.encode_question(jets, answered=True).rows["patches_NP"]
        np.testing.assert_array_equal(decode_features(asked, form, CONFIG), expected)


def test_the_tokenizer_reads_a_question(make_jets: MakeJets):
    jets = make_jets(counts=[2])
    encoder = ByteEncoder(CONFIG, ByteForm(form="text"))
    (ids,) = sequences(encoder.encode_question(jets, answered=True))
    texts = [segment.text for segment in ByteTokenizer(16).decode(ids)]
    assert texts == [QUESTION, *format_jets(jets), ANSWER, jets.classes[jets.labels(jets.classes)[0]]]


# ---- the context ----


@forms
@pytest.mark.parametrize("asked", [False, True])
def test_what_is_cut_fits_and_is_as_long_as_possible(form: ByteForm, asked: bool, make_jets: MakeJets):
    jets = make_jets(counts=[0, 1, 2, 7, 8, 9])
    encoder = ByteEncoder(config_of_length(8), form)
    encode = ByteEncoder.encode_question if asked else ByteEncoder.encode
    left = 1 if asked else 0  # room for an answer
    counts = encode(encoder, jets[:4]).counts
    context = int(counts[2]) + left
    cutting = ByteEncoder(config_of_length(8), form.model_copy(update={"context": context, "longer": "cut"}))
    encoded = encode(cutting, jets)
    first_two = Jets.from_counts(
        np.minimum(jets.counts, 2),
        {
            name: column[np.concatenate([np.arange(a, b)[:2] for a, b in pairwise(jets.offsets)])]
            for name, column in jets.particles.items()
        },
        jets.scalars,
    )
    assert encoded.counts.max() <= context - left
    assert encoded.truncated == 3
    # The last jet was already without its particle of lowest energy, and all jets may hold different lines.
    for ids, expected in zip(sequences(encoded)[:4], sequences(encode(encoder, first_two))[:4], strict=True):
        assert ids == expected
    short = form.model_copy(update={"context": context - 1, "longer": "cut"})
    if context - 1 - left > counts[1]:
        assert encode(ByteEncoder(config_of_length(8), short), jets).counts[2] < counts[2]


@forms
def test_a_long_jet_is_refused(form: ByteForm, make_jets: MakeJets):
    jets = make_jets(counts=[0, 1, 2, 7, 8])
    counts = ByteEncoder(CONFIG, form).encode(jets).counts
    small = form.model_copy(update={"context": int(counts[2])})
    with pytest.raises(
        InputError, match=f"2 of 5 jets are longer than the context of {counts[2]} patches"
    ) as caught:
        ByteEncoder(CONFIG, small).encode(jets)
    assert f"the longest has {counts.max()}" in caught.value.message
    assert caught.value.hint == f"give context={counts.max()}, or longer=cut to omit their last particles"
    enough = form.model_copy(update={"context": int(counts.max())})
    same(ByteEncoder(CONFIG, enough).encode(jets), ByteEncoder(CONFIG, form).encode(jets))
    with pytest.raises(InputError, match=r"[12] of 5 jets are longer .*the longest has"):
        ByteEncoder(CONFIG, enough, ends=True).encode(jets)


def test_jets_that_lose_particles_twice_are_counted_once(make_jets: MakeJets):
    jets = make_jets(counts=[2, 3, 4, 5])
    form = ByteForm(context=4, longer="cut")  # the head and three particles
    assert ByteEncoder(config_with(4), form).encode(jets).truncated == 2
    assert ByteEncoder(config_with(None), form).encode(jets).truncated == 2
    assert ByteEncoder(config_with(2), form).encode(jets).truncated == 3


def test_a_context_without_room_for_a_particle():
    with pytest.raises(
        InputError, match=r"a context of 1 patches of 34 ids has no room for a particle"
    ) as caught:
        ByteEncoder(CONFIG, ByteForm(context=1))
    assert caught.value.hint == "give context=2 or more"
    with pytest.raises(InputError, match="no room"):
        ByteEncoder(CONFIG, ByteForm(form="text", patch=1, context=2))
    ByteEncoder(CONFIG, ByteForm(context=2))
    with pytest.raises(InputError, match=r"no room .*context=3 or more"):
        ByteEncoder(CONFIG, ByteForm(context=2), ends=True)


# ---- bad and special jets ----


@forms
def test_masked_particles_are_left_out(form: ByteForm, make_jets: MakeJets):
    jets = make_jets()
    mask = {"part_mask": "part_charge != 0"}
    config = config_with(new_variables={**CONFIG.new_variables, **mask})
    charged = jets.particles["part_charge"] != 0
    counts = np.array([charged[a:b].sum() for a, b in pairwise(jets.offsets)])
    fewer = Jets.from_counts(counts, {n: c[charged] for n, c in jets.particles.items()}, jets.scalars)
    same(ByteEncoder(config, form).encode(jets), ByteEncoder(CONFIG, form).encode(fewer))


@pytest.mark.parametrize("form", [ByteForm(), ByteForm(form="text")], ids=["native", "text"])
def test_numbers_that_are_not_finite(form: ByteForm, make_jets: MakeJets):
    jets = make_jets(counts=[2, 1])
    d0 = jets.particles["part_d0val"].copy()
    d0[1] = np.nan
    odd = replace(jets, particles={**jets.particles, "part_d0val": d0})
    said = "d0 of a particle is nan" if form.form == "text" else "part_d0 is NaN or infinite for 1 particles"
    with pytest.raises(InputError, match=said) as caught:
        ByteEncoder(CONFIG, form).encode(odd)
    assert caught.value.hint == "clean the data, or set `nonfinite: replace` under preprocess"
    encoder = ByteEncoder(config_with(preprocess={"nonfinite": "replace"}), form)
    if form.form == "text":
        assert lines(encoder.encode(odd), 16) == format_jets(odd)
        assert ", nan, " in format_jets(odd)[0]
        assert not encoder.replaced
    else:
        with pytest.warns(UserWarning, match="part_d0 is NaN"):
            encoder.encode(odd)
        assert encoder.replaced == {"part_d0": 1}


@forms
def test_jets_without_labels_are_for_prediction(form: ByteForm, make_jets: MakeJets):
    jets = make_jets()
    plain = jets.pick([name for name in jets.columns if not name.startswith("label_")])
    encoder = ByteEncoder(CONFIG, form, prediction=True)
    assert not any(name.startswith("label_") for name in encoder.columns)
    encoded = encoder.encode(plain)
    assert set(encoded.labels.tolist()) == {-1}
    assert sequences(encoded) == sequences(ByteEncoder(CONFIG, form).encode(jets))
    if encoder.patch_size > 1:
        with pytest.raises(InputError, match="40 of 40 jets have no label to be answered with"):
            encoder.encode_question(plain, answered=True)
    with pytest.raises(InputError, match="no column label_b"):
        ByteEncoder(CONFIG, form).encode(plain)


@forms
def test_selections_weights_and_pickles(form: ByteForm, make_jets: MakeJets):
    jets = make_jets()
    config = config_with(
        selection="jet_pt > 30", weights={"use_precomputed_weights": True, "weight_branches": ["jet_eta"]}
    )
    encoder = pickle.loads(pickle.dumps(ByteEncoder(config, form)))  # noqa: S301 -- our own
    assert encoder.selection_columns == ("jet_pt",)
    assert {"jet_pt", "jet_eta"} <= set(encoder.columns)
    chosen = encoder.select(jets)
    assert 0 < len(chosen) < len(jets)
    np.testing.assert_array_equal(encoder.encode(chosen).weights, chosen.scalars["jet_eta"])


def test_a_missing_column_is_named(make_jets: MakeJets):
    jets = make_jets()
    fewer = jets.pick([name for name in jets.columns if name != "part_px"])
    for form in (ByteForm(), ByteForm(form="text")):
        with pytest.raises(InputError, match="no column part_px"):
            ByteEncoder(CONFIG, form).encode(fewer)


def test_rows_of_a_batch_are_its_patches(make_jets: MakeJets):
    encoded = ByteEncoder(CONFIG, ByteForm()).encode(make_jets())
    where = np.array([5, 2, 9])
    rows = rows_of(offsets_of(encoded.counts), where)
    np.testing.assert_array_equal(encoded.take(where).rows["patches_NP"], encoded.rows["patches_NP"][rows])


@forms
def test_in_an_order_particles_come_as_if_the_jets_had_them_so(form: ByteForm, make_jets: MakeJets) -> None:
    jets = make_jets()
    jet_of = np.repeat(np.arange(len(jets)), jets.counts)
    rows = np.lexsort((-jets.particles["part_deta"].astype(float), jet_of))
    falling = Jets(jets.offsets, {n: c[rows] for n, c in jets.particles.items()}, jets.scalars)
    given = form.model_copy(update={"order": "part_deta"})
    expected = ByteEncoder(CONFIG, form).encode(falling)
    found = ByteEncoder(CONFIG, given).encode(jets)
    assert np.array_equal(found.rows["patches_NP"], expected.rows["patches_NP"])
    assert sequences(found) == sequences(expected)
    again = ByteEncoder(CONFIG, given).encode(falling)  # what is in order stays so
    assert np.array_equal(again.rows["patches_NP"], expected.rows["patches_NP"])


def test_an_order_may_be_an_expression_of_other_columns(make_jets: MakeJets) -> None:
    jets = make_jets()
    encoder = ByteEncoder(CONFIG, ByteForm(order="-np.abs(part_dzerr)"))
    assert "part_dzerr" in encoder.columns
    slim = jets.pick(encoder.columns)
    assert np.array_equal(encoder.encode(slim).rows["patches_NP"], encoder.encode(jets).rows["patches_NP"])
    with pytest.raises(InputError, match="'jet_pt' has one value for each jet"):
        ByteEncoder(CONFIG, ByteForm(order="jet_pt")).encode(jets)
    with pytest.raises(InputError):
        ByteEncoder(CONFIG, ByteForm(order="part_pt +"))


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("form", [ByteForm(), ByteForm(form="text", patch=40)])
def test_it_encodes_jets_as_questions(make_jets, answered, form) -> None:
    config, jets = load_data_config("jet-origin"), make_jets([3, 1, 8])
    encoder = pickle.loads(pickle.dumps(QuestionEncoder(config, form, answered=answered)))  # noqa: S301 -- our own
    found, expected = encoder.encode(jets), ByteEncoder(config, form).encode_question(jets, answered=answered)
    np.testing.assert_array_equal(found.rows["patches_NP"], expected.rows["patches_NP"])
    np.testing.assert_array_equal(found.counts, expected.counts)
    np.testing.assert_array_equal(found.labels, expected.labels)
