"""Options that the verbs of `yukawa data` share, and how tokens are told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from yukawa.data.manifest import SplitRecord
    from yukawa.data.token_counts import TokenCounter

Language = Annotated[
    str | None,
    typer.Option(
        "--language", metavar="CODE", help="Leave out what is recognised as another one, such as en."
    ),
]
Evaluation = Annotated[
    list[Path] | None,
    typer.Option(
        "--decontaminate",
        metavar="EVALUATION",
        help="Leave out what holds pieces of a data set's test split, or of a file; may be repeated.",
    ),
]
Tokenizer = Annotated[
    str | None,
    typer.Option(
        "--tokenizer",
        metavar="NAME",
        help="Count tokens with it: a folder, or a name on the Hugging Face hub.",
    ),
]


def make_counter(tokenizer: str | None) -> TokenCounter | None:
    """A counter of tokens, if one is wanted."""
    from yukawa.data.token_counts import TokenCounter

    return None if tokenizer is None else TokenCounter(tokenizer)


def in_tokens(split: SplitRecord) -> str:
    """How many tokens a split has, to put behind its name; nothing if they were not counted."""
    return "" if split.tokens is None else f" ({split.tokens:,} tokens)"
