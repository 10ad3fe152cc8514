"""Test sets: the documents of a file or of a data set's split, whole or by archive."""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path

from yukawa.core.errors import InputError
from yukawa.data.dataset import read_split
from yukawa.data.rows import Document, read_rows


def read_documents(path: Path, *, split: str = "test", limit: int | None = None) -> list[Document]:
    """The documents of a file of rows, or of one split of a data set's folder.

    Args:
        path: a file or a folder.
        split: of a folder.
        limit: only the first so many.

    Raises:
        InputError: the path does not exist, holds no documents, or two documents have one id.
        MissingPackage: the file is Parquet and pyarrow is not installed.
    """
    path = Path(path).expanduser()
    rows = read_split(path, split, Document) if path.is_dir() else read_rows(path, Document)
    documents = list(islice(rows, limit))
    if not documents:
        raise InputError(
            f"{path} holds no documents to evaluate on", hint="give a test set with one row or more"
        )
    seen: set[str] = set()
    for document in documents:
        if document.id in seen:
            raise InputError(
                f"{path} has two documents with the id {document.id!r}", hint="a test set holds each once"
            )
        seen.add(document.id)
    return documents


def archive(document: Document) -> str:
    """The archive of a document's primary category, such as `cs` of `cs.LG`; `unknown` without categories."""
    return document.categories[0].partition(".")[0] if document.categories else "unknown"


def by_archive(
    tests: Mapping[str, Sequence[Document]], limit: int | None = None
) -> dict[str, list[Document]]:
    """The documents of all test sets, divided into one set for each archive, the largest first.

    Args:
        tests: documents by the test set's name.
        limit: only the first so many of each archive.

    Raises:
        InputError: two documents have one id.
    """
    found: dict[str, list[Document]] = {}
    homes: dict[str, str] = {}
    for name, documents in tests.items():
        for document in documents:
            if document.id in homes:
                raise InputError(
                    f"the document {document.id!r} is in {homes[document.id]} and in {name}",
                    hint="divided by archive, each counts once: remove one of the two",
                )
            homes[document.id] = name
            found.setdefault(archive(document), []).append(document)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return {name: documents[:limit] for name, documents in ordered}


def fingerprint(documents: Sequence[Document]) -> str:
    """SHA-256 of the ids and texts, in their order."""
    digest = hashlib.sha256()
    for document in documents:
        for part in (document.id, document.text):
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
