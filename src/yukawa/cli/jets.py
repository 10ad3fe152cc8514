"""`yukawa jets VERB`: simulate, show and convert jets; train, evaluate and apply taggers; study their scaling."""

from __future__ import annotations  # an annotation that is evaluated would load what it names

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from yukawa import jets
from yukawa.cli import options, output, session
from yukawa.cli.jets_analysis import Weight, analyse, named_paths
from yukawa.cli.options import Json, Split, argument, option
from yukawa.cli.output import give, need, print_json, progress_bar, say, warn
from yukawa.core.yaml_files import key_value
from yukawa.runs.run import is_run, model_folder

Model = Annotated[Path, argument("MODEL", "The folder of a model or of its run.")]
Source = Annotated[Path, argument("PATH", "A file of jets, a folder of such files, or a data set.")]
Device = Annotated[
    str | None, option("--device", None, "Device: cpu, cuda, cuda:1, …; by default a GPU if there is one.")
]
Batch = Annotated[int, option("--batch", "N", "Number of jets in a batch.", min=1)]


# ---- jets -----------------------------------------------------------------------------------------


def simulate(
    out: Annotated[Path, option("--out", "DIR", "Folder of the data set.")],
    jets_per_class: Annotated[int, option("--jets-per-class", "N", "Number of jets of each class.", min=1)],
    seed: Annotated[int, option("--seed", "S", "Seed of the random numbers.")] = 1,
    workers: Annotated[
        int | None, option("--workers", "W", "Number of processes; by default one for each core.", min=1)
    ] = None,
    process: Annotated[
        str, option("--process", "NAME", "Process: jet-origin, hadron-jets, or a YAML file.")
    ] = "jet-origin",
    card: Annotated[str, option("--card", "NAME", "Detector: cepc, idea, ild, or a YAML file.")] = "cepc",
    as_json: Json = False,
) -> None:
    """Simulate a data set of labelled jets, or resume one.

    The same seed gives the same jets, whatever the number of workers. After an interruption the same command
    resumes; with a larger N a data set grows.
    """
    session.check_folder(out)
    chosen, detector = jets.load_process(process), jets.load_card(card)
    with progress_bar(f"simulating {chosen.name} in {detector.name}") as progress:
        manifest = jets.produce(out, chosen, detector, jets_per_class, seed, workers, progress)
    splits = ", ".join(f"{sum(counts.values()):,} {split}" for split, counts in manifest.counts.items())
    give(
        as_json, {"out": str(out), **_made(manifest), "jets": manifest.jets, "counts": manifest.counts},
        f"{out} holds {manifest.jets:,} jets of {len(chosen.classes)} classes: {splits}",
    )  # fmt: skip


def show(
    path: Source,
    check: Annotated[
        bool, option("--check", None, "Compare every byte of a data set with its manifest.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show the jets, classes and columns of a file or data set. Columns are shown with their units."""
    from yukawa.jets.io.source import MANIFEST

    manifest = jets.check_manifest(path, full=check) if (path / MANIFEST).exists() else None
    source = jets.open_source(path)
    found: dict[str, Any] = {"path": str(path), "files": len(source.paths), **_contents(source)}
    found["columns"] = [_column(name) for name in source.columns]
    if manifest is not None:
        found |= {"splits": manifest.counts, "made": _made(manifest)}
    if as_json:
        print_json(found)
    else:
        _show(found, checked=check)


def convert(
    source: Annotated[Path, argument("IN", "A file of jets, a folder of such files, or a data set.")],
    target: Annotated[
        Path, argument("OUT", "File to write; its suffix sets the format: .parquet, .root, .h5, .jsonl.")
    ],
    split: Split = None,
    force: options.Force = False,
    as_json: Json = False,
) -> None:
    """Copy jets from any format to any other."""
    session.check_file(target, force, source)
    opened = jets.open_source(source, split)
    done = 0
    with progress_bar(f"writing {target}") as progress:

        def more(number: int) -> None:
            """Count the jets written and move the progress bar."""
            nonlocal done
            done += number
            progress(done, len(opened))

        written = jets.convert(opened, target, progress=more, force=force)
    give(
        as_json, {"out": str(target), "jets": written}, ("converted", "bold green"),
        f" {written:,} jets into {target}",
    )  # fmt: skip


def _contents(source: jets.JetSource) -> dict[str, Any]:
    """Jets, jets by class, and particles per jet, from as few columns as possible."""
    import numpy as np

    from yukawa.jets.table import LABEL, PARTICLE

    labels = [name for name in source.columns if name.startswith(LABEL)]
    particle = next((name for name in source.columns if name.startswith(PARTICLE)), None)
    classes = dict.fromkeys((name.removeprefix(LABEL) for name in labels), 0)
    counts: list[Any] = []
    done = 0
    with progress_bar(f"reading {len(source):,} jets") as progress:
        for chunk in source.read_chunks([*labels, particle] if particle else labels):
            for name in classes:
                classes[name] += int((chunk.scalars[LABEL + name] != 0).sum())
            counts.append(chunk.counts)
            done += len(chunk)
            progress(done, len(source))
    spread = None
    if particle and done:
        joined = np.concatenate(counts)
        mean = round(float(joined.mean()), 2)
        spread = {"mean": mean, "least": int(joined.min()), "most": int(joined.max())}
    return {"jets": len(source), "classes": classes, "particles": spread}


def _column(name: str) -> dict[str, str]:
    from yukawa.jets.table import JET_COLUMNS, LABEL, PARTICLE_COLUMNS, SPLIT

    if name == SPLIT:
        return {"name": name, "unit": "", "meaning": "0 train, 1 validation, 2 test"}
    known = {column.name: column for column in (*PARTICLE_COLUMNS, *JET_COLUMNS)}
    if name in known:
        return {"name": name, "unit": known[name].unit, "meaning": known[name].meaning}
    meaning = f"whether the jet is of class {name.removeprefix(LABEL)}" if name.startswith(LABEL) else ""
    return {"name": name, "unit": "", "meaning": meaning}


def _made(manifest: jets.JetManifest) -> dict[str, Any]:
    """How a data set was made."""
    return {
        "process": manifest.process.get("name"), "card": manifest.card.get("name"), "seed": manifest.seed,
        "jets_per_class": manifest.jets_per_class, "versions": manifest.versions,
    }  # fmt: skip


def _show(found: dict[str, Any], *, checked: bool) -> None:
    """Show the jets, classes and columns of a file or data set."""
    files = f"{found['files']} file{'s' * (found['files'] > 1)}"
    say((found["path"], "bold"), f"  {found['jets']:,} jets in {files}")
    rows = {}
    if "made" in found:
        made = found["made"]
        versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
        rows["made"] = f"{made['process']} in {made['card']}, seed {made['seed']}; {versions}"
        rows["files"] = "sizes match the manifest" + ("" if checked else "; --check compares every byte")
    rows |= {split: f"{sum(counts.values()):,} jets" for split, counts in found.get("splits", {}).items()}
    if found["classes"]:
        rows["classes"] = "; ".join(f"{name} {count:,}" for name, count in found["classes"].items())
    if found["particles"]:
        p = found["particles"]
        rows["particles per jet"] = f"{p['mean']} on average, {p['least']} to {p['most']}"
    output.facts(rows)
    say()
    output.facts({
        column["name"]: (f"[{column['unit']}] " if column["unit"] else "") + column["meaning"]
        for column in found["columns"]
    })  # fmt: skip


# ---- taggers --------------------------------------------------------------------------------------


def evaluate(
    models: Annotated[list[str], argument("MODEL", "Folders of models or runs; NAME=FOLDER gives a name.")],
    data: Annotated[Path | None, option("--data", "PATH", "The jets; by default those of the run.")] = None,
    split: Split = None,
    out: Annotated[
        Path | None, option("--out", "DIR", "The folder of the report; by default in the run.")
    ] = None,
    published: Annotated[
        bool, option("--published", None, "Show the published values of jet origin as well.")
    ] = False,
    weight: Weight = None,
    batch: Batch = 1024,
    device: Device = None,
    force: options.Force = False,
    as_json: Json = False,
) -> None:
    """Measure taggers on labelled jets.

    The report has the confusion matrix, efficiencies, charge flips, AUC, rejections and plots. By default the test jets
    of a data set are used.
    """
    if out is not None:
        session.check_folder(out)
    need("torch", purpose="evaluation", extra="jets")
    from yukawa.jets.evaluation.evaluate import in_brief

    with progress_bar("evaluating") as progress:
        report = jets.evaluate(
            named_paths(models), data, split=split, out=out, published=published, weight=weight, batch=batch,
            device=device, progress=progress, force=force,
        )  # fmt: skip
    if as_json:
        print_json({"out": str(report.folder), **report.to_dict()})
        return
    output.show(in_brief(report))
    for name, found in report.models.items():
        for line in found.notes:
            warn(f"{name}: {line}")
    say(f"the report is {report.folder}/report.md")


def predict(
    model: Model,
    data: Annotated[Path, option("--data", "PATH", "The jets, with or without labels.")],
    out: Annotated[Path, option("--out", "FILE", "File of the probabilities, .parquet or .root.")],
    split: Split = None,
    keep: Annotated[
        list[str] | None,
        option("--keep", "COLUMN", "Further column to write, such as weights; may be repeated."),
    ] = None,
    batch: Batch = 1024,
    device: Device = None,
    force: options.Force = False,
    as_json: Json = False,
) -> None:
    """Write a tagger's probabilities of each class for each jet.

    Beside them stand truth, columns of jets, observers of the data config, and the split of each jet of a whole data set.
    """
    session.check_file(out, force, data)
    need("torch", purpose="prediction", extra="jets")
    source = jets.open_source(data, split)
    with progress_bar("predicting") as progress:
        found = jets.predict(
            model_folder(model), source, out, keep=keep or (), batch=batch, device=device, progress=progress,
            force=force,
        )  # fmt: skip
    if as_json:
        print_json({
            "out": str(out), "jets": found.jets, "classes": list(found.classes), "left_out": found.left_out,
            "truncated": found.truncated, "replaced": found.replaced, "not_finite": found.not_finite,
            "absent": list(found.absent),
        })  # fmt: skip
        return
    say(f"{out} holds the probabilities of {found.jets:,} jets")
    for line in found.notes:
        warn(line)


def import_weaver(
    checkpoint: Annotated[Path, argument("CHECKPOINT", "Weights as weaver writes them.")],
    data_config: Annotated[str, option("--data-config", "NAME", "A built-in data config, or a YAML file.")],
    out: Annotated[Path, option("--out", "DIR", "The folder of the new model.")],
    settings: Annotated[
        list[str] | None,
        argument(
            "KEY=VALUE",
            "Values that the network was built with, by weaver's names, such as remove_self_pair=true.",
        ),
    ] = None,
    network: Annotated[
        str | None,
        option(
            "--network",
            "NAME",
            "Network whose values hold unless KEY=VALUE changes them: jetclass (arXiv:2202.03772) or weaver (its defaults).",
        ),
    ] = None,
    force: options.Force = False,
    as_json: Json = False,
) -> None:
    """Turn a checkpoint of weaver-core into a model. What the weights do not show must be given by --network or KEY=VALUE."""
    session.check_folder(out)
    need("torch", purpose="reading a checkpoint", extra="jets")
    given = dict(map(key_value, settings or ()))
    tagger = jets.import_weaver(checkpoint, data_config, out, given, network=network, force=force)
    found = {
        "out": str(out), "architecture": tagger.config.architecture, "classes": list(tagger.config.classes),
        "parameters": sum(weight.numel() for weight in tagger.parameters()),
    }  # fmt: skip
    give(
        as_json, found, f"{out} holds a {found['architecture']} of {found['parameters']:,} parameters for ",
        ", ".join(tagger.config.classes),
    )  # fmt: skip


def export_onnx(
    model: Model,
    out: Annotated[Path, argument("OUT", "The file, such as tagger.onnx.")],
    force: options.Force = False,
    as_json: Json = False,
) -> None:
    """Write a model as one ONNX file that takes raw jets. The file is checked against the model."""
    session.check_file(out, force)
    need("torch", purpose="exporting to ONNX", extra="jets")
    jets.export_onnx(model_folder(model), out, force=force)
    size = out.stat().st_size
    give(as_json, {"out": str(out), "bytes": size}, f"{out} holds the model, {size:,} bytes")


# ---- trainings ------------------------------------------------------------------------------------


def train(
    recipe: Annotated[str, options.a_recipe("jets")],
    changes: Annotated[list[str] | None, options.its_changes("training.batch=256")] = None,
    out: options.RunFolder = None,
    resume: options.Resume = False,
    dry_run: Annotated[
        bool, option("--dry-run", None, "Show what would be done: jets, steps, parameters, memory.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a tagger as a recipe says. Use torchrun for several GPUs."""
    folder = options.run_folder(out, recipe)
    session.check_run_folder(folder, resume or dry_run)
    need("torch", "transformers", "accelerate", purpose="training", extra="jets")
    chosen = jets.JetRecipe.load(recipe, changes or (), incomplete=dry_run)
    if dry_run:
        _describe(chosen, as_json)
        return
    title = f"training {chosen.model.architecture}"
    result = output.follow(title, lambda progress: jets.train(chosen, folder, resume, progress))
    output.ended(result, as_json)


def pretrain(
    recipe: Annotated[str, options.a_recipe("pretraining")],
    changes: Annotated[list[str] | None, options.its_changes("mixture.text.weight=2")] = None,
    out: options.RunFolder = None,
    resume: options.Resume = False,
    dry_run: Annotated[
        bool, option("--dry-run", None, "Show what would be done: sources, steps, parameters, memory.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a byte model on text and jets together. Use torchrun for several GPUs.

    `yukawa jets train` with a byte-model and model.start=DIR fine-tunes it; `yukawa jets evaluate DIR --data PATH`
    asks it in words.
    """
    folder = options.run_folder(out, recipe)
    session.check_run_folder(folder, resume or dry_run)
    need("torch", "transformers", "accelerate", purpose="pre-training", extra="jets")
    chosen = jets.PretrainingRecipe.load(recipe, changes or (), incomplete=dry_run)
    if dry_run:
        _describe_pretraining(chosen, as_json)
        return
    result = output.follow("pre-training", lambda progress: jets.pretrain(chosen, folder, resume, progress))
    output.ended(result, as_json)


def scaling(
    recipe: Annotated[str, options.a_recipe("scaling")],
    changes: Annotated[list[str] | None, options.its_changes("sizes=[100,1000]")] = None,
    out: options.RunFolder = None,
    ray: options.Ray = False,
    workers: options.Workers = 1,
    dry_run: Annotated[
        bool, option("--dry-run", None, "Show what would be done: trainings, steps, parameters, memory.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train models on increasing numbers of jets and measure each. The same command resumes a study.

    The folder gets one table, its means over seeds, and plots of every metric against the number of training jets.
    """
    folder = options.run_folder(out, recipe)
    session.check_run_folder(folder, dry_run or is_run(folder))
    packages = ("torch", "transformers", "accelerate", "pyarrow", "matplotlib")
    need(*packages, purpose="a scaling study", extra="jets")  # before hours have passed
    from yukawa.runs.sweep import executor_of

    study = jets.load_study(recipe, changes or (), incomplete=dry_run)
    if dry_run:
        _describe_study(study, as_json)
        return
    executor = executor_of(workers, ray, study.threads)
    with progress_bar(f"steps of {len(list(study.cells()))} trainings") as progress:
        result = jets.run_study(study, folder, executor, progress, output.note)
    if as_json:
        print_json({
            "out": str(result.folder), "cells": result.cells, "finished": len(result.rows),
            "interrupted": result.interrupted, "failed": dict(result.failed), "table": list(result.rows),
            "summary": result.summary,
        })  # fmt: skip
    if result.interrupted:
        raise output.Interrupted(result.message)
    if not as_json:
        say(result.message)
    output.check_failures(list(result.failed.items()), result.cells)


def _describe(recipe: jets.JetRecipe, as_json: bool) -> None:
    found = jets.describe(recipe)
    if as_json:
        print_json(asdict(found) | {"recipe": found.recipe.plain(), "jets_per_epoch": found.jets_per_epoch})
        return
    plan, how, size = found.plan, recipe.training, found.parameters
    steps = f"{how.steps:,}" if how.steps else f"unknown; epochs: {how.epochs}"
    facts = {
        "model": f"{recipe.model.architecture}, "
        + ("parameters unknown" if size is None else f"{size:,} parameters"),
        "jets": "unknown",
        "steps": f"{steps}, of {how.batch:,} jets each",
        "memory": f"about {(found.weights_memory or 0) / 1e9:.1f} GB for the network in fp32, more for a batch and jets",
    }
    if found.train_jets is not None:
        facts["jets"] = f"{found.train_jets:,} to train on, {found.validation_jets:,} to validate on"
    if plan is not None:
        facts["steps"] = (
            f"{plan.steps:,} of {plan.batch:,} jets; an epoch is {plan.epoch:,}, a validation comes every "
            f"{plan.evaluate:,}"
        )
    if found.batch_memory is not None and found.data_memory is not None:
        memory = (found.weights_memory or 0) + found.batch_memory
        facts["memory"] = (
            f"about {memory / 1e9:.1f} GB for network and batch in fp32, {found.data_memory / 1e9:.1f} GB for jets"
        )
    output.facts(facts)
    for line in found.problems:
        warn(line)


def _describe_pretraining(recipe: jets.PretrainingRecipe, as_json: bool) -> None:
    found = jets.describe_pretraining(recipe)
    if as_json:
        print_json(asdict(found) | {"recipe": found.recipe.plain()})
        return
    sources = {f"source {name}": text or "unknown" for name, text in found.sources.items()}
    output.facts({
        "model": f"{recipe.model.architecture}, {_size(found.parameters, found.weights_memory)}", **sources,
        "steps": f"{found.steps:,} of {recipe.training.batch:,} sequences",
    })  # fmt: skip
    for line in found.problems:
        warn(line)


def _describe_study(study: jets.Study, as_json: bool) -> None:
    found = jets.describe_study(study)
    if as_json:
        print_json(asdict(found) | {"study": study.plain()})
        return
    sizes = {
        f"model {name}": _size(size, found.weights_memory[name]) for name, size in found.parameters.items()
    }
    output.facts({
        "trainings": f"{found.trainings:,}, of {found.steps:,} steps in all", "jets": f"up to {found.jets:,} to train on", **sizes,
    })  # fmt: skip
    for line in found.problems:
        warn(line)


def _size(parameters: int | None, memory: int | None) -> str:
    """Parameters of a network and the memory that they take, if they are known."""
    if parameters is None or memory is None:
        return "parameters unknown"
    return f"{parameters:,} parameters, about {memory / 1e9:.2f} GB with gradients and optimiser in fp32, more for a batch"


app = options.new_app(
    "Simulate and read jets; train, evaluate and apply taggers.", simulate, show, convert, evaluate, predict,
    analyse, import_weaver, export_onnx, train, pretrain, scaling,
)  # fmt: skip
