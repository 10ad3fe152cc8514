"""Writes a model of the Llama family as one file in the format GGUF, which llama.cpp, Ollama and LM Studio load."""

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from yukawa.core import files
from yukawa.core.errors import InputError, check_name, not_a, require
from yukawa.llm.folders import ADAPTER_CONFIG, CONFIG, model_folder, saved_tensors, tensor_types
from yukawa.llm.loading import end_tokens, load_tokenizer, saved_ends
from yukawa.training.modelfile import modelfile, take_apart

Array = NDArray[Any]
# Types of the matrices; vectors stay in single precision. The last digit is 0 or 1 as llama.cpp names its blocks of 32.
KINDS = ("f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0")
_FAMILY = ("LlamaForCausalLM", "MistralForCausalLM")
MODELFILE = "Modelfile"
_PURPOSE = "writing GGUF"
_TOKENIZER, _TOKENIZER_CONFIG = "tokenizer.json", "tokenizer_config.json"
_HEADS = {"self_attn.q_proj": "num_attention_heads", "self_attn.k_proj": "num_key_value_heads"}
_LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def write_gguf(folder: Path, path: Path, kind: str = "f16") -> "Tokens":
    """Write the model of a folder, its tokenizer and its chat template as one file; one tensor at a time is in memory.

    Args:
        folder: of a whole model in safetensors, with `tokenizer.json`.
        path: the file; one that is there is replaced.
        kind: type of the matrices, one of `KINDS`. Where it quantises, the table of tokens and the output layer take
            q8_0, and matrices whose rows cannot be divided by 32 take f16.

    Returns:
        The vocabulary that was written.

    Raises:
        InputError: the model is not of the Llama family, or has something that GGUF or this function cannot hold.
        ModelError: the weights are damaged.
        MissingPackage: the package `gguf` is not installed.
        StoreError: the disk refuses; a file that was there is kept.
    """
    check_name("type", kind, KINDS)
    gguf = require("gguf", _PURPOSE, extra="train")
    config = files.read_object(folder / CONFIG)
    check_family(config)
    tensors = _Tensors(gguf, config, kind)
    shapes = {name: tuple(shape) for name, (_, shape) in tensor_types(folder).items() if _is_weight(name)}
    tokens = read_tokens(folder, shapes["model.embed_tokens.weight"][0])
    with files.replacement(path) as handle, files.report_write_errors(path, (OSError,)):
        writer = gguf.GGUFWriter(None, "llama")
        _describe(writer, gguf, config, kind)
        tokens.write(writer)
        for name, array in tensors.made():
            writer.add_tensor_info(name, array.shape, array.dtype, array.nbytes)
        for name, shape in shapes.items():
            tensors.announce(writer, name, shape)
        writer.write_header_to_file(Path(handle.name))
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for _, array in tensors.made():
            writer.write_tensor_data(array)
        for name, tensor in saved_tensors(folder):
            if _is_weight(name):
                writer.write_tensor_data(tensors.converted(name, tensor.float().numpy()))
        writer.close()
    return tokens


@dataclass(frozen=True)
class Exported:
    """A model written for llama.cpp and Ollama.

    Attributes:
        path: the GGUF file.
        kind: type of its matrices, one of `KINDS`.
        modelfile: the file that Ollama reads, beside it: `ollama create NAME -f Modelfile`; None if none can be written.
        problem: why there is none; empty if there is one.
    """

    path: Path
    kind: str
    modelfile: Path | None
    problem: str = ""


def export_gguf(place: Path, out: Path | None = None, kind: str = "f16") -> Exported:
    """Write a whole model as a GGUF file, and beside it a `Modelfile` with the same chat template.

    Args:
        place: a run that trained all weights, or a folder of a model in safetensors; an adapter is merged first.
        out: a new folder, or one that holds no GGUF file yet; by default that of the model.
        kind: type of the matrices, one of `KINDS`.

    Raises:
        InputError: there is no whole model, it cannot be written (see `write_gguf`), or the file is there already.
        ModelError: the weights are damaged, or the tokenizer cannot be loaded.
        MissingPackage: a package is not installed.
        StoreError: the disk refuses.
    """
    folder = whole_model(place)
    out = folder if out is None else out
    path = out / f"{gguf_name(place)}-{kind}.gguf"
    files.check_output(path)
    files.make_folder(out)
    tokens = write_gguf(folder, path, kind)
    tokenizer = load_tokenizer(folder)
    ends = sorted(saved_ends(folder) | end_tokens(tokenizer))
    try:
        turns = take_apart(tokenizer, tokens.template) if tokens.template else None
        text = modelfile(
            path.name, turns, ends=[tokenizer.decode([end]) for end in ends],
            context=int(files.read_object(folder / CONFIG)["max_position_embeddings"]),
            adds_begin=tokenizer.bos_token if tokens.adds[0] else "",
        )  # fmt: skip
    except InputError as error:
        return Exported(path, kind, None, error.message)
    files.atomic_write(out / MODELFILE, text)
    return Exported(path, kind, out / MODELFILE)


def whole_model(place: Path) -> Path:
    """The folder of the whole model of a run or a place.

    Raises:
        InputError: there is none, or it is an adapter.
    """
    folder = model_folder(place)
    if is_whole(folder):
        return folder
    if (folder / ADAPTER_CONFIG).is_file():
        step = f"merge it and write GGUF in one step: yukawa merge {place} --gguf f16"
        raise InputError(f"{folder} is an adapter", hint=step)
    raise not_a("model", place, CONFIG)


def is_whole(place: Path) -> bool:
    """Whether a run or a place holds a whole model rather than an adapter."""
    folder = model_folder(place)
    return (folder / CONFIG).is_file() and not (folder / ADAPTER_CONFIG).is_file()


def gguf_name(place: Path) -> str:
    """What the file is called after: the run, not its folders `model` or `merged`."""
    full = Path(os.path.realpath(place))
    return full.parent.name if full.name in ("model", "merged") else full.name


def check_family(config: dict[str, Any]) -> None:
    """Refuse a configuration that llama.cpp's architecture `llama` would compute otherwise than transformers.

    Raises:
        InputError: names what it is.
    """
    found = next(iter(config.get("architectures") or ["an unnamed architecture"]))
    if found not in _FAMILY:
        raise InputError(
            f"GGUF is written for the Llama family, and this model is a {found}",
            hint=f"allowed are {' and '.join(_FAMILY)}; for others use llama.cpp's convert_hf_to_gguf.py",
        )
    rope = _rope(config)
    wrong = {
        "hidden_act": config.get("hidden_act", "silu") != "silu",
        "sliding_window": bool(config.get("sliding_window")),
        "mlp_bias": bool(config.get("mlp_bias")),
        "rope_type": rope["type"] not in ("default", "linear", "llama3"),
        "partial_rotary_factor": float(
            rope.get("partial_rotary_factor") or config.get("partial_rotary_factor") or 1
        )
        != 1,
        "quantization_config": "quantization_config" in config,
    }
    for key in wrong:
        if wrong[key]:
            value = rope["type"] if key == "rope_type" else config.get(key)
            raise InputError(f"GGUF cannot be written for a Llama with {key}: {str(value)[:60]}")


@dataclass
class _Tensors:
    """The names and the numbers of a Llama's tensors as llama.cpp has them."""

    gguf: Any
    config: dict[str, Any]
    kind: str

    def made(self) -> Iterator[tuple[str, Array]]:
        """Tensors that are not among the weights: by what each rotary frequency is divided, for Llama 3.1 and later."""
        rope = _rope(self.config)
        if rope["type"] == "llama3":
            yield "rope_freqs.weight", llama3_factors(rope, _head_size(self.config))

    def announce(self, writer: Any, name: str, shape: tuple[int, ...]) -> None:
        """Tell the writer of a tensor that will follow in this order."""
        kind = self._type(name, shape)
        stored = self.gguf.quants.quant_shape_to_byte_shape(shape, kind) if self._packed(kind) else shape
        dtype = np.dtype(np.uint8 if self._packed(kind) else np.float16 if kind.name == "F16" else np.float32)
        writer.add_tensor_info(
            self.named(name), stored, dtype, math.prod(stored) * dtype.itemsize, raw_dtype=kind
        )

    def converted(self, name: str, numbers: Array) -> Array:
        """The numbers of a tensor, in llama.cpp's order and type."""
        for part, heads in _HEADS.items():
            if part in name:
                numbers = interleaved(
                    numbers, int(self.config.get(heads) or self.config["num_attention_heads"])
                )
        made: Array = self.gguf.quants.quantize(
            np.ascontiguousarray(numbers), self._type(name, numbers.shape)
        )
        return np.ascontiguousarray(made)

    def named(self, name: str) -> str:
        """The name in GGUF of a tensor of transformers.

        Raises:
            InputError: the Llama of llama.cpp has no such tensor.
        """
        layers = int(self.config["num_hidden_layers"])
        names = self.gguf.get_tensor_name_map(self.gguf.MODEL_ARCH.LLAMA, layers)
        found = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise InputError(f"the weights hold {name}, which llama.cpp's Llama has no place for")
        return str(found)

    def _packed(self, kind: Any) -> bool:
        return kind.name not in ("F32", "F16")

    def _type(self, name: str, shape: tuple[int, ...]) -> Any:
        types = self.gguf.GGMLQuantizationType
        if len(shape) < 2:
            return types.F32
        if self.kind.startswith("q"):
            if shape[-1] % 32:
                return types.F16
            if name in ("model.embed_tokens.weight", "lm_head.weight"):
                return types.Q8_0
        return types[self.kind.upper()]


def _is_weight(name: str) -> bool:
    """Whether a tensor is learned: old checkpoints hold rotary frequencies too, which the configuration tells."""
    return not name.endswith("rotary_emb.inv_freq")


def interleaved(weight: Array, heads: int) -> Array:
    """The rows of a projection to queries or keys, shape (heads * D, ...), in llama.cpp's order.

    transformers turns component i of a head together with i + D/2, llama.cpp the components 2i and 2i + 1.
    """
    halves = weight.reshape(heads, 2, -1, *weight.shape[1:])
    return halves.swapaxes(1, 2).reshape(weight.shape)


def llama3_factors(rope: dict[str, Any], size: int) -> Array:
    """By what each of the size/2 rotary frequencies is divided in Llama 3.1 (arXiv:2407.21783) for long contexts.

    Wavelengths longer than the old context over `low_freq_factor` are stretched by `factor`, those shorter than it over
    `high_freq_factor` not at all, and those between by a straight line in the frequency.
    """
    frequencies = float(rope["theta"]) ** -(np.arange(0, size, 2, dtype=np.float64) / size)
    turns = float(rope["original_max_position_embeddings"]) * frequencies / (2 * np.pi)
    low, high = float(rope["low_freq_factor"]), float(rope["high_freq_factor"])
    share = np.clip((turns - low) / (high - low), 0.0, 1.0)
    return np.asarray(1 / ((1 - share) / float(rope["factor"]) + share), dtype=np.float32)


def _rope(config: dict[str, Any]) -> dict[str, Any]:
    """What a configuration says of the rotary angles, by whichever names, with the keys `type` and `theta`."""
    given = {**(config.get("rope_scaling") or {}), **(config.get("rope_parameters") or {})}
    kind = given.get("rope_type", given.get("type", "default"))
    return {**given, "type": kind, "theta": given.get("rope_theta", config.get("rope_theta", 10_000.0))}


def _head_size(config: dict[str, Any]) -> int:
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def _describe(writer: Any, gguf: Any, config: dict[str, Any], kind: str) -> None:
    """Write the figures of the network."""
    rope, size, heads = _rope(config), _head_size(config), int(config["num_attention_heads"])
    writer.add_name(str(config.get("_name_or_path") or "model"))
    writer.add_vocab_size(int(config["vocab_size"]))
    writer.add_context_length(int(config["max_position_embeddings"]))
    writer.add_embedding_length(int(config["hidden_size"]))
    writer.add_block_count(int(config["num_hidden_layers"]))
    writer.add_feed_forward_length(int(config["intermediate_size"]))
    writer.add_head_count(heads)
    writer.add_head_count_kv(int(config.get("num_key_value_heads") or heads))
    writer.add_layer_norm_rms_eps(float(config["rms_norm_eps"]))
    writer.add_key_length(size)
    writer.add_value_length(size)
    writer.add_rope_dimension_count(size)
    writer.add_rope_freq_base(float(rope["theta"]))
    if rope["type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(rope["factor"]))
    types = gguf.LlamaFileType
    writer.add_file_type(types.ALL_F32 if kind == "f32" else types[f"MOSTLY_{kind.upper()}"])


# ---- tokens --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tokens:
    """A vocabulary as GGUF holds it.

    Attributes:
        model: `gpt2` for byte-level pieces, `llama` for pieces of SentencePiece.
        splitting: llama.cpp's name of how text is split before, of byte-level pieces.
        pieces: of each of the N ids, its piece.
        types: of each, the number of its kind: 1 ordinary, 2 unknown, 3 control, 4 added by hand, 5 unused, 6 a byte.
        scores: of each, its score; the pair of pieces whose union scores highest is united first. Of SentencePiece only.
        merges: pairs of byte-level pieces in the order in which they are united.
        named: ids of the tokens with a role, such as `bos`.
        adds: whether a text begins with `bos`, ends with `eos`, and begins with a space.
        template: the chat template in Jinja; None without one.
    """

    model: str
    splitting: str
    pieces: list[str]
    types: list[int]
    scores: list[float]
    merges: list[str]
    named: dict[str, int]
    adds: tuple[bool, bool, bool]
    template: str | None

    def write(self, writer: Any) -> None:
        """Write all of it to a `GGUFWriter`."""
        writer.add_tokenizer_model(self.model)
        writer.add_tokenizer_pre(self.splitting)
        writer.add_token_list(self.pieces)
        writer.add_token_types(self.types)
        if self.scores:
            writer.add_token_scores(self.scores)
        if self.merges:
            writer.add_token_merges(self.merges)
        for role, number in self.named.items():
            getattr(writer, f"add_{role}_token_id")(number)
        begins, ends, space = self.adds
        writer.add_add_bos_token(begins)
        writer.add_add_eos_token(ends)
        if self.model == "llama":
            writer.add_add_space_prefix(space)
        if self.template:
            writer.add_chat_template(self.template)


def read_tokens(folder: Path, rows: int) -> Tokens:
    """The vocabulary of a folder's `tokenizer.json`, filled up to the rows of the table of tokens.

    Raises:
        InputError: there is no such file, or llama.cpp would split text otherwise.
    """
    if not (folder / _TOKENIZER).is_file():
        raise InputError(
            f"{folder} has no {_TOKENIZER}", hint="save its tokenizer with transformers, which writes one"
        )
    core = files.read_object(folder / _TOKENIZER)
    said = files.read_object(folder / _TOKENIZER_CONFIG)
    model = core.get("model", {})
    if model.get("type") != "BPE":
        raise InputError(f"GGUF is written for tokenizers of the kind BPE, and this is {model.get('type')}")
    added = {int(token["id"]): token for token in core.get("added_tokens", [])}
    pieces = {int(number): piece for piece, number in model["vocab"].items()}
    pieces |= {number: token["content"] for number, token in added.items()}
    if max(pieces) >= rows:
        raise InputError(
            f"the tokenizer has ids up to {max(pieces)}, and the table of tokens has {rows} rows"
        )
    sentencepiece = bool(model.get("byte_fallback"))
    merges = [one if isinstance(one, str) else " ".join(one) for one in model["merges"]]
    listed = [pieces.get(number, f"[PAD{number}]") for number in range(rows)]
    ids = {piece: number for number, piece in pieces.items()}
    unknown = model.get("unk_token")
    kinds = [_kind(number, pieces, added, unknown, sentencepiece) for number in range(rows)]
    return Tokens(
        "llama" if sentencepiece else "gpt2",
        "default" if sentencepiece else _splitting(core),
        listed,
        kinds,
        _scores(listed, kinds, merges) if sentencepiece else [],
        [] if sentencepiece else merges,
        _roles(said, ids, unknown),
        _additions(folder, listed, _roles(said, ids, None)),
        _template(folder, said),
    )


def _kind(
    number: int, pieces: dict[int, str], added: dict[int, Any], unknown: str | None, bytewise: bool
) -> int:
    piece = pieces.get(number)
    if piece is None:
        return 5
    if piece == unknown:
        return 2
    if number in added:
        return 3 if added[number].get("special") else 4
    return 6 if bytewise and len(piece) == 6 and piece.startswith("<0x") else 1


def _scores(pieces: list[str], kinds: list[int], merges: list[str]) -> list[float]:
    """Scores that unite pieces in the order of the merges: minus the place of the first merge that makes a piece.

    llama.cpp unites any two neighbours whose union is a piece, the highest score first. That is the order of the merges
    where they are SentencePiece's: all pairs that make a piece, one after another.

    Raises:
        InputError: the merges are others.
    """
    first: dict[str, float] = {}
    before = ""
    for place, pair in enumerate(merges):
        made = pair.replace(" ", "", 1)
        if made != before and first.setdefault(made, -float(place)) != -float(place):
            raise InputError(
                f"the tokenizer's merges are not those of SentencePiece: {made!r} is made at two places"
            )
        before = made
    known, given = {piece for piece, kind in zip(pieces, kinds, strict=True) if kind == 1}, set(merges)
    for piece in known:
        for middle in range(1, len(piece)):
            left, right = piece[:middle], piece[middle:]
            if left in known and right in known and f"{left} {right}" not in given:
                raise InputError(
                    f"the tokenizer's merges are not those of SentencePiece: {left!r} and {right!r} stay apart"
                )
    last = -float(len(merges))
    return [first.get(piece, last) for piece in pieces]


def _splitting(core: dict[str, Any]) -> str:
    """llama.cpp's name of how a byte-level tokenizer splits text before it unites pieces.

    Raises:
        InputError: it is none of those that are known here.
    """
    before = core.get("pre_tokenizer") or {}
    steps = before.get("pretokenizers", [before])
    kinds = [step.get("type") for step in steps]
    plain = all(not step.get("add_prefix_space") for step in steps) and core.get("normalizer") is None
    if plain and kinds == ["ByteLevel"] and steps[0].get("use_regex", True):
        return "gpt-2"
    if plain and kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits"):
        return "smollm"
    if plain and kinds == ["Split", "ByteLevel"] and steps[0].get("pattern", {}).get("Regex") == _LLAMA3:
        return "llama-bpe"
    raise InputError(
        f"llama.cpp's way to split text like this tokenizer ({', '.join(map(str, kinds))}) is not known here",
        hint="known are those of GPT-2, SmolLM, Llama 2 and Llama 3; for others use llama.cpp's convert_hf_to_gguf.py",
    )


def _roles(said: dict[str, Any], ids: dict[str, int], unknown: str | None) -> dict[str, int]:
    words = {role: said.get(f"{role}_token") for role in ("bos", "eos", "pad")} | {"unk": unknown}
    contents = {role: word.get("content") if isinstance(word, dict) else word for role, word in words.items()}
    return {role: ids[word] for role, word in contents.items() if word in ids}


def _additions(folder: Path, pieces: list[str], roles: dict[str, int]) -> tuple[bool, bool, bool]:
    """What the tokenizer adds to a text, seen on a text."""
    tokenizers = require("tokenizers", _PURPOSE)
    found = tokenizers.Tokenizer.from_file(str(folder / _TOKENIZER)).encode("a").ids
    own = [pieces[number] for number in found if number not in roles.values()]
    return (
        found[0] == roles.get("bos"),
        found[-1] == roles.get("eos"),
        bool(own) and own[0].startswith("\u2581"),
    )


def _template(folder: Path, said: dict[str, Any]) -> str | None:
    separate = folder / "chat_template.jinja"
    found = files.read_text(separate) if separate.is_file() else said.get("chat_template")
    return found if isinstance(found, str) else None
