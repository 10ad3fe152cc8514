"""The one loader of Hugging Face causal models: training, evaluation, merging and chat open them here."""

import logging
import warnings
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from yukawa.core.errors import InputError, MissingPackage, ModelError, install_line, require, unknown_name
from yukawa.core.files import read_object
from yukawa.llm import folders
from yukawa.llm.adapters import put_on
from yukawa.llm.packaged import ORIGIN

DTYPES = ("auto", "float32", "bfloat16", "float16")
AS_LOADED = "as loaded"
# What recipes call the kinds of attention, beside the names of transformers.
ATTENTION = {"sdpa": "sdpa", "flash": "flash_attention_2", "flex": "flex_attention", "eager": "eager"}
_PURPOSE = "loading a language model"

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A loaded model with its tokenizer.

    Attributes:
        name: the name in reports.
        model: a causal language model of transformers, possibly under PEFT, in evaluation mode.
        tokenizer: the tokenizer of the model.
        options: how the model was opened; kept with every result.
        notes: what a reader of its results should know; each has been logged as a warning.
    """

    name: str
    model: Any
    tokenizer: Any
    options: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def context(self) -> int | None:
        """Longest input in tokens; None if the model does not state one."""
        return _context(self.model.config)


def open_language_model(
    source: str | Path | Any,
    *,
    tokenizer: Any = None,
    adapter: str | Path | None = None,
    name: str | None = None,
    dtype: str = "auto",
    load_in_4bit: bool | None = None,
    compute_dtype: str | None = None,
    device: str | None = None,
    trust_remote_code: bool = False,
    resize: bool = False,
    attention: str | None = None,
) -> LanguageModel:
    """Load the model at `source`, from safetensors only, and check that everything in it belongs together.

    Args:
        source: a folder, the folder of a run (its `model/` is meant), the folder of a PEFT adapter (its base is the
            recorded one), a name on the Hub, or a model object.
        tokenizer: by default the one beside the adapter, else the one of the model.
        adapter: a PEFT adapter to put on top: its folder, the folder of its run, or a name on the Hub.
        name: the name for reports; by default the name of the folder.
        dtype: of the weights, one of `DTYPES` or as recipes write it; `auto` is that of the run, else that of the file.
        load_in_4bit: whether to quantise the weights to NF4, doubly; None does so where the run was QLoRA.
        compute_dtype: the type of the arithmetic on quantised weights; by default that of the run, else bfloat16.
        device: such as `cuda:0`; `auto` divides the model among all accelerators, `AS_LOADED` leaves its place to a
            trainer. By default the first accelerator if there is one, else the processor.
        trust_remote_code: whether Python code that comes with the model may be run.
        resize: whether tokens that the tokenizer adds receive embeddings, near the mean of those that are there.
        attention: how it is computed, one of `ATTENTION`; None leaves that to transformers.

    Raises:
        MissingPackage: torch, transformers, peft or bitsandbytes is needed and not installed.
        InputError: an option is not allowed, the model cannot be quantised again, or adapter, tokenizer and base do not
            belong together.
        ModelError: the model cannot be downloaded, is damaged, incomplete or not finite, or needs its own code.
    """
    type_name = _dtype_name(dtype)
    if not isinstance(source, (str, Path)):
        if tokenizer is None:
            raise InputError("a model object needs its tokenizer too", hint="pass tokenizer=...")
        return _ready(source, tokenizer, name or type(source).__name__, {"model": type(source).__name__}, [])
    base, adapter = folders.find_places(str(source), None if adapter is None else str(adapter))
    origin = folders.find_origin(adapter or base)
    four_bits = load_in_4bit if load_in_4bit is not None else bool(origin and origin.four_bits)
    type_name = (origin and origin.dtype) or "auto" if type_name == "auto" else type_name
    compute = _dtype_name(compute_dtype or (origin.precision if origin else "bfloat16"))
    precise = compute if four_bits else None
    with quiet_libraries():
        above = folders.fetch_adapter(adapter) if adapter is not None else None
        folder = folders.fetch_model(base, code=trust_remote_code)
        model, notes = _load(folder, type_name, precise, device, trust_remote_code, attention)
        if above is not None:
            model, more = put_on(model, base, folder, above)
            notes += more
        own = above if above is not None and (above / "tokenizer_config.json").is_file() else folder
        tokenizer = load_tokenizer(own, trust_remote_code) if tokenizer is None else tokenizer
        _grow(model, len(tokenizer) if resize else 0)
    recorded = {"model": base, "adapter": adapter, "load_in_4bit": four_bits}
    return _ready(model, tokenizer, name or Path(adapter or base).name, recorded, notes)


def load_tokenizer(folder: Path, trust_remote_code: bool = False) -> Any:
    """The tokenizer of a model.

    Raises:
        ModelError: it is missing or damaged, or needs code of its own.
    """
    return _loaded(require("transformers", _PURPOSE).AutoTokenizer, folder, trust_remote_code)


def read_config(folder: Path, trust_remote_code: bool = False) -> Any:
    """The configuration of a model.

    Raises:
        ModelError: it is damaged, of an unknown architecture, or needs code of its own.
    """
    return _loaded(require("transformers", _PURPOSE).AutoConfig, folder, trust_remote_code)


def context_length(source: str, adapter: str | None = None) -> int | None:
    """Longest input in tokens of a model whose weights are not loaded; None if the model does not state one.

    Raises:
        InputError, ModelError: as for `open_language_model`.
    """
    base, _ = folders.find_places(source, adapter)
    return _context(read_config(folders.fetch_model(base, weights=False)))


def empty_model(folder: Path) -> Any:
    """The model without weights: the names and shapes of its parameters.

    Raises:
        ModelError: it is damaged, or not a causal language model.
    """
    transformers, torch = require("transformers", _PURPOSE), require("torch", _PURPOSE)
    config = read_config(folder)
    try:
        with torch.device("meta"):
            return transformers.AutoModelForCausalLM.from_config(config)
    except ValueError as error:
        raise ModelError(
            f"{folder} does not hold a causal language model: {folders.first_line(error)}"
        ) from error


def end_tokens(*places: Any) -> set[int]:
    """The tokens that end a text, according to configurations and tokenizers."""
    found: list[Any] = [getattr(place, "eos_token_id", None) for place in places]
    ends = [token for one in found for token in (one if isinstance(one, (list, tuple)) else [one])]
    return set(ends) - {None}


def saved_ends(folder: Path) -> set[int]:
    """The tokens that end a text, according to the files of a model."""
    found: set[int] = set()
    for path in (folder / "generation_config.json", folder / folders.CONFIG):
        if path.is_file():
            found |= end_tokens(SimpleNamespace(eos_token_id=read_object(path).get("eos_token_id")))
    return found


def torch_dtype(name: str) -> Any:
    """The type of torch that is called float32 (or fp32), bfloat16 (bf16) or float16 (fp16)."""
    return getattr(require("torch", _PURPOSE), _dtype_name(name))


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence the libraries that load models: what they would print, the loader reports itself or need not be said."""
    # On faster 4-bit kernels ("Failed to load CPU gemm_4bit_forward ..."), which PEFT's import looks for too.
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
    talk = require("transformers", _PURPOSE).utils.logging
    bars, level = talk.is_progress_bar_enabled(), talk.get_verbosity()
    talk.disable_progress_bar()
    talk.set_verbosity_error()
    try:
        with warnings.catch_warnings():  # what PEFT and transformers say of each other
            warnings.simplefilter("ignore")
            yield
    finally:
        talk.set_verbosity(level)
        if bars:
            talk.enable_progress_bar()


def _load(
    folder: Path, dtype: str, compute: str | None, device: str | None, code: bool, attention: str | None
) -> tuple[Any, list[str]]:
    """All weights on their device, quantised to NF4 if a type of the arithmetic is given; and notes on them."""
    transformers = require("transformers", _PURPOSE)
    stored = getattr(read_config(folder, code), "quantization_config", None)
    if stored is not None and compute:
        method = stored.get("quant_method") if isinstance(stored, dict) else stored.quant_method
        raise InputError(
            f"the weights of {folder} are quantised already ({method}) and cannot be quantised again",
            hint="open it without load_in_4bit, or name the model that is not quantised",
        )
    types = folders.tensor_types(folder)
    options: dict[str, Any] = {"dtype": dtype if dtype == "auto" else torch_dtype(dtype)}
    if attention is not None:
        options["attn_implementation"] = ATTENTION[attention]
    place = _device(device)
    if compute:
        require("bitsandbytes", "loading in four bits")
        # Some kernels hide a NaN when they quantise: the numbers are looked at before.
        folders.check_finite(folders.saved_tensors(folder), folder)
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch_dtype(compute),
        )
    if place == "auto" or ((compute or stored is not None) and place != AS_LOADED):
        options["device_map"] = place if place == "auto" else {"": place}
    # Tensors of another shape are refused below, with their names.
    model, found = _loaded(
        transformers.AutoModelForCausalLM, folder, code, use_safetensors=True, output_loading_info=True,
        ignore_mismatched_sizes=True, **options,
    )  # fmt: skip
    notes = _check_tensors(folder, model, found, types, quantised=stored is not None)
    notes += [origin] if (origin := getattr(model.config, ORIGIN, None)) else []
    _keep_four_bits(model)
    model = model if "device_map" in options or place == AS_LOADED else model.to(place)
    folders.check_finite(model.named_parameters(), folder)
    return model, notes


def _check_tensors(
    folder: Path,
    model: Any,
    found: dict[str, Any],
    types: dict[str, tuple[str, list[int]]],
    *,
    quantised: bool,
) -> list[str]:
    """Refuse weights for which transformers would put random or rounded numbers; note those without a place.

    Raises:
        ModelError: a tensor is missing, has another shape or does not hold floating-point numbers.
    """
    hint = "name the folder of a whole model, whose configuration and weights belong together"
    if missing := found["missing_keys"]:
        raise ModelError(
            f"the weights of {folder} lack {len(missing)} tensors, such as {min(missing)}", hint=hint
        )
    if found["mismatched_keys"]:
        name, there, wanted = min(found["mismatched_keys"])
        raise ModelError(
            f"the tensor {name} of {folder} has the shape {tuple(there)}, its configuration wants {tuple(wanted)}",
            hint=hint,
        )
    names = {name for name, _ in model.named_parameters()}
    whole = sorted(name for name in names & set(types) if types[name][0] not in folders.FLOATS)
    if whole and not quantised:
        raise ModelError(
            f"the tensor {whole[0]} of {folder} has the type {types[whole[0]][0]}; allowed are floating-point numbers",
            hint=hint,
        )
    if unexpected := found["unexpected_keys"]:
        return [
            f"{len(unexpected)} tensors of {folder} have no place in the model, such as {min(unexpected)}"
        ]
    return []


def _keep_four_bits(model: Any) -> None:
    """Give a quantised model one arithmetic, in training and after it.

    On some processors bitsandbytes repacks weights at the first pass outside of training and does not come back: scales
    are rounded to bfloat16, so other losses come out than training saw, and shapes that are not multiples of 64 fail.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _ready(
    model: Any, tokenizer: Any, name: str, recorded: dict[str, Any], notes: list[str]
) -> LanguageModel:
    ends = end_tokens(model.config.get_text_config(), getattr(model, "generation_config", None))
    notes += check_tokenizer(tokenizer, model.config, ends, name)
    for note in notes:
        log.warning("model %s: %s", name, note)
    dtype = str(next(p.dtype for p in model.parameters() if p.is_floating_point())).removeprefix("torch.")
    options = {**recorded, "dtype": dtype, "device": model.device.type}
    return LanguageModel(name, model.eval(), tokenizer, options, tuple(notes))


def _grow(model: Any, rows: int) -> None:
    """Give a model embeddings for so many tokens, if it has fewer."""
    if rows > model.config.get_text_config().vocab_size:
        model.resize_token_embeddings(rows)


def check_tokenizer(
    tokenizer: Any, config: Any, ends: Collection[int], name: str, *, complete: bool = False
) -> list[str]:
    """Refuse a tokenizer of another vocabulary than the model's; note what makes its tokens doubtful.

    Args:
        tokenizer: beside the model.
        config: of the model.
        ends: the tokens that end a text according to the model's files.
        name: of the model.
        complete: whether each added token must have a row in the table of embeddings, as in training.

    Raises:
        InputError: its tokens have no row in the table.
    """
    rows = config.get_text_config().vocab_size
    special = {getattr(tokenizer, f"{kind}_token_id", None) for kind in ("bos", "eos", "pad", "unk")} - {None}
    beyond = sorted(token for token, number in tokenizer.get_added_vocab().items() if number >= rows)
    highest = max([tokenizer.vocab_size - 1, *special])
    if highest >= rows:
        raise InputError(
            f"the tokenizer gives token {highest}, and the model {name} knows {rows} tokens",
            hint="model and tokenizer do not belong together",
        )
    if complete and beyond:
        raise InputError(
            f"the tokenizer adds {len(beyond):,} tokens, such as {beyond[0]}, to the {rows:,} that the model {name} knows",
            hint="type: model.resize_embeddings=true adapter.kind=full, or name the base's own tokenizer",
        )
    notes = []
    if beyond:
        notes.append(f"the tokens {', '.join(beyond[:3])} of the tokenizer are beyond the model's vocabulary")
    end = tokenizer.eos_token_id
    if end is not None and ends and end not in ends:
        notes.append(f"its tokenizer ends texts with token {end}, its configuration with {min(ends)}")
    return notes


def _loaded(kind: Any, folder: Path, trust_remote_code: bool, **options: Any) -> Any:
    """`kind.from_pretrained`, with one line where the folder is not what it should be."""
    damaged = require("safetensors", _PURPOSE).SafetensorError
    try:
        return kind.from_pretrained(str(folder), trust_remote_code=trust_remote_code, **options)
    except ImportError as error:
        package = error.name or "an extra of transformers"
        raise MissingPackage(package, install_line("train"), purpose=f"the model {folder}") from error
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, AttributeError, damaged) as error:
        if "trust_remote_code" in str(error):
            raise ModelError(
                f"the model {folder} brings Python code of its own, which is not run",
                hint="use a model that transformers itself knows",
            ) from error
        raise ModelError(
            f"the folder {folder} cannot be loaded as a model: {folders.first_line(error)}",
            hint="it needs the configuration, a tokenizer and safetensors that belong together",
        ) from error


def _device(device: str | None) -> str:
    """The place for the weights, if it exists."""
    torch = require("torch", _PURPOSE)
    if device == "auto" and torch.cuda.is_available():
        return device
    if device in (None, "auto"):
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == AS_LOADED:
        return device
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # each backend has its own way
        raise InputError(
            f"the device {device!r} does not exist: {str(error).splitlines()[0][:120]}",
            hint="write cpu, or cuda:0 where there is a GPU that torch was built for",
        ) from error
    return device


def _dtype_name(name: str) -> str:
    found = folders.DTYPE_NAMES.get(name, name)
    if found not in DTYPES:
        raise unknown_name("dtype", name, DTYPES)
    return found


def _context(config: Any) -> int | None:
    length = getattr(config.get_text_config(), "max_position_embeddings", None)
    return int(length) if length else None
