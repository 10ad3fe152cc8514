"""Measures several models on several test sets, one model at a time, and keeps each result for the next call."""

from __future__ import annotations

import gc
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, YukawaError
from yukawa.core.files import report_write_errors
from yukawa.data.rows import Document
from yukawa.evaluation.documents import fingerprint
from yukawa.evaluation.perplexity import Losses, document_losses
from yukawa.evaluation.served_models import Service
from yukawa.llm.folders import check_places, find_places
from yukawa.llm.loading import LanguageModel, open_language_model

Tell = Callable[[str], None]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Subject:
    """A model to be measured, as a person names it.

    Attributes:
        name: for reports.
        source: folder of a model, a run or an adapter, or a hub name.
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
    def parse(cls, text: str, **options: Any) -> Subject:
        """From `[NAME=]SOURCE[+ADAPTER]`.

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

    def check(self) -> None:
        """Refuse what cannot be opened, as far as that is seen without opening it.

        Raises:
            InputError: a folder is not there, or holds no model or adapter.
        """
        check_places(self.source, self.adapter)

    def check_wrote(self, options: Mapping[str, Any]) -> None:
        """Refuse completions that another model wrote.

        Args:
            options: how they were made, as their file says; a folder that is there no more may have moved.

        Raises:
            InputError: says what wrote them.
        """
        for asked, key in zip(find_places(self.source, self.adapter), ("model", "adapter"), strict=True):
            wrote = options.get(key, asked)
            gone = asked and wrote and not Path(wrote).expanduser().is_dir()
            if not gone and _resolved(asked) != _resolved(wrote):
                raise InputError(
                    f"the completions by {self.name!r} were written with {key} {wrote or 'none'}, not {asked or 'none'}",
                    hint="name the model that wrote them",
                )

    def open(self) -> LanguageModel:
        """The model itself; see `open_language_model`."""
        return open_language_model(
            self.source, adapter=self.adapter, name=self.name, dtype=self.dtype,
            load_in_4bit=self.load_in_4bit, device=self.device,
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """What would make its results differ: how it is opened, and size and time of its files."""
        files = [
            [file.name, file.stat().st_size, file.stat().st_mtime_ns]
            for folder in (self.source, self.adapter)
            if folder and Path(folder).expanduser().is_dir()
            for file in sorted(Path(folder).expanduser().rglob("*.*"))
            if file.suffix in (".json", ".safetensors")
        ]
        return {
            "source": self.source, "adapter": self.adapter, "dtype": self.dtype, "load_in_4bit": self.load_in_4bit,
            "files": files,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Manner:
    """How documents are measured; as for `document_losses`."""

    bos: bool | None = None
    eos: bool = True
    context: int | None = None
    stride: int | None = None
    batch_tokens: int | None = None

    def state(self) -> dict[str, Any]:
        """What would make results differ."""
        return {"bos": self.bos, "eos": self.eos, "context": self.context, "stride": self.stride}


@dataclass(frozen=True, slots=True)
class Work:
    """Something else to be done with each model while it is open, such as scoring its completions."""

    subjects: frozenset[str] = frozenset()
    do: Callable[[LanguageModel], None] = field(default=lambda model: None)


def measure(
    subjects: Sequence[Subject | Service],
    tests: Mapping[str, Sequence[Document]],
    *,
    manner: Manner | None = None,
    keep: Path | None = None,
    work: Work | None = None,
    progress: Progress | None = None,
    tell: Tell | None = None,
) -> dict[str, dict[str, Losses]]:
    """Losses of each model on each test set, by name of the test set and then of the model.

    Args:
        subjects: models; two must not have one name.
        tests: documents by the test set's name.
        manner: how they are measured; a service does as it does.
        keep: a folder for the results; what is there already, of the same model, documents and manner, is not
            measured again.
        work: done with the models it names.
        progress: called with tokens done and all tokens of one model on one test set.
        tell: called with a line as each model begins.

    Raises:
        InputError: there is no model or no test set, or two have one name.
        ModelError: a model cannot be opened or measured.
    """
    if not subjects or not tests:
        raise InputError("there is nothing to measure", hint="give a model and a test set")
    check_names([subject.name for subject in subjects], "models", "NAME=FOLDER")
    check_names(list(tests), "test sets", "NAME=PATH")
    for subject in subjects:
        if isinstance(subject, Subject):
            subject.check()
    manner, work = manner or Manner(), work or Work()
    shelf = _Shelf(keep, manner, {test: fingerprint(documents) for test, documents in tests.items()})
    found: dict[str, dict[str, Losses]] = {test: {} for test in tests}
    for number, subject in enumerate(subjects, start=1):
        for test in tests:
            if (kept := shelf.find(subject, test)) is not None:
                found[test][subject.name] = kept
        left = [test for test in tests if subject.name not in found[test]]
        more = subject.name in work.subjects and isinstance(subject, Subject)
        if not left and not more:
            continue
        if tell:
            tell(f"{subject.name} ({number} of {len(subjects)})")
        opened = subject.open() if isinstance(subject, Subject) else subject
        for test in left:
            losses = _losses(opened, tests[test], manner, progress)
            found[test][subject.name] = shelf.put(subject, test, losses)
        if more and isinstance(opened, LanguageModel):
            work.do(opened)
        del opened  # before the next is loaded
        gc.collect()
    return {test: {subject.name: rows[subject.name] for subject in subjects} for test, rows in found.items()}


def _losses(
    model: LanguageModel | Service, documents: Sequence[Document], manner: Manner, progress: Progress | None
) -> Losses:
    if isinstance(model, Service):
        return model.losses(documents, progress)
    return document_losses(
        model, documents, bos=manner.bos, eos=manner.eos, context=manner.context, stride=manner.stride,
        batch_tokens=manner.batch_tokens, progress=progress,
    )  # fmt: skip


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
            raise InputError(f"two {what} are called {seen[file]!r}{near}", hint=f"name them apart: {how}")
        seen[file] = name


class _Shelf:
    """Results of earlier calls in a folder, each with what it was measured of and how."""

    def __init__(self, folder: Path | None, manner: Manner, prints: Mapping[str, str]) -> None:
        self._folder, self._manner, self._prints = folder, manner, prints

    def find(self, subject: Subject | Service, test: str) -> Losses | None:
        """The losses of this model on this test set, if they are there and were measured in this manner."""
        path = self._file(subject.name, test)
        if path is not None and path.is_file():
            with suppress(YukawaError):  # damaged: measured again
                losses = Losses.load(path)
                if losses.options.get("asked") == self._asked(subject, test):
                    return losses
        return None

    def put(self, subject: Subject | Service, test: str, losses: Losses) -> Losses:
        """The losses, now kept, with what they answer to."""
        losses = replace(losses, options={**losses.options, "asked": self._asked(subject, test)})
        path = self._file(subject.name, test)
        if path is not None:
            with report_write_errors(path):
                path.parent.mkdir(parents=True, exist_ok=True)
            losses.save(path)
        return losses

    def _asked(self, subject: Subject | Service, test: str) -> dict[str, Any]:
        return {"model": subject.state(), **self._manner.state(), "documents": self._prints[test]}

    def _file(self, name: str, test: str) -> Path | None:
        return None if self._folder is None else Path(self._folder) / f"{slug(name)}--{slug(test)}.jsonl"


def _resolved(place: str | None) -> Path | None:
    return None if place is None else Path(place).expanduser().resolve()


def slug(name: str) -> str:
    """A name as part of a file's name."""
    return re.sub(r"[^\w.-]+", "-", name)
