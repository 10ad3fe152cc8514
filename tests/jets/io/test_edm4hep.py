"""Jets of EDM4hep events agree with the same jets extracted by other hands, in both podio layouts."""

from __future__ import annotations

import gzip
import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import uproot

from yukawa.core.errors import InputError
from yukawa.jets.io.edm4hep import Edm4hepChunk, holds_events, open_edm4hep
from yukawa.jets.io.jetclass import jetclass_writer
from yukawa.jets.io.source import open_source
from yukawa.jets.table import JET_ORIGIN, PDG_ID, Jets, concatenate

OLDER, NEWER = "test_FCC_Winter2023.root", "p8_ee_WW_ecm240_edm4hep.root"


def write_jetclass(path: Path, jets: Jets) -> None:
    with jetclass_writer(path) as append:
        append(jets)


@pytest.fixture(scope="module")
def older(real_data: Path) -> Jets:
    return open_edm4hep(real_data / "jets" / OLDER).read()


@pytest.fixture(scope="module")
def newer(real_data: Path) -> Jets:
    return open_edm4hep(real_data / "jets" / NEWER).read()


@pytest.fixture(scope="module")
def extracted(real_data: Path) -> list[dict]:
    """The jets of the older sample as others extracted them; the sample with scaled energies is left aside."""
    with gzip.open(real_data / "jets" / "fccee_delphes_jets_labelled.jsonl.gz") as file:
        rows = [json.loads(line) for line in file]
    return [row for row in rows if f"{row['sample']}.root" == OLDER]


def test_jets_and_particles_agree_with_the_extracted_ones(older: Jets, extracted: list[dict]):
    assert len(older) == len(extracted) == 268
    scalars = older.scalars
    assert scalars["jet_event"].tolist() == [row["event"] for row in extracted]
    np.testing.assert_allclose(scalars["jet_energy"], [row["E"] for row in extracted], atol=6e-5)
    np.testing.assert_allclose(scalars["jet_mass"], [row["mass"] for row in extracted], atol=6e-5)
    px, py, pz = np.array([row["p"] for row in extracted]).T
    np.testing.assert_allclose(scalars["jet_pt"], np.hypot(px, py), atol=1e-4)
    np.testing.assert_allclose(scalars["jet_eta"], np.arcsinh(pz / np.hypot(px, py)), atol=1e-4)
    np.testing.assert_allclose(scalars["jet_phi"], np.arctan2(py, px), atol=1e-4)
    listed = [row["constituents_E_px_py_pz_m_q"] for row in extracted]
    assert older.counts.tolist() == scalars["jet_nparticles"].tolist() == [len(one) for one in listed]
    columns = np.concatenate([np.array(one) for one in listed]).T
    for name, column in zip(("part_energy", "part_px", "part_py", "part_pz"), columns[:4], strict=True):
        np.testing.assert_allclose(older.particles[name], column, atol=6e-6)
    np.testing.assert_array_equal(older.particles["part_charge"], columns[5])
    muon = (np.abs(columns[4] - 0.10566) < 1e-5) & (columns[5] != 0)
    np.testing.assert_array_equal(older.particles["part_isMuon"], muon)


def test_labels_and_angles_agree_with_the_extracted_ones(older: Jets, extracted: list[dict]):
    index = older.labels(JET_ORIGIN)
    codes = np.append([PDG_ID[name] for name in JET_ORIGIN], 0)[index]
    assert codes.tolist() == [row["label_pdg"] for row in extracted]
    angles = [row["dtheta"] for row in extracted]
    np.testing.assert_allclose(older.scalars["jet_parton_angle"], angles, atol=1e-4)


def test_the_newer_layout_holds_the_same_columns(newer: Jets, older: Jets):
    assert newer.columns == older.columns
    assert {name: column.dtype for name, column in newer.particles.items()} == {
        name: column.dtype for name, column in older.particles.items()
    }
    # W pairs decay to light and charmed quarks, never to b or gluons.
    found = set(np.array(JET_ORIGIN)[newer.labels(JET_ORIGIN)[newer.labels(JET_ORIGIN) >= 0]])
    assert {"c", "s", "d"} & {name.removesuffix("bar") for name in found}
    assert not found & {"b", "bbar", "g"}


@pytest.mark.parametrize("sample", ["older", "newer"])
def test_energies_identities_and_axes_are_consistent(sample: str, request: pytest.FixtureRequest):
    jets: Jets = request.getfixturevalue(sample)
    particles, jet = jets.particles, np.repeat(np.arange(len(jets)), jets.counts)
    energy = np.bincount(jet, particles["part_energy"], len(jets))
    np.testing.assert_allclose(energy, jets.scalars["jet_energy"], rtol=1e-4)
    flags = [particles[name] for name in particles if name.startswith("part_is")]
    assert np.all(np.sum(flags, axis=0) == 1)
    true = np.abs(particles["part_truth_pdg"])
    for flag, code in (("part_isElectron", 11), ("part_isMuon", 13), ("part_isPhoton", 22)):
        assert np.mean(particles[flag] == (true == code)) > 0.95
    eta = np.arcsinh(particles["part_pz"] / np.hypot(particles["part_px"], particles["part_py"]))
    np.testing.assert_allclose(eta - particles["part_deta"], jets.scalars["jet_eta"][jet], atol=1e-4)
    assert np.all(np.abs(particles["part_dphi"]) <= np.pi + 1e-6)


@pytest.mark.parametrize("sample", ["older", "newer"])
def test_only_charged_particles_have_impact_parameters(sample: str, request: pytest.FixtureRequest):
    particles = request.getfixturevalue(sample).particles
    charged = particles["part_charge"] != 0
    for name in ("part_d0val", "part_d0err", "part_dzval", "part_dzerr"):
        assert np.all(particles[name][~charged] == 0)
        assert np.mean(particles[name][charged] != 0) > 0.99
    errors = particles["part_d0err"][charged]
    assert np.all(errors >= 0)
    assert 0.001 < np.median(errors) < 0.1  # mm: what a vertex detector measures, some micrometres and more


def test_fewer_columns_and_smaller_pieces_are_the_same_jets(real_data: Path, older: Jets, assert_same):
    path = real_data / "jets" / OLDER
    columns = ["part_d0err", "label_b", "jet_pt", "part_truth_pdg"]
    assert_same(open_edm4hep(path).read(columns), older.pick(columns))
    event = older.scalars["jet_event"]
    parts = [
        Edm4hepChunk(path, int(np.sum((event >= a) & (event < b))), older.columns, a, b)
        for a, b in ((0, 30), (30, 100))
    ]
    read = [pickle.loads(pickle.dumps(part)).read() for part in parts]  # noqa: S301 -- our own
    assert [len(jets) for jets in read] == [part.count for part in parts]
    assert_same(concatenate(read), older)


def test_the_format_is_found_by_itself(real_data: Path, tmp_path: Path, older: Jets, jets: Jets):
    assert len(open_source(real_data / "jets" / OLDER)) == len(older)
    write_jetclass(tmp_path / "jets.root", jets)
    assert not holds_events(tmp_path / "jets.root")


def test_a_file_without_jets_says_what_it_has(tmp_path: Path):
    with uproot.recreate(tmp_path / "events.root") as file:
        file.mktree("events", {"ReconstructedParticles": "float32"}).extend(
            {"ReconstructedParticles": np.zeros(3, np.float32)}
        )
    assert holds_events(tmp_path / "events.root")
    with pytest.raises(InputError, match=r"no energy of the collection Jet .*has: ReconstructedParticles"):
        open_edm4hep(tmp_path / "events.root")


def test_a_column_that_is_not_there_is_named(real_data: Path):
    source = open_edm4hep(real_data / "jets" / OLDER)
    with pytest.raises(InputError, match=r"no column part_isChargedKaon .*near it: part_isCharged"):
        source.chunks[0].read(["part_isChargedKaon"])
