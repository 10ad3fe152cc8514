"""Taggers on disk: a folder with weights (safetensors), settings (JSON) and the data config they expect (YAML)."""

from __future__ import annotations

import importlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from yukawa import __version__
from yukawa.core.config import checked
from yukawa.core.errors import InputError, NotFound, nearest
from yukawa.core.files import atomic_write, report_write_errors
from yukawa.core.optional import require
from yukawa.jets.features.config import DataConfig, read_config
from yukawa.jets.models.interface import Tagger, settings_of
from yukawa.runs.run import MODEL, RECIPE

WEIGHTS, CONFIG, DATA_CONFIG = "model.safetensors", "config.json", "data_config.yaml"

# Imported when asked for: one architecture does not load the others.
ARCHITECTURES = {
    "byte-language-model": ("yukawa.jets.models.byte_language_model", "ByteLanguageModel"),
    "byte-model": ("yukawa.jets.models.byte_model", "ByteModel"),
    "particle-net": ("yukawa.jets.models.particle_net", "ParticleNet"),
    "particle-transformer": ("yukawa.jets.models.particle_transformer", "ParticleTransformer"),
    "transformer": ("yukawa.jets.models.transformer", "PlainTransformer"),
}


def build(settings: Mapping[str, Any]) -> Tagger:
    """A new tagger, with random weights, from its configuration as plain values.

    Args:
        settings: `architecture` (one of `ARCHITECTURES`) and that architecture's own settings.

    Raises:
        InputError: the architecture or a setting is unknown, missing or has a wrong value.
    """
    tagger_class = architecture(settings.get("architecture"))
    return tagger_class(configure(tagger_class, settings))


def configure(tagger_class: type[Tagger], settings: Mapping[str, Any]) -> Any:
    """The configuration of an architecture, its `Config`, from plain values.

    Raises:
        InputError: a setting is unknown, missing or has a wrong value.
    """
    return checked(tagger_class.Config, settings, tagger_class.__name__)


def architecture(name: object) -> type[Tagger]:
    """The class of taggers of the architecture `name`.

    Raises:
        InputError: there is no such architecture.
    """
    if not isinstance(name, str) or name not in ARCHITECTURES:
        meant = nearest(str(name), ARCHITECTURES)
        raise InputError(
            f"there is no architecture {name!r}; there are: {', '.join(ARCHITECTURES)}",
            hint=f"did you mean {meant!r}?" if meant else "",
        )
    module, class_name = ARCHITECTURES[name]
    found: type[Tagger] = getattr(importlib.import_module(module), class_name)
    return found


def save_model(folder: Path, tagger: Tagger, data_config: DataConfig) -> None:
    """Write a tagger with all that is needed to use it into `folder`, whole or not at all.

    A model that is already in `folder` is replaced; a folder with anything else in it is left alone.

    Raises:
        InputError: `folder` is a file, or holds something that is no saved model.
        StoreError: the disk refuses; what was there stands.
    """
    safetensors = require("safetensors.torch", "saving a model")
    folder = Path(folder)
    _check_replaceable(folder)
    weights = {name: value.detach().cpu().contiguous() for name, value in tagger.state_dict().items()}
    description = {"yukawa": __version__, "model": settings_of(tagger)}
    beside = folder.parent / f".{secrets.token_hex(8)}.part"
    try:
        with report_write_errors(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            beside.mkdir()
        atomic_write(beside / WEIGHTS, safetensors.save(weights))
        atomic_write(beside / DATA_CONFIG, data_config.to_yaml())
        atomic_write(beside / CONFIG, json.dumps(description, indent=2, ensure_ascii=False) + "\n")
        with report_write_errors(folder):
            _swap(beside, folder)
    finally:  # Ctrl-C too must leave nothing behind
        shutil.rmtree(beside, ignore_errors=True)


def load_model(folder: Path) -> tuple[Tagger, DataConfig]:
    """A saved tagger, ready for inference (`eval` mode, on the processor), and its data config.

    Raises:
        NotFound: `folder` holds no saved model.
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
    path = Path(path)
    found = path / MODEL if (path / RECIPE).exists() else path
    if not (found / CONFIG).is_file():
        raise NotFound(f"{path} holds no saved model, nor the run of one")
    return found


def model_files(folder: Path) -> list[Path]:
    """The files of a saved model."""
    return [folder / name for name in (CONFIG, DATA_CONFIG, WEIGHTS)]


def read_weights(path: Path) -> dict[str, Tensor]:
    """All tensors of a safetensors file.

    Raises:
        NotFound: there is no such file.
        InputError: it cannot be read or is no whole safetensors file.
    """
    safetensors = require("safetensors.torch", "reading a model")
    damage = require("safetensors", "reading a model").SafetensorError
    try:
        weights: dict[str, Tensor] = safetensors.load(_read(path))
    except (damage, ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged or no safetensors file: {error}") from None
    return weights


def load_weights(tagger: Tagger, weights: Mapping[str, Tensor], source: str) -> None:
    """Put `weights` into `tagger`; every one must be there, of the right shape, and nothing else.

    Args:
        source: where the weights come from, for the message.

    Raises:
        InputError: a weight is missing, foreign or of another shape; the tagger is unchanged.
    """
    expected = tagger.state_dict()
    name = tagger.config.architecture
    problems = [
        *(f"{key} is missing" for key in expected if key not in weights),
        *(f"{key} is none of its weights" for key in weights if key not in expected),
        *(
            f"{key} has the shape {list(weights[key].shape)}, {list(expected[key].shape)} is expected"
            for key in expected
            if key in weights and weights[key].shape != expected[key].shape
        ),
    ]
    if problems:
        more = f" (and {len(problems) - 1} more such differences)" if len(problems) > 1 else ""
        raise InputError(f"{source} does not fit the {name} that its settings describe: {problems[0]}{more}")
    tagger.load_state_dict(weights)


def _read_settings(path: Path) -> dict[str, Any]:
    try:
        description = json.loads(_read(path))
    except ValueError as error:
        raise InputError(f"{path} is damaged: it is not valid JSON: {error}") from None
    settings = description.get("model") if isinstance(description, dict) else None
    if not isinstance(settings, dict):
        raise InputError(f"{path} is no model's configuration: a table of settings 'model' is expected")
    return settings


def _read_data_config(path: Path) -> DataConfig:
    try:
        return read_config(_read(path).decode(), str(path))
    except UnicodeDecodeError:
        raise InputError(f"{path} is damaged: it is not UTF-8 text") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise NotFound(f"{path.parent} holds no saved model: {path.name} is missing") from None
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None


def _check_replaceable(folder: Path) -> None:
    """Refuse to replace what is not a saved model."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, a folder is expected", hint="choose another folder")
    foreign = (
        sorted(p.name for p in folder.iterdir() if p.name not in (WEIGHTS, CONFIG, DATA_CONFIG))
        if folder.is_dir()
        else []
    )
    if foreign:
        raise InputError(
            f"{folder} holds {foreign[0]!r}, which is no part of a model", hint="choose another folder"
        )


def _swap(new: Path, folder: Path) -> None:
    """Put the folder `new` in the place of `folder`; if that fails, the old one stands."""
    old = folder.parent / f".{secrets.token_hex(8)}.old"
    if folder.exists():
        os.rename(folder, old)
    try:
        os.rename(new, folder)
    except BaseException:
        if old.exists():
            os.rename(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
