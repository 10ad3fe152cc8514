"""`yukawa jets VERB` for jets themselves: simulate, show, convert."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yukawa.cli.options import Debug, Json, Split
from yukawa.cli.output import note, print_json, progress_bar, say

if TYPE_CHECKING:
    from yukawa.jets.io.chunks import JetSource
    from yukawa.jets.io.source import JetManifest


def add_to(app: typer.Typer) -> None:
    """Add these verbs to a group."""
    for verb in (simulate, show, convert):
        app.command()(verb)


def simulate(
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the data set.")],
    jets_per_class: Annotated[
        int, typer.Option("--jets-per-class", metavar="N", help="Number of jets of each class.")
    ],
    seed: Annotated[int, typer.Option("--seed", metavar="S", help="Seed of the random numbers.")] = 1,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="W", help="Number of processes; by default one for each core."),
    ] = None,
    process: Annotated[
        str,
        typer.Option("--process", metavar="NAME", help="Process: jet-origin, hadron-jets, or a YAML file."),
    ] = "jet-origin",
    card: Annotated[
        str, typer.Option("--card", metavar="NAME", help="Detector: cepc, idea, ild, or a YAML file.")
    ] = "cepc",
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Simulate a data set of labelled jets, or resume one.

    The same seed gives the same jets, whatever the number of workers. After an interruption the same command
    resumes; with a larger N a data set grows.
    """
    from yukawa.jets.simulation import load_card, load_process, produce

    chosen, detector = load_process(process), load_card(card)
    with progress_bar(f"simulating {chosen.name} in {detector.name}") as progress:
        manifest = produce(out, chosen, detector, jets_per_class, seed, workers, progress)
    if as_json:
        print_json({"out": str(out), **_made(manifest), "jets": manifest.jets, "counts": manifest.counts})
        return
    splits = ", ".join(f"{sum(counts.values()):,} {split}" for split, counts in manifest.counts.items())
    say(f"{out} holds {manifest.jets:,} jets of {len(chosen.classes)} classes: {splits}")


def show(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A file of jets, a folder of such files, or a data set.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Compare every byte of a data set with its manifest.")
    ] = False,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Show what a file or data set holds: jets, classes, particles per jet, columns with units."""
    from yukawa.jets.io.source import MANIFEST, check_manifest, open_source

    manifest = check_manifest(path, full=check) if (path / MANIFEST).exists() else None
    source = open_source(path)
    found: dict[str, Any] = {"path": str(path), "files": len(source.paths), **_contents(source)}
    found["columns"] = [_column(name) for name in source.columns]
    if manifest is not None:
        found |= {"splits": manifest.counts, "made": _made(manifest)}
    if as_json:
        print_json(found)
    else:
        _show(found, checked=check)


def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A file of jets, a folder of such files, or a data set.")
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="File to write; its suffix sets the format: .parquet, .root, .h5, .jsonl."
        ),
    ],
    split: Split = None,
    as_json: Json = False,
    debug: Debug = False,
) -> None:
    """Copy jets from any format to any other."""
    from yukawa.jets.io.source import convert as write
    from yukawa.jets.io.source import open_source

    opened = open_source(source, split)
    done = 0
    with progress_bar(f"writing {target}") as progress:

        def more(jets: int) -> None:
            nonlocal done
            done += jets
            progress(done, len(opened))

        jets = write(opened, target, progress=more)
    if as_json:
        print_json({"out": str(target), "jets": jets})
    else:
        note(("converted", "bold green"), f" {jets:,} jets into {target}")


def _contents(source: JetSource) -> dict[str, Any]:
    """Jets, jets by class, and particles per jet, from as few columns as possible."""
    from yukawa.jets.table import LABEL, PARTICLE

    labels = [name for name in source.columns if name.startswith(LABEL)]
    particle = next((name for name in source.columns if name.startswith(PARTICLE)), None)
    classes = dict.fromkeys((name.removeprefix(LABEL) for name in labels), 0)
    counts: list[Any] = []
    done = 0
    with progress_bar(f"reading {len(source):,} jets") as progress:
        for jets in source.read_chunks([*labels, particle] if particle else labels):
            for name in classes:
                classes[name] += int((jets.scalars[LABEL + name] != 0).sum())
            counts.append(jets.counts)
            done += len(jets)
            progress(done, len(source))
    return {
        "jets": len(source), "classes": classes,
        "particles": _spread(counts) if particle and done else None,
    }  # fmt: skip


def _spread(counts: list[Any]) -> dict[str, float]:
    import numpy as np

    joined = np.concatenate(counts)
    return {"mean": round(float(joined.mean()), 2), "least": int(joined.min()), "most": int(joined.max())}


def _column(name: str) -> dict[str, str]:
    from yukawa.jets.table import JET_COLUMNS, LABEL, PARTICLE_COLUMNS

    known = {column.name: column for column in (*PARTICLE_COLUMNS, *JET_COLUMNS)}
    if name in known:
        return {"name": name, "unit": known[name].unit, "meaning": known[name].meaning}
    meaning = f"whether the jet is of class {name.removeprefix(LABEL)}" if name.startswith(LABEL) else ""
    return {"name": name, "unit": "", "meaning": meaning}


def _made(manifest: JetManifest) -> dict[str, Any]:
    """How a data set was made."""
    return {
        "process": manifest.process.get("name"), "card": manifest.card.get("name"), "seed": manifest.seed,
        "jets_per_class": manifest.jets_per_class, "versions": manifest.versions,
    }  # fmt: skip


def _show(found: dict[str, Any], *, checked: bool) -> None:
    say(
        (found["path"], "bold"),
        f"  {found['jets']:,} jets in {found['files']} file{'s' * (found['files'] > 1)}",
    )
    made = found.get("made")
    if made:
        versions = ", ".join(f"{name} {version}" for name, version in made["versions"].items())
        say(("made: ", "dim"), f"{made['process']} in {made['card']}, seed {made['seed']}; {versions}")
        say(
            ("files: ", "dim"), "sizes match the manifest", "" if checked else "; --check compares every byte"
        )
    for split, counts in found.get("splits", {}).items():
        say((f"{split}: ", "dim"), f"{sum(counts.values()):,} jets")
    if found["classes"]:
        classes = "; ".join(f"{name} {count:,}" for name, count in found["classes"].items())
        say(("classes: ", "dim"), classes)
    if found["particles"]:
        p = found["particles"]
        say(("particles per jet: ", "dim"), f"{p['mean']} on average, {p['least']} to {p['most']}")
    width = max(len(column["name"]) for column in found["columns"])
    for column in found["columns"]:
        unit = f"[{column['unit']}] " if column["unit"] else ""
        say(f"  {column['name']:{width}}  ", (unit, "dim"), column["meaning"])
