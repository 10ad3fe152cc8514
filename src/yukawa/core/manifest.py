"""The manifest of a data set: what each file holds, written beside the files and compared with them later."""

from pathlib import Path, PurePosixPath
from typing import Any, Self

from pydantic import Field, ValidationError, field_validator

from yukawa.core.errors import InputError, not_a
from yukawa.core.files import atomic_write, hash_file, read_object
from yukawa.core.validation import StrictModel, one_line

MANIFEST = "manifest.json"
SPLITS = ("train", "validation", "test")
_HINT = "the data set was changed after it was made: make or fetch it again"


class FileRecord(StrictModel):
    """One file of a data set as it was written.

    Attributes:
        path: relative to the data set's folder, such as `train/0000.parquet`.
        size: bytes.
        sha256: hash of the file's content, in hexadecimal.
    """

    path: str
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        parts = PurePosixPath(path)
        if parts.is_absolute() or ".." in parts.parts or "\\" in path:
            raise ValueError("the path of a file must lie inside the data set's folder")
        return path

    def check_size(self, folder: Path) -> None:
        """Compare the size of the file with the record.

        Raises:
            InputError: the file is missing or has another size.
        """
        file = Path(folder) / self.path
        try:
            size = file.stat().st_size
        except OSError as error:
            raise InputError(
                f"{file}, which the manifest lists, cannot be read: {error.strerror}", hint=_HINT
            ) from None
        if size != self.size:
            raise InputError(f"{file} has {size} bytes, the manifest says {self.size}", hint=_HINT)

    def check_hash(self, folder: Path) -> None:
        """Compare the content of the file with the record.

        Raises:
            InputError: the file cannot be read or has other content.
        """
        file = Path(folder) / self.path
        if hash_file(file) != self.sha256:
            raise InputError(f"{file} has another SHA-256 than the manifest says", hint=_HINT)


def file_facts(folder: Path, path: str) -> dict[str, Any]:
    """Path, size and hash of the file `path` of the data set in `folder`: the fields of a `FileRecord`.

    Raises:
        InputError: the file cannot be read.
    """
    file = folder / path
    return {"path": path, "sha256": hash_file(file), "size": file.stat().st_size}


class Manifest(StrictModel):
    """How a data set was made; each kind of data set adds its files.

    Attributes:
        versions: versions of the packages that shaped the data.
    """

    versions: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write `manifest.json` into `folder`, whole or not at all; the files must be there already.

        Raises:
            StoreError: the disk refuses.
        """
        atomic_write(folder / MANIFEST, self.model_dump_json(indent=2) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The manifest of the data set in `folder`.

        Raises:
            InputError: it is missing or damaged; the message names the first field that is wrong.
        """
        path = Path(folder) / MANIFEST
        if not path.exists():
            raise not_a("data set", folder, MANIFEST)
        try:
            return cls.model_validate(read_object(path))
        except ValidationError as error:
            raise InputError(f"{path} is damaged: {one_line(error, cls)}") from None
