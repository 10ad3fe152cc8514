from __future__ import annotations

import logging
import pickle
import subprocess
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from yukawa.core.errors import InputError, NotFound
from yukawa.jets.features.config import load_data_config
from yukawa.jets.models.tagger import load_model, unpack
from yukawa.jets.models.weaver import import_weaver, read_checkpoint

LENGTHS = [1, 4, 12, 9]


class Wrapped(nn.Module):
    """As weaver's example network files wrap a network, so that names begin with `mod.`."""

    def __init__(self, mod: nn.Module) -> None:
        super().__init__()
        self.mod = mod


def particle_net(features: int = 7, classes: int = 10, **more: Any) -> nn.Module:
    from weaver.nn.model.ParticleNet import ParticleNet

    sizes = {"conv_params": [(16, (8, 8, 8)), (16, (8, 8, 12))], "fc_params": [(8, 0.1)], "use_fusion": False}
    return ParticleNet(features, classes, **(sizes | more))


def particle_transformer(**more: Any) -> nn.Module:
    from weaver.nn.model.ParticleTransformer import ParticleTransformer

    sizes = {
        "embed_dims": [16, 32],
        "pair_embed_dims": [8, 8],
        "num_heads": 8,
        "num_layers": 2,
        "num_cls_layers": 1,
    }
    return ParticleTransformer(7, 10, fc_params=[], **(sizes | more))


@pytest.fixture(autouse=True)
def quiet_and_seeded() -> Any:
    logging.disable(logging.INFO)
    torch.manual_seed(1)
    yield
    logging.disable(logging.NOTSET)


def shake(network: nn.Module) -> nn.Module:
    """Statistics and parameters as after training."""
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    for parameter in network.parameters():
        parameter.data.add_(torch.randn_like(parameter) * 0.05)
    return network.eval()


def save(network: nn.Module, path: Path) -> Path:
    torch.save(network.state_dict(), path)
    return path


def batch() -> dict[str, Tensor]:
    momenta = torch.randn(sum(LENGTHS), 4)
    momenta[:, 3] = momenta[:, :3].square().sum(1).add(0.02).sqrt()
    points = torch.randn(sum(LENGTHS), 2) * 0.3
    return {"features_NF": torch.randn(sum(LENGTHS), 7), "momenta_N4": momenta, "points_N2": points,
            "counts_B": torch.tensor(LENGTHS)}  # fmt: skip


def padded(jets: dict[str, Tensor], name: str) -> Tensor:
    return unpack(jets[name], jets["counts_B"], 20)[0].mT


def test_an_imported_particle_net_gives_the_same_logits(tmp_path: Path) -> None:
    peer = shake(Wrapped(particle_net(trim=False)))
    tagger = import_weaver(
        save(peer, tmp_path / "ParticleNet_kin.pt"), "jetclass-kin", tmp_path / "model", network="jetclass"
    )
    jets = batch()
    mask = unpack(jets["features_NF"], jets["counts_B"], 20)[1][:, None]
    loaded, config = load_model(tmp_path / "model")
    with torch.no_grad():
        wanted = peer.mod(padded(jets, "points_N2"), padded(jets, "features_NF"), mask)
        torch.testing.assert_close(tagger(**jets), wanted, rtol=0, atol=1e-5)
        torch.testing.assert_close(loaded(**jets), wanted, rtol=0, atol=1e-5)
    assert loaded.config.classes == config.classes == load_data_config("jetclass-kin").classes


@pytest.mark.parametrize("whose", ["jetclass", "weaver"])
def test_an_imported_particle_transformer_gives_the_same_logits(tmp_path: Path, whose: str) -> None:
    # The networks of JetClass, which are wrapped, activate the pairs; the bare class does not.
    peer = shake(particle_transformer(trim=False, use_pre_activation_pair=whose == "weaver"))
    path = save(Wrapped(peer) if whose == "jetclass" else peer, tmp_path / "ParT_kin.pt")
    tagger = import_weaver(path, "jetclass-kin", tmp_path / "model", network=whose)
    assert differences(peer, tagger) <= 1e-5


def differences(peer: nn.Module, tagger: nn.Module) -> float:
    """The largest in the logits of some jets."""
    jets = batch()
    mask = unpack(jets["features_NF"], jets["counts_B"], 20)[1][:, None]
    with torch.no_grad():
        wanted = peer(padded(jets, "features_NF"), v=padded(jets, "momenta_N4"), mask=mask)
        return float((tagger(**jets) - wanted).abs().max())


ALTERED: list[tuple[dict[str, Any], str]] = [
    ({"activation": "relu"}, "activation is 'relu'; .* has only gelu"),
    ({"remove_self_pair": True}, "remove_self_pair is True"),
    ({"use_pre_activation_pair": False}, ""),
    ({"pair_input_type": "ee"}, ""),
    ({"pair_input_dim": 6}, "the weights take 6 features of a pair, pp has 4"),
    ({"block_ids_with_attn_mask": [0]}, "block_ids_with_attn_mask is"),
    ({"block_params": {"scale_attn_mask": True}}, "block_params is"),
    ({"block_params": {"activation": "relu"}}, "block_params is"),
    ({"block_params": {"dropout": 0.3}}, ""),
    ({"cls_block_params": {"num_heads": 4}}, "cls_block_params is"),
]


@pytest.mark.parametrize(("altered", "message"), ALTERED)
def test_networks_of_equal_shapes_are_imported_as_they_are_or_refused(
    altered: dict[str, Any], message: str, tmp_path: Path
) -> None:
    peer = shake(particle_transformer(trim=False, **altered))
    path = save(peer, tmp_path / "net.pt")
    with pytest.raises(InputError, match="weights do not show activation, pair_input_type"):
        import_weaver(path, "jetclass-kin", tmp_path / "model")
    given = {name: value for name, value in altered.items() if name != "pair_input_dim"}
    if message:
        with pytest.raises(InputError, match=message) as caught:
            import_weaver(path, "jetclass-kin", tmp_path / "model", given, network="weaver")
        assert "\n" not in str(caught.value)
        assert not (tmp_path / "model").exists()
    else:
        tagger = import_weaver(path, "jetclass-kin", tmp_path / "model", given, network="weaver")
        assert differences(peer, tagger) <= 1e-5


@pytest.mark.parametrize("k", [5, [5, 3]])
def test_neighbours_are_those_stated(k: Any, tmp_path: Path) -> None:
    each = k if isinstance(k, list) else [k, k]
    peer = shake(particle_net(trim=False, conv_params=[(each[0], (8, 8, 8)), (each[1], (8, 8, 12))]))
    path = save(peer, tmp_path / "net.pt")
    with pytest.raises(InputError, match="weights do not show k, use_counts of a particle-net"):
        import_weaver(path, "jetclass-kin", tmp_path / "model")
    with pytest.raises(InputError, match="use_counts is False"):
        import_weaver(path, "jetclass-kin", tmp_path / "model", {"k": k, "use_counts": False})
    tagger = import_weaver(path, "jetclass-kin", tmp_path / "model", {"k": k, "use_counts": True})
    jets = batch()
    mask = unpack(jets["features_NF"], jets["counts_B"], 20)[1][:, None]
    with torch.no_grad():
        wanted = peer(padded(jets, "points_N2"), padded(jets, "features_NF"), mask)
        torch.testing.assert_close(tagger(**jets), wanted, rtol=0, atol=1e-5)


def test_options_reach_the_network(tmp_path: Path) -> None:
    path = save(particle_net(), tmp_path / "net.pt")
    tagger = import_weaver(
        path, "jetclass-kin", tmp_path / "model", {"k": 7, "dropout": 0.3}, network="jetclass"
    )
    assert [k for k, _ in tagger.config.blocks] == [7, 7]
    assert tagger.config.head == ((8, 0.3),)
    for options, network, message in (
        ({"neighbors": 7}, "weaver", r"net\.pt: .*unknown key neighbors"),
        ({"k": [7]}, "weaver", "has 2 edge convolutions, neighbours are named for 1"),
        ({"k": "many"}, "weaver", "many"),
        ({}, "jetclas", "jetclass"),
    ):
        with pytest.raises(InputError, match=message):
            import_weaver(path, "jetclass-kin", tmp_path / "other", options, network=network)


@pytest.mark.parametrize(
    ("network", "config", "message"),
    [
        (lambda: particle_net(), "jetclass-full", "takes 7 features, the data config has 17"),
        (lambda: particle_net(classes=3), "jetclass-kin", "has 3 outputs, the data config 10 classes"),
        (lambda: nn.Linear(3, 3), "jetclass-kin", "neither a ParticleNet nor a Particle Transformer"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(
    tmp_path: Path, network: Any, config: str, message: str
) -> None:
    with pytest.raises(InputError, match=message) as caught:
        import_weaver(save(network(), tmp_path / "net.pt"), config, tmp_path / "model", network="weaver")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "model").exists()


def test_an_unresolved_data_config_is_refused(tmp_path: Path) -> None:
    text = load_data_config("jetclass-kin").to_yaml().replace("method: manual", "method: auto")
    text = text.replace(
        "- - part_pt_log\n      - 1.7\n      - 0.7", "- - part_pt_log\n      - auto\n      - 0.7"
    )
    (tmp_path / "open.yaml").write_text(text)
    assert not load_data_config(tmp_path / "open.yaml").resolved
    with pytest.raises(InputError, match=r"\.auto\.yaml that weaver wrote"):
        import_weaver(save(particle_net(), tmp_path / "net.pt"), tmp_path / "open.yaml", tmp_path / "model")


class Evil:
    """A pickle that would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return subprocess.call, (["touch", str(self.path)],)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_foreign_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    touched = tmp_path / "touched"
    torch.save({"weight": Evil(touched)}, tmp_path / "zip.pt")
    (tmp_path / "bare.pt").write_bytes(pickle.dumps(Evil(touched)))
    torch.save(particle_net(), tmp_path / "whole.pt")
    for name in ("zip.pt", "bare.pt", "whole.pt"):
        with pytest.raises(InputError, match=rf"{name} is damaged, or holds more than weights.*state dict"):
            read_checkpoint(tmp_path / name)
    assert not touched.exists()


@pytest.mark.parametrize("content", [b"", b"hello", None])
def test_a_damaged_checkpoint_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = save(particle_net(), tmp_path / "net.pt")
    path.write_bytes(path.read_bytes()[:-2000] if content is None else content)
    with pytest.raises(InputError, match=r"net\.pt is damaged"):
        read_checkpoint(path)


def test_what_is_no_state_dict_is_refused(tmp_path: Path) -> None:
    for value in ([torch.zeros(1)], {"epoch": 3}, {}):
        torch.save(value, tmp_path / "net.pt")
        with pytest.raises(InputError, match="is not a state dict"):
            read_checkpoint(tmp_path / "net.pt")
    with pytest.raises(NotFound, match="there is no checkpoint"):
        read_checkpoint(tmp_path / "none.pt")
    with pytest.raises(InputError, match="cannot be read"):
        read_checkpoint(tmp_path)
