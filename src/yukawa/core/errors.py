"""The one tree of exceptions: each message says what came, what is allowed and what to type."""

import difflib
from collections.abc import Iterable


class YukawaError(Exception):
    """Root of every error Yukawa raises on purpose.

    Args:
        message: one line, what came and what is allowed.
        hint: what to type or do next; shown after the message.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        line = f"{self.message} ({self.hint})" if self.hint else self.message
        return " ".join(line.split())

    def __reduce__(self) -> tuple[object, ...]:  # the arguments of `__init__` differ from class to class
        return Exception.__new__, (type(self), self.message), self.__dict__


class InputError(YukawaError):
    """The caller gave something that cannot be used; nothing was changed."""

    exit_code = 2


class SettingsError(InputError):
    """`yukawa.toml` or the environment holds an unknown key or a wrong value."""


class NotFound(InputError):
    """An identifier names nothing that is there."""


class MissingPackage(InputError):
    """An optional package is needed and is not installed."""

    def __init__(self, package: str, install: str, *, purpose: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed", hint=f"type: {install}"
        )


class StoreError(YukawaError):
    """The knowledge base cannot be read or written (disk, lock, version, damage); nothing is half-written."""


class ModelError(YukawaError):
    """A language model or embedding service failed or cannot be reached."""


class ReplyError(ModelError):
    """A model's structured reply did not fit its schema, twice."""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """The allowed name closest to `name` in spelling, or '' when none is near."""
    matches = difflib.get_close_matches(name, list(allowed), n=1, cutoff=0.5)
    return matches[0] if matches else ""


def unknown_name(kind: str, given: object, allowed: Iterable[str]) -> InputError:
    """The error for a name that is not one of those allowed: it suggests the nearest and lists all.

    Args:
        kind: what the name should have named, such as "mixture".
    """
    names = list(map(str, allowed))
    near = nearest(str(given), names)
    meant = f"did you mean {near!r}? " if near else ""
    return InputError(f"unknown {kind} {given!r}", hint=f"{meant}allowed: {', '.join(names)}")
