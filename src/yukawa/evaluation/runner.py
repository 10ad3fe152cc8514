"""Measures several models on several test sets, one model at a time, and keeps each result for the next call."""

import gc
import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import islice, product
from pathlib import Path
from typing import Any, Self

from yukawa.core.errors import InputError, YukawaError
from yukawa.core.files import begins_with, expanded, real, report_write_errors
from yukawa.core.processes import Progress
from yukawa.data.dataset import read_split
from yukawa.data.rows import Document, read_rows
from yukawa.evaluation.perplexity import LOSSES_HEAD, Losses, document_losses
from yukawa.evaluation.recipe import ScoringOptions
from yukawa.evaluation.served_models import Service
from yukawa.llm.folders import check_places, find_places
from yukawa.llm.loading import LanguageModel, open_language_model

OnMessage = Callable[[str], None]
PostHook = Callable[[LanguageModel], None]


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model to be measured: where it lies and how it is opened.

    Attributes:
        name: for reports.
        source: folder of a model, a run or an adapter, or a name on the hub.
        adapter: folder of an adapter on top.
        dtype: as for `open_language_model`.
        load_in_4bit: likewise.
        device: likewise.
    """

    name: str
    source: str
    adapter: str | None = None
    dtype: str = "auto"
    load_in_4bit: bool | None = None
    device: str | None = None

    @classmethod
    def parse(cls, text: str, **options: Any) -> Self:
        """Read `[NAME=]SOURCE[+ADAPTER]`.

        Raises:
            InputError: a part is empty.
        """
        name, equals, rest = text.partition("=")
        source, plus, adapter = (rest if equals else text).partition("+")
        if not source or (equals and not name) or (plus and not adapter):
            raise InputError(
                f"{text!r} names no model", hint="write [NAME=]FOLDER or NAME=FOLDER+ADAPTER_FOLDER"
            )
        return cls(name if equals else Path(adapter or source).name, source, adapter or None, **options)

    @property
    def place(self) -> str:
        """Source and adapter as `parse` reads them."""
        return f"{self.source}+{self.adapter}" if self.adapter else self.source

    def check_wrote(self, options: Mapping[str, Any]) -> None:
        """Refuse completions that another model wrote.

        Args:
            options: how they were made, as their file says; a folder that no longer exists may have moved.

        Raises:
            InputError: says what wrote them.
        """
        for asked, key in zip(find_places(self.source, self.adapter), ("model", "adapter"), strict=True):
            wrote = options.get(key, asked)
            gone = asked and wrote and not expanded(wrote).is_dir()
            if not gone and _resolved(asked) != _resolved(wrote):
                raise InputError(
                    f"the completions by {self.name!r} were written with {key} {wrote or 'none'}, not {asked or 'none'}",
                    hint="name the model that wrote them",
                )

    def open(self) -> LanguageModel:
        """The model itself; see `open_language_model`."""
        options = asdict(self)
        return open_language_model(options.pop("source"), **options)

    def state(self) -> dict[str, Any]:
        """What would make its results differ: how it is opened, and size and time of its files."""
        files = [
            [file.name, file.stat().st_size, file.stat().st_mtime_ns]
            for folder in (self.source, self.adapter)
            if folder and expanded(folder).is_dir()
            for file in sorted(expanded(folder).rglob("*.*"))
            if file.suffix in (".json", ".safetensors")
        ]
        how = {name: value for name, value in asdict(self).items() if name not in ("name", "device")}
        return how | {"files": files}


def measure(
    models: Sequence[ModelSpec | Service],
    tests: Mapping[str, Sequence[Document]],
    *,
    scoring: ScoringOptions | None = None,
    cache: Path | None = None,
    post_hooks: Mapping[str, PostHook] | None = None,
    progress: Progress | None = None,
    on_message: OnMessage | None = None,
) -> dict[str, dict[str, Losses]]:
    """Losses of each model on each test set, by name of the test set and then of the model.

    Args:
        models: two must not have one name.
        tests: documents by the test set's name.
        scoring: how they are scored; a service has a way of its own.
        cache: a folder for the results; what it holds of the same model, documents and options is not measured
            again.
        post_hooks: called with the model of that name while it is open, such as to score its completions.
        progress: called with tokens done and all tokens of one model on one test set.
        on_message: called with a line as each model begins.

    Raises:
        InputError: there is no model or no test set, or two have one name.
        ModelError: a model cannot be opened or measured.
    """
    if not models or not tests:
        raise InputError("there is nothing to measure", hint="give a model and a test set")
    check_names([model.name for model in models], "models", "NAME=FOLDER")
    check_names(list(tests), "test sets", "NAME=PATH")
    for model in models:
        if isinstance(model, ModelSpec):
            check_places(model.source, model.adapter)
    scoring, hooks = scoring or ScoringOptions(), post_hooks or {}
    results = ResultCache(cache, scoring, tests)
    for model, test in product(models, tests):
        results.check(model, test)
    found: dict[str, dict[str, Losses]] = {test: {} for test in tests}
    for number, model in enumerate(models, start=1):
        for test in tests:
            if (cached := results.find(model, test)) is not None:
                found[test][model.name] = cached
        left = [test for test in tests if model.name not in found[test]]
        if not left and model.name not in hooks:
            continue
        if on_message:
            on_message(f"{model.name} ({number} of {len(models)})")
        opened = model.open() if isinstance(model, ModelSpec) else model
        for test in left:
            if isinstance(opened, Service):
                losses = opened.losses(tests[test], progress)
            else:
                losses = document_losses(opened, tests[test], **scoring.model_dump(), progress=progress)
            found[test][model.name] = results.put(model, test, losses)
        if isinstance(opened, LanguageModel) and model.name in hooks:
            hooks[model.name](opened)
        del opened  # before the next is loaded
        gc.collect()
    return {test: {model.name: rows[model.name] for model in models} for test, rows in found.items()}


def check_names(names: Sequence[str], what: str, how: str) -> None:
    """Refuse two of one name, or of names that would give their files the same one.

    Raises:
        InputError: says which, and `how` to name them.
    """
    seen: dict[str, str] = {}
    for name in names:
        file = slug(name).casefold()
        if file in seen:
            near = "" if seen[file] == name else f" and {name!r}, which is the same for a file"
            raise InputError(
                f"two {what} are called {seen[file]!r}{near}", hint=f"give them different names: {how}"
            )
        seen[file] = name


class ResultCache:
    """Results of earlier calls in a folder (or none), each with what was measured and how.

    Args:
        folder: of the files.
        scoring: how documents are scored.
        tests: documents by the test set's name.
    """

    def __init__(
        self, folder: Path | None, scoring: ScoringOptions, tests: Mapping[str, Sequence[Document]]
    ) -> None:
        self._folder, self._scoring = folder, scoring
        self._fingerprints = {test: fingerprint(documents) for test, documents in tests.items()}

    def check(self, model: ModelSpec | Service, test: str) -> None:
        """Refuse a file of something else where the losses of this model on this test set are to be kept.

        Raises:
            InputError: it holds no losses.
        """
        path = self._file(model.name, test)
        if path is not None and path.exists() and not begins_with(path, LOSSES_HEAD):
            raise InputError(f"{path} is there already and holds no losses", hint="name another folder")

    def find(self, model: ModelSpec | Service, test: str) -> Losses | None:
        """The losses of this model on this test set, if they are there and were measured with these options."""
        path = self._file(model.name, test)
        if path is not None and path.is_file():
            with suppress(YukawaError):  # damaged: measured again
                losses = Losses.load(path)
                if losses.options.get("asked") == self._key(model, test):
                    return losses
        return None

    def put(self, model: ModelSpec | Service, test: str, losses: Losses) -> Losses:
        """Keep the losses with the key by which `find` knows them."""
        losses = replace(losses, options={**losses.options, "asked": self._key(model, test)})
        path = self._file(model.name, test)
        if path is not None:
            with report_write_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            losses.save(path)
        return losses

    def _key(self, model: ModelSpec | Service, test: str) -> dict[str, Any]:
        return {"model": model.state(), **self._scoring.state(), "documents": self._fingerprints[test]}

    def _file(self, name: str, test: str) -> Path | None:
        return None if self._folder is None else Path(self._folder) / f"{slug(name)}--{slug(test)}.jsonl"


def _resolved(place: str | None) -> Path | None:
    return None if place is None else real(expanded(place))


def slug(name: str) -> str:
    """A name as part of a file's name."""
    return re.sub(r"[^\w.-]+", "-", name)


def read_documents(path: Path, *, split: str = "test", limit: int | None = None) -> list[Document]:
    """The documents of a file of rows, or of one split of a data set's folder.

    Args:
        path: a file or a folder.
        split: of a folder.
        limit: the number of documents to use, from the first.

    Raises:
        InputError: the path does not exist, holds no documents, or two documents have one id.
        MissingPackage: the file is Parquet and pyarrow is not installed.
    """
    path = expanded(path)
    rows = read_split(path, split, Document) if path.is_dir() else read_rows(path, Document)
    documents = list(islice(rows, limit))
    if not documents:
        raise InputError(
            f"{path} holds no documents to evaluate on", hint="give a test set with one row or more"
        )
    ((most, count),) = Counter(document.id for document in documents).most_common(1)
    if count > 1:
        raise InputError(f"{path} has two documents with the id {most!r}", hint="a test set holds each once")
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
        limit: the number of documents to use of each archive, from the first.

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
