"""`yukawa train`, `merge` and `recipes`: a recipe becomes a run, an adapter goes into its base."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from yukawa import training
from yukawa.cli import options, output, session
from yukawa.cli.options import Json, argument, option
from yukawa.cli.output import print_json, say, warn
from yukawa.core.errors import InputError, check_name
from yukawa.core.files import read_text
from yukawa.core.yaml_files import RECIPES, VERBS
from yukawa.runs.distributed import is_first_process

if TYPE_CHECKING:  # they import PyTorch
    from yukawa.runs.recipe import Variant
    from yukawa.training.dry_run import DryRun

_GIB = 2**30


def train(
    recipe: Annotated[str, options.a_recipe("text")],
    changes: Annotated[list[str] | None, options.its_changes("mixture=s3 lora.targets=qkv")] = None,
    out: options.RunFolder = None,
    resume: options.Resume = False,
    dry_run: Annotated[
        bool, option("--dry-run", None, "Show what would be done: parameters, steps, tokens, memory.")
    ] = False,
    workers: options.Workers = 1,
    ray: options.Ray = False,
    as_json: Json = False,
) -> None:
    """Train a language model on text as a recipe says. Use torchrun for several GPUs.

    A recipe with a table `over` is a sweep: each combination of its values is a run in a folder of its own. The same
    command resumes a sweep.
    """
    variants = training.TextRecipe.variants(recipe, changes or ())  # what is mistyped is reported first
    packages = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")
    output.need(*packages, purpose="training")
    folder = options.run_folder(out, recipe)
    sweep = len(variants) > 1
    session.check_run_folder(folder, sweep or resume or dry_run)
    if dry_run:
        _describe(variants, as_json)
        return
    _check([one for one in variants if not sweep or not _finished(folder / one.name)])
    if sweep:
        _sweep(variants, folder, workers, ray, as_json)
    else:
        (variant,) = variants
        result = output.follow(
            "training", lambda progress: training.train(variant.recipe, folder, resume, progress)
        )
        for line in result.notes:
            warn(line)
        output.ended(result, as_json)


def merge(
    run: Annotated[Path, argument("RUN", "A run with an adapter; with --gguf also a whole model.")],
    out: Annotated[
        Path | None, option("--out", "DIR", "Folder of the new model; RUN/merged by default.")
    ] = None,
    dtype: Annotated[
        str | None,
        option("--dtype", None, "Type of the weights, bf16, fp16 or fp32; that of the base by default."),
    ] = None,
    gguf: Annotated[
        str | None,
        option("--gguf", "TYPE", "Also write a file for llama.cpp and Ollama: f32, f16, bf16, q8_0, q4_0 …"),
    ] = None,
    push: Annotated[
        str | None,
        option(
            "--push",
            "NAME/MODEL",
            "Also send it to the Hugging Face Hub, with its card; private if it is new.",
        ),
    ] = None,
    public: Annotated[bool, option("--public", None, "Let everyone read what --push sends.")] = False,
    as_json: Json = False,
) -> None:
    """Merge the adapter of a run into its base. The new model is in safetensors, which any program loads."""
    output.need("torch", "transformers", "peft", *(["gguf"] if gguf else []), purpose="merging")
    from yukawa.training.export import MERGED
    from yukawa.training.gguf_export import KINDS, is_whole
    from yukawa.training.hub import check_hub_place
    from yukawa.training.prepare import quiet

    if gguf is not None:
        check_name("type", gguf, KINDS)
    if push is not None:
        check_hub_place(push)
    elif public:
        raise InputError("--public belongs to --push", hint="add --push NAME/MODEL")
    quiet()
    if is_whole(run) and (gguf is not None or push is not None):
        if dtype is not None:
            raise InputError(f"{run} is a whole model: there is nothing to merge, and --dtype has no effect")
        session.check_folder(out or run)
        _finish(_Made(run, out), gguf, push, public, as_json)
        return
    session.check_folder(out or run / MERGED, new=True)
    merged = training.merge(run, out, dtype)
    facts = asdict(merged) | {"folder": str(merged.folder)}
    text = f"the merged model is in {merged.folder}: {merged.parameters:,} parameters in {merged.dtype}"
    _finish(_Made(merged.folder, None, facts, (text,)), gguf, push, public, as_json)
    for line in () if as_json or gguf else merged.problems:
        warn(f"a converter to GGUF would refuse it: {line}")


@dataclass
class _Made:
    """What `merge` made so far: the place of a whole model, where more is written, facts for JSON, lines for people."""

    place: Path
    out: Path | None = None
    facts: dict[str, object] = field(default_factory=dict)
    lines: tuple[str, ...] = ()


def _finish(made: _Made, gguf: str | None, push: str | None, public: bool, as_json: bool) -> None:
    """Write a whole model for llama.cpp, send it to the Hub, and say where it is; each if it is wanted."""
    if not as_json:
        for line in made.lines:
            say(line)
    if gguf is not None:
        found = training.export_gguf(made.place, made.out, gguf)
        made.facts |= {
            "gguf": str(found.path), "modelfile": found.modelfile and str(found.modelfile), "problem": found.problem,
        }  # fmt: skip
        text = f"the model for llama.cpp is in {found.path}"
        if found.modelfile:
            text += f"; for Ollama type: ollama create NAME -f {found.modelfile}"
        if not as_json:
            say(text)
            if found.problem:
                warn(f"no Modelfile is written: {found.problem}")
    if push is not None:
        made.facts["pushed"] = training.push(made.place, push, public=public)
        if not as_json:
            say(f"the model is at {made.facts['pushed']}")
    if as_json:
        print_json(made.facts)


def recipes(as_json: Json = False) -> None:
    """List the recipes that come with Yukawa and what each is for.

    A recipe of your own begins with `base: NAME` and then says only what differs.
    """
    rows = [
        {"name": path.stem, "verb": verb, "about": _about(path), "path": str(path)}
        for kind, verb in VERBS.items()
        for path in sorted((RECIPES / kind).glob("*.yaml"))
    ]
    if as_json:
        print_json(rows)
        return
    columns = 80 if sys.stdout.isatty() else 1000  # a pipe gets a line for each recipe
    for verb in VERBS.values():
        say((f"yukawa {verb}", "bold"))
        output.facts({f"  {row['name']}": row["about"] for row in rows if row["verb"] == verb}, columns)


def _finished(folder: Path) -> bool:
    from yukawa.runs.run import MODEL

    return (folder / MODEL).is_dir()


def _check(variants: list[Variant[training.TextRecipe]]) -> None:
    """Report missing files before the libraries are imported, which takes seconds, and before the first of many runs."""
    from yukawa.training.prepare import check_places, quiet

    for variant in variants:
        check_places(variant.recipe)
    quiet()


def _sweep(
    variants: list[Variant[training.TextRecipe]], folder: Path, workers: int, ray: bool, as_json: bool
) -> None:
    """Train the variants of a sweep that are not finished, and show what became of each."""
    from yukawa.runs.sweep import executor_of, run_all
    from yukawa.training.text_task import VariantTask, run_variant

    threads = max(one.recipe.training.threads or 1 for one in variants)
    executor = executor_of(workers, ray, threads)
    tasks = [VariantTask(one.recipe, folder / one.name) for one in variants]
    todo = [task for task in tasks if not _finished(task.folder)]
    shown = {
        task.folder: {"folder": str(task.folder), "finished": True} for task in tasks if task not in todo
    }
    failed: list[tuple[str, str]] = []
    for place in shown if not as_json else ():
        say(f"{place} is finished")
    with (
        output.progress_bar(f"steps of {len(todo)} trainings") as bar,
        closing(
            run_all(run_variant, todo, executor, lambda steps: bar(steps, 0) if is_first_process() else None)
        ) as outcomes,
    ):
        for outcome in outcomes:
            place = outcome.cell.folder
            if outcome.interrupted:
                raise output.Interrupted(
                    f"{len(shown)} of {len(tasks)} trainings are finished and kept: to resume, type the same command"
                )
            if outcome.failed:
                failed.append((place.name, str(outcome.error)))
                continue
            shown[place] = asdict(outcome.value) | {"folder": str(place)}
            for line in outcome.value.notes:
                warn(line)
            if not as_json:
                say(outcome.value.message)
    if as_json:
        print_json([shown[task.folder] for task in tasks if task.folder in shown])
    output.check_failures(failed, len(tasks))


def _describe(variants: list[Variant[training.TextRecipe]], as_json: bool) -> None:
    from yukawa.training.prepare import quiet

    quiet()
    shown, said = [], dict[str, None]()
    for variant in variants:
        found = training.describe(variant.recipe)
        said |= dict.fromkeys((*found.notes, *found.problems))
        if as_json:
            memory = found.memory and asdict(found.memory) | {"total": found.memory.total}
            whole = asdict(found) | {"recipe": found.recipe.plain(), "memory": memory}
            shown.append({"name": variant.name, **whole})
        else:
            _show(variant.name, found)
    if as_json:
        print_json(shown if len(shown) > 1 else shown[0])
        return
    for line in said:
        warn(line)


def _show(name: str, found: DryRun) -> None:
    """Show what a training would do: parameters, text, steps and memory, each if it can be known here."""
    if name:
        say((name, "bold"))
    output.facts({"base": found.recipe.model.base, **_parameters(found), **_text(found), **_memory(found)})


def _parameters(found: DryRun) -> dict[str, str]:
    if found.trained_parameters is None or not found.parameters:
        return {"trained parameters": "unknown without the base"}
    adapter = found.recipe.adapter
    on = f" ({adapter.kind} on {', '.join(found.targets)})" if found.targets else ""
    share = 100 * found.trained_parameters / found.parameters
    return {"trained parameters": f"{found.trained_parameters:,} of {found.parameters:,}, {share:.3g} %{on}"}


def _text(found: DryRun) -> dict[str, str]:
    """Rows, sequences and steps; without text or base the steps that the recipe itself says, if it does."""
    how, plan = found.recipe.training, found.plan
    if how.kind == "grpo" and found.counts is not None and plan is not None:
        return {
            "text": f"{found.counts.rows:,} rows, {found.counts.tokens:,} tokens of prompts",
            "steps": f"{plan.steps:,}; {plan.epoch:,} to an epoch",
            "replies": f"{how.batch:,} a step, {how.group:,} to a prompt, of at most {how.new_tokens:,} tokens",
        }
    if found.counts is None or plan is None or found.tokens_per_step is None:
        rows = "unknown" if found.rows is None else f"{found.rows:,} rows, tokens unknown"
        length = f"{how.steps:,}" if how.steps else f"unknown; epochs: {how.epochs:,}"
        return {"text": rows, "steps": f"{length}, of {how.batch:,} sequences each"}
    return {
        "text": f"{found.counts.rows:,} rows, {found.counts.tokens:,} tokens, {found.counts.trained:,} with a loss",
        "sequences": f"{found.sequences:,} of at most {how.length:,} tokens; "
        f"{found.validation_sequences:,} to validate on",
        "steps": f"{plan.steps:,}; {plan.epoch:,} to an epoch",
        "tokens per step": f"{found.tokens_per_step:,.0f} with a loss",
    }


def _memory(found: DryRun) -> dict[str, str]:
    memory = found.memory
    if memory is None:
        return {"memory per device": "unknown without the base"}
    parts = {
        "weights": memory.weights, "gradients": memory.gradients, "optimiser": memory.optimiser,
        "activations": memory.activations,
    }  # fmt: skip
    text = f"about {memory.total / _GIB:.2f} GiB on each of {found.world}: "
    text += ", ".join(f"{name} {size / _GIB:.2f}" for name, size in parts.items())
    if memory.host:
        text += f"; in the memory of the processor {memory.host / _GIB:.2f}"
    return {"memory per device": text}


def _about(path: Path) -> str:
    """The first sentence of the comment at the top of a recipe."""
    lines = []
    for line in read_text(path).splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("# "))
        if line.endswith((".", ":")):
            break
    return " ".join(lines).partition(". ")[0].rstrip(".:")
