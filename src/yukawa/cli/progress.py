"""What the verbs that train share: their packages, a bar that moves, and a last word."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from yukawa.cli.output import Interrupted, print_json, progress_bar, say
from yukawa.core.optional import check_installed

if TYPE_CHECKING:
    from yukawa.runs.callback import Progress, Result

ResultT = TypeVar("ResultT", bound="Result")


def need(*packages: str, purpose: str) -> None:
    """Answer a missing package before anything else is looked at."""
    for package in packages:
        check_installed(package, purpose)


def first() -> bool:
    """Whether this process speaks; of those of torchrun one speaks for all."""
    return os.environ.get("RANK", "0") == "0"


def follow(what: str, start: Callable[[Progress | None], ResultT]) -> ResultT:
    """Show the progress of a training, which `start` begins."""
    with progress_bar(what) as bar:
        return start(bar if first() else None)


def ended(result: Result, as_json: bool) -> dict[str, Any]:
    """Say how a training ended, unless it ended well and JSON is requested; return its figures.

    Raises:
        Interrupted: somebody stopped it.
    """
    shown = asdict(result) | {"folder": str(result.folder)}
    if result.interrupted:
        if first() and as_json:
            print_json(shown)
        raise Interrupted(result.message)
    if first() and not as_json:
        say(result.message)
    return shown
