"""Everything that a run needs before its first step: base, tokenizer, text; checked, counted and planned."""

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, check_installed, require, unknown_name
from yukawa.core.files import new_folder, read_object
from yukawa.llm import loading
from yukawa.llm.folders import CONFIG, fetch_model, local_model, model_files
from yukawa.llm.packaged import ORIGIN
from yukawa.runs.checkpoints import write_errors
from yukawa.runs.distributed import Machine, check_machine, started_by_torchrun
from yukawa.training.packing import RowFiles, TokenizedSplit, check_files, find_files, load_split, read_texts
from yukawa.training.recipe import TextRecipe, TextSettings
from yukawa.training.tiny_model import GENERATED, PDG, SIZES, make_llama, make_pdg
from yukawa.training.tokenization import open_chat

MADE = "generated"  # the folder in a run of a base or text that its recipe generates


@dataclass(frozen=True)
class Prepared:
    """The material of a run.

    Attributes:
        recipe: as resolved.
        base: folder of the base.
        tokenizer: of the base, with the recipe's template.
        files: of the text.
        train, validation: the text as the trainer takes it.
    """

    recipe: TextRecipe
    base: Path
    tokenizer: Any
    files: RowFiles
    train: TokenizedSplit
    validation: TokenizedSplit | None

    @property
    def inputs(self) -> list[Path]:
        """Every file on which the run depends."""
        return [*filter(None, (self.files.train, self.files.validation)), *model_files(self.base)]

    @property
    def origin(self) -> str | None:
        """What the base says of its own origin."""
        return read_object(self.base / CONFIG).get(ORIGIN)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person must know about the text, a line each."""
        length = self.recipe.training.length
        splits = {"training": self.train, "validation": self.validation}
        return tuple(
            f"{name}: {line}"
            for name, split in splits.items()
            if split
            for line in split.counts.notes(length)
        )


def prepare(recipe: TextRecipe, made: Path, *, weights: bool = True) -> Prepared:
    """Find the base and the text, tokenise and count.

    Args:
        made: a folder for a base or text that the recipe generates; what lies there already is used again.
        weights: whether the base's weights are needed.

    Raises:
        InputError: base, template or text are not what the recipe needs.
        ModelError: the base cannot be loaded or downloaded.
        StoreError: the disk refuses what is generated; no half of it is left.
    """
    check_places(recipe)
    text = None
    if recipe.data.path.startswith(GENERATED):
        text = made / "data"
        if not text.exists():
            made.mkdir(parents=True, exist_ok=True)
            make_pdg(text, recipe.row_kind)
    files = find_files(recipe, text)
    base = _base(recipe, files, made, weights)
    tokenizer = loading.load_tokenizer(base)
    if not recipe.model.resize_embeddings:
        loading.check_tokenizer(tokenizer, loading.read_config(base), (), recipe.model.base, complete=True)
    writer = tokenizer
    if recipe.row_kind != "document":
        learns, ends = recipe.training.kind == "sft", loading.saved_ends(base)
        writer = open_chat(tokenizer, recipe.data.template, ends, learns=learns)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    train = load_split(files.train, recipe, writer)
    validation = (
        load_split(files.validation, recipe, writer, recipe.data.validation_rows)
        if files.validation
        else None
    )
    return Prepared(recipe, base, tokenizer, files, train, validation)


def check_places(recipe: TextRecipe) -> None:
    """Refuse text, or a base in a folder, that is not there: at once, before anything heavy is imported.

    Raises:
        InputError: names what is missing.
    """
    check_text(recipe)
    check_base(recipe)


def check_text(recipe: TextRecipe) -> bool:
    """Refuse text that is not there; nothing is read.

    Raises:
        InputError: names what is missing.
    """
    path = recipe.data.path
    if not path.startswith(GENERATED):
        check_files(recipe)
    elif path != PDG:
        raise unknown_name("data.path", path, [PDG])
    return True


def check_base(recipe: TextRecipe) -> bool:
    """Refuse a base that is not there, unless it may be on the Hub; nothing is read.

    Raises:
        InputError: there is no such folder, or it holds no whole model.
        MissingPackage: the package of the base is not installed.
    """
    base, bases = recipe.model.base, [GENERATED + size for size in SIZES]
    if not base.startswith(GENERATED):
        local_model(base, weights=False)
    elif base not in bases:
        raise unknown_name("model.base", base, bases)
    return True


def quiet() -> None:
    """Leave the terminal to our progress bar: turn off bars, advice and notices of the libraries that train.

    Errors are still raised.
    """
    messages = require("transformers.utils.logging", "training")
    messages.disable_progress_bar()
    messages.set_verbosity_error()
    # PEFT and TRL ask transformers by the old name.
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)


def check_training_machine(recipe: TextRecipe, machine: Machine) -> None:
    """Refuse a training that this machine cannot carry out.

    Raises:
        InputError: it needs a GPU, other processes or another batch; the message says what to type.
        MissingPackage: it needs a package that is not installed.
    """
    for check in machine_checks(recipe, machine):
        check()


def machine_checks(recipe: TextRecipe, machine: Machine) -> tuple[Callable[[], None], ...]:
    """What must hold of a machine, one check for each thing; they raise what `check_training_machine` does."""
    how = recipe.training
    checks: list[Callable[[], None]] = [
        partial(_check_settings, how, machine),
        partial(_check_processes, how, machine),
        partial(_check_pairs, how, machine),
    ]
    packages = {
        "deepspeed": (how.distributed.startswith("deepspeed"), f"training.distributed={how.distributed}"),
        "bitsandbytes": (
            recipe.adapter.kind == "qlora" or how.optimiser == "adamw-8bit",
            "training in 4 or 8 bits",
        ),
        "flash_attn": (recipe.model.attention == "flash", "model.attention=flash"),
    }
    for package, (needed, purpose) in packages.items():
        if needed:
            checks.append(partial(check_installed, package, purpose))
    return tuple(checks)


def _check_settings(settings: TextSettings, machine: Machine) -> None:
    """Refuse settings that need a GPU, and a batch that the processes cannot share."""
    how = settings.distributed
    needs = {
        "tf32": (settings.tf32, "false"),
        "optimiser": (settings.optimiser == "adamw-8bit", "adamw"),
        "distributed": (how not in ("none", "ddp"), "ddp"),
        "offload": (settings.offload, "false"),
    }
    check_machine(settings, machine, needs, settings.accumulation)


def _check_pairs(settings: TextSettings, machine: Machine) -> None:
    """Refuse passes of a single pair where its loss compares several."""
    passes = machine.world * settings.accumulation
    if settings.loss == "kto" and settings.batch // passes < 2:
        raise InputError(
            "training.loss=kto compares the pairs of a pass with each other, and a pass has only one",
            hint=f"type: training.batch={2 * passes}",
        )


def _check_processes(settings: TextSettings, machine: Machine) -> None:
    """Refuse a sharing of the work that does not fit the number of processes."""
    how = settings.distributed
    if machine.world > 1 and how == "none":
        raise InputError(
            f"training.distributed=none, but {machine.world} processes were started",
            hint="type: training.distributed=ddp, or start one process",
        )
    if how == "fsdp2" and machine.world == 1 and not started_by_torchrun():
        raise InputError(
            "training.distributed=fsdp2 divides the model among processes, and this is a single one",
            hint="start it by torchrun --nproc-per-node N, or type: training.distributed=none",
        )


def epoch_steps(recipe: TextRecipe, sequences: int, world: int) -> int:
    """Steps of a pass over this many sequences, shared evenly by the processes; with GRPO over this many prompts.

    Raises:
        InputError: there are fewer prompts than a step of GRPO takes.
    """
    how = recipe.training
    if how.kind == "grpo":
        prompts = how.batch // how.group
        if sequences < prompts:
            raise InputError(
                f"a step takes {prompts:,} prompts (training.batch / training.group), and there are {sequences:,}",
                hint=f"type: training.batch={sequences * how.group}",
            )
        return sequences // prompts
    passes = math.ceil(math.ceil(sequences / world) / (how.batch // world // how.accumulation))
    return max(1, math.ceil(passes / how.accumulation))


def load_base(base: Path, recipe: TextRecipe, tokenizer: Any, device: str) -> Any:
    """The base of a training with its weights, in the type (or the four bits) of the recipe.

    Raises:
        InputError, ModelError: as for `open_language_model`.
    """
    four_bits = recipe.adapter.kind == "qlora"
    model = loading.open_language_model(
        base, tokenizer=tokenizer, dtype=recipe.dtype, load_in_4bit=four_bits,
        compute_dtype=recipe.training.precision,
        device=device if four_bits else loading.AS_LOADED,  # the trainer moves, or divides, whole weights
        resize=recipe.model.resize_embeddings, attention=recipe.model.attention,
    ).model  # fmt: skip
    model.config.use_cache = False
    return model


def check_length(recipe: TextRecipe, model: Any) -> None:
    """Refuse sequences that the base has no positions for.

    Raises:
        InputError: training.length is longer than the base's context.
    """
    context = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if context and recipe.training.length > context:
        raise InputError(
            f"training.length={recipe.training.length} is longer than the base's context of {context} tokens",
            hint=f"type: training.length={context}",
        )


def _base(recipe: TextRecipe, files: RowFiles, made: Path, weights: bool) -> Path:
    name = recipe.model.base
    if not name.startswith(GENERATED):
        return fetch_model(name, weights=weights)
    folder = made / "base"
    if not folder.exists():
        texts, size = read_texts(files.train, recipe.row_kind), name.removeprefix(GENERATED)
        with new_folder(folder, errors=write_errors()) as beside:
            make_llama(beside, texts, size, seed=recipe.training.seed)
    return folder
