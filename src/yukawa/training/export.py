"""Writes the folder of a model as other programs want it: older ones, and converters to GGUF."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yukawa.core.errors import ModelError
from yukawa.core.files import atomic_write
from yukawa.llm.folders import CONFIG, read_json, tensor_types
from yukawa.llm.loading import read_config

GENERATION, TOKENIZER = "generation_config.json", "tokenizer_config.json"
TEMPLATE, INDEX = "chat_template.jinja", "model.safetensors.index.json"
_TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt",
)  # fmt: skip
_FLOATS = {"F32", "F16", "BF16"}
_EMBEDDINGS = ("embed_tokens.weight", "embed_in.weight", "wte.weight")
_HEADS = ("lm_head.weight", "embed_out.weight")


def write_tokenizer(tokenizer: Any, base: Path, folder: Path) -> None:
    """Write the tokenizer of a training: the base's own files byte for byte, with the template that training used.

    Converters know a tokenizer by its files, and saving one anew may change or omit some.
    """
    tokenizer.save_pretrained(folder)
    for name in _TOKENIZER_FILES:
        if (base / name).is_file():
            shutil.copyfile(base / name, folder / name)
    config = read_json(folder / TOKENIZER)
    if config.get("tokenizer_class") == "TokenizersBackend":  # a name that only transformers 5 knows
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    if config.get("pad_token") is None:
        config["pad_token"] = tokenizer.pad_token
    config.pop("chat_template", None)
    if tokenizer.chat_template:
        # Some read it here, some there.
        config["chat_template"] = tokenizer.chat_template
        atomic_write(folder / TEMPLATE, tokenizer.chat_template)
    atomic_write(folder / TOKENIZER, json.dumps(config, indent=2, ensure_ascii=False) + "\n")


def write_for_older_readers(folder: Path) -> None:
    """Add the names before transformers 5 of the type and of the rotary angles to the configuration of a model.

    A reader that looks for `rope_theta` and does not find it takes 10,000 without a word.
    """
    config = read_json(folder / CONFIG)
    if "dtype" in config:
        config.setdefault("torch_dtype", config["dtype"])
    rope = config.get("rope_parameters")
    if isinstance(rope, dict) and "rope_theta" in rope:
        config.setdefault("rope_theta", rope["rope_theta"])
        if rope.get("rope_type", "default") != "default":
            config.setdefault("rope_scaling", {k: v for k, v in rope.items() if k != "rope_theta"})
    atomic_write(folder / CONFIG, json.dumps(config, indent=2, ensure_ascii=False) + "\n")


def gguf_problems(folder: Path) -> tuple[str, ...]:
    """What a converter to GGUF (llama.cpp's `convert_hf_to_gguf.py`) would miss in a model's folder, a line each.

    It looks at files, configuration, types of weights, tied weights, and whether every token has its row. Whether the
    converter knows architecture and tokenizer is for the converter to say.
    """
    if not (folder / CONFIG).is_file():
        return (f"{CONFIG} is missing",)
    try:
        text = read_config(folder).get_text_config()
    except ModelError as error:
        return (f"{CONFIG} cannot be used: {error.message}",)
    size = getattr(text, "vocab_size", None)
    tied = bool(getattr(text, "tie_word_embeddings", False))
    return (
        *_of_config(folder, read_json(folder / CONFIG)),
        *_of_weights(folder, size, tied),
        *_of_tokenizer(folder, size),
    )


def _of_config(folder: Path, config: dict[str, Any]) -> Iterator[str]:
    if not config.get("architectures"):
        yield f"{CONFIG} names no architecture"
    if "quantization_config" in config:
        yield f"{CONFIG} says that the weights are quantised: merge into whole weights"
    if not (folder / GENERATION).is_file():
        yield f"{GENERATION} is missing"
    for left in sorted(folder.glob("adapter_*")):
        yield f"{left.name} belongs to an adapter: a whole model is expected"
    rope = config.get("rope_parameters")
    if isinstance(rope, dict) and rope.get("rope_theta", config.get("rope_theta")) != config.get(
        "rope_theta"
    ):
        yield f"{CONFIG} has no rope_theta beside rope_parameters, which older converters need"


def _of_weights(folder: Path, size: int | None, tied: bool) -> Iterator[str]:
    files = sorted(folder.glob("model*.safetensors"))
    if not files:
        yield "there are no weights: model.safetensors is missing"
        return
    tensors = tensor_types(folder, "model*.safetensors")
    odd = sorted({kind for kind, _ in tensors.values()} - _FLOATS)
    if odd:
        yield f"weights are of the types {', '.join(odd)}; allowed are {', '.join(sorted(_FLOATS))}"
    if len(files) > 1 and not (folder / INDEX).is_file():
        yield f"the weights lie in {len(files)} files, and {INDEX} is missing"
    elif (folder / INDEX).is_file():
        missing = sorted(set(read_json(folder / INDEX).get("weight_map", {})) - set(tensors))
        if missing:
            yield f"{INDEX} names {len(missing)} weights that are not there, such as {missing[0]}"
    embedding = next((name for name in tensors if name.endswith(_EMBEDDINGS)), None)
    if embedding is None:
        yield "there is no table of token embeddings among the weights"
        return
    if (rows := tensors[embedding][1][0]) != size:
        yield f"{CONFIG} has vocab_size {size}, and {embedding} has {rows} rows"
    head = any(name.endswith(_HEADS) for name in tensors)
    if tied and head:
        yield "tie_word_embeddings is true, and the weights hold an output layer of their own"
    if not tied and not head:
        yield "tie_word_embeddings is false, and the weights hold no output layer"


def _of_tokenizer(folder: Path, size: int | None) -> Iterator[str]:
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model")):
        yield "there is no tokenizer.json or tokenizer.model"
    if not (folder / TOKENIZER).is_file():
        yield f"{TOKENIZER} is missing"
        return
    written = read_json(folder / TOKENIZER)
    if not written.get("eos_token"):
        yield f"{TOKENIZER} names no eos_token"
    separate = (folder / TEMPLATE).read_text("utf-8") if (folder / TEMPLATE).is_file() else None
    if separate is not None and written.get("chat_template", separate) != separate:
        yield f"{TEMPLATE} and {TOKENIZER} hold two chat templates"
    if not (folder / "tokenizer.json").is_file():
        return
    core = read_json(folder / "tokenizer.json")
    vocabulary = core.get("model", {}).get("vocab", {})
    ids = list(vocabulary.values()) if isinstance(vocabulary, dict) else list(range(len(vocabulary)))
    highest = max([*ids, *(token["id"] for token in core.get("added_tokens", []))], default=-1)
    if size is not None and highest >= size:
        yield f"the tokenizer has ids up to {highest}, and vocab_size is {size}"
