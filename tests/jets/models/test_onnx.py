from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from yukawa import __version__
from yukawa.core.errors import InputError, YukawaError
from yukawa.jets.features.config import DataConfig, load_data_config, read_config
from yukawa.jets.features.encoder import FeatureEncoder
from yukawa.jets.io.loader import tensors
from yukawa.jets.models.onnx import OUTPUT, Preprocessed, check, export_onnx, made_up, padded_inputs, predict
from yukawa.jets.models.tagger import Tagger, build, load_model, save_model
from yukawa.jets.table import Jets
from yukawa.jets.training.recipe import JetRecipe
from yukawa.jets.training.setup import build as build_recipe

LENGTH = 6
# Every kind of preprocessing: new variables, jet columns, a reduction, truth values, clipping, sorting, a limit.
CONFIG = f"""
new_variables:
  logerel: np.log(part_energy / jet_energy)
  fraction: part_energy / ak.sum(part_energy, axis=1)
  neutral: (part_charge == 0) & (~part_isPhoton)
sort_by: part_energy
inputs:
  pf_features:
    length: {LENGTH}
    vars: [[logerel, -2, 0.7], [fraction, null], [neutral, null], [part_isPhoton, null]]
  pf_points: {{length: {LENGTH}, vars: [[part_deta, null], [part_dphi, null]]}}
  pf_vectors: {{length: {LENGTH}, vars: [[part_px, null], [part_py, null], [part_pz, null], [part_energy, null]]}}
labels: {{type: simple, value: [label_b, label_c, label_g]}}
"""
NETWORKS: dict[str, dict[str, Any]] = {
    "particle-net": {"blocks": [[4, [8, 8]]], "head": [[8, 0.1]]},
    "particle-transformer": {
        "embed_sizes": [8],
        "pair_sizes": [4],
        "heads": 2,
        "layers": 1,
        "class_layers": 1,
    },
}


def config() -> DataConfig:
    return read_config(CONFIG)


def network(name: str, **changes: Any) -> Tagger:
    torch.manual_seed(2)
    return build(
        {"architecture": name, "features": 4, "classes": ["b", "c", "g"]} | NETWORKS[name] | changes
    ).eval()


# The Particle Transformer takes ten seconds to export; its own tests export it, too.
@pytest.fixture(
    scope="module",
    params=["particle-net", pytest.param("particle-transformer", marks=pytest.mark.slow)],
)
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A model folder and its export."""
    folder = tmp_path_factory.mktemp(request.param)
    save_model(folder / "model", network(request.param), config())
    export_onnx(folder / "model", folder / "model.onnx")
    return folder / "model", folder / "model.onnx"


@pytest.mark.slow
def test_probabilities_equal_ours_for_any_number_of_jets_and_particles(exported: tuple[Path, Path]) -> None:
    import onnxruntime

    tagger, data_config = load_model(exported[0])
    ours = Preprocessed(tagger, data_config)
    encoder = FeatureEncoder(data_config, prediction=True)
    session = onnxruntime.InferenceSession(exported[1])
    for jets, longest in ((1, 1), (2, LENGTH), (7, LENGTH + 1), (4, 40)):
        table = made_up(ours.columns, jets, longest)
        (found,) = session.run([OUTPUT], padded_inputs(table, ours.columns))
        wanted = predict(ours, encoder, table)
        assert found.shape == (jets, 3)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
        assert np.ptp(wanted, axis=0).max() > 1e-4 or jets == 1  # jets differ


@pytest.mark.slow
def test_more_padding_changes_nothing(exported: tuple[Path, Path]) -> None:
    import onnxruntime

    columns = FeatureEncoder(config(), prediction=True).columns
    session = onnxruntime.InferenceSession(exported[1])
    inputs = padded_inputs(made_up(columns, 3, 9), columns)
    wider = {name: x if x.shape[1] == 1 else np.pad(x, ((0, 0), (0, 5))) for name, x in inputs.items()}
    np.testing.assert_allclose(session.run([OUTPUT], wider)[0], session.run([OUTPUT], inputs)[0], atol=1e-6)


def test_the_file_says_what_it_is(exported: tuple[Path, Path]) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(exported[1])
    about = session.get_modelmeta().custom_metadata_map
    assert json.loads(about["classes"]) == ["b", "c", "g"]
    assert about["yukawa"] == __version__
    assert about["architecture"] in NETWORKS
    assert read_config(about["data_config"]) == load_model(exported[0])[1]
    assert [x.name for x in session.get_inputs()] == [*json.loads(about["columns"]), "mask"]
    assert {x.name: x.type for x in session.get_inputs()}["part_px"] == "tensor(float)"


def test_preprocessing_keeps_the_leading_particles_and_leaves_padding_last() -> None:
    ours = Preprocessed(network("particle-net"), config())
    jets = made_up(ours.columns, 4, 30)
    encoded = FeatureEncoder(config(), prediction=True).encode(jets)
    assert encoded.truncated > 0
    seen: dict[str, torch.Tensor] = {}
    ours.tagger.forward_padded = lambda **given: seen.update(given) or torch.zeros(4, 3)  # type: ignore[method-assign, func-returns-value]
    inputs = padded_inputs(jets, ours.columns)
    ours(*(torch.from_numpy(inputs[name]) for name in ours.input_names))
    mask = seen.pop("mask_BP")
    assert torch.equal(mask.sum(1), torch.from_numpy(encoded.counts))
    assert not (mask[:, 1:] & ~mask[:, :-1]).any()
    for name, padded in seen.items():
        packed = torch.from_numpy(encoded.rows[name.replace("_BP", "_N")])
        torch.testing.assert_close(padded[mask], packed, rtol=1e-5, atol=1e-6)


def test_an_export_that_differs_is_refused(exported: tuple[Path, Path]) -> None:
    tagger, data_config = load_model(exported[0])
    weight = next(iter(tagger.head.parameters()))
    weight.data.add_(torch.randn_like(weight))
    other = Preprocessed(tagger, data_config)
    with pytest.raises(YukawaError, match="differs from the model by"):
        check(exported[1].read_bytes(), other, [made_up(other.columns, 2, 5)])


def test_an_export_that_cannot_run_is_refused() -> None:
    ours = Preprocessed(network("particle-net"), config())
    with pytest.raises(YukawaError, match="ONNX Runtime cannot run"):
        check(b"nonsense", ours, [made_up(ours.columns, 2, 5)])


def test_nothing_is_written_where_the_export_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save_model(tmp_path / "model", network("particle-net"), config())

    def fail(*args: object, **kwargs: object) -> None:
        raise NotImplementedError("the operator is unknown\nand a page of advice")

    monkeypatch.setattr("torch.export.export", fail)
    with pytest.raises(InputError, match=r"cannot be exported to ONNX: the operator is unknown$"):
        export_onnx(tmp_path / "model", tmp_path / "model.onnx")
    assert not (tmp_path / "model.onnx").exists()


def test_made_up_jets_have_the_columns_and_lengths_asked_for() -> None:
    jets = made_up(("jet_energy", "part_energy", "part_isPhoton", "part_px"), 5, 12)
    assert isinstance(jets, Jets)
    assert len(jets) == 5
    assert jets.counts.max() == 12
    assert jets.counts.min() >= 1
    assert (jets.particles["part_energy"] > np.abs(jets.particles["part_px"])).all()
    assert jets.particles["part_isPhoton"].dtype == bool


SHIPPED = [
    f"{name}{size}"
    for name in ("particle-net", "particle-transformer", "transformer")
    for size in ("", "-laptop")
]


@pytest.mark.slow
@pytest.mark.parametrize("recipe", SHIPPED)
def test_every_shipped_network_is_exported_and_equal_on_jets_of_any_length(
    recipe: str, tmp_path: Path
) -> None:
    """In full size, with logits spread as a trained network's are, on a thousand jets: to 1e-5 in probability.

    In 980 of them: with random weights some jets lie where rounding has a say, in double precision more so than in an
    export (which of two equally distant particles is the neighbour, the logarithm of a small mass).
    """
    import onnxruntime

    _, tagger = build_recipe(JetRecipe.load(recipe, ["data.path=jets"]))
    data_config = load_data_config("jet-origin")
    jets = [made_up(FeatureEncoder(data_config, prediction=True).columns, *shape) for shape in _LENGTHS]
    spread_logits(tagger, data_config, jets[-1])
    save_model(tmp_path / "model", tagger, data_config)
    export_onnx(tmp_path / "model", tmp_path / "model.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    ours = Preprocessed(*load_model(tmp_path / "model"))
    encoder = FeatureEncoder(data_config, prediction=True)
    differences = []
    for table in jets:
        (found,) = session.run([OUTPUT], padded_inputs(table, ours.columns))
        differences.extend(np.abs(found - predict(ours, encoder, table)).max(axis=1))
    assert len(differences) == 1000
    assert np.quantile(differences, 0.98) <= 1e-5
    assert max(differences) < 0.01


_LENGTHS = ((50, 1), (50, 2), (900, 40))


def spread_logits(tagger: Tagger, data_config: DataConfig, jets: Jets) -> None:
    """Make the probabilities of a new network differ as those of a trained one do.

    Its normalisations first see the jets: in a new network they shrink what passes, and with it all but the rounding.
    """
    encoder = FeatureEncoder(data_config, prediction=True)
    norms = [module for module in tagger.modules() if isinstance(module, torch.nn.BatchNorm1d)]
    for norm in norms:
        norm.momentum = 1.0
    with torch.no_grad():
        tagger.train()(**tensors(encoder.encode(jets)))
    last = [module for module in tagger.modules() if isinstance(module, torch.nn.Linear)][-1]
    logits = predict(Preprocessed(tagger.eval(), data_config), encoder, jets)
    last.weight.data *= 2 / float(np.log(logits).std(axis=0).mean())
