"""The page that goes with a trained model: what it is, what it learned from, its figures, how to use it."""

from __future__ import annotations

from collections.abc import Mapping

from yukawa.core.reports import facts
from yukawa.data.manifest import DatasetManifest
from yukawa.training.recipe import Recipe
from yukawa.training.tokenization import Counts

_WHAT = {
    "pretrain": "continued pre-training on documents",
    "sft": "supervised training on conversations (the loss runs over the assistant's words alone)",
    "preference": "direct preference optimisation on pairs of replies",
}

_PAGE = """# {title}

{base}, after {what}, made with Yukawa.

## Data

{data}

## Training

{training}

## Figures

{figures}

The validation follows the training; measure the model on test data before you quote it. A fall in perplexity is no
gain in knowledge by itself.

![learning curves](learning-curves.png)

## Use

{use}
"""


def card(
    recipe: Recipe,
    counts: Counts,
    manifest: DatasetManifest | None,
    *,
    parameters: tuple[int, int],
    steps: int,
    figures: Mapping[str, float],
) -> str:
    """The card in Markdown.

    Args:
        recipe: as resolved.
        counts: of the training rows.
        manifest: of their data set, if they belong to one.
        parameters: that were trained, and all.
        steps: of the training.
        figures: the last of each.
    """
    how, adapter = recipe.training, recipe.adapter
    data = {"rows": f"{counts.rows:,} from `{recipe.place(recipe.data.path)}`; hashes in `data.json`"}
    if manifest is not None:
        data["data set"] = manifest.title
        data["licences"] = ", ".join(sorted({name for split in manifest.splits for name in split.licences}))
    data["tokens"] = f"{counts.tokens:,}, of which {counts.trained:,} with a loss"
    data["not learned"] = "; ".join(counts.notes(how.length)) or "nothing was cut or left out"
    what = "all weights"
    if adapter.kind != "full":
        what = f"{adapter.kind} on {adapter.targets}, rank {adapter.rank}, alpha {adapter.alpha:g}, "
        what += f"dropout {adapter.dropout:g}"
    training = {
        "trained": f"{what}: {parameters[0]:,} of {parameters[1]:,} parameters",
        "steps": f"{steps:,} of {how.batch:,} sequences of at most {how.length:,} tokens",
        "optimiser": f"{how.optimiser}, learning rate {how.learning_rate:g}, {how.schedule}",
        "precision": f"{how.precision}; weights of the base {'nf4' if adapter.kind == 'qlora' else recipe.dtype}",
        "seed": str(how.seed),
        "everything else": "`recipe.yaml`, `environment.json`",
    }
    shown = {name.replace("_", " "): f"{value:.4g}" for name, value in sorted(figures.items())}
    merge = (
        "\n    yukawa merge RUN                              the adapter put into its base"
        if adapter.kind != "full"
        else ""
    )
    return _PAGE.format(
        title=f"{recipe.model.base.rsplit('/', 1)[-1]} {recipe.mixture or how.kind}",
        base=f"`{recipe.model.base}`",
        what=_WHAT[how.kind],
        data=facts(data),
        training=facts(training),
        figures=facts(shown),
        use=f"    yukawa evaluate perplexity DATA --model RUN{merge}",
    )
