"""What the verbs of `yukawa evaluate` share: data, models, how they are opened and scored, and how intervals are made."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

from yukawa import evaluation
from yukawa.cli.options import argument, option
from yukawa.core.errors import InputError
from yukawa.core.validation import checked

OneData = Annotated[str, argument("DATA", "A file of documents, or the folder of a data set.")]
Files = Annotated[list[Path], argument("FILE...", "Files that `yukawa evaluate completions` wrote.")]
Models = Annotated[
    list[str] | None,
    option("--model", "[NAME=]MODEL[+ADAPTER]", "Model: a folder, a run or a hub name; may be repeated."),
]
Services = Annotated[
    list[str] | None,
    option("--service", "NAME", "Row of yukawa.toml whose server scores prompts, as vLLM does."),
]
SplitName = Annotated[str, option("--split", "NAME", "The split of a data set.")]
Limit = Annotated[
    int | None, option("--limit", "N", "Use only the first N documents of each test set.", min=1)
]
Bos = Annotated[
    bool | None, option("--bos/--no-bos", None, "Begin texts with BOS; by default the tokenizer decides.")
]
Seed = Annotated[int, option("--seed", "S", "Seed of the random numbers.", min=0)]
EmbedderName = Annotated[str, option("--embedder", None, "The embedder, such as minilm or hash.")]


def loading(
    dtype: Annotated[
        str,
        option(
            "--dtype",
            None,
            "Type of the weights: auto (as trained, else as saved), float32, bfloat16 or float16.",
        ),
    ] = "auto",
    four_bit: Annotated[
        bool | None,
        option(
            "--4bit/--no-4bit", None, "Load the weights in four bits; by default if QLoRA trained the model."
        ),
    ] = None,
    device: Annotated[str | None, option("--device", None, "The device, such as cuda:0 or cpu.")] = None,
) -> "evaluation.recipe.Loading":
    """How models are opened."""
    return evaluation.recipe.Loading(dtype=dtype, load_in_4bit=four_bit, device=device)


def scoring(
    bos: Bos = None,
    eos: Annotated[
        bool, option("--eos/--no-eos", None, "Score EOS at the end, as in training (FeynTune: --no-eos).")
    ] = True,
    context: Annotated[
        int | None, option("--context", "N", "Longest window in tokens; by default the model's.", min=1)
    ] = None,
    stride: Annotated[
        int | None,
        option("--stride", "N", "Step between windows in longer texts; by default half a window.", min=1),
    ] = None,
    batch_tokens: Annotated[
        int | None, option("--batch-tokens", "N", "Number of tokens in a batch.", min=1)
    ] = None,
) -> "evaluation.recipe.ScoringOptions":
    """How documents are scored."""
    return evaluation.recipe.ScoringOptions(
        bos=bos, eos=eos, context=context, stride=stride, batch_tokens=batch_tokens
    )


def statistics(
    level: Annotated[float, option("--level", None, "Confidence level of the intervals.")] = 0.95,
    resamples: Annotated[int, option("--resamples", "N", "Number of bootstrap resamples.", min=1)] = 10_000,
    seed: Seed = 0,
) -> "evaluation.recipe.Statistics":
    """How intervals are made."""
    given = {"level": level, "resamples": resamples, "seed": seed}
    return checked(evaluation.recipe.Statistics, given, "the options")


def find_models(
    models: Iterable[str] | None, how: "evaluation.recipe.Loading"
) -> "list[evaluation.ModelSpec]":
    """The models that `--model` names.

    Raises:
        InputError: a text does not name a model, or two have one name.
    """
    found = [evaluation.ModelSpec.parse(text, **how.model_dump()) for text in models or ()]
    evaluation.runner.check_names([model.name for model in found], "models", "NAME=FOLDER")
    return found


def make_recipe(
    data: Iterable[str],
    models: Iterable[str] | None,
    services: Iterable[str] | None,
    loading: "evaluation.recipe.Loading",
    **more: Any,
) -> "evaluation.EvaluationRecipe":
    """Make the recipe that the flags describe.

    Raises:
        InputError: no model is named, a text names none, or two models or test sets have one name.
    """
    if not models and not services:
        raise InputError("no model was named", hint="add --model FOLDER or --service NAME")
    found = {model.name: model.place for model in find_models(models, loading)}
    return evaluation.EvaluationRecipe(
        models=found, services=list(services or ()), tests=named(data), loading=loading, **more
    )


def named(texts: Iterable[str], what: str = "test sets") -> dict[str, str]:
    """Paths by the names of `[NAME=]PATH`.

    Raises:
        InputError: a part is empty, or two have one name.
    """
    pairs = []
    for text in texts:
        name, equals, path = text.partition("=")
        if equals and not (name and path):
            raise InputError(f"expected NAME=PATH, got {text!r}")
        pairs.append((name, path) if equals else (Path(text).name.partition(".")[0] or text, text))
    evaluation.runner.check_names([name for name, _ in pairs], what, "NAME=PATH")
    return dict(pairs)
