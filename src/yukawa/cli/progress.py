"""What the verbs that train share: their packages, a bar that moves, the end of a run and of a sweep."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

from yukawa.cli.output import Interrupted, print_json, progress_bar, say
from yukawa.core.errors import ModelError, check_installed
from yukawa.runs.distributed import is_first_process

if TYPE_CHECKING:  # they import PyTorch
    from yukawa.runs.callback import Progress
    from yukawa.runs.task import TrainResult

ResultT = TypeVar("ResultT", bound="TrainResult")


def need(*packages: str, purpose: str) -> None:
    """Report a missing package before anything else is looked at."""
    for package in packages:
        check_installed(package, purpose)


def follow(title: str, start: Callable[["Progress | None"], ResultT]) -> ResultT:
    """Show the progress of a training, which `start` begins; of several processes the first one shows it."""
    with progress_bar(title) as bar:
        return start(bar if is_first_process() else None)


def ended(result: "TrainResult", as_json: bool) -> dict[str, Any]:
    """Say how a training ended, in words or as JSON.

    Returns:
        The values of the result, which are printed as JSON.

    Raises:
        Interrupted: somebody stopped it.
    """
    shown = asdict(result) | {"folder": str(result.folder)}
    if is_first_process() and as_json:
        print_json(shown)
    if result.interrupted:
        raise Interrupted(result.message)
    if is_first_process() and not as_json:
        say(result.message)
    return shown


def check_failures(failed: Sequence[tuple[str, str]], trainings: int) -> None:
    """End a sweep of which some trainings failed.

    Raises:
        ModelError: names the first of them.
    """
    if failed:
        name, reason = failed[0]
        raise ModelError(f"{len(failed)} of {trainings} trainings failed, the first is {name}: {reason}")
