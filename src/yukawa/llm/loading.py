"""Opens a causal language model to be measured: a folder, a hub name or an object, with or without an adapter."""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, MissingPackage, ModelError, nearest
from yukawa.core.optional import install_line, require
from yukawa.llm.trained import find_trained

DTYPES = ("auto", "float32", "bfloat16", "float16")
_ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
_PURPOSE = "measuring a language model"


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A model ready to be measured, with its tokenizer.

    Attributes:
        name: what reports call it.
        model: a causal language model of transformers, possibly under PEFT, in evaluation mode.
        tokenizer: of the same model.
        options: how it was opened; kept with every result.
        notes: what a reader of its results should know.
    """

    name: str
    model: Any
    tokenizer: Any
    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def context(self) -> int | None:
        """Longest input in tokens; None if the model knows no limit."""
        config = self.model.config.get_text_config()
        length = getattr(config, "max_position_embeddings", None)
        return int(length) if length else None


def open_language_model(
    source: str | Path | Any,
    *,
    tokenizer: Any = None,
    adapter: str | Path | None = None,
    name: str | None = None,
    dtype: str = "auto",
    load_in_4bit: bool | None = None,
    device: str | None = None,
) -> LanguageModel:
    """The model at `source`, weights from safetensors only; code from a hub is never run.

    Args:
        source: a folder, a run's folder (its `model/` is meant), the folder of a PEFT adapter (its base is
            found by what it records), a hub name, or a model object.
        tokenizer: of a model object.
        adapter: folder of a PEFT adapter, or of the run that made it, to put on top.
        name: for reports; the folder's name if left out.
        dtype: of the weights; `auto` takes what they were trained in where a run tells, else what they were
            saved in.
        load_in_4bit: quantise the weights to NF4; None does so where the run was QLoRA.
        device: such as `cuda:0`; the first accelerator if there is one, else the processor.

    Raises:
        MissingPackage: torch, transformers, peft or bitsandbytes is needed and not installed.
        InputError: an option is not allowed, or the adapter belongs to another base.
        ModelError: the model cannot be loaded.
    """
    if dtype not in DTYPES:
        near = nearest(dtype, DTYPES)
        raise InputError(
            f"dtype {dtype!r} is unknown; allowed are {', '.join(DTYPES)}",
            hint=f"did you mean {near!r}?" if near else "",
        )
    if not isinstance(source, (str, Path)):
        if tokenizer is None:
            raise InputError("a model object needs its tokenizer too", hint="pass tokenizer=...")
        return _ready(source, tokenizer, name or type(source).__name__, {"model": type(source).__name__}, ())
    # Not a word on faster 4-bit kernels, which PEFT's import looks for too.
    logging.getLogger("bitsandbytes.backends.cpu.ops").setLevel(logging.ERROR)
    base, adapter = find_places(str(source), None if adapter is None else str(adapter))
    trained = find_trained(adapter or base)
    four_bits = load_in_4bit if load_in_4bit is not None else bool(trained and trained.four_bits)
    if dtype == "auto" and trained and trained.dtype:
        dtype = trained.dtype
    compute = trained.precision if trained else "bfloat16"
    model = _base_model(base, dtype, compute if four_bits else None, device)
    notes: tuple[str, ...] = ()
    if adapter is not None:
        model, notes = _with_adapter(model, base, adapter)
    if tokenizer is None:
        tokenizer = _loaded(require("transformers", _PURPOSE).AutoTokenizer, base)
    recorded = {"model": base, "adapter": adapter, "load_in_4bit": four_bits}
    return _ready(model, tokenizer, name or Path(adapter or base).name, recorded, notes)


def check_places(source: str, adapter: str | None = None) -> None:
    """Refuse folders that hold no model or no adapter; what is on a hub is seen only when it is opened.

    Raises:
        InputError: names the folder, and what it lacks.
    """
    _, adapter = find_places(source, adapter)
    if adapter is not None:
        _check_adapter(Path(adapter).expanduser())


def _device(device: str | None) -> str:
    """Where weights go: what was asked for, if it is there."""
    torch = require("torch", _PURPOSE)
    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # each backend has a way of its own
        raise InputError(
            f"the device {device!r} is not there: {str(error).splitlines()[0][:120]}",
            hint="write cpu, or cuda:0 where there is a GPU that torch was built for",
        ) from error
    return device


def _base_model(base: str, dtype: str, quantised: str | None, device: str | None) -> Any:
    """The weights, all of them, on their device; quantised to NF4 if a type for the arithmetic is given."""
    transformers, torch = require("transformers", _PURPOSE), require("torch", _PURPOSE)
    where = _device(device)
    options: dict[str, Any] = {"dtype": dtype if dtype == "auto" else getattr(torch, dtype)}
    if quantised:
        require("bitsandbytes", "loading in four bits")
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=getattr(torch, quantised),
        )
        options["device_map"] = {"": where}
    model, found = _loaded(
        transformers.AutoModelForCausalLM, base, use_safetensors=True, output_loading_info=True, **options
    )
    if found["missing_keys"]:  # transformers would go on with random weights in their place
        raise ModelError(
            f"the weights of {base} lack {len(found['missing_keys'])} tensors, such as {min(found['missing_keys'])}",
            hint="name the folder of a whole model",
        )
    return _as_in_training(model) if quantised else model.to(where)


def _as_in_training(model: Any) -> Any:
    """The quantised model with the arithmetic of training.

    On some processors bitsandbytes repacks weights at the first pass that is no training: scales are rounded to
    bfloat16, so other losses come out than training saw, and shapes that are no multiple of 64 fail.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return model


def _ready(
    model: Any, tokenizer: Any, name: str, recorded: dict[str, Any], notes: tuple[str, ...]
) -> LanguageModel:
    dtype = str(next(p.dtype for p in model.parameters() if p.is_floating_point())).removeprefix("torch.")
    return LanguageModel(
        name, model.eval(), tokenizer, {**recorded, "dtype": dtype, "device": model.device.type}, notes
    )


def find_places(source: str, adapter: str | None) -> tuple[str, str | None]:
    """What to load first, and the adapter to put on top.

    Raises:
        InputError: a folder is not there, or holds no model.
    """
    folder = _model_of_run(source)
    if adapter is not None:
        adapter = str(_model_of_run(adapter))
    if folder.is_dir():
        source = str(folder)
        if adapter is None and (folder / _ADAPTER[0]).is_file():
            return _recorded_base(folder), source
        if not (folder / "config.json").is_file():
            raise InputError(
                f"{folder} holds no model: config.json is missing",
                hint="name the folder of a model, an adapter or a run",
            )
    elif source.startswith((".", "/", "~")) or source.count("/") > 1 or source.endswith("/"):  # no hub name
        raise InputError(f"there is no folder {source}", hint="name a folder, or a model on the hub")
    return source, adapter


def _model_of_run(place: str) -> Path:
    """The `model/` of a run's folder; any other place as it is."""
    folder = Path(place).expanduser()
    inside = (folder / "model").is_dir() and not any(
        (folder / name).exists() for name in ("config.json", _ADAPTER[0])
    )
    return folder / "model" if inside else folder


def _recorded_base(adapter: Path) -> str:
    try:
        base = json.loads((adapter / _ADAPTER[0]).read_text("utf-8")).get("base_model_name_or_path")
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f"the adapter {adapter} cannot be read: {error}") from None
    if not base:
        raise InputError(
            f"the adapter {adapter} does not say which base it belongs to", hint="name its base too"
        )
    return str(base)


def _loaded(kind: Any, source: str, **options: Any) -> Any:
    """`kind.from_pretrained`, with one clear line where the model is absent or not what it should be."""
    damaged = require("safetensors", _PURPOSE).SafetensorError
    talk = require("transformers", _PURPOSE).utils.logging
    bars = talk.is_progress_bar_enabled()
    talk.disable_progress_bar()
    try:
        return kind.from_pretrained(source, trust_remote_code=False, **options)
    except ImportError as error:
        package = error.name or "an extra of transformers"
        raise MissingPackage(package, install_line("train"), purpose=f"model {source}") from error
    except (OSError, ValueError, RuntimeError, damaged) as error:
        said = str(error).strip().split("\n")[0][:300] or type(error).__name__
        if Path(source).is_dir():
            raise ModelError(
                f"the folder {source} cannot be loaded as a model: {said}",
                hint="it needs the configuration, a tokenizer and safetensors that belong together",
            ) from error
        raise ModelError(
            f"{source!r} is no folder here and cannot be had from the hub: {said}",
            hint="give a folder, or check the hub name and the network (HF_HUB_OFFLINE forbids it)",
        ) from error
    finally:
        if bars:
            talk.enable_progress_bar()


def _with_adapter(model: Any, base: str, adapter: str) -> tuple[Any, tuple[str, ...]]:
    """The model under its adapter, every weight of which must have found its place."""
    peft = require("peft", "measuring a model with an adapter")
    folder = Path(adapter).expanduser()
    _check_adapter(folder)
    foreign = InputError(
        f"the adapter {folder} belongs to another base than {base}",
        hint=f"it was made on {_recorded_base(folder)}",
    )
    with require("safetensors", _PURPOSE).safe_open(str(folder / _ADAPTER[1]), framework="pt") as file:
        saved = set(file.keys())
    try:
        with warnings.catch_warnings():  # of what PEFT and transformers have between themselves
            warnings.simplefilter("ignore", FutureWarning)
            adapted = peft.PeftModel.from_pretrained(model, str(folder))
    except (ValueError, RuntimeError) as error:  # modules that are not there; weights of another shape
        raise foreign from error
    if saved - set(peft.get_peft_model_state_dict(adapted)):
        raise foreign
    recorded = _recorded_base(folder)
    if recorded != base and Path(recorded).expanduser().resolve() != Path(base).expanduser().resolve():
        return adapted, (f"the adapter was made on {recorded} and is measured on {base}",)
    return adapted, ()


def _check_adapter(folder: Path) -> None:
    absent = [file for file in _ADAPTER if not (folder / file).is_file()]
    if absent:
        raise InputError(
            f"the adapter {folder} has no {' and no '.join(absent)}",
            hint="name the folder where PEFT saved it as safetensors",
        )
