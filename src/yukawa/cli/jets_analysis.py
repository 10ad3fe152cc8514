"""`yukawa jets analyse`: working points on a tagger's scores, in bins and under variations."""

from __future__ import annotations  # an annotation that is evaluated would load what it names

from pathlib import Path
from typing import Annotated

from yukawa import jets
from yukawa.cli import options, output, session
from yukawa.cli.options import Json, argument, option
from yukawa.cli.output import need, print_json, progress_bar, say, warn
from yukawa.core.errors import InputError

Weight = Annotated[
    str | None, option("--weight", "COLUMN", "The column of the jets' weights; by default all are 1.")
]
Formulas = Annotated[
    list[str] | None,
    option(
        "--discriminant", "NAME=FORMULA",
        "Such as D_b=log(b/(0.2*c+0.8*u)); by default the likelihood ratio of the groups.",
    ),
]  # fmt: skip
Efficiencies = Annotated[
    list[float] | None,
    option("--efficiency", "SHARE", "Share of the signal that is to pass; may be repeated."),
]
Mistags = Annotated[
    list[float] | None, option("--mistag", "SHARE", "Share of all background that may pass; may be repeated.")
]
Bins = Annotated[
    list[str] | None, option("--bins", "OBSERVABLE=EDGES", "Such as jet_pt=20,50,100; may be repeated.")
]
ScoreSplit = Annotated[
    str | None,
    option("--split", "NAME", "Split: train, validation, test or all; by default test where it is known."),
]


def analyse(
    scores: Annotated[
        list[str],
        argument("SCORES", "Files of `yukawa jets predict`, the nominal one first; NAME=FILE gives a name."),
    ],
    signal: Annotated[str, option("--signal", "GROUP", "Flavour to tag, such as b, or NAME=b,c.")],
    background: Annotated[
        list[str], option("--background", "GROUP", "Other flavours, such as light=u,d,s; may be repeated.")
    ],
    out: Annotated[Path, option("--out", "DIR", "The folder of the report.")],
    discriminant: Formulas = None,
    efficiency: Efficiencies = None,
    mistag: Mistags = None,
    bins: Bins = None,
    weight: Weight = None,
    split: ScoreSplit = None,
    force: options.Force = False,
    as_json: Json = False,
) -> None:
    """Find working points on a tagger's scores.

    The report says what passes them, with errors, in bins and in samples with systematic variations, and has ROC curves and
    calibration. Flavours mean quark and antiquark together; formulas may also use score_CLASS and the other columns.
    """
    session.check_folder(out)
    need("matplotlib", purpose="plots", extra="jets")
    from yukawa.jets.evaluation.analysis_report import brief

    plan = jets.AnalysisPlan.parse(
        signal, background, discriminant or (), efficiency or (), mistag or (), bins or ()
    )
    files = named_paths(scores)
    named = files if isinstance(files, dict) else {path.stem: path for path in files}
    if len(named) < len(scores):
        raise InputError(
            "two files of scores have the same name", hint="give them different names: NAME=FILE"
        )
    with progress_bar("reading scores") as progress:
        found = jets.analyse_scores(
            named, plan, out, weight=weight, split=split, progress=progress, force=force
        )
    if as_json:
        print_json({"out": str(found.folder), **found.to_dict()})
        return
    output.show(brief(found))
    for line in found.notes:
        warn(line)
    say(f"the report is {found.folder}/report.md")


def named_paths(models: list[str]) -> list[Path] | dict[str, Path]:
    """Folders, or folders by the names that were given."""
    if all(Path(model).exists() or "=" not in model for model in models):
        return [Path(model) for model in models]
    named = {}
    for model in models:
        name, equals, folder = model.partition("=")
        if not equals:
            raise InputError(
                f"{model} has no name, but others have one", hint=f"type NAME={model}, or name none"
            )
        if name in named:
            raise InputError(f"two models are called {name!r}", hint="give each a name of its own")
        named[name] = Path(folder)
    return named
