"""Options that the verbs of `yukawa evaluate` share, and the models, documents and completions they name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yukawa.cli.output import note, say
from yukawa.core.errors import InputError

if TYPE_CHECKING:
    from yukawa.core.reports import Block
    from yukawa.core.settings import ModelSettings
    from yukawa.data.rows import Document
    from yukawa.evaluation.runner import Manner, Subject
    from yukawa.evaluation.served_models import Service

OneData = Annotated[str, typer.Argument(metavar="DATA", help="A file of documents, or a data set's folder.")]
Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Made by `yukawa evaluate completions`.")
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", metavar="[NAME=]MODEL[+ADAPTER]", help="Folder, run or hub name; repeat it for several."
    ),
]
Services = Annotated[
    list[str] | None,
    typer.Option(
        "--service", metavar="NAME", help="A row of yukawa.toml whose server scores prompts, as vLLM does."
    ),
]
SplitName = Annotated[str, typer.Option("--split", metavar="NAME", help="Of a data set's folder.")]
Limit = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="Only the first N documents of each test set."),
]
Bos = Annotated[
    bool | None, typer.Option("--bos/--no-bos", help="Begin texts with BOS; left out: as the tokenizer does.")
]
Eos = Annotated[
    bool, typer.Option("--eos/--no-eos", help="Score EOS at the end, as it is trained (FeynTune: --no-eos).")
]
Context = Annotated[
    int | None,
    typer.Option("--context", metavar="N", min=1, help="Longest window in tokens; the model's own."),
]
Stride = Annotated[
    int | None,
    typer.Option("--stride", metavar="N", min=1, help="Step of windows in longer texts; half a window."),
]
Dtype = Annotated[
    str, typer.Option("--dtype", help="auto (as trained, else as saved), float32, bfloat16 or float16.")
]
FourBit = Annotated[
    bool | None,
    typer.Option("--4bit/--no-4bit", help="Weights in four bits; left out: where QLoRA trained beside such."),
]
Device = Annotated[str | None, typer.Option("--device", help="Such as cuda:0 or cpu.")]
BatchTokens = Annotated[
    int | None, typer.Option("--batch-tokens", metavar="N", min=1, help="Tokens of a batch.")
]
Resamples = Annotated[int, typer.Option("--resamples", metavar="N", min=1, help="Of the bootstrap.")]
Level = Annotated[float, typer.Option("--level", help="Of the intervals.")]
Seed = Annotated[int, typer.Option("--seed", metavar="S", help="Of all random numbers.")]
EmbedderName = Annotated[str, typer.Option("--embedder", help="For example minilm, hash.")]


def find_subjects(
    models: Iterable[str], dtype: str, four_bit: bool | None, device: str | None
) -> list[Subject]:
    """The models that `--model` names.

    Raises:
        InputError: a text names no model, or two have one name.
    """
    from yukawa.evaluation.runner import Subject, check_names

    found = [Subject.parse(text, dtype=dtype, load_in_4bit=four_bit, device=device) for text in models]
    check_names([subject.name for subject in found], "models", "NAME=FOLDER")
    return found


def find_measured(
    models: list[str] | None,
    services: list[str] | None,
    dtype: str,
    four_bit: bool | None,
    device: str | None,
) -> list[Subject | Service]:
    """The models that `--model` and `--service` name.

    Raises:
        InputError: there is none, a text names no model, or two have one name.
    """
    from yukawa.evaluation.runner import check_names
    from yukawa.evaluation.served_models import Service

    if not models and not services:
        raise InputError("no model was named", hint="add --model FOLDER or --service NAME")
    found: list[Subject | Service] = [*find_subjects(models or (), dtype, four_bit, device)]
    found += [Service(row) for row in find_rows(services)]
    check_names([subject.name for subject in found], "models", "NAME=FOLDER")
    return found


def find_rows(names: Iterable[str] | None) -> list[ModelSettings]:
    """The rows of `yukawa.toml` of these names.

    Raises:
        InputError: there is no such row.
    """
    if not names:
        return []
    from yukawa.cli.session import read_settings

    rows = read_settings().models
    for name in names:
        if name not in rows:
            raise InputError(f"yukawa.toml has no model {name!r}", hint=f"there are: {', '.join(rows)}")
    return [rows[name] for name in names]


def find_tests(data: Iterable[str], split: str, limit: int | None) -> dict[str, list[Document]]:
    """The documents of each `[NAME=]DATA`.

    Raises:
        InputError: there are none, or two test sets have one name.
    """
    from yukawa.evaluation.documents import read_documents
    from yukawa.evaluation.runner import check_names

    places = [named(text) for text in data]
    check_names([name for name, _ in places], "test sets", "NAME=PATH")
    return {name: read_documents(Path(path), split=split, limit=limit) for name, path in places}


def find_completions(files: Iterable[Path]) -> dict[str, tuple[dict[str, Any], list[Any]]]:
    """How the completions in the files were made, and themselves, by the name of what wrote them.

    Raises:
        InputError: a file holds no completions, or two are by one name.
    """
    from yukawa.evaluation.completions import read_completions

    found: dict[str, tuple[dict[str, Any], list[Any]]] = {}
    for path in files:
        name, options, rows = read_completions(path)
        if not rows:
            raise InputError(f"{path} holds no completion yet", hint="finish it by the command that began it")
        if name in found:
            raise InputError(f"two files hold completions by {name!r}", hint="give each model another name")
        found[name] = (options, rows)
    return found


def named(text: str) -> tuple[str, str]:
    """Name and path of `[NAME=]PATH`.

    Raises:
        InputError: a part is empty.
    """
    name, equals, path = text.partition("=")
    if not equals:
        return Path(text).name.partition(".")[0] or text, text
    if not name or not path:
        raise InputError(f"{text!r} is no NAME=PATH")
    return name, path


def find_manner(
    bos: bool | None, eos: bool, context: int | None, stride: int | None, batch_tokens: int | None
) -> Manner:
    """How documents are measured."""
    from yukawa.evaluation.runner import Manner

    return Manner(bos, eos, context, stride, batch_tokens)


def tell(line: str) -> None:
    """A line for people, where it disturbs no script."""
    note(line)


def show(blocks: Sequence[Block]) -> None:
    """Headings, sentences and tables as lines."""
    from yukawa.core.reports import Heading, Paragraph, Table

    for block in blocks:
        if isinstance(block, Table):
            widths = [max(map(len, column)) for column in zip(block.head, *block.rows, strict=True)]
            for row in (block.head, *block.rows):
                say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        elif isinstance(block, Heading):
            say((block.text, "bold"))
        elif isinstance(block, Paragraph):
            say(block.text)
        say()
