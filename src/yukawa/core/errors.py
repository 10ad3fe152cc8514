"""The one tree of exceptions, each with what to type, and `require` for the packages that are optional."""

import difflib
import importlib
import json
import os
import shlex
import shutil
import sys
from collections.abc import Callable, Collection, Iterable
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TypeVar
from urllib.parse import unquote, urlsplit

from yukawa.core.redaction import redacted

T = TypeVar("T")


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


class Changed(InputError):
    """What was to be changed has been changed meanwhile; nothing was written."""


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


_NEAR = 0.6  # of 'fact' and 'data' it is 0.5: names of four letters that share two mean different things


def nearest(name: str, allowed: Iterable[str]) -> str:
    """The allowed name closest to `name` in spelling, or '' when none is near."""
    matches = difflib.get_close_matches(name, list(allowed), n=1, cutoff=_NEAR)
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


def unreadable(path: Path | str, error: Exception, what: str = "") -> InputError:
    """The error for a file (`what` it is, such as "the replies in") that cannot be read: why, and what to do."""
    path = Path(path)
    missing = isinstance(error, FileNotFoundError)
    reason = str(getattr(error, "strerror", None) or error)
    hint = ""
    if isinstance(error, IsADirectoryError):
        reason, hint = "it is a folder", "name a file in it"
    elif isinstance(error, UnicodeError):
        reason, hint = "it is not UTF-8 text", "save it as UTF-8"
    elif isinstance(error, PermissionError):
        hint = f"type: chmod u+r {shlex.quote(str(path))}"
    elif missing and not path.parent.is_dir():
        hint = f"there is no folder {path.parent}"
    elif missing and os.access(path.parent, os.R_OK):
        near = nearest(path.name, os.listdir(path.parent))
        hint = f"did you mean {path.parent / near}?" if near else f"type: ls {shlex.quote(str(path.parent))}"
    return InputError(f"{what} {path} cannot be read: {reason}".strip(), hint=hint)


def not_a(what: str, folder: Path | str, mark: str, hint: str = "") -> NotFound:
    """The error for a folder that should be `what`, such as "run", and lacks the file that marks one, or is not there."""
    if os.path.isdir(folder):
        reason = f"is not a {what}: {mark} is missing"
    else:
        reason = f"is not the folder of a {what}" if os.path.lexists(folder) else "does not exist"
    return NotFound(f"{folder} {reason}", hint=hint or f"name the folder of a {what}")


DISTRIBUTION = "yukawa-hep"  # `yukawa` on PyPI is another project, and this name is not published there

# An extra may bring a package that another one brings too; the smallest that suffices is named.
_PACKAGES = {
    "train": "accelerate bitsandbytes datasets gguf huggingface_hub matplotlib peft py3langid pyarrow safetensors scipy sympy "
    "torch transformers trl",
    "jets": "awkward h5py onnx onnxruntime onnxscript uproot",
    "simulate": "fastjet pythia8mc",
    "postgres": "pgvector psycopg",
    "ray": "ray",
    "server": "fastapi jinja2 latex2mathml mcp nh3 uvicorn",
    "large": "faiss",
    "local": "xllamacpp",
}
EXTRAS = {package: extra for extra, packages in _PACKAGES.items() for package in packages.split()}


def require(package: str, purpose: str, extra: str = "") -> ModuleType:
    """Import `package`, which `purpose` (such as "reading ROOT files") needs.

    Args:
        extra: the extra to name where several bring the package; by default the smallest.

    Raises:
        MissingPackage: it is not installed; the hint names the extra that brings it.
    """
    try:
        return importlib.import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package.partition(".")[0]:
            raise
        raise _missing(package, purpose, extra) from None


def check_installed(package: str, purpose: str, extra: str = "") -> None:
    """Check as `require` does, but without importing the package, which may take seconds."""
    if find_spec(package) is None:
        raise _missing(package, purpose, extra)


def pip_install(what: str) -> str:
    """The command that installs `what` beside Yukawa: by `pip` where that is this Python's, else by its full path."""
    own = Path(sys.executable).parent
    pip = shutil.which("pip")
    found = "pip" if pip and Path(pip).parent == own else f"{shlex.quote(sys.executable)} -m pip"
    return f"{found} install {what}"


def install_line(extra: str) -> str:
    """The command that adds `extra` to Yukawa, from the clone or wheel that this installation came from."""
    origin = _origin()
    return pip_install(shlex.quote(f"{origin or '.'}[{extra}]")) + ("" if origin else " in a clone of Yukawa")


def _origin() -> str:
    """The folder or wheel that pip recorded (PEP 610), if it is still there."""
    from importlib import metadata

    try:
        record = metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}"
    except metadata.PackageNotFoundError:
        return ""
    address = urlsplit(json.loads(record).get("url", ""))
    path = unquote(address.path)
    return path if address.scheme == "file" and Path(path).exists() else ""


def _missing(package: str, purpose: str, extra: str) -> MissingPackage:
    name = package.partition(".")[0]
    extra = extra or EXTRAS.get(name, "")
    line = install_line(extra) if extra else pip_install(name.replace("_", "-"))
    return MissingPackage(name, line, purpose=purpose)


class Problems:
    """What keeps something from running, found one after the other."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def attempt(self, step: Callable[[], T]) -> T | None:
        """The result of a step; None if it cannot be made, which is noted."""
        try:
            return step()
        except (InputError, MissingPackage, ModelError) as error:
            self._found[str(error)] = None
            return None

    @property
    def lines(self) -> tuple[str, ...]:
        """A line for each."""
        return tuple(self._found)
