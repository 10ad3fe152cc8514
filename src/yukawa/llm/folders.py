"""Finds a causal model by its name (a folder, a run, an adapter, a name on the Hub) and reads what its files say."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, ModelError, require
from yukawa.core.files import check_file, expanded, read_object
from yukawa.llm.packaged import check_packaged, is_packaged, packaged_folder
from yukawa.runs import run as runs

CONFIG = "config.json"
ADAPTER_CONFIG, ADAPTER_WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
# What recipes call the types of numbers, beside the names of torch.
DTYPE_NAMES = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
_SMALL = ("*.json", "*.model", "*.txt", "*.jinja")
_WEIGHTS = "*.safetensors"
_HUB_NAME = re.compile(r"(?:\w[\w.-]*/)?\w[\w.-]*")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
FLOATS = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
_PURPOSE = "reading a model"


@dataclass(frozen=True, slots=True)
class TrainingOrigin:
    """How the run trained the model that lies in it, so that the model is opened with the same numbers.

    Attributes:
        run: the folder of the run.
        dtype: type of the base's weights beside which an adapter was trained; None where all weights were trained,
            since they were saved in the type they had.
        four_bits: whether the weights of the base were quantised to NF4.
        precision: type of the arithmetic.
    """

    run: Path
    dtype: str | None = None
    four_bits: bool = False
    precision: str = "bfloat16"


def find_origin(folder: str | Path | None) -> TrainingOrigin | None:
    """The run that trained the model in `folder`, which may be a run, its `model/` or one of its checkpoints.

    A merged model is none of these: it is a model of its own, opened as it was saved.

    Raises:
        StoreError: the recipe of the run is damaged.
    """
    run = None if folder is None else runs.run_folder(folder)
    if run is None:
        return None
    recipe = runs.Run.open(run).recipe
    adapter, model, training = (recipe.get(name) or {} for name in ("adapter", "model", "training"))
    if not isinstance(training, dict) or training.get("kind") is None:  # a run of another kind
        return None
    kind = adapter.get("kind", "lora")
    # Beside an adapter the base lies in 16 bits, bf16 unless the recipe says otherwise.
    beside = "fp16" if training.get("precision") == "fp16" else "bf16"
    dtype = None if kind == "full" else DTYPE_NAMES.get(model.get("dtype") or beside)
    precision = DTYPE_NAMES.get(training.get("precision", "bf16"), "bfloat16")
    return TrainingOrigin(run, dtype, kind == "qlora", precision)


def find_places(source: str, adapter: str | None = None) -> tuple[str, str | None]:
    """The base to load and the adapter to put on it; an adapter named as the source knows its base.

    Raises:
        InputError: a folder does not exist or does not hold a model.
    """
    folder = model_folder(source)
    if adapter is not None:
        adapter = str(model_folder(adapter))
    if local_model(source, weights=False, adapters=True) is None:
        return source, adapter
    if adapter is None and (folder / ADAPTER_CONFIG).is_file():
        return recorded_base(folder), str(folder)
    return str(folder), adapter


def check_places(source: str, adapter: str | None = None) -> None:
    """Refuse folders without a model or without an adapter; a name on the Hub is only seen when it is opened.

    Raises:
        InputError: names the folder and what it lacks.
    """
    _, adapter = find_places(source, adapter)
    if adapter is not None:
        if Path(adapter).is_dir():
            check_adapter(Path(adapter))
        else:
            _check_hub_name(adapter, adapter=True)


def model_folder(place: str | Path) -> Path:
    """The `model/` of a run's folder; any other place unchanged."""
    folder = expanded(place)
    itself = any((folder / name).exists() for name in (CONFIG, ADAPTER_CONFIG))
    return folder if itself or not (folder / runs.MODEL).is_dir() else folder / runs.MODEL


def local_model(name: str, *, weights: bool = True, adapters: bool = False) -> Path | None:
    """The folder of a model on this machine; None if `name` can only be one on the Hub, such as org/name, or a package's.

    Args:
        name: a folder or the name of a model.
        weights: whether the weights are needed too.
        adapters: whether the folder may hold an adapter instead of a whole model.

    Raises:
        InputError: there is no such folder, or it does not hold a model.
        MissingPackage: the package of a base such as `local:smollm2` is not installed.
    """
    folder = model_folder(name)
    if is_packaged(name):
        check_packaged(name)
        return None
    if folder.is_dir():
        if not (adapters and (folder / ADAPTER_CONFIG).is_file()):
            _check_model(folder, weights)
        return folder
    _check_hub_name(name)
    return None


def fetch_model(name: str, *, weights: bool = True, code: bool = False) -> Path:
    """The folder of a model: itself, one made from a package, or a copy of what the Hub has, without pickles.

    Args:
        name: a folder or the name of a model.
        weights: whether the weights are needed too.
        code: whether Python files are fetched as well.

    Raises:
        InputError: there is no such folder, or it does not hold a model.
        ModelError: the Hub does not have such a model or cannot be reached.
    """
    if is_packaged(name):
        return packaged_folder(name)
    folder = local_model(name, weights=weights)
    if folder is None:
        folder = _download(name, [*_SMALL, *([_WEIGHTS] if weights else []), *(["*.py"] if code else [])])
        _check_model(folder, weights)
    return folder


def fetch_adapter(name: str) -> Path:
    """The folder of a PEFT adapter: itself, that of a run, or a copy of what the Hub has under this name.

    Raises:
        InputError: the folder lacks a file of an adapter in safetensors.
        ModelError: the Hub does not have such an adapter or cannot be reached.
    """
    folder = model_folder(name)
    if not folder.is_dir():
        _check_hub_name(name, adapter=True)
        folder = _download(name, [*_SMALL, ADAPTER_WEIGHTS])
    check_adapter(folder)
    return folder


def fetch_tokenizer(name: str) -> Path:
    """The folder of a tokenizer: itself, or a copy of what the Hub has under this name.

    Raises:
        InputError: there is no such folder.
        ModelError: the Hub does not have such a tokenizer or cannot be reached.
    """
    if is_packaged(name):
        return packaged_folder(name)
    folder = model_folder(name)
    if folder.is_dir():
        return folder
    _check_hub_name(name)
    return _download(name, list(_SMALL))


def model_files(folder: Path) -> list[Path]:
    """The files of a model on which a run depends."""
    return sorted(path for pattern in (*_SMALL, _WEIGHTS) for path in folder.glob(pattern) if path.is_file())


def check_adapter(folder: Path) -> None:
    """Refuse a folder that lacks a file of an adapter.

    Raises:
        InputError: names the missing files.
    """
    absent = [name for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS) if not (folder / name).is_file()]
    if absent:
        raise InputError(
            f"the adapter {folder} has no {' and no '.join(absent)}{_pickles(folder)}",
            hint="name the folder where PEFT saved it as safetensors",
        )


def recorded_base(adapter: Path) -> str:
    """The base that an adapter was made on.

    Raises:
        InputError: its configuration cannot be read or does not name a base.
    """
    try:
        base = read_object(adapter / ADAPTER_CONFIG).get("base_model_name_or_path")
    except InputError as error:
        raise InputError(f"the adapter {adapter} cannot be read: {error.message}") from None
    if not base:
        raise InputError(
            f"the adapter {adapter} does not say which base it belongs to", hint="name its base too"
        )
    return str(base)


def tensor_types(folder: Path, pattern: str = "*.safetensors") -> dict[str, tuple[str, list[int]]]:
    """Type and shape of every tensor in the weights of a folder, without reading any.

    Raises:
        ModelError: a file is damaged, such as one that was truncated.
    """
    found = {}
    for file in _open_weights(folder, pattern):
        for name in file.keys():  # noqa: SIM118 -- not a dictionary
            piece = file.get_slice(name)
            found[name] = (piece.get_dtype(), piece.get_shape())
    return found


def tensor_heads(folder: Path, count: int, names: Collection[str] | None = None) -> dict[str, list[float]]:
    """The first numbers of the tensors in the weights of a folder (or of those named), if they are floating-point.

    Raises:
        ModelError: a file is damaged.
    """
    found = {}
    for file in _open_weights(folder, _WEIGHTS):
        for name in file.keys():  # noqa: SIM118 -- not a dictionary
            piece = file.get_slice(name)
            shape = piece.get_shape()
            if piece.get_dtype() in FLOATS and (names is None or name in names) and shape and all(shape):
                head = piece[(*(slice(0, 1) for _ in shape[1:]), slice(0, count))]
                found[name] = head.flatten().float().tolist()
    return found


def saved_tensors(folder: Path) -> Iterator[tuple[str, Any]]:
    """Names and tensors of all weights in a folder, one at a time."""
    for file in _open_weights(folder, "*.safetensors"):
        for name in file.keys():  # noqa: SIM118 -- not a dictionary
            yield name, file.get_tensor(name)


def check_finite(tensors: Iterable[tuple[str, Any]], place: object) -> None:
    """Refuse weights with NaN or infinity.

    Raises:
        ModelError: names the first tensor that has one.
    """
    torch = require("torch", _PURPOSE)
    for name, tensor in tensors:
        if tensor.is_floating_point() and tensor.numel() and not tensor.is_meta:
            low, high = torch.aminmax(tensor.detach())  # many times faster than isfinite
            if not torch.isfinite(torch.stack([low, high]).float()).all():
                raise ModelError(
                    f"the tensor {name} of {place} contains NaN or infinity",
                    hint="name a checkpoint before that",
                )


def first_line(error: Exception) -> str:
    """What an error says, on one line of at most 300 characters."""
    return str(error).strip().split("\n")[0][:300] or type(error).__name__


def _open_weights(folder: Path, pattern: str) -> Iterator[Any]:
    safetensors = require("safetensors", _PURPOSE)
    for path in sorted(folder.glob(pattern)):
        check_file(path)
        try:
            with safetensors.safe_open(str(path), framework="pt") as file:
                yield file
        except (OSError, safetensors.SafetensorError) as error:
            raise ModelError(
                f"the weights {path} cannot be loaded: {first_line(error)}",
                hint="the file is damaged: fetch it again",
            ) from error


def _check_model(folder: Path, weights: bool) -> None:
    if (folder / ADAPTER_CONFIG).is_file() and not (folder / CONFIG).is_file():
        run = folder.parent if folder.name == runs.MODEL else folder
        raise InputError(
            f"{folder} holds an adapter, and a whole model is needed here",
            hint=f"name {run / 'merged'}, which is made by: yukawa merge {run}",
        )
    needed = (CONFIG, _WEIGHTS) if weights else (CONFIG,)
    for pattern in needed:
        if not any(folder.glob(pattern)):
            raise InputError(
                f"{folder} does not hold a model: {pattern} is missing{_pickles(folder)}",
                hint="name the folder of a model saved as safetensors, or of a run",
            )


def is_hub_name(name: str) -> bool:
    """Whether a name can be one on the Hub, and names nothing on this machine."""
    return bool(_HUB_NAME.fullmatch(name)) and not Path(name).exists()


def _check_hub_name(name: str, *, adapter: bool = False) -> None:
    """Refuse what can only be a folder; some models, but no adapters, have a name without an organisation."""
    if not is_hub_name(name) or (adapter and "/" not in name):
        raise InputError(
            f"there is no folder {name}",
            hint="name the folder of a model, or a model on the Hugging Face Hub",
        )


def _pickles(folder: Path) -> str:
    found = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    return f"; {found[0]} is a pickle, which is never loaded" if found else ""


def _download(name: str, patterns: list[str]) -> Path:
    hub, errors = (require(package, _PURPOSE) for package in ("huggingface_hub", "huggingface_hub.errors"))
    try:
        # A second copy of the weights, in another layout, lies beside some models.
        kept_out = ["consolidated*", "original/*"]
        return Path(hub.snapshot_download(name, allow_patterns=patterns, ignore_patterns=kept_out))
    except (OSError, ValueError, errors.HfHubHTTPError) as error:
        raise ModelError(
            f"{name!r} is not a local folder and could not be downloaded from the Hugging Face Hub: {first_line(error)}",
            hint="name a folder, or check the name, the network (HF_HUB_OFFLINE forbids it) and your access (hf auth login)",
        ) from error
