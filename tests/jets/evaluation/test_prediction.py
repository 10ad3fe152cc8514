"""Predictions: the network's own numbers in the order of the jets, in memory, Parquet and ROOT."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from yukawa.core.errors import InputError, NotFound
from yukawa.jets.evaluation.prediction import predict, probabilities
from yukawa.jets.features.encoder import FeatureEncoder
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.io.loader import tensors
from yukawa.jets.io.source import open_source
from yukawa.jets.models.tagger import load_model
from yukawa.jets.table import Jets


class Cut:
    """Some jets of a table, as a piece of a source."""

    def __init__(self, jets: Jets) -> None:
        self.jets, self.path, self.count = jets, Path("jets"), len(jets)

    def read(self, columns: Any = None) -> Jets:
        return self.jets if columns is None else self.jets.pick(columns)


def source_of(jets: Jets, size: int) -> JetSource:
    return JetSource(jets.columns, tuple(Cut(jets[i : i + size]) for i in range(0, len(jets), size)))


def test_probabilities_are_the_networks_in_the_order_of_the_jets(make_model: Any, make_jets: Any) -> None:
    folder, jets = make_model(), make_jets()
    network, config = load_model(folder)
    with torch.no_grad():
        expected = network(**tensors(FeatureEncoder(config).encode(jets))).softmax(1).numpy()
    found = predict(folder, source_of(jets, 50), batch=7)
    rows = found.table()
    np.testing.assert_allclose(probabilities(rows, found.classes), expected, atol=1e-6)
    np.testing.assert_array_equal(rows.scalars["jet_event"], jets.scalars["jet_event"])
    np.testing.assert_array_equal(rows.labels(found.classes), jets.labels(found.classes))
    assert found.jets == len(rows) == 120


def test_batches_and_pieces_do_not_change_a_probability(make_model: Any, make_jets: Any) -> None:
    folder, jets = make_model(), make_jets()
    tables = [
        predict(folder, source_of(jets, size), batch=batch).table()
        for size, batch in ((120, 120), (11, 5), (1, 1))
    ]
    for other in tables[1:]:
        for name, column in tables[0].scalars.items():
            np.testing.assert_allclose(other.scalars[name], column, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("suffix", [".parquet", ".root"])
def test_files_hold_what_memory_would(tmp_path: Path, make_model: Any, jets_file: Path, suffix: str) -> None:
    folder, source = make_model(), open_source(jets_file)
    memory = predict(folder, source).table()
    found = predict(folder, source, tmp_path / f"predictions{suffix}")
    assert found.rows is None
    for table in (found.table(), open_source(tmp_path / f"predictions{suffix}").read()):
        assert table.columns == memory.columns
        for name, column in memory.scalars.items():
            np.testing.assert_array_equal(table.scalars[name], column, err_msg=name)


def test_columns_beside_the_scores(make_model: Any, make_jets: Any) -> None:
    jets = make_jets()
    found = predict(make_model(), source_of(jets, 60))
    columns = found.table().scalars
    assert set(columns) == {
        *("jet_pt", "jet_event", "jet_log"),
        *(f"{kind}_{name}" for kind in ("label", "score") for name in ("b", "bbar", "g")),
    }
    np.testing.assert_allclose(columns["jet_log"], np.log(jets.scalars["jet_pt"]), rtol=1e-6)
    assert columns["score_b"].dtype == np.float32
    assert "the jets have no column weight_of_event" in found.notes


def test_jets_without_labels_are_predicted_alike(make_model: Any, make_jets: Any) -> None:
    folder, jets = make_model(), make_jets()
    plain = jets.pick([name for name in jets.columns if not name.startswith("label_")])
    with_labels, without = (predict(folder, source_of(j, 60)).table().scalars for j in (jets, plain))
    assert not any(name.startswith("label_") for name in without)
    np.testing.assert_array_equal(without["score_g"], with_labels["score_g"])


def test_truncated_and_selected_jets_are_counted(make_model: Any, make_jets: Any) -> None:
    jets = make_jets()
    found = predict(make_model(more="selection: jet_pt > 40\n"), source_of(jets, 50))
    passing = jets.scalars["jet_pt"] > 40
    assert found.jets == passing.sum()
    assert found.left_out == (~passing).sum()
    assert found.truncated == (jets.counts[passing] > 6).sum() > 0
    np.testing.assert_array_equal(found.table().scalars["jet_pt"], jets.scalars["jet_pt"][passing])
    assert len(found.notes) == 3


def test_features_that_are_not_finite_are_refused_or_counted(make_model: Any, make_jets: Any) -> None:
    jets = make_jets()
    bad = jets.particles["part_d0val"].copy()
    bad[jets.offsets[:-1][jets.counts > 0][:3]] = np.nan
    jets = Jets(jets.offsets, {**jets.particles, "part_d0val": bad}, jets.scalars)
    with pytest.raises(InputError, match="part_d0val is NaN or infinite for 3 particles of 3 jets"):
        predict(make_model("refuse"), source_of(jets, 120))
    with pytest.warns(UserWarning, match="part_d0val"):
        found = predict(make_model("replace", nonfinite="replace"), source_of(jets, 120))
    assert found.replaced == {"part_d0val": 3}
    assert found.not_finite == 0
    assert "3 values of part_d0val were not finite and were replaced" in found.notes


def test_a_broken_network_is_counted(make_model: Any, make_jets: Any) -> None:
    from yukawa.jets.models.tagger import save_model

    folder = make_model()
    network, config = load_model(folder)
    with torch.no_grad():
        list(network.parameters())[-1].fill_(float("nan"))
    save_model(folder, network, config, force=True)
    found = predict(folder, source_of(make_jets(), 60))
    assert found.not_finite == found.jets == 120


def test_a_failure_in_the_middle_leaves_the_old_file(tmp_path: Path, make_model: Any, make_jets: Any) -> None:
    out = tmp_path / "old" / "predictions.root"
    out.parent.mkdir()
    out.write_bytes(b"old")
    jets = make_jets()

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    for suffix in (".root", ".parquet"):
        out = out.with_suffix(suffix)
        out.write_bytes(b"old")
        with pytest.raises(KeyboardInterrupt):
            predict(make_model(f"for{suffix[1:]}"), source_of(jets, 40), out, progress=stop, force=True)
        assert out.read_bytes() == b"old"
    assert sorted(path.name for path in out.parent.iterdir()) == ["predictions.parquet", "predictions.root"]


def test_progress_counts_all_jets(make_model: Any, make_jets: Any) -> None:
    seen: list[tuple[int, int]] = []
    predict(make_model(), source_of(make_jets(), 50), progress=lambda *state: seen.append(state))
    assert seen == [(50, 120), (100, 120), (120, 120)]


def test_no_more_than_a_few_pieces_are_held(tmp_path: Path, make_model: Any, make_jets: Any) -> None:
    """Memory stays flat: jets are read as they are needed, not all at the start."""
    jets, read, ahead = make_jets(400), [], []
    source = source_of(jets, 10)

    class Watched(Cut):
        def read(self, columns: Any = None) -> Jets:
            read.append(1)
            return super().read(columns)

    watched = JetSource(source.columns, tuple(Watched(piece.jets) for piece in source.chunks))
    predict(
        make_model(),
        watched,
        tmp_path / "out.parquet",
        progress=lambda done, _: ahead.append(len(read) - done // 10),
    )
    assert len(ahead) == 40
    assert max(ahead) <= 3


def test_bad_input_is_one_clear_line(
    tmp_path: Path, make_model: Any, make_jets: Any, jets_file: Path
) -> None:
    folder, jets = make_model(), make_jets()
    source = source_of(jets, 120)
    with pytest.raises(InputError, match=r"are written as \.parquet or \.root"):
        predict(folder, source, tmp_path / "out.csv")
    with pytest.raises(NotFound, match=r"is not a tagger: |does not exist"):
        predict(tmp_path / "nothing", source)
    with pytest.raises(InputError, match="at least one jet, not 0"):
        predict(folder, source, batch=0)
    with pytest.raises(InputError, match="part_d0val"):
        predict(folder, source_of(jets.pick([c for c in jets.columns if c != "part_d0val"]), 120))
    with pytest.raises(InputError, match="the device 'abacus' cannot be used"):
        predict(folder, source, device="abacus")
    with pytest.raises(InputError, match="no column score_top"):
        probabilities(predict(folder, source).table(), ("b", "top"))
