"""Writes the folder of a model as other programs want it, and merges the adapter of a run into its base."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.core import files
from yukawa.core.errors import InputError, ModelError, check_name
from yukawa.core.reports import write_json
from yukawa.llm.adapters import merged_into
from yukawa.llm.folders import ADAPTER_CONFIG, CONFIG, fetch_model, model_files, tensor_types
from yukawa.llm.loading import load_tokenizer, open_language_model, read_config, torch_dtype
from yukawa.runs.checkpoints import write_errors
from yukawa.runs.model_card import CURVES
from yukawa.runs.run import CARD, MODEL, Run
from yukawa.training.prepare import MADE
from yukawa.training.recipe import TextRecipe
from yukawa.training.tiny_model import GENERATED

GENERATION, TOKENIZER = "generation_config.json", "tokenizer_config.json"
TEMPLATE, INDEX = "chat_template.jinja", "model.safetensors.index.json"
_TOKENIZER_FILES = (
    "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "vocab.json", "merges.txt",
)  # fmt: skip
_FLOATS = {"F32", "F16", "BF16"}
_EMBEDDINGS = ("embed_tokens.weight", "embed_in.weight", "wte.weight")
_HEADS = ("lm_head.weight", "embed_out.weight")
MERGED, DTYPES = "merged", ("bf16", "fp16", "fp32")


def write_tokenizer(tokenizer: Any, base: Path, folder: Path) -> None:
    """Write the tokenizer of a training: the base's own files byte for byte, with the template that training used.

    Converters know a tokenizer by its files, and saving one anew may change or omit some.
    """
    tokenizer.save_pretrained(folder)
    for name in _TOKENIZER_FILES:
        if (base / name).is_file():
            shutil.copyfile(base / name, folder / name)
    config = files.read_object(folder / TOKENIZER)
    if config.get("tokenizer_class") == "TokenizersBackend":  # a name that only transformers 5 knows
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    if config.get("pad_token") is None:
        config["pad_token"] = tokenizer.pad_token
    config.pop("chat_template", None)
    if tokenizer.chat_template:
        # Some read it here, some there.
        config["chat_template"] = tokenizer.chat_template
        files.atomic_write(folder / TEMPLATE, tokenizer.chat_template)
    write_json(folder / TOKENIZER, config)


def write_for_older_readers(folder: Path) -> None:
    """Add the names before transformers 5 of the type and of the rotary angles to the configuration of a model.

    A reader that looks for `rope_theta` and does not find it takes 10,000 without a word.
    """
    config = files.read_object(folder / CONFIG)
    if "dtype" in config:
        config.setdefault("torch_dtype", config["dtype"])
    rope = config.get("rope_parameters")
    if isinstance(rope, dict) and "rope_theta" in rope:
        config.setdefault("rope_theta", rope["rope_theta"])
        if rope.get("rope_type", "default") != "default":
            config.setdefault("rope_scaling", {k: v for k, v in rope.items() if k != "rope_theta"})
    write_json(folder / CONFIG, config)


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
        *_of_config(folder, files.read_object(folder / CONFIG)),
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
    """What keeps other programs from loading the weights: their types, their index, the rows of the embedding, the output layer."""
    weights = sorted(folder.glob("model*.safetensors"))
    if not weights:
        yield "there are no weights: model.safetensors is missing"
        return
    tensors = tensor_types(folder, "model*.safetensors")
    odd = sorted({kind for kind, _ in tensors.values()} - _FLOATS)
    if odd:
        yield f"weights are of the types {', '.join(odd)}; allowed are {', '.join(sorted(_FLOATS))}"
    if len(weights) > 1 and not (folder / INDEX).is_file():
        yield f"the weights lie in {len(weights)} files, and {INDEX} is missing"
    elif (folder / INDEX).is_file():
        missing = sorted(set(files.read_object(folder / INDEX).get("weight_map", {})) - set(tensors))
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
    """What keeps other programs from loading the tokenizer: missing files, two chat templates, ids beyond the vocabulary."""
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model")):
        yield "there is no tokenizer.json or tokenizer.model"
    if not (folder / TOKENIZER).is_file():
        yield f"{TOKENIZER} is missing"
        return
    written = files.read_object(folder / TOKENIZER)
    if not written.get("eos_token"):
        yield f"{TOKENIZER} names no eos_token"
    separate = files.read_text(folder / TEMPLATE) if (folder / TEMPLATE).is_file() else None
    if separate is not None and written.get("chat_template", separate) != separate:
        yield f"{TEMPLATE} and {TOKENIZER} hold two chat templates"
    if not (folder / "tokenizer.json").is_file():
        return
    core = files.read_object(folder / "tokenizer.json")
    vocabulary = core.get("model", {}).get("vocab", {})
    ids = list(vocabulary.values()) if isinstance(vocabulary, dict) else list(range(len(vocabulary)))
    highest = max([*ids, *(token["id"] for token in core.get("added_tokens", []))], default=-1)
    if size is not None and highest >= size:
        yield f"the tokenizer has ids up to {highest}, and vocab_size is {size}"


@dataclass(frozen=True)
class Merged:
    """A merged model.

    Attributes:
        folder: the folder of the model.
        base: the base of the adapter.
        parameters: number of parameters.
        dtype: type of the weights.
        problems: obstacles for a converter to GGUF, a line each; empty if there are none.
    """

    folder: Path
    base: str
    parameters: int
    dtype: str
    problems: tuple[str, ...] = ()


def merge(run: Path, out: Path | None = None, dtype: str | None = None) -> Merged:
    """Write the base of a run with its adapter merged; where 4 bits were trained, the base in its own type is taken.

    The sum is made in fp32 and rounded once, to the wanted type: in fp32, merged and adapted model agree to their
    last digits; in bf16, logits differ by its rounding of the weights.

    Config, weights as safetensors, the base's tokenizer, chat template and card lie in one folder, as converters to
    GGUF want it; what one would miss is in `problems`.

    Args:
        run: a finished run with an adapter.
        out: a new folder; by default `merged` in the run.
        dtype: type of the new weights, bf16, fp16 or fp32; by default that of the base in training.

    Raises:
        NotFound: there is no run.
        InputError: the run is not finished, has no adapter, or belongs to another base; or `out` holds files.
        ModelError: the base cannot be loaded.
        StoreError: the disk refuses; nothing is left behind.
    """
    run = Path(run)
    recipe, out = TextRecipe.of_run(run), Path(out) if out is not None else run / MERGED
    adapter = run / MODEL
    dtype = dtype or recipe.dtype
    check_name("type", dtype, DTYPES)
    if recipe.adapter.kind == "full":
        raise InputError(
            f"{run} trained all weights: there is nothing to merge",
            hint=f"the model is {adapter}" if adapter.is_dir() else "finish it with --resume",
        )
    if not (adapter / ADAPTER_CONFIG).is_file():
        raise InputError(f"{run} is not finished: it has no adapter yet", hint="finish it with --resume")
    files.check_new_folder(out)
    generated = recipe.model.base.startswith(GENERATED)
    base = run / MADE / "base" if generated else fetch_model(recipe.model.base)
    _check_base(run, base)
    model = open_language_model(base, adapter=adapter, dtype="fp32", load_in_4bit=False, device="cpu").model
    merged = merged_into(model, adapter).to(torch_dtype(dtype))
    _write(merged, adapter, base, run, out)
    count = sum(weight.numel() for weight in merged.parameters())
    return Merged(out, recipe.model.base, count, dtype, gguf_problems(out))


def _check_base(run: Path, base: Path) -> None:
    """Refuse another base than the one with which the run began."""
    known = {hashed for _, hashed in Run(run, {}).inputs()}
    for path in model_files(base):
        if files.hash_file(path) not in known:
            raise InputError(
                f"{path} does not belong to the base with which {run} began",
                hint="restore the base it was trained on",
            )


def _write(model: Any, adapter: Path, base: Path, run: Path, out: Path) -> None:
    with files.new_folder(out, errors=write_errors()) as beside:
        model.save_pretrained(beside)
        write_tokenizer(load_tokenizer(adapter), base, beside)
        write_for_older_readers(beside)
        page = files.read_text(run / CARD).partition("## Use")[0]
        use = "The adapter is part of the weights: load the folder as a model."
        files.atomic_write(beside / "README.md", f"{page}## Use\n\n{use}\n")
        for picture in (run / CURVES, (run / CURVES).with_suffix(".svg")):
            if picture.is_file():
                shutil.copy2(picture, beside)
