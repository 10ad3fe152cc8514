"""PEFT adapters: the projections of a base that get one, and one put on the base it belongs to."""

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, require
from yukawa.core.files import expanded, hash_file, read_object, real
from yukawa.llm import folders

MERGED_ADAPTERS = "yukawa_merged_adapters"
# The inputs of attention as the architectures in use call them, one by one or in one matrix.
_QKV = re.compile(r"(?:[qkv]_(?:proj|lin)|[wW]?[qkv]|query|key|value|query_key_value|W?qkv(?:_proj)?|c_attn)")
BASE_SAMPLE = "yukawa_base.json"
_TENSORS, _SAMPLED = 32, 8  # of which so many numbers each are recorded
_LINEAR = ("Linear", "Linear4bit", "Conv1D")


def lora_config(
    model: Any, *, targets: str | Sequence[str], rank: int, alpha: float, dropout: float, dora: bool = False,
    rslora: bool = False,
) -> Any:  # fmt: skip
    """The configuration of a LoRA adapter on a model.

    Args:
        model: the base.
        targets: as for `find_targets`.
        rank: inner dimension of the two factors.
        alpha: their product is scaled by alpha / rank.
        dropout: share of the inputs that is dropped in training.
        dora: whether length and direction of the weights are trained apart.
        rslora: whether it is alpha / sqrt(rank) instead.

    Raises:
        InputError: the model has none of these projections.
    """
    return require("peft", "training an adapter").LoraConfig(
        task_type="CAUSAL_LM",
        target_modules=find_targets(model, targets),
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        use_dora=dora,
        use_rslora=rslora,
        fan_in_fan_out=any(type(module).__name__ == "Conv1D" for module in model.modules()),
    )


def find_targets(model: Any, targets: str | Sequence[str]) -> list[str]:
    """Names of the projections that get an adapter, found among the modules of the repeated layers.

    Args:
        model: the base.
        targets: `qkv` for the projections of queries, keys and values, `all` for every one of a layer, or their names.

    Raises:
        InputError: there are none, or not all; the message lists those that exist.
    """
    repeated = re.compile(r"\.\d+\.")
    there = sorted({
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if type(module).__name__ in _LINEAR and repeated.search(name)
    })  # fmt: skip
    if not isinstance(targets, str):
        wanted, found = ", ".join(targets), [name for name in there if name in targets]
        found = found if len(found) == len(set(targets)) else []
    else:
        wanted, found = targets, [name for name in there if targets == "all" or _QKV.fullmatch(name)]
    if not found:
        raise InputError(
            f"the base {type(model).__name__} has no projections for adapter.targets={wanted}; its layers have "
            f"{', '.join(there) or 'no linear modules'}",
            hint="type: adapter.targets=all" if there else "type: adapter.kind=full",
        )
    return found


def put_on(model: Any, base: str, folder: Path, adapter: Path) -> tuple[Any, list[str]]:
    """The model under an adapter, every weight of which has found its place; and notes on it.

    Args:
        model: the base.
        base: the name of the base in messages.
        folder: the folder of the base.
        adapter: the folder of the adapter.

    Raises:
        InputError: the adapter belongs to another base or tokenizer, or is part of the weights already.
        ModelError: its weights are damaged.
    """
    peft = require("peft", "loading an adapter")
    recorded = folders.recorded_base(adapter)
    hint = f"it was made on {recorded}"
    if hash_file(adapter / folders.ADAPTER_WEIGHTS) in (getattr(model.config, MERGED_ADAPTERS, None) or ()):
        raise InputError(
            f"the adapter {adapter} is part of the weights of {base} already",
            hint="open it without an adapter",
        )
    saved = set(folders.tensor_types(adapter, folders.ADAPTER_WEIGHTS))
    foreign = InputError(f"the adapter {adapter} belongs to another base than {base}", hint=hint)
    if not _same_weights(adapter / BASE_SAMPLE, folder):
        raise foreign
    try:
        adapted = peft.PeftModel.from_pretrained(model, str(adapter))
    except (ValueError, RuntimeError, TypeError) as error:  # no such modules, or weights of another shape
        raise foreign from error
    needed = peft.get_peft_model_state_dict(adapted, save_embedding_layers=False)
    if set(needed) - saved or saved - set(peft.get_peft_model_state_dict(adapted)):
        raise foreign
    if not _same_vocabulary(adapter, folder):
        raise InputError(
            f"the adapter {adapter} was trained with another tokenizer than that of {base}", hint=hint
        )
    folders.check_finite(needed.items(), adapter)
    if recorded != base and real(expanded(recorded)) != real(expanded(base)):
        return adapted, [f"the adapter was made on {recorded} and is used on {base}"]
    return adapted, []


def sample_weights(folder: Path) -> dict[str, list[float]]:
    """A few numbers of some tensors, by which the weights of a base are known again in whatever type they are saved."""
    found = folders.tensor_heads(folder, _SAMPLED)
    names = sorted(found)[:: max(1, len(found) // _TENSORS)]
    return {name: found[name] for name in names}


def _same_weights(sample: Path, folder: Path) -> bool:
    """Whether the base in `folder` has the numbers that an adapter recorded of its own; True if it recorded none."""
    if not sample.is_file():
        return True
    try:
        recorded = read_object(sample)
        here = folders.tensor_heads(folder, _SAMPLED, recorded.keys())
        pairs = [pair for name in here for pair in zip(recorded[name], here[name], strict=True)]
        # Types of 16 bits round by up to 2^-9; a few numbers more may differ than that.
        near = sum(math.isclose(one, other, rel_tol=2**-7, abs_tol=1e-6) for one, other in pairs)
    except (InputError, ValueError, TypeError, OverflowError):  # damaged
        return False
    return near >= 0.9 * len(pairs)


def _same_vocabulary(one: Path, other: Path) -> bool:
    """Whether two folders hold the same tokens; True where one of them has no `tokenizer.json`."""
    paths = [folder / "tokenizer.json" for folder in (one, other)]
    if not all(path.is_file() for path in paths):
        return True
    if hash_file(paths[0]) == hash_file(paths[1]):
        return True
    try:
        first, second = (read_object(path)["model"].get("vocab") for path in paths)
    except (InputError, KeyError, AttributeError):  # damaged: reported when the tokenizer is loaded
        return True
    return bool(first == second)


def merged_into(model: Any, adapter: Path) -> Any:
    """The base of an adapted model with the adapter added to its weights, which remember it.

    Args:
        model: what `open_language_model` gave.
        adapter: the folder of its adapter.

    Raises:
        InputError: the weights are quantised: the sum would be rounded to a few bits.
    """
    if getattr(model.config, "quantization_config", None) is not None:
        raise InputError(
            f"the adapter {adapter} cannot be merged into quantised weights",
            hint="name the base that is not quantised",
        )
    merged = model.merge_and_unload(safe_merge=True)
    before = getattr(merged.config, MERGED_ADAPTERS, None) or []
    setattr(merged.config, MERGED_ADAPTERS, [*before, hash_file(adapter / folders.ADAPTER_WEIGHTS)])
    return merged
