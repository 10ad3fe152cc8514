"""Jets as text lines: the published sample comes back, and so does what we print, to the printed precision."""

from __future__ import annotations

import json
import math
import pickle
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yukawa.core.errors import InputError
from yukawa.jets.io.text import LINES, format_jets, open_text, parse_jets, sentences, text_writer
from yukawa.jets.table import JET_ORIGIN, Jets, concatenate


def write_text(path: Path, jets: Jets, classes: Sequence[str] = JET_ORIGIN) -> None:
    with text_writer(path, classes) as append:
        append(jets)


NUMBER = re.compile(r"-?\d+\.\d+")
PARTICLE = (
    "0: -1, 7.982902, (-7.899555, 0.408736, -1.066399), 2.077302, 2.068143, -0.098329, -0.213443, -2.259137, "
    "-2.381407, 0.235003, 0.024568, 0.048371, -0.042774, 0.049214, charged pion."
)


def _numbers(text: str) -> np.ndarray:
    return np.array(NUMBER.findall(text), np.float64)


def test_the_published_jet_comes_back(real_data: Path, tmp_path: Path):
    path = real_data / "joi" / "bbt_readme_jet.json"
    jets = open_text(path).read()
    write_text(tmp_path / "jet.json", jets)
    before, after = path.read_text(), (tmp_path / "jet.json").read_text()
    assert NUMBER.sub("#", after) == NUMBER.sub("#", before)  # everything but decimals, to the byte
    # Energies, momenta, angles and impact parameters come back to the digit. What is derived of them was
    # printed from unrounded values, so its last digit may turn.
    ours, theirs = _numbers(after).reshape(-1, 15), _numbers(before).reshape(-1, 15)
    given, derived = [0, 1, 2, 3, 6, 7, 11, 12, 13, 14], [4, 5, 8, 9, 10]
    np.testing.assert_array_equal(ours[:, given], theirs[:, given])
    np.testing.assert_allclose(ours[:, derived], theirs[:, derived], rtol=0, atol=1.01e-6)


def test_the_published_jet_makes_sense(real_data: Path):
    jets = open_text(real_data / "joi" / "bbt_readme_jet.json").read()
    particles, jet = jets.particles, jets[0:1].scalars
    assert jets.counts.tolist() == [39]
    assert jets.labels(JET_ORIGIN).tolist() == [0]
    assert particles["part_charge"][:4].tolist() == [-1, -1, 1, 0]
    assert particles["part_isChargedKaon"][:3].tolist() == [False, True, False]
    charged = particles["part_charge"] != 0
    assert np.all((particles["part_d0val"] != 0) == charged)
    assert np.all(particles["part_d0err"][charged] > 0.003)  # mm; the vertex detector measures 3 micrometres
    eta = np.arcsinh(particles["part_pz"] / np.hypot(particles["part_px"], particles["part_py"]))
    np.testing.assert_allclose(eta - particles["part_deta"], jet["jet_eta"][0], atol=1e-4)
    azimuth = np.arctan2(particles["part_py"].sum(), particles["part_px"].sum())
    assert jet["jet_phi"][0] == pytest.approx(azimuth, abs=1e-5)


@settings(max_examples=40)
@given(counts=st.lists(st.integers(0, 6), min_size=1, max_size=5), seed=st.integers(0, 9))
def test_what_is_printed_is_read_to_the_printed_precision(make_jets, counts, seed):
    jets = make_jets(counts=np.array(counts), seed=seed)
    lines = format_jets(jets)
    read = parse_jets(lines)
    assert read.counts.tolist() == counts
    for name, column in read.particles.items():
        if name.startswith(("part_d0", "part_dz")):
            ours, theirs = (
                np.tanh(0.2 * np.sign(x) * np.abs(x) ** 0.25) for x in (column, jets.particles[name])
            )
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=6e-7, err_msg=name)
        else:
            np.testing.assert_allclose(column, jets.particles[name], rtol=0, atol=6e-7, err_msg=name)
    some = jets.counts > 0
    for name in ("jet_pt", "jet_energy", "jet_eta"):
        np.testing.assert_allclose(read.scalars[name][some], jets.scalars[name][some], rtol=1e-5, atol=1e-5)
        assert np.all(np.isnan(read.scalars[name][~some]))
    again = format_jets(read)
    for one, other in zip(again, lines, strict=True):
        assert NUMBER.sub("#", one) == NUMBER.sub("#", other)
        np.testing.assert_allclose(_numbers(one), _numbers(other), rtol=0, atol=5e-5)


@given(counts=st.lists(st.integers(0, 6), max_size=5), scale=st.sampled_from([1e-6, 1.0, 1e4, 1e8]))
def test_lines_are_what_python_prints(make_jets, counts, scale):
    jets = make_jets(counts=np.array(counts, int))
    scaled = {name: scale * jets.particles[f"part_{name}"] for name in ("px", "py", "pz", "energy")}
    jets = Jets(jets.offsets, {**jets.particles, **{f"part_{n}": c for n, c in scaled.items()}}, jets.scalars)
    lines = format_jets(jets)
    text, begins, ends = sentences(jets)
    assert len(begins) == len(ends) == sum(counts)
    for jet, line in enumerate(lines):
        first, last = jets.offsets[jet : jet + 2]
        told = [text[begins[k] : ends[k]].tobytes().decode() for k in range(first, last)]
        assert line == " ".join(told)
        for place, sentence in enumerate(told):
            row = first + place
            px, py, pz, energy, d0 = (
                float(jets.particles[f"part_{name}"][row]) for name in ("px", "py", "pz", "energy", "d0val")
            )
            charge = int(jets.particles["part_charge"][row])
            begin = (
                f"{place}: {charge}, {energy:.6f}, ({px:.6f}, {py:.6f}, {pz:.6f}), {math.log(energy):.6f}, "
            )
            assert sentence.startswith(begin)
            assert sentence.split(", ")[-5] == f"{math.tanh(0.2 * math.copysign(abs(d0) ** 0.25, d0)):.6f}"


def test_pieces_and_labels_come_back(tmp_path: Path, make_jets, assert_same):
    jets = concatenate([make_jets(30, seed) for seed in range(2)] + [make_jets(counts=np.ones(LINES, int))])
    with text_writer(tmp_path / "jets.jsonl") as append:
        for start in range(0, len(jets), 100):
            append(jets[start : start + 100])
    source = open_text(tmp_path / "jets.jsonl")
    assert [chunk.count for chunk in source.chunks] == [LINES, 60]
    read = source.read()
    assert set(read.columns) == set(source.columns)
    assert read.labels(JET_ORIGIN).tolist() == jets.labels(JET_ORIGIN).tolist()
    chunk = pickle.loads(pickle.dumps(source.chunks[1]))  # noqa: S301 -- our own
    assert_same(chunk.read(["part_px", "label_b"]), read[LINES:].pick(["part_px", "label_b"]))


def test_bare_lines_and_blank_ones(tmp_path: Path):
    path = tmp_path / "jets.txt"
    path.write_text(f"{PARTICLE}\n\n{PARTICLE} {PARTICLE.replace('0: ', '1: ', 1)}\n")
    jets = open_text(path).read()
    assert jets.counts.tolist() == [1, 2]
    assert jets.classes == ()
    assert jets.scalars["jet_eta"][0] == pytest.approx(-0.2327, abs=1e-4)
    (tmp_path / "none.txt").write_text("")
    assert len(open_text(tmp_path / "none.txt").read()) == 0


def test_jets_without_labels_and_with_other_classes(tmp_path: Path, jets: Jets):
    plain = jets.pick([name for name in jets.columns if not name.startswith("label_")])
    write_text(tmp_path / "plain.json", plain)
    assert "label" not in (tmp_path / "plain.json").read_text()
    assert open_text(tmp_path / "plain.json").read().classes == ()
    label = np.arange(len(jets)) % 3
    scalars = {"label_QCD": label == 0, "label_top": label == 1}
    other = Jets(jets.offsets, plain.particles, {**plain.scalars, **scalars})
    with pytest.raises(InputError, match=r"the class QCD has no number, only b, bbar, .*g have one"):
        write_text(tmp_path / "other.json", other)
    write_text(tmp_path / "other.json", other, classes=["top", "QCD"])
    first = json.loads((tmp_path / "other.json").read_text().splitlines()[0])
    assert first["label"] == 1
    read = open_text(tmp_path / "other.json", classes=["top", "QCD"]).read()
    assert read.labels(["QCD", "top"]).tolist() == np.where(label == 2, -1, label).tolist()


def test_numbers_that_are_not_finite_survive(jets: Jets):
    px = jets.particles["part_px"].copy()
    px[:3] = [np.nan, np.inf, -np.inf]
    odd = Jets(jets.offsets, {**jets.particles, "part_px": px}, jets.scalars)
    np.testing.assert_array_equal(parse_jets(format_jets(odd)).particles["part_px"][:3], px[:3])
    charge = jets.particles["part_charge"].astype(np.float32)
    charge[4] = np.nan
    with pytest.raises(InputError, match="part_charge is not finite"):
        format_jets(Jets(jets.offsets, {**jets.particles, "part_charge": charge}, jets.scalars))
    with pytest.raises(InputError, match="px of a particle is nan"):
        sentences(odd, finite=True)


@pytest.mark.parametrize("dtype", ["int8", "int32", "float64"])
def test_charges_of_two_digits(jets: Jets, dtype: str):
    charges = jets.particles["part_charge"].astype(dtype)
    charges[:4] = [-99, 99, -1, 0]
    charged = Jets(jets.offsets, {**jets.particles, "part_charge": charges}, jets.scalars)
    assert parse_jets(format_jets(charged)).particles["part_charge"].tolist() == charges.tolist()
    for far in (100, -100, -128):
        if np.iinfo(np.int8).min <= far <= np.iinfo(np.int8).max or dtype != "int8":
            charges[4] = far
            with pytest.raises(
                InputError, match=f"a particle has the charge {far}, but only -99 to 99 can be written"
            ):
                format_jets(charged)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("7.982902", "7.98x902"),
        ("7.982902, ", ""),
        ("(-7.8", "-7.8"),
        ("0: ", "1: "),
        ("charged pion", "charged pionne"),
        ("-1,", "-0.5,"),
        (", charged pion.", ""),
    ],
)
def test_a_damaged_line_names_jet_and_particle(tmp_path: Path, old: str, new: str):
    second = PARTICLE.replace("0: ", "1: ", 1)
    assert old in PARTICLE
    line = f"{PARTICLE} {PARTICLE.replace(old, new, 1).replace('0: ', '1: ', 1)}"
    path = tmp_path / "jets.txt"
    path.write_text(
        f"{PARTICLE}\n{PARTICLE} {second}\n{line if new != '1: ' else f'{PARTICLE} {PARTICLE}'}\n"
    )
    with pytest.raises(InputError, match=r"jets\.txt, jet 2: particle 1 is damaged: ") as caught:
        open_text(path).read()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"data": "", "label": 11}', "jet 1 has the label 11, 0 to 10 are allowed, and -1"),
        ('{"data": "", "label": null}', "jet 1 has the label None"),
        ('{"data": ""}', "jet 1 has the label None"),
        ('{"data": "", "label": true}', "jet 1 has the label True"),
        ('{"text": "", "label": 1}', "jet 1: no text under 'data'"),
        ('{"data": "", "label": ', "jet 1 is not valid JSON"),
    ],
)
def test_a_damaged_row_is_named(tmp_path: Path, line: str, message: str):
    path = tmp_path / "jets.json"
    path.write_text('{"data": "", "label": 0}\n' + line + "\n")
    with pytest.raises(InputError, match=message):
        open_text(path).read()


def test_missing_columns_and_files_are_named(tmp_path: Path, jets: Jets):
    with pytest.raises(InputError, match="the jets: no column part_px"):
        format_jets(jets.pick([name for name in jets.columns if name != "part_px"]))
    with pytest.raises(InputError, match="cannot be read: No such file"):
        open_text(tmp_path / "absent.json")
    write_text(tmp_path / "jets.json", jets)
    source = open_text(tmp_path / "jets.json")
    with pytest.raises(InputError, match="no column part_pX"):
        source.chunks[0].read(["part_pX"])
    (tmp_path / "jets.json").write_text("")
    with pytest.raises(InputError, match="has become shorter"):
        source.read()
