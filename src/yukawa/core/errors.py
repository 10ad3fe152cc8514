"""The one tree of exceptions, each with what to type, and `require` for the packages that are optional."""

import difflib
import importlib
from collections.abc import Collection, Iterable
from importlib.util import find_spec
from types import ModuleType

from yukawa.core.redaction import redacted


class YukawaError(Exception):
    """Root of every error Yukawa raises on purpose.

    Args:
        message: one line, what came and what is allowed.
        hint: what to type or do next; shown after the message.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message, self.hint = redacted(message), redacted(hint)
        super().__init__(self.message)

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


def check_name(kind: str, given: object, allowed: Collection[str]) -> None:
    """Refuse a name that is not one of those allowed; `kind` is what it should have named, such as "mixture".

    Raises:
        InputError: it is none of them; the nearest is suggested and all are listed.
    """
    if given not in allowed:
        raise unknown_name(kind, given, allowed)


DISTRIBUTION = "yukawa-hep"  # `yukawa` on PyPI is another project

# An extra may bring a package that another one brings too; the smallest that suffices is named.
_PACKAGES = {
    "train": "accelerate bitsandbytes datasets huggingface_hub matplotlib peft py3langid pyarrow safetensors scipy torch transformers trl",
    "jets": "awkward h5py onnx onnxruntime onnxscript uproot",
    "simulate": "fastjet pythia8mc",
    "postgres": "pgvector psycopg",
    "ray": "ray",
    "large": "faiss",
    "local": "xllamacpp",
}
EXTRAS = {package: extra for extra, packages in _PACKAGES.items() for package in packages.split()}


def require(package: str, purpose: str) -> ModuleType:
    """Import `package`, which `purpose` (such as "reading ROOT files") needs.

    Raises:
        MissingPackage: it is not installed; the hint names the extra that brings it.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package.partition(".")[0]:
            raise
        raise _missing(package, purpose) from None


def check_installed(package: str, purpose: str) -> None:
    """As `require`, but without importing the package, which may take seconds."""
    if find_spec(package) is None:
        raise _missing(package, purpose)


def install_line(extra: str) -> str:
    """The command that installs Yukawa with `extra`."""
    return f"pip install '{DISTRIBUTION}[{extra}]'"


def _missing(package: str, purpose: str) -> MissingPackage:
    name = package.partition(".")[0]
    line = install_line(EXTRAS[name]) if name in EXTRAS else f"pip install {name.replace('_', '-')}"
    return MissingPackage(name, line, purpose=purpose)
