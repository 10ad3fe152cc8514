from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from yukawa.core.errors import InputError, NotFound, StoreError
from yukawa.jets.features.config import DataConfig, load_data_config
from yukawa.jets.models.tagger import (
    ARCHITECTURES,
    CONFIG,
    DATA_CONFIG,
    WEIGHTS,
    Tagger,
    architecture,
    build,
    load_model,
    pack,
    save_model,
    settings_of,
    unpack,
)

SMALL = {"architecture": "particle-net", "blocks": [[3, [8, 8]], [3, [8, 6]]], "head": [[8, 0.1]]}


@pytest.fixture
def config() -> DataConfig:
    return load_data_config("jetclass-kin")


@pytest.fixture
def tagger(config: DataConfig) -> Tagger:
    return build(SMALL | {"features": len(config.features), "classes": config.classes})


@pytest.fixture
def saved(tmp_path: Path, tagger: Tagger, config: DataConfig) -> Path:
    save_model(tmp_path / "model", tagger, config)
    return tmp_path / "model"


def edit_weights(folder: Path, change: object) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / WEIGHTS)
    change(weights)  # type: ignore[operator]
    save_file(weights, folder / WEIGHTS)


def test_what_is_saved_is_loaded(saved: Path, tagger: Tagger, config: DataConfig) -> None:
    loaded, loaded_config = load_model(saved)
    assert loaded.config == tagger.config
    assert loaded_config == config
    assert not loaded.training
    for name, value in tagger.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_saving_what_was_loaded_gives_the_same_bytes(saved: Path, tmp_path: Path) -> None:
    save_model(tmp_path / "again", *load_model(saved))
    for name in (WEIGHTS, CONFIG, DATA_CONFIG):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()


def test_a_model_is_replaced_whole(saved: Path, tagger: Tagger, config: DataConfig) -> None:
    for p in tagger.parameters():
        p.data.fill_(0.5)
    with pytest.raises(InputError, match="holds files already"):
        save_model(saved, tagger, config)
    save_model(saved, tagger, config, force=True)
    assert all((p == 0.5).all() for p in load_model(saved)[0].parameters())
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_a_failure_leaves_the_old_model(
    saved: Path, tagger: Tagger, config: DataConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (saved / WEIGHTS).read_bytes()
    for p in tagger.parameters():
        p.data.fill_(0.5)

    def fail(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("yukawa.core.files.os.replace", fail)
    with pytest.raises(StoreError, match="disk is full"):
        save_model(saved, tagger, config, force=True)
    monkeypatch.undo()
    assert (saved / WEIGHTS).read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == ["model"]


def test_other_folders_and_files_are_left_alone(tmp_path: Path, tagger: Tagger, config: DataConfig) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "thesis.tex").write_text("x")
    with pytest.raises(InputError, match=r"thesis\.tex.*which another command made"):
        save_model(tmp_path / "notes", tagger, config)
    with pytest.raises(InputError, match="is a file"):
        save_model(tmp_path / "notes" / "thesis.tex", tagger, config)
    assert (tmp_path / "notes" / "thesis.tex").read_text() == "x"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_is_built_by_its_name(name: str) -> None:
    tagger = build({"architecture": name, "features": 3, "classes": ["a", "b"]})
    assert tagger.config.architecture == name
    assert isinstance(tagger, architecture(name))


def test_an_unknown_architecture_is_answered_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"unknown architecture .particlenet..*did you mean 'particle-net'"):
        build({"architecture": "particlenet"})
    with pytest.raises(InputError, match="unknown architecture None"):
        build({"features": 3})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"blcoks": []}, r"ParticleNet: unknown key blcoks \(did you mean blocks"),
        ({"blocks": []}, "ParticleNet: blocks ="),
        ({"blocks": [[0, [4]]]}, r"ParticleNet: blocks.0.0 = 0: .*greater than 0"),
        ({"head": [[8, 1.5]]}, r"ParticleNet: head.0.1 = 1.5: .*less than 1"),
        ({"features": "many"}, "ParticleNet: features = 'many'"),
    ],
)
def test_a_wrong_setting_is_one_clear_line(change: dict[str, object], message: str) -> None:
    settings = SMALL | {"features": 3, "classes": ["a"]} | change
    with pytest.raises(InputError, match=message):
        build(settings)


def test_a_checkpoint_of_another_shape_is_refused(saved: Path) -> None:
    description = json.loads((saved / CONFIG).read_text())
    description["model"]["blocks"][1][1] = [8, 7]
    (saved / CONFIG).write_text(json.dumps(description))
    expected = r"does not fit the particle-net .* has the shape \[6, 8\], \[7, 8\] is expected \(and \d+ more"
    with pytest.raises(InputError, match=expected) as caught:
        load_model(saved)
    assert "\n" not in str(caught.value)


def test_missing_and_foreign_weights_are_refused(saved: Path) -> None:
    edit_weights(saved, lambda weights: weights.pop("head.0.bias"))
    with pytest.raises(InputError, match=r"head\.0\.bias is missing"):
        load_model(saved)
    edit_weights(
        saved, lambda weights: weights.update({"head.0.bias": torch.zeros(8), "extra": torch.zeros(1)})
    )
    with pytest.raises(InputError, match="extra is not one of its weights"):
        load_model(saved)


@pytest.mark.parametrize("keep", [0, 5, 100, -1])
def test_a_damaged_weights_file_is_refused(saved: Path, keep: int) -> None:
    content = (saved / WEIGHTS).read_bytes()
    (saved / WEIGHTS).write_bytes(content[:keep])
    with pytest.raises(InputError, match=r"model\.safetensors is damaged"):
        load_model(saved)


def test_a_pickle_is_never_loaded(saved: Path, tagger: Tagger) -> None:
    torch.save(tagger.state_dict(), saved / WEIGHTS)
    with pytest.raises(InputError, match="not a safetensors file"):
        load_model(saved)


@pytest.mark.parametrize("text", ["{", "[]", '{"model": 3}', "\xff"])
def test_a_damaged_configuration_is_refused(saved: Path, text: str) -> None:
    (saved / CONFIG).write_bytes(text.encode("latin-1"))
    with pytest.raises(InputError, match=r"config\.json"):
        load_model(saved)


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, DATA_CONFIG])
def test_a_missing_file_is_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(NotFound, match=name.replace(".", r"\.")):
        load_model(saved)


def test_there_may_be_no_model_at_all(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"is not a tagger: |does not exist"):
        load_model(tmp_path / "nowhere")


@given(st.lists(st.integers(0, 6), min_size=1, max_size=8))
def test_packing_undoes_unpacking(counts: list[int]) -> None:
    counts_B = torch.tensor(counts)
    packed = torch.arange(2.0 * sum(counts)).view(-1, 2) + 1
    padded, mask = unpack(packed, counts_B)
    assert padded.shape == (len(counts), max(counts), 2)
    assert torch.equal(pack(padded, mask), packed)
    assert torch.equal(mask.sum(1), counts_B)
    assert not padded[~mask].any()


def test_unpacking_to_a_longer_length_only_adds_padding() -> None:
    packed, counts = torch.randn(5, 3), torch.tensor([2, 3])
    short, _ = unpack(packed, counts)
    long, mask = unpack(packed, counts, 7)
    assert torch.equal(long[:, :3], short)
    assert mask.shape == (2, 7)
    assert not mask[:, 3:].any()


def test_settings_are_plain_values_that_build_the_same_tagger() -> None:
    tagger = build(
        {"architecture": "particle-net", "features": 3, "classes": ["a", "b"], "blocks": [[2, [4, 4]]]}
    )
    settings = json.loads(json.dumps(settings_of(tagger)))
    assert build(settings).config == tagger.config


def test_an_unknown_setting_is_refused_with_the_nearest() -> None:
    with pytest.raises(Exception, match="did you mean blocks"):
        build({"architecture": "particle-net", "features": 3, "classes": ["a"], "block": []})
