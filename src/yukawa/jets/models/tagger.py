"""Jet taggers: networks that take packed rows of jets, and how they are built, saved and loaded."""

import importlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from yukawa import __version__
from yukawa.core import files
from yukawa.core.errors import InputError, not_a, require, unknown_name
from yukawa.core.validation import checked
from yukawa.jets.features.config import DataConfig, read_config
from yukawa.jets.features.encoder import Encoder, FeatureEncoder
from yukawa.runs import run

WEIGHTS, CONFIG, DATA_CONFIG = "model.safetensors", "config.json", "data_config.yaml"
_LARGEST = 64 << 30  # bytes of weights
_NAME_ONE = "name the folder of a tagger or of its run"
SAME_SIZES = "give the new model the sizes of the old"

# Imported when first used: one architecture does not load the others.
ARCHITECTURES = {
    "byte-language-model": ("byte_model", "ByteLanguageModel"),
    "byte-model": ("byte_model", "ByteModel"),
    "particle-net": ("particle_net", "ParticleNet"),
    "particle-transformer": ("particle_transformer", "ParticleTransformer"),
    "transformer": ("transformer", "PlainTransformer"),
}


class TaggerConfig(BaseModel):
    """The settings from which a network is built; each architecture adds its own sizes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str
    features: int
    classes: tuple[str, ...]


class Tagger(nn.Module, ABC):
    """A network over jets: `forward` takes the rows of its encoder by their names, and `counts_B`.

    It gives logits of shape (B, C). Dimensions: B jets, P particles a jet, N particles in all, F features,
    C classes.
    """

    Config: ClassVar[type[TaggerConfig]]

    def __init__(self, config: TaggerConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def encoder(self, data_config: DataConfig, *, prediction: bool = False) -> Encoder:
        """The encoder that turns jets into this network's rows.

        Raises:
            InputError: the data config does not fit the network.
        """

    def start_from(self, saved: "Tagger", where: str) -> None:
        """Begin with the weights of a trained tagger, read from `where`.

        Raises:
            InputError: it has another architecture, other classes or other sizes; nothing has changed.
        """
        for name in ("architecture", "classes"):
            came, wanted = getattr(saved.config, name), getattr(self.config, name)
            if came != wanted:
                raise InputError(f"{where} has the {name} {came!r}, {wanted!r} is expected")
        if _shapes(saved) != _shapes(self):
            raise other_settings(where, settings_of(saved), settings_of(self))
        self.load_state_dict(saved.state_dict())


class ParticleTagger(Tagger):
    """A network over particles.

    It has two entrances with one result: `forward` takes packed particles, without any padding, and is fast;
    `forward_padded` takes padded particles and a mask, and is the one that is exported.
    """

    def encoder(self, data_config: DataConfig, *, prediction: bool = False) -> Encoder:
        """See `Tagger.encoder`."""
        return FeatureEncoder(data_config, prediction=prediction)

    @abstractmethod
    def forward(self, features_NF: Tensor, momenta_N4: Tensor, points_N2: Tensor, counts_B: Tensor) -> Tensor:
        """Logits of shape (B, C).

        Args:
            features_NF: standardised features of each particle.
            momenta_N4: px, py, pz, E in GeV.
            points_N2: coordinates in which neighbours are sought, usually (deta, dphi).
            counts_B: int64, particles of each jet; they sum to N. A jet may be empty.
        """

    def forward_padded(
        self, features_BPF: Tensor, momenta_BP4: Tensor, points_BP2: Tensor, mask_BP: Tensor
    ) -> Tensor:
        """Logits of shape (B, C); `mask_BP` is true where there is a particle, and padding comes last.

        In training, where statistics must not see padding, this is `forward` of the packed particles.
        """
        if self.training:
            packed = [pack(padded, mask_BP) for padded in (features_BPF, momenta_BP4, points_BP2)]
            logits: Tensor = self(*packed, mask_BP.sum(dim=1))
            return logits
        return self._infer_padded(features_BPF, momenta_BP4, points_BP2, mask_BP)

    @abstractmethod
    def _infer_padded(
        self, features_BPF: Tensor, momenta_BP4: Tensor, points_BP2: Tensor, mask_BP: Tensor
    ) -> Tensor:
        """`forward_padded` in inference."""


def pack(padded_BPX: Tensor, mask_BP: Tensor) -> Tensor:
    """The particles under the mask, one jet after another, shape (N, X)."""
    return padded_BPX[mask_BP]


def unpack(packed_NX: Tensor, counts_B: Tensor, length: int | None = None) -> tuple[Tensor, Tensor]:
    """Padded particles (B, P, X), zero where there is none, and their mask (B, P); P is the longest jet's."""
    length = int(counts_B.max()) if length is None else length
    mask_BP = torch.arange(length, device=packed_NX.device) < counts_B[:, None]
    padded = packed_NX.new_zeros((*mask_BP.shape, *packed_NX.shape[1:]))
    padded[mask_BP] = packed_NX
    return padded, mask_BP


def unprefixed(state_dict: Mapping[str, Tensor], mark: str, network: str) -> dict[str, Tensor]:
    """The weights of a `network` of weaver-core without the prefix, such as `mod.`, that all of their names have.

    Args:
        mark: the end of a name that only this network has.

    Raises:
        InputError: there is no such name.
    """
    marked = next((name for name in state_dict if name.endswith(mark)), None)
    if marked is None:
        raise InputError(f"these are not the weights of a {network} of weaver-core")
    prefix = marked.removesuffix(mark)
    return {name.removeprefix(prefix): value for name, value in state_dict.items()}


def settings_of(tagger: Tagger) -> dict[str, Any]:
    """The tagger's configuration as plain values, for JSON."""
    return tagger.config.model_dump(mode="json")


def other_settings(where: str, came: Mapping[str, Any], wanted: Mapping[str, Any]) -> InputError:
    """The error for a saved tagger whose settings differ from those that are needed."""
    odd = [
        f"{name} {came[name]!r}, {wanted[name]!r} is expected" for name in came if came[name] != wanted[name]
    ]
    return InputError(f"{where} has {'; '.join(odd)}", hint=SAME_SIZES)


def build(settings: Mapping[str, Any]) -> Tagger:
    """A new tagger, with random weights, from its configuration as plain values.

    Args:
        settings: `architecture` (one of `ARCHITECTURES`) and that architecture's own settings.

    Raises:
        InputError: the architecture or a setting is unknown, missing or has a wrong value.
    """
    tagger_class = architecture(settings.get("architecture"))
    return tagger_class(checked(tagger_class.Config, settings, tagger_class.__name__))


def architecture(name: object) -> type[Tagger]:
    """The class of taggers of the architecture `name`.

    Raises:
        InputError: there is no such architecture.
    """
    if not isinstance(name, str) or name not in ARCHITECTURES:
        raise unknown_name("architecture", name, ARCHITECTURES)
    module, class_name = ARCHITECTURES[name]
    found: type[Tagger] = getattr(importlib.import_module(f"yukawa.jets.models.{module}"), class_name)
    return found


def save_model(folder: Path, tagger: Tagger, data_config: DataConfig, *, force: bool = False) -> None:
    """Write a tagger with all that is needed to use it into `folder`, whole or not at all.

    The folder holds the weights (safetensors), the settings (JSON) and the data config that the tagger expects
    (YAML).

    Args:
        folder: a new folder; with `force`, a saved model that is replaced.
        tagger: the model.
        data_config: how it reads jets.
        force: whether a model that is there is replaced.

    Raises:
        InputError: `folder` is a file, holds something that is not part of a saved model, or a model without `force`.
        StoreError: the disk refuses; the old model stays.
    """
    safetensors = require("safetensors.torch", "saving a model", "jets")
    folder = Path(folder)
    files.check_made_folder(folder, (DATA_CONFIG,), (WEIGHTS, CONFIG), force=force)
    weights = {name: value.detach().cpu().contiguous() for name, value in tagger.state_dict().items()}
    description = {"yukawa": __version__, "model": settings_of(tagger)}
    with files.new_folder(folder, replace=True) as new:
        files.atomic_write(new / WEIGHTS, safetensors.save(weights))
        files.atomic_write(new / DATA_CONFIG, data_config.to_yaml())
        files.atomic_write(new / CONFIG, json.dumps(description, indent=2, ensure_ascii=False) + "\n")


def load_model(folder: Path) -> tuple[Tagger, DataConfig]:
    """A saved tagger, ready for inference (`eval` mode, on the processor), and its data config.

    Raises:
        NotFound: `folder` is not a saved model.
        InputError: a file of it is damaged, its settings are unknown, or its weights do not fit them.
    """
    folder = Path(folder)
    settings = _read_settings(folder / CONFIG)
    data_config = _read_data_config(folder / DATA_CONFIG)
    try:
        tagger = build(settings)
    except InputError as error:
        raise InputError(f"{folder / CONFIG}: {error.message}", hint=error.hint) from None
    load_weights(tagger, read_weights(folder / WEIGHTS), str(folder / WEIGHTS))
    return tagger.eval(), data_config


def model_folder(path: Path | str) -> Path:
    """The folder of the model itself, where `path` may be its run.

    Raises:
        NotFound: there is no saved model.
    """
    found = run.model_folder(path)
    if not (found / CONFIG).is_file():
        raise not_a("tagger", path, CONFIG, _NAME_ONE)
    return found


def model_files(folder: Path) -> list[Path]:
    """The files of a saved model."""
    return [folder / name for name in (CONFIG, DATA_CONFIG, WEIGHTS)]


def read_weights(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file.

    Raises:
        NotFound: there is no such file.
        InputError: it cannot be read or is not a whole safetensors file.
    """
    safetensors = require("safetensors.torch", "reading a model", "jets")
    damage = require("safetensors", "reading a model", "jets").SafetensorError
    try:
        weights: dict[str, Tensor] = safetensors.load(_read(path))
    except (damage, ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged or not a safetensors file: {error}") from None
    return weights


def load_weights(tagger: Tagger, weights: Mapping[str, Tensor], source: str) -> None:
    """Put `weights` into `tagger`; every one must be there, of the right shape, and nothing else.

    Args:
        source: where the weights come from, for the message.

    Raises:
        InputError: a weight is missing, foreign or of another shape; the tagger is unchanged.
    """
    expected = tagger.state_dict()
    problems = [
        *(f"{key} is missing" for key in expected if key not in weights),
        *(f"{key} is not one of its weights" for key in weights if key not in expected),
        *(
            f"{key} has the shape {list(weights[key].shape)}, {list(expected[key].shape)} is expected"
            for key in expected
            if key in weights and weights[key].shape != expected[key].shape
        ),
    ]
    if problems:
        more = f" (and {len(problems) - 1} more such differences)" if len(problems) > 1 else ""
        raise InputError(
            f"{source} does not fit the {tagger.config.architecture} that its settings describe: {problems[0]}{more}"
        )
    tagger.load_state_dict(weights)


def _shapes(tagger: Tagger) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tagger.state_dict().items()}


def _read_settings(path: Path) -> dict[str, Any]:
    settings = files.parse_row(_read(path), str(path)).get("model")
    if not isinstance(settings, dict):
        raise InputError(f"{path} does not describe a model: a table of settings 'model' is expected")
    return settings


def _read_data_config(path: Path) -> DataConfig:
    try:
        return read_config(_read(path).decode(), str(path))
    except UnicodeDecodeError:
        raise InputError(f"{path} is damaged: it is not UTF-8 text") from None


def _read(path: Path) -> bytes:
    if not path.exists():
        raise not_a("tagger", path.parent, path.name, _NAME_ONE)
    return files.read_bytes(path, _LARGEST)
