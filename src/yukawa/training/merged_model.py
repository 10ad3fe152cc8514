"""Merges the adapter of a run into its base: one model in safetensors that any program loads."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.core import files
from yukawa.core.errors import InputError, unknown_name
from yukawa.llm.adapters import merged_into
from yukawa.llm.folders import ADAPTER_CONFIG, fetch_model, model_files
from yukawa.llm.loading import load_tokenizer, open_language_model, torch_dtype
from yukawa.runs.checkpoints import write_errors
from yukawa.runs.model_card import CURVES
from yukawa.runs.run import CARD, MODEL
from yukawa.training.export import gguf_problems, write_for_older_readers, write_tokenizer
from yukawa.training.recipe import TextRecipe
from yukawa.training.text_task import MADE
from yukawa.training.tiny_model import GENERATED

MERGED, DTYPES = "merged", ("bf16", "fp32")


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
        dtype: type of the new weights, bf16 or fp32; by default that of the base in training.

    Raises:
        NotFound: there is no run.
        InputError: the run is not finished, has no adapter, or belongs to another base; or `out` holds files.
        ModelError: the base cannot be loaded.
        StoreError: the disk refuses; nothing is left behind.
    """
    run = Path(run)
    recipe, out = TextRecipe.of_run(run), Path(out) if out is not None else run / MERGED
    adapter = run / MODEL
    if dtype not in (None, *DTYPES):
        raise unknown_name("type", dtype, DTYPES)
    if recipe.adapter.kind == "full":
        raise InputError(
            f"{run} trained all weights: there is nothing to merge",
            hint=f"the model is {adapter}" if adapter.is_dir() else "finish it with --resume",
        )
    if not (adapter / ADAPTER_CONFIG).is_file():
        raise InputError(f"{run} is not finished: it has no adapter yet", hint="finish it with --resume")
    files.check_new_folder(out)
    base = _base(recipe, run)
    _check_base(run, base)
    model = open_language_model(base, adapter=adapter, dtype="fp32", load_in_4bit=False, device="cpu").model
    merged = merged_into(model, adapter).to(torch_dtype(dtype or recipe.dtype))
    _write(merged, adapter, base, run, out)
    count = sum(weight.numel() for weight in merged.parameters())
    return Merged(out, recipe.model.base, count, dtype or recipe.dtype, gguf_problems(out))


def _base(recipe: TextRecipe, run: Path) -> Path:
    return run / MADE / "base" if recipe.model.base.startswith(GENERATED) else fetch_model(recipe.model.base)


def _check_base(run: Path, base: Path) -> None:
    """Refuse another base than the one with which the run began."""
    recorded = json.loads((run / "data.json").read_text("utf-8"))["inputs"]
    known = {row["sha256"] for row in recorded}
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
        page = (run / CARD).read_text("utf-8").partition("## Use")[0]
        use = "The adapter is part of the weights: load the folder as a model."
        files.atomic_write(beside / "README.md", f"{page}## Use\n\n{use}\n")
        for picture in (run / CURVES, (run / CURVES).with_suffix(".svg")):
            if picture.is_file():
                shutil.copy2(picture, beside)
