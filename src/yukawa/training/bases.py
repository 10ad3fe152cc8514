"""The base of a training: found here or on the hub, loaded as the recipe says, its projections found by their names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, MissingPackage, ModelError
from yukawa.core.optional import install_line, require
from yukawa.training.recipe import AdapterSection, TextRecipe

_PURPOSE = "training a language model"
_SMALL = ("*.json", "*.model", "*.txt", "*.jinja")
_WEIGHTS = "*.safetensors"
# The attention's inputs as the architectures in use call them, one by one or in one piece.
_QKV = re.compile(r"(?:[qkv]_(?:proj|lin)|[wW]?[qkv]|query|key|value|query_key_value|W?qkv(?:_proj)?|c_attn)")
_LINEAR = ("Linear", "Linear4bit", "Conv1D")


def fetch_base(name: str, *, weights: bool = True) -> Path:
    """The folder of a base: itself, or a copy of what the hub has under this name.

    Args:
        weights: whether they are needed, not only what they are like.

    Raises:
        InputError: there is no such folder, or it holds no model.
        ModelError: the hub has no such model or cannot be reached.
    """
    here = local_base(name, weights=weights)
    if here is not None:
        return here
    hub = require("huggingface_hub", _PURPOSE)
    errors = require("huggingface_hub.errors", _PURPOSE)
    patterns = [*_SMALL, _WEIGHTS] if weights else list(_SMALL)
    try:
        folder = Path(hub.snapshot_download(name, allow_patterns=patterns))
    except (OSError, ValueError, errors.HfHubHTTPError) as error:
        said = str(error).strip().split("\n")[0][:200] or type(error).__name__
        raise ModelError(
            f"{name!r} is no folder here and cannot be had from the hub: {said}",
            hint="give a folder, or check the name, the network and your access (hf auth login)",
        ) from error
    _check_folder(folder, weights)
    return folder


def local_base(name: str, *, weights: bool = True) -> Path | None:
    """The folder of a base that lies here; None if its name can only be one on the hub, such as org/name.

    Raises:
        InputError: there is no such folder, or it holds no model.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        _check_folder(folder, weights)
        return folder
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or folder.exists():
        raise InputError(
            f"there is no folder {name}", hint="name the folder of a model, or a model on the hub"
        )
    return None


def base_files(folder: Path) -> list[Path]:
    """The files of a base on which a run depends."""
    return sorted(path for pattern in (*_SMALL, _WEIGHTS) for path in folder.glob(pattern) if path.is_file())


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a base.

    Raises:
        ModelError: it is missing or damaged.
    """
    return _loaded(require("transformers", _PURPOSE).AutoTokenizer, folder)


def load_model(folder: Path, recipe: TextRecipe, device: str) -> Any:
    """The base with its weights, in the type (or the 4 bits) of the recipe.

    Raises:
        ModelError: it is damaged or no causal language model.
        MissingPackage: the recipe needs bitsandbytes, which is not installed.
    """
    transformers = require("transformers", _PURPOSE)
    options: dict[str, Any] = {"dtype": torch_dtype(recipe.dtype), "use_safetensors": True}
    if recipe.adapter.kind == "qlora":
        require("bitsandbytes", "training beside weights in 4 bits")
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch_dtype(recipe.training.precision),
        )
        options["device_map"] = {"": device}
    model = _loaded(transformers.AutoModelForCausalLM, folder, **options)
    model.config.use_cache = False
    return model


def empty_model(folder: Path) -> Any:
    """The base without weights: what its parameters are called and how large they are.

    Raises:
        ModelError: it is damaged or no causal language model.
    """
    transformers, torch = require("transformers", _PURPOSE), require("torch", _PURPOSE)
    config = _loaded(transformers.AutoConfig, folder)
    try:
        with torch.device("meta"):
            return transformers.AutoModelForCausalLM.from_config(config)
    except ValueError as error:
        raise ModelError(f"{folder} holds no causal language model: {_first_line(error)}") from error


def torch_dtype(name: str) -> Any:
    """The type of numbers that a recipe calls fp32 or bf16."""
    torch = require("torch", _PURPOSE)
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[name]


def adapter_config(model: Any, adapter: AdapterSection) -> Any:
    """The LoRA of a recipe on a model.

    Raises:
        InputError: the model has none of the projections that the recipe wants.
    """
    return require("peft", "training an adapter").LoraConfig(
        task_type="CAUSAL_LM",
        target_modules=find_targets(model, adapter.targets),
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in model.modules()),
    )


def find_targets(model: Any, wanted: str) -> list[str]:
    """Names of the projections that get an adapter, found among the modules of the repeated layers.

    Args:
        wanted: `qkv` for those of queries, keys and values, `all` for every one of a layer.

    Raises:
        InputError: there are none; the message says which there are.
    """
    repeated = re.compile(r"\.\d+\.")
    there = sorted(
        {
            name.rpartition(".")[2]
            for name, module in model.named_modules()
            if type(module).__name__ in _LINEAR and repeated.search(name)
        }
    )
    found = there if wanted == "all" else [name for name in there if _QKV.fullmatch(name)]
    if not found:
        raise InputError(
            f"the base {type(model).__name__} has no projections for adapter.targets={wanted}; its layers have "
            f"{', '.join(there) or 'no linear modules'}",
            hint="type: adapter.targets=all" if there else "type: adapter.kind=full",
        )
    return found


def trained_parameters(model: Any) -> int:
    """How many numbers are trained."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def _check_folder(folder: Path, weights: bool) -> None:
    needed: Iterable[str] = ("config.json", _WEIGHTS) if weights else ("config.json",)
    for pattern in needed:
        if not any(folder.glob(pattern)):
            raise InputError(
                f"{folder} holds no base to train: {pattern} is missing",
                hint="name the folder of a model saved as safetensors",
            )


def _loaded(kind: Any, folder: Path, **options: Any) -> Any:
    damaged = require("safetensors", _PURPOSE).SafetensorError
    try:
        return kind.from_pretrained(str(folder), trust_remote_code=False, **options)
    except ImportError as error:
        package = error.name or "an extra of transformers"
        raise MissingPackage(package, install_line("train"), purpose=f"the base {folder}") from error
    except (OSError, ValueError, RuntimeError, KeyError, damaged) as error:
        raise ModelError(
            f"the base {folder} cannot be loaded: {_first_line(error)}",
            hint="it needs the configuration, a tokenizer and safetensors that belong together",
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:300] or type(error).__name__
