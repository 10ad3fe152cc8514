"""`yukawa jets VERB` for trained taggers: evaluate, predict, import-weaver, export-onnx."""

from pathlib import Path
from typing import Annotated

import typer

from yukawa.cli.options import Debug, Json, Split
from yukawa.cli.output import note, print_json, progress_bar, say, show
from yukawa.cli.progress import need
from yukawa.core.config import key_value
from yukawa.core.errors import InputError
from yukawa.runs.run import model_folder

Model = Annotated[Path, typer.Argument(metavar="MODEL", help="The folder of a model or of its run.")]
Device = Annotated[
    str | None, typer.Option("--device", help="Device: cpu, cuda, cuda:1, …; a GPU if there is one.")
]
Batch = Annotated[
    int, typer.Option("--batch", metavar="N", help="Number of jets that go through a network at once.")
]


def add_to(app: typer.Typer) -> None:
    """Add these verbs to a group."""
    for verb in (evaluate, predict, import_weaver, export_onnx):
        app.command()(verb)


def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(metavar="MODEL", help="Folders of models or runs; NAME=FOLDER gives a name."),
    ],
    data: Annotated[
        Path | None, typer.Option("--data", metavar="PATH", help="The jets; by default those of the run.")
    ] = None,
    split: Split = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="The report's folder; by default in the run.")
    ] = None,
    published: Annotated[
        bool, typer.Option("--published", help="Show the published values of jet origin as well.")
    ] = False,
    batch: Batch = 1024,
    device: Device = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Measure taggers on labelled jets: matrix, efficiencies, flips, AUC, rejections; with plots.

    By default, the test jets of a data set are taken.
    """
    need("torch", purpose="evaluation")
    from yukawa.jets.evaluation.evaluate import evaluate as measure
    from yukawa.jets.evaluation.evaluate import in_brief

    with progress_bar("evaluating") as progress:
        report = measure(
            _named(models), data, split=split, out=out, published=published, batch=batch, device=device,
            progress=progress,
        )  # fmt: skip
    if as_json:
        print_json({"out": str(report.folder), **report.to_dict()})
        return
    show(in_brief(report))
    for name, found in report.models.items():
        for line in found.notes:
            note(("note: ", "bold yellow"), f"{name}: {line}")
    say(f"the report is {report.folder}/report.md")


def predict(
    model: Model,
    data: Annotated[Path, typer.Option("--data", metavar="PATH", help="The jets; labels may be absent.")],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="File of the probabilities, .parquet or .root.")
    ],
    split: Split = None,
    batch: Batch = 1024,
    device: Device = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a tagger's probabilities of each class for each jet."""
    need("torch", purpose="prediction")
    from yukawa.jets.evaluation.prediction import predict as run
    from yukawa.jets.io.source import open_source

    source = open_source(data, split)
    with progress_bar("predicting") as progress:
        found = run(model_folder(model), source, out, batch=batch, device=device, progress=progress)
    if as_json:
        print_json({
            "out": str(out), "jets": found.jets, "classes": list(found.classes), "left_out": found.left_out,
            "truncated": found.truncated, "replaced": found.replaced, "not_finite": found.not_finite,
            "absent": list(found.absent),
        })  # fmt: skip
        return
    say(f"{out} holds the probabilities of {found.jets:,} jets")
    for line in found.notes:
        note(("note: ", "bold yellow"), line)


def import_weaver(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT", help="Weights as weaver writes them.")],
    data_config: Annotated[
        str, typer.Option("--data-config", metavar="NAME", help="A built-in data config, or a YAML file.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The new model's folder.")],
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="KEY=VALUE", help="Settings that the weights do not show, such as pair_activated=true."
        ),
    ] = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Turn a checkpoint of weaver-core into a model."""
    need("torch", purpose="reading a checkpoint")
    from yukawa.jets.models.weaver import import_weaver as read

    tagger = read(checkpoint, data_config, out, dict(map(key_value, settings or ())))
    found = {
        "out": str(out), "architecture": tagger.config.architecture, "classes": list(tagger.config.classes),
        "parameters": sum(weight.numel() for weight in tagger.parameters()),
    }  # fmt: skip
    if as_json:
        print_json(found)
    else:
        say(
            f"{out} holds a {found['architecture']} of {found['parameters']:,} parameters "
            f"for {', '.join(tagger.config.classes)}"
        )


def export_onnx(
    model: Model,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The file, such as tagger.onnx.")],
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Write a model as one ONNX file that takes raw jets, checked against the model."""
    need("torch", purpose="exporting to ONNX")
    from yukawa.jets.models.onnx import export_onnx as write

    write(model_folder(model), out)
    if as_json:
        print_json({"out": str(out), "bytes": out.stat().st_size})
    else:
        say(f"{out} holds the model, {out.stat().st_size:,} bytes")


def _named(models: list[str]) -> list[Path] | dict[str, Path]:
    """Folders, or folders by the names that were given."""
    if all(Path(model).exists() or "=" not in model for model in models):
        return [Path(model) for model in models]
    named = {}
    for model in models:
        name, equals, folder = model.partition("=")
        if not equals:
            raise InputError(f"{model} has no name, others have", hint=f"type NAME={model}, or name none")
        if name in named:
            raise InputError(f"two models are called {name!r}", hint="give each a name of its own")
        named[name] = Path(folder)
    return named
