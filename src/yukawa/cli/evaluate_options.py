"""Options that the verbs of `yukawa evaluate` share, in groups that are defined once, and what they name."""

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from yukawa.core.errors import InputError, nearest

if TYPE_CHECKING:
    from yukawa.core.settings import ModelSettings
    from yukawa.data.rows import Document
    from yukawa.evaluation.recipe import Loading, ScoringOptions, Statistics
    from yukawa.evaluation.runner import ModelSpec

OneData = Annotated[str, typer.Argument(metavar="DATA", help="A file of documents, or a data set's folder.")]
Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="Files that `yukawa evaluate completions` wrote.")
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model", metavar="[NAME=]MODEL[+ADAPTER]", help="A folder, a run or a hub name; may be repeated."
    ),
]
Services = Annotated[
    list[str] | None,
    typer.Option(
        "--service", metavar="NAME", help="A row of yukawa.toml whose server scores prompts, as vLLM does."
    ),
]
SplitName = Annotated[str, typer.Option("--split", metavar="NAME", help="The split of a data set's folder.")]
Limit = Annotated[
    int | None,
    typer.Option("--limit", metavar="N", min=1, help="Use only the first N documents of each test set."),
]
Bos = Annotated[
    bool | None,
    typer.Option("--bos/--no-bos", help="Begin texts with BOS; by default the tokenizer decides."),
]
Seed = Annotated[int, typer.Option("--seed", metavar="S", min=0, help="Seed of the random numbers.")]
EmbedderName = Annotated[str, typer.Option("--embedder", help="The embedder, such as minilm or hash.")]


def loading(
    dtype: Annotated[
        str, typer.Option("--dtype", help="auto (as trained, else as saved), float32, bfloat16 or float16.")
    ] = "auto",
    four_bit: Annotated[
        bool | None,
        typer.Option(
            "--4bit/--no-4bit", help="Load weights in four bits; by default where QLoRA trained so."
        ),
    ] = None,
    device: Annotated[str | None, typer.Option("--device", help="The device, such as cuda:0 or cpu.")] = None,
) -> "Loading":
    """How models are opened."""
    from yukawa.evaluation.recipe import Loading

    return Loading(dtype=dtype, load_in_4bit=four_bit, device=device)


def scoring(
    bos: Bos = None,
    eos: Annotated[
        bool,
        typer.Option("--eos/--no-eos", help="Score EOS at the end, as in training (FeynTune: --no-eos)."),
    ] = True,
    context: Annotated[
        int | None,
        typer.Option(
            "--context", metavar="N", min=1, help="Longest window in tokens; by default the model's."
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(
            "--stride", metavar="N", min=1, help="Step of windows in longer texts; by default half a window."
        ),
    ] = None,
    batch_tokens: Annotated[
        int | None, typer.Option("--batch-tokens", metavar="N", min=1, help="Tokens of a batch.")
    ] = None,
) -> "ScoringOptions":
    """How documents are scored."""
    from yukawa.evaluation.recipe import ScoringOptions

    return ScoringOptions(bos=bos, eos=eos, context=context, stride=stride, batch_tokens=batch_tokens)


def statistics(
    level: Annotated[float, typer.Option("--level", help="Confidence level of the intervals.")] = 0.95,
    resamples: Annotated[
        int, typer.Option("--resamples", metavar="N", min=1, help="Number of bootstrap resamples.")
    ] = 10_000,
    seed: Seed = 0,
) -> "Statistics":
    """How intervals are made."""
    from yukawa.evaluation.recipe import Statistics

    return Statistics(level=level, resamples=resamples, seed=seed)


def with_options(*groups: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A verb that takes the result of each group in a parameter of the group's name; its command takes their options."""

    def decorate(verb: Callable[..., None]) -> Callable[..., None]:
        members = {group.__name__: list(inspect.signature(group).parameters.values()) for group in groups}
        parameters = []
        for parameter in inspect.signature(verb).parameters.values():
            parameters += members.get(parameter.name, [parameter])

        @functools.wraps(verb)
        def command(**given: Any) -> None:
            for group in groups:
                given[group.__name__] = group(**{p.name: given.pop(p.name) for p in members[group.__name__]})
            verb(**given)

        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return command

    return decorate


class RecipeGroup(TyperGroup):
    """A group of verbs whose first word may be a recipe instead: it then does what its verb `recipe` does."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The verb that the first word names, and the words for it."""
        word = args[0]
        misspelt = nearest(word, self.commands) and not Path(word).suffix and not Path(word).exists()
        if word in self.commands or word.startswith("-") or misspelt:
            return super().resolve_command(ctx, args)
        return "recipe", self.commands["recipe"], args


def find_models(models: Iterable[str] | None, how: "Loading") -> list["ModelSpec"]:
    """The models that `--model` names.

    Raises:
        InputError: a text names no model, or two have one name.
    """
    from yukawa.evaluation.runner import ModelSpec, check_names

    found = [ModelSpec.parse(text, **how.model_dump()) for text in models or ()]
    check_names([model.name for model in found], "models", "NAME=FOLDER")
    return found


def find_rows(names: Iterable[str] | None) -> list["ModelSettings"]:
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


def find_measured(models: Iterable[str] | None, services: Iterable[str] | None, how: "Loading") -> list[Any]:
    """The models that `--model` and `--service` name.

    Raises:
        InputError: there is none, a text names no model, or two have one name.
    """
    from yukawa.evaluation.runner import check_names
    from yukawa.evaluation.served_models import Service

    found: list[Any] = [*find_models(models, how), *map(Service, find_rows(services))]
    if not found:
        raise InputError("no model was named", hint="add --model FOLDER or --service NAME")
    check_names([model.name for model in found], "models", "NAME=FOLDER")
    return found


def find_tests(data: Sequence[str], split: str, limit: int | None) -> dict[str, list["Document"]]:
    """The documents of each `[NAME=]DATA`.

    Raises:
        InputError: there are none, or two test sets have one name.
    """
    from yukawa.evaluation.runner import read_documents

    return {name: read_documents(Path(path), split=split, limit=limit) for name, path in named(data).items()}


def named(texts: Iterable[str], what: str = "test sets") -> dict[str, str]:
    """Paths by the names of `[NAME=]PATH`.

    Raises:
        InputError: a part is empty, or two have one name.
    """
    from yukawa.evaluation.runner import check_names

    pairs = []
    for text in texts:
        name, equals, path = text.partition("=")
        if equals and not (name and path):
            raise InputError(f"expected NAME=PATH, got {text!r}")
        pairs.append((name, path) if equals else (Path(text).name.partition(".")[0] or text, text))
    check_names([name for name, _ in pairs], what, "NAME=PATH")
    return dict(pairs)
