from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from yukawa.bytelm.segments import Mark
from yukawa.core.errors import InputError
from yukawa.jets.features.config import load_data_config
from yukawa.jets.models import byte_model
from yukawa.jets.models.byte_model import ByteLanguageModel, ByteModel, until_end
from yukawa.jets.models.tagger import Tagger, build, load_model, save_model

LENGTHS = [5, 1, 12, 3, 20, 2, 8]
CONFIG = load_data_config("jet-origin")
SIZES = {"width": 16, "layers": 2, "heads": 2, "feedforward": 24, "byte_width": 4, "patch_width": 12}
INNER = pytest.mark.parametrize("inner_layers", [0, 1])


def tagger(architecture: str = "byte-model", **settings: Any) -> Any:
    torch.manual_seed(0)
    of_data = {"features": len(CONFIG.features), "classes": CONFIG.classes}
    return build({"architecture": architecture, **of_data, **SIZES, **settings}).double().eval()


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
    with pytest.raises(InputError, match="did you mean layers"):
        tagger(layer=3)
    save_model(tmp_path / "model", tagger().float(), CONFIG)
    settings = (tmp_path / "model/config.json").read_text()
    (tmp_path / "model/config.json").write_text(settings.replace('"fixed16"', '"float32"'))
    with pytest.raises(InputError, match=r"has the shape \[12, 136\], \[12, 272\] is expected"):
        load_model(tmp_path / "model")


def language_model(**settings: Any) -> ByteLanguageModel:
    made = tagger("byte-language-model", **settings)
    assert isinstance(made, ByteLanguageModel)
    return made


def sequences(size: int = 34, ends: bool = True) -> dict[str, Tensor]:
    """Packed patches of random bytes; each sequence ends within its last patch."""
    random = torch.Generator().manual_seed(3)
    ids = torch.randint(0, 256, (sum(LENGTHS), size), generator=random).short()
    counts = torch.tensor(LENGTHS)
    if ends:
        last = counts.cumsum(0) - 1
        ids[last, 4], ids[last, 5:] = int(Mark.EOS), int(Mark.PAD)
    return {"patches_NP": ids, "counts_B": counts}


def alone(model: ByteLanguageModel, ids: Tensor, labels: Tensor) -> Tensor:
    """What the Hugging Face model says of one sequence: the mean cross entropy of the labels that count."""
    loss: Tensor = model.model(ids.reshape(1, -1).long(), labels=labels.reshape(1, -1)).loss
    return loss


@INNER
def test_the_loss_is_that_of_each_sequence_alone(inner_layers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model, given = language_model(inner_layers=inner_layers), sequences()
    nats, ids = model.language_loss(**given)
    assert ids.tolist() == [(length - 2) * 34 + 5 if length > 1 else 0 for length in LENGTHS]
    for rows, nat, number in zip(given["patches_NP"].split(LENGTHS), nats, ids, strict=True):
        if len(rows) > 1:
            expected = alone(model, rows, until_end(rows.long())) * number
            torch.testing.assert_close(nat, expected, rtol=1e-6, atol=0)  # the loss is worked out in float32
        else:
            assert nat == 0
    monkeypatch.setattr(byte_model, "SLOTS_CPU", 8)  # however they are grouped, and cut into parts
    monkeypatch.setattr(byte_model, "PATCHES_CPU", 3)
    torch.testing.assert_close(model.language_loss(**given)[0], nats, rtol=1e-6, atol=0)


def test_only_what_is_asked_for_is_predicted_and_never_a_first_patch() -> None:
    model, given = language_model(), sequences()
    chosen = torch.rand(sum(LENGTHS), generator=torch.Generator().manual_seed(1)) < 0.5
    nats, ids = model.language_loss(**given, predicted_N=chosen)
    for rows, picked, nat, number in zip(
        given["patches_NP"].split(LENGTHS), chosen.split(LENGTHS), nats, ids, strict=True
    ):
        labels = until_end(rows.long()).masked_fill(~picked[:, None], -100)
        if not picked[1:].any():
            assert (nat, number) == (0, 0)
            continue
        assert number == (labels[1:] != -100).sum()
        torch.testing.assert_close(nat, alone(model, rows, labels) * number, rtol=1e-6, atol=0)


@INNER
def test_the_logits_are_the_likelihoods_of_the_answers(inner_layers: int) -> None:
    model, given = language_model(inner_layers=inner_layers), sequences(ends=False)
    logits = model(**given)
    assert logits.shape == (len(LENGTHS), len(CONFIG.classes))
    for rows, row in zip(given["patches_NP"].split(LENGTHS), logits, strict=True):
        for name, logit in zip(CONFIG.classes, row, strict=True):
            words = [int(Mark.TEXT), *name.encode(), int(Mark.EOS)]
            answer = torch.tensor(words + [int(Mark.PAD)] * (34 - len(words)))
            answered = torch.cat([rows.long(), answer[None]])
            vocabulary_logits = model.model(answered.reshape(1, -1)).logits[0, -2]  # what follows the jet
            each = F.log_softmax(vocabulary_logits, -1)[torch.arange(len(words)), answer[: len(words)]]
            torch.testing.assert_close(logit.double(), each.sum(), rtol=1e-5, atol=0)


@INNER
def test_the_loss_of_an_answered_question_is_the_answers_likelihood(inner_layers: int) -> None:
    model, given = language_model(inner_layers=inner_layers), sequences(ends=False)
    truth = torch.arange(len(LENGTHS)) % len(CONFIG.classes)
    parts = zip(given["patches_NP"].split(LENGTHS), truth.tolist(), strict=True)
    answered = torch.cat([torch.cat([rows, model.answers[label][None].short()]) for rows, label in parts])
    counts = given["counts_B"] + 1
    last = torch.zeros(len(answered), dtype=torch.bool)
    last[counts.cumsum(0) - 1] = True
    nats, _ = model.language_loss(answered, counts, last)
    torch.testing.assert_close(-nats, model(**given)[torch.arange(len(truth)), truth], rtol=1e-6, atol=0)


def test_what_comes_later_changes_no_loss_before() -> None:
    model, given = language_model(), sequences(ends=False)
    counted = torch.zeros(sum(LENGTHS), dtype=torch.bool)
    counted[:3] = True  # of the first sequence, which has five patches
    nats = model.language_loss(**given, predicted_N=counted)[0]
    given["patches_NP"][3:5] = 7
    assert torch.equal(model.language_loss(**given, predicted_N=counted)[0], nats)
    given["patches_NP"][1] = 7
    assert not torch.equal(model.language_loss(**given, predicted_N=counted)[0], nats)


def test_nothing_counts_behind_the_end() -> None:
    ids = torch.tensor([[1, 258, 256, 256], [258, 256, 256, 256], [1, 2, 256, 256]])
    ignored = -100
    assert until_end(ids).tolist() == [
        [1, 258, ignored, ignored], [258, ignored, ignored, ignored], [1, 2, 256, 256],
    ]  # fmt: skip


def test_it_is_saved_without_its_answers_and_asks_in_words(tmp_path: Path) -> None:
    model = language_model(inner_layers=1).float()
    save_model(tmp_path / "model", model, CONFIG)
    again, config = load_model(tmp_path / "model")
    assert isinstance(again, ByteLanguageModel)
    assert torch.equal(again(**sequences()), model(**sequences()))
    assert not any("answers" in name for name in again.state_dict())
    encoder = again.encoder(config, prediction=True)
    assert not encoder.answered
    np.testing.assert_array_equal(encoder.answers_CP, again.answers)


def trunk(model: Tagger) -> dict[str, Tensor]:
    return {name: value for name, value in model.state_dict().items() if name.startswith("model.model.")}


@pytest.mark.parametrize(
    "saved", [{}, {"inner_layers": 1}, {"architecture": "byte-model", "pooling": "last"}]
)
def test_a_byte_model_starts_from_the_decoder_of_another_and_keeps_its_own_head(
    saved: dict[str, Any],
) -> None:
    old, new = tagger(**{"architecture": "byte-language-model"} | saved), tagger("byte-model", dropout=0.1)
    for value in old.parameters():
        value.data += 1
    head = new.model.score.weight.clone()
    new.start_from(old, "there")
    assert isinstance(new, ByteModel)
    assert torch.equal(new.model.score.weight, head)
    assert len(trunk(new)) > 10
    assert all(torch.equal(value, trunk(old)[name]) for name, value in trunk(new).items())


def test_a_language_model_starts_with_the_head_too_if_it_is_alike() -> None:
    old, new, other = language_model(), language_model(), language_model(inner_layers=1)
    for value in old.parameters():
        value.data += 1
    new.start_from(old, "there")
    assert all(torch.equal(value, old.state_dict()[name]) for name, value in new.state_dict().items())
    other.start_from(old, "there")
    assert all(torch.equal(value, trunk(old)[name]) for name, value in trunk(other).items())


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"width": 32}, r"there has width 32, 16 is expected \(give the new model the sizes"),
        ({"layers": 1, "heads": 4}, "layers 1, 2 is expected; heads 4, 2 is expected"),
        ({"patch": 17}, "patch 17, 34 is expected"),
        ({"code": "ordered16"}, "code 'ordered16', 'fixed16' is expected"),
        ({"form": "text", "patch": 34}, "form 'text', 'native' is expected"),
    ],
)
def test_a_start_of_other_sizes_or_form_is_refused(sizes: dict[str, Any], message: str) -> None:
    new = tagger("byte-model")
    before = {name: value.clone() for name, value in new.state_dict().items()}
    with pytest.raises(InputError, match=message):
        new.start_from(tagger("byte-language-model", **sizes), "there")
    assert all(torch.equal(value, before[name]) for name, value in new.state_dict().items())


def test_answers_that_do_not_fit_a_patch_are_refused() -> None:
    with pytest.raises(InputError, match=r"the answer '[a-z]+' needs \d+ ids, a patch has 2"):
        tagger("byte-language-model", patch=2)


def test_a_head_can_begin_with_how_often_each_id_stands_where() -> None:
    model = language_model()
    model.model.head.weight.data.zero_()
    targets = torch.full((4, 34), 7)
    targets[3, 0], targets[3, 1], targets[3, 2:] = 9, int(Mark.EOS), int(Mark.PAD)
    model.begin_with(targets.short(), torch.tensor([1.0, 1.0, 1.0, 2.0]))
    logits = model.model(torch.zeros(1, 34, dtype=torch.long)).logits[0, 0].softmax(-1)
    assert logits[0, [7, 9, 8]].tolist() == pytest.approx([0.6, 0.4, 0], abs=2e-3)
    assert logits[1, [7, int(Mark.EOS)]].tolist() == pytest.approx([0.6, 0.4], abs=2e-3)
    assert logits[2, [7, int(Mark.PAD)]].tolist() == pytest.approx([1, 0], abs=2e-3)  # nothing behind the end
    assert (logits > 0).all()


def test_a_decoder_within_the_patch_begins_as_it_is() -> None:
    model = language_model(inner_layers=1)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    model.begin_with(torch.full((4, 34), 7), torch.ones(4))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
