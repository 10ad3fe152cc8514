"""Optional packages: the one table of which extra brings which, and the line that installs a missing one."""

import importlib
from importlib.util import find_spec
from types import ModuleType

from yukawa.core.errors import MissingPackage

DISTRIBUTION = "yukawa-hep"  # `yukawa` on PyPI is another project

# An extra may bring a package that another one brings too; the smallest that suffices is named.
_PACKAGES = {
    "train": "accelerate bitsandbytes datasets huggingface_hub matplotlib peft py3langid pyarrow safetensors scipy torch transformers trl",
    "jets": "awkward h5py onnx onnxruntime onnxscript uproot",
    "simulate": "fastjet pythia8mc",
    "postgres": "pgvector psycopg",
    "ray": "ray",
    "large": "faiss",
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
    line = install_line(EXTRAS[name]) if name in EXTRAS else f"pip install {name}"
    return MissingPackage(name, line, purpose=purpose)
