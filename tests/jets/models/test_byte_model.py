from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from yukawa.bytelm.vocabulary import Mark
from yukawa.core.errors import InputError
from yukawa.jets.features.config import load_data_config
from yukawa.jets.models import byte_model
from yukawa.jets.models.byte_model import ByteModel
from yukawa.jets.models.saving import build, load_model, save_model

LENGTHS = [5, 1, 12, 3, 20, 1, 8]
CONFIG = load_data_config("jet-origin")


def tagger(**settings: Any) -> ByteModel:
    torch.manual_seed(0)
    sizes = {"width": 16, "layers": 2, "heads": 2, "feedforward": 24, "byte_width": 4, "patch_width": 12}
    made = build({
        "architecture": "byte-model", "features": len(CONFIG.features), "classes": CONFIG.classes,
        **sizes, **settings,
    })  # fmt: skip
    assert isinstance(made, ByteModel)
    return made.double().eval()


def patches(size: int, lengths: list[int] = LENGTHS) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(3)
    ids = torch.randint(0, 256, (sum(lengths), size), generator=random).short()
    return {"patches_NP": ids, "counts_B": torch.tensor(lengths)}


@pytest.mark.parametrize("pooling", ["mean", "last"])
def test_packed_jets_give_what_padded_ones_give_to_the_model_it_consists_of(pooling: str) -> None:
    ours = tagger(pooling=pooling)
    jets = patches(34)
    padded = torch.full((len(LENGTHS), max(LENGTHS), 34), int(Mark.PAD))
    mask = torch.arange(max(LENGTHS)) < jets["counts_B"][:, None]
    padded[mask] = jets["patches_NP"].long()
    expected = ours.model(padded.flatten(1)).logits
    torch.testing.assert_close(ours(**jets), expected, rtol=0, atol=1e-12)


def test_a_jet_is_judged_alone_whatever_else_is_in_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, jets = tagger(), patches(34)
    expected = ours(**jets)
    for rows, logits in zip(jets["patches_NP"].split(LENGTHS), expected, strict=True):
        alone = ours(rows, torch.tensor([len(rows)]))[0]
        torch.testing.assert_close(alone, logits, rtol=0, atol=1e-12)
    monkeypatch.setattr(byte_model, "SLOTS_CPU", 8)  # however they are grouped
    torch.testing.assert_close(ours(**jets), expected, rtol=0, atol=1e-12)


def test_the_order_of_particles_matters_as_in_any_text() -> None:
    ours, jets = tagger(), patches(34, [6])
    turned = {**jets, "patches_NP": jets["patches_NP"].flip(0)}
    assert not torch.allclose(ours(**turned), ours(**jets))


def test_it_learns() -> None:
    ours, jets = tagger().float().train(), patches(34)
    optimiser = torch.optim.Adam(ours.parameters(), lr=3e-3)
    labels, losses = torch.arange(len(LENGTHS)) % 3, []
    for _ in range(40):
        optimiser.zero_grad()
        loss = F.cross_entropy(ours(**jets), labels)
        loss.backward()
        losses.append(loss.item())
        optimiser.step()
    assert losses[-1] < 0.3 * losses[0]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in ours.parameters())


@pytest.mark.parametrize(
    ("form", "size"),
    [
        ({}, 34),
        ({"code": "float32"}, 68),
        ({"form": "text"}, 16),
        ({"form": "text", "patch": 5}, 5),
        ({"patch": 17}, 17),
    ],
)
def test_its_patches_are_those_of_its_encoder(form: dict[str, Any], size: int) -> None:
    ours = tagger(**form)
    assert ours.model.config.patch_size == size == ours.encoder(CONFIG, prediction=True).patch_size


def test_it_is_saved_with_its_form_and_for_transformers(tmp_path: Any) -> None:
    ours = tagger(form="text", patch=8, pooling="last")
    save_model(tmp_path / "model", ours.float(), CONFIG)
    again, config = load_model(tmp_path / "model")
    assert isinstance(again, ByteModel)
    assert again.config == ours.config
    jets = patches(8)
    assert torch.equal(again(**jets), ours(**jets))
    assert again.encoder(config, prediction=True).form == ours.encoder(CONFIG, prediction=True).form

    from yukawa.bytelm import ByteLMForSequenceClassification

    ours.model.save_pretrained(tmp_path / "hub")
    hub = ByteLMForSequenceClassification.from_pretrained(tmp_path / "hub")
    assert tuple(hub.config.id2label.values()) == CONFIG.classes
    alone = hub(jets["patches_NP"][:5].long().reshape(1, -1)).logits
    torch.testing.assert_close(alone, ours(**jets)[:1], rtol=0, atol=1e-6)


def test_what_does_not_fit(tmp_path: Any) -> None:
    with pytest.raises(InputError, match="patch of 33 does not fit a particle of 34 bytes"):
        tagger(patch=33)
    with pytest.raises(InputError, match=r"heads is 3, .* the width 20 .*a multiple of 6 for width"):
        tagger(width=20, heads=3)
    with pytest.raises(InputError, match="did you mean 'layers'"):
        tagger(layer=3)
    save_model(tmp_path / "model", tagger().float(), CONFIG)
    settings = (tmp_path / "model/config.json").read_text()
    (tmp_path / "model/config.json").write_text(settings.replace('"fixed16"', '"float32"'))
    with pytest.raises(InputError, match=r"has the shape \[12, 136\], \[12, 272\] is expected"):
        load_model(tmp_path / "model")
