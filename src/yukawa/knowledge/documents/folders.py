"""A folder of documents and a base in step: what is new is taught, what changed is updated, what is gone is unloaded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError
from yukawa.core.files import real
from yukawa.knowledge.base import KnowledgeBase
from yukawa.knowledge.documents.files import File, find_files, read_file
from yukawa.knowledge.items import FORMAT, NewItem, new_item

# Attributes of an item that came from a folder: which folder, and the path of the file in it.
FOLDER, PATH = "folder", "path"


@dataclass(frozen=True, slots=True)
class Synced:
    """What became of one file: 'taught', 'updated', 'unchanged', 'unloaded', or 'known' where another item holds its text."""

    path: str
    status: str
    item_id: str


def sync(base: KnowledgeBase, folder: str | Path, *, actor: str = "", **about: Any) -> list[Synced]:
    """Bring the documents of `folder` into `base` and withdraw those that are no longer there, all or nothing.

    Every file is read before anything is written, and one transaction writes everything. A second call finds
    nothing to do: a file whose text is that of another item stays 'known'.
    The folder is known by its absolute path, its files by their path in it.

    Args:
        base: where the documents are kept.
        folder: all its documents are taken, those in its folders too; hidden ones are not.
        actor: who is named in the history.
        about: `url`, `author`, `licence` and `domain` of each item, as for `teach`.

    Returns:
        One entry a file, sorted by path; a file that is gone has an entry too.

    Raises:
        InputError: it is not a folder, or a file in it cannot be read; nothing is changed then.
    """
    place = real(folder)
    if not place.is_dir():
        raise InputError(f"{folder} is not a folder", hint="a single file is taught by --file")
    had = {
        i.attributes[PATH]: i for i in base.list(kind="document") if i.attributes.get(FOLDER) == str(place)
    }
    files = _read(place, may_be_empty=bool(had))
    changed = [path for path in files if path not in had or files[path].text != had[path].text]
    gone = [had[path] for path in had if path not in files]
    new = [
        file_item(
            files[path],
            path,
            had[path].id if path in had else None,
            {FOLDER: str(place), PATH: path},
            **about,
        )
        for path in changed
    ]
    written = base.change(new, withdrawn=[item.id for item in gone], actor=actor, reason=f"sync of {place}")
    status = {path: Synced(path, item.status, item.id) for path, item in zip(changed, written, strict=True)}
    status |= {item.attributes[PATH]: Synced(item.attributes[PATH], "unloaded", item.id) for item in gone}
    status |= {path: Synced(path, "unchanged", had[path].id) for path in files if path not in status}
    return [status[path] for path in sorted(status)]


def file_item(
    file: File,
    source: str,
    item_id: str | None = None,
    attributes: Mapping[str, Any] | None = None,
    **about: Any,
) -> NewItem:
    """The document that a file holds, to be taught.

    Args:
        file: as read.
        source: the label under which it is quoted.
        item_id: of the item that it changes.
        attributes: kept beside it.
        about: see `new_item`.
    """
    own = {**(attributes or {}), FORMAT: file.format}
    return new_item(file.text, kind="document", source=source, attributes=own, item_id=item_id, **about)


def _read(place: Path, *, may_be_empty: bool) -> dict[str, File]:
    """The documents below `place` by their path in it, unless they are empty files."""
    try:
        paths: Sequence[Path] = find_files([str(place)])
    except InputError:
        if not may_be_empty:
            raise
        paths = ()
    return {p.relative_to(place).as_posix(): read_file(p) for p in paths if p.stat().st_size}
