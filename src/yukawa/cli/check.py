"""`yukawa check`: what is wrong with decay cards, job options and generator settings, for people and for machines."""

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from yukawa import __version__
from yukawa.cli.options import Json, argument, option
from yukawa.cli.output import fail, note, print_json, say
from yukawa.core.errors import InputError, nearest
from yukawa.core.files import atomic_write, read_all, read_bytes
from yukawa.generators import checking, diagnostics, mending, reading, species, words

_SHOWN_LINES = 20  # of what a snippet prints
FORMATS = ("text", "json", "github", "sarif")
Found = list[tuple[str, Sequence[diagnostics.Diagnostic]]]


Files = Annotated[
    list[str],
    argument(
        "FILE...",
        "Decay cards, .cmnd files of Pythia, job options of BOSS or .py files; - is standard input.",
    ),
]
Strict = Annotated[bool, option("--strict", None, "Exit with 1 for warnings too.")]
Fix = Annotated[bool, option("--fix", None, "Apply every fix that is unambiguous, and show the difference.")]
FixPhysics = Annotated[
    bool,
    option(
        "--fix-physics", None, "Also apply fixes that change the decays: charges, neutrinos, antibaryons."
    ),
]
Form = Annotated[
    str, option("--format", "FORMAT", "Form of the output: text, json, github (annotations) or sarif.")
]
Ignore = Annotated[
    str,
    option("--ignore", "CODE,…", "Ignore warnings and notes of these codes, such as W-LFV of a search."),
]
Base = Annotated[
    Path | None,
    option(
        "--base", "FILE", "Decay table that the generator reads first, with its aliases, values and decays."
    ),
]
Pdl = Annotated[
    Path | None,
    option("--pdl", "FILE", "Your particle table: evt.pdl of EvtGen or pdt.table of BesEvtGen."),
]
Ecms = Annotated[
    float | None, option("--ecms", "GEV", "Centre-of-mass energy, which is the mass of a vpho.", min=0.0)
]
Pdg = Annotated[
    bool,
    option("--pdg", None, "Compare the branching fractions with those of the Review of Particle Physics."),
]
Run = Annotated[
    bool,
    option("--run", None, "Also run Python files, in isolation: no network, no files elsewhere, 30 s, 1 GB."),
]


def check(
    files: Files,
    strict: Strict = False,
    fix: Fix = False,
    fix_physics: FixPhysics = False,
    form: Form = "text",
    ignore: Ignore = "",
    base: Base = None,
    pdl: Pdl = None,
    ecms: Ecms = None,
    pdg: Pdg = False,
    run: Run = False,
    as_json: Json = False,
) -> None:
    """Check decay cards, job options, settings and Python code.

    Exit code: 0 without errors, 1 with errors, 2 if a file cannot be read.
    """
    if form not in FORMATS:
        raise InputError(f"--format {form} is not one of {', '.join(FORMATS)}")
    if as_json and form not in ("text", "json"):
        raise InputError(f"--json and --format {form} ask for two forms", hint="type one of them")
    form = "json" if as_json else form
    ignored, fix = _codes(ignore), fix or fix_physics
    filters = fix and "-" in files
    if filters and (form != "text" or len(files) > 1):
        raise InputError(
            "--fix puts the text of standard input on standard output, where nothing else fits",
            hint="give - alone and no other form, or check it without --fix",
        )
    with _measured(pdg) as measured:
        around = checking.Surroundings(
            reading.read_card(reading.read_file(base)) if base else None,
            _table(pdl) if pdl else None,
            ecms,
            measured,
        )
        fixes = _Fixes(fix, fix_physics, say if form == "text" else note)
        found, unreadable = _all(files, around, fixes, run)
    found = [(file, [each for each in listed if each.code not in ignored]) for file, listed in found]
    _show(found, form, note if filters else say)
    levels = {each.level for _, listed in found for each in listed}
    if unreadable:
        raise typer.Exit(2)
    if "error" in levels or (strict and "warning" in levels):
        raise typer.Exit(1)


def _codes(text: str) -> set[str]:
    """The codes of a list with commas; one of an error, or that is none, is refused."""
    codes = {each.strip().upper() for each in text.split(",") if each.strip()}
    for code in sorted(codes):
        if code not in diagnostics.CODES:
            near = nearest(code, diagnostics.CODES)
            raise InputError(
                f"no finding has the code {code} of --ignore", hint=f"is {near} meant?" if near else ""
            )
        if code.startswith("E"):
            raise InputError(
                f"--ignore {code} would hide an error", hint="only warnings and notes can be ignored"
            )
    return codes


class _Fixes(NamedTuple):
    """Whether mends are wanted, also those of the physics, and who shows the difference."""

    wanted: bool
    physics: bool
    show: Callable[[str], None]


def _all(files: list[str], around: checking.Surroundings, fixes: _Fixes, run: bool) -> tuple[Found, bool]:
    found: Found = []
    unreadable = False
    for file in files:
        try:
            runs = run and Path(file).suffix == ".py"
            found.append((file, _run(file) if runs else _checked(file, around, fixes)))
        except InputError as error:
            fail(str(error))
            unreadable = True
    return found, unreadable


@contextlib.contextmanager
def _measured(pdg: bool) -> Iterator[Any]:
    """Looks up branching fractions in the knowledge base, if they are wanted."""
    if not pdg:
        yield None
        return
    from yukawa.cli import session
    from yukawa.generators.fractions import measured_in

    with session.taught_base(session.read_settings()) as base:
        yield measured_in(base)


def _table(path: Path) -> dict[str, species.Species]:
    found = species.read_particle_table(path)
    if not found:
        raise InputError(
            f"{path} holds no line 'add p Particle NAME NUMBER …', so it is not a table of particles"
        )
    return found


def _run(file: str) -> Sequence[diagnostics.Diagnostic]:
    """Check and run a Python file; what it prints and what was generated for it are notes."""
    from yukawa.generators.snippets import run_snippet

    done = run_snippet(reading.read_file(Path(file)).removeprefix(words.MARK), Path(file).name)
    for line in (*done.output.splitlines()[-_SHOWN_LINES:], *done.notes):
        note((line, "dim"))
    return done.found


def _checked(file: str, around: checking.Surroundings, fixes: _Fixes) -> Sequence[diagnostics.Diagnostic]:
    stdin = file == "-"
    raw = read_all(sys.stdin.buffer, "standard input") if stdin else read_bytes(Path(file))
    text = reading.decoded(raw, "standard input" if stdin else file)
    name = "" if stdin else Path(file).name
    foreign = reading.foreign_bytes(raw) is not None

    def checker(text: str) -> Sequence[diagnostics.Diagnostic]:
        """What is wrong with a version of the file."""
        found = checking.check(text, name=name, surroundings=around)
        bytes_ = reading.foreign_bytes(text.encode("latin-1")) if foreign else None
        return [bytes_, *found] if bytes_ else found

    if not fixes.wanted:
        return checker(text)
    better, left = mending.mended_fully(text, checker, physics=fixes.physics)
    written = better.encode("latin-1" if foreign else "utf-8")
    if stdin:
        _pass_on(better, written)
    elif better != text:
        fixes.show(mending.difference(text, better, file).rstrip("\n"))
        atomic_write(Path(file), written)
    return left


def _pass_on(text: str, raw: bytes) -> None:
    """A text on standard output, byte by byte; in a terminal without what would steer it."""
    if sys.stdout.isatty():
        say(text.removesuffix("\n"))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(raw)
    sys.stdout.buffer.flush()


def _show(found: Found, form: str, show: Callable[[str], None]) -> None:
    if form == "json":
        print_json([each for file, listed in found for each in diagnostics.as_objects(file, listed)])
        return
    if form == "sarif":
        say(diagnostics.as_sarif(found, __version__))
        return
    lines = diagnostics.as_github if form == "github" else diagnostics.as_text
    for file, listed in found:
        for line in lines(file, listed):
            show(line)
    if form == "text" and found:
        counts = {
            level: sum(each.level == level for _, listed in found for each in listed)
            for level in ("error", "warning", "note")
        }
        shown = ", ".join(f"{count} {level}{'s' * (count != 1)}" for level, count in counts.items() if count)
        note(f"{len(found)} file{'s' * (len(found) != 1)} checked: {shown or 'nothing found'}")
