"""Runs a trained tagger over jets: the probability of each class beside the known columns of each jet."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.core.errors import InputError, require
from yukawa.core.files import check_output
from yukawa.core.processes import Progress
from yukawa.jets.features.encoder import Encoded, Encoder
from yukawa.jets.features.expressions import columns_of
from yukawa.jets.features.frames import FlatFrame
from yukawa.jets.io.chunks import JetSource
from yukawa.jets.io.jetclass import jetclass_writer
from yukawa.jets.io.loader import run_ahead, tensors
from yukawa.jets.io.parquet import parquet_writer
from yukawa.jets.io.source import open_source
from yukawa.jets.table import JET, LABEL, Array, Jets, check_columns, concatenate, label_column

SCORE = "score_"
_WRITERS: dict[str, Callable[[Path], AbstractContextManager[Callable[[Jets], None]]]] = {
    ".parquet": parquet_writer,
    ".root": jetclass_writer,
}


@dataclass
class Predictions:
    """The predictions of a tagger, one row per jet, in the order of the source.

    The columns are `score_<class>` (probability, float32), `label_<class>` (truth, where the source has it), every
    `jet_` and `label_` column of the source, and the observers of the model's data config.

    Attributes:
        classes: names of the classes.
        jets: number of jets that were predicted.
        left_out: number of jets that did not pass the data config's selection.
        truncated: number of jets that lost particles beyond the model's limit.
        replaced: number of values of each feature that were NaN or infinite and replaced, if the data config allows it.
        not_finite: number of jets whose probabilities are not finite.
        absent: observers that the source lacks.
        path: the file with the rows; None where they are in memory.
        rows: the rows; None where they are in a file.
    """

    classes: tuple[str, ...]
    jets: int = 0
    left_out: int = 0
    truncated: int = 0
    replaced: dict[str, int] = field(default_factory=dict)
    not_finite: int = 0
    absent: tuple[str, ...] = ()
    path: Path | None = None
    rows: Jets | None = None

    def table(self) -> Jets:
        """The rows, read from the file if need be.

        Raises:
            InputError: the file is gone or damaged.
        """
        if self.rows is not None:
            return self.rows
        return open_source(self.path).read() if self.path else concatenate([])

    @property
    def notes(self) -> list[str]:
        """Remarks for a reader, one line each."""
        counts = {
            "jets did not pass the selection of the data config and were omitted": self.left_out,
            "jets had more particles than the model takes and lost the last of them": self.truncated,
            "jets got no finite probability": self.not_finite,
        }
        notes = [f"{count:,} {text}" for text, count in counts.items() if count]
        notes += [
            f"{count:,} values of {name} were not finite and were replaced"
            for name, count in self.replaced.items()
        ]
        return notes + ([f"the jets have no column {', '.join(self.absent)}"] if self.absent else [])


def predict(
    model_folder: Path,
    source: JetSource,
    out: Path | None = None,
    *,
    keep: Sequence[str] = (),
    batch: int = 1024,
    device: str | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> Predictions:
    """Run a saved tagger over all jets of `source`.

    Args:
        source: the jets; labels may be absent.
        out: a file to write, Parquet or ROOT by its suffix (.parquet, .root), whole or not at all; memory then does
            not grow with the number of jets. None keeps the rows in memory.
        keep: further columns of the jets to write beside the scores, such as weights.
        batch: jets that go through the network at once.
        device: of PyTorch, such as `cuda:1`; None takes the first GPU, or the CPU if there is none.
        progress: called with the jets done and the jets in all.
        force: whether a file at `out` is replaced, unless it is of the model or the jets.

    Raises:
        NotFound: `model_folder` holds no saved model.
        InputError: the suffix of `out` is unknown, `out` is there without `force` or is read, the model or a file of
            jets is damaged, a column that the model needs is missing, or a feature is not finite and the data config does not allow that.
        StoreError: the disk refuses; an older file at `out` remains.
    """
    if batch < 1:
        raise InputError(f"a batch must hold at least one jet, not {batch}")
    if out is not None and Path(out).suffix not in _WRITERS:
        raise InputError(f"predictions are written as {' or '.join(_WRITERS)}, not {out}")
    if out is not None:
        check_output(Path(out), force=force, inputs=[*source.paths, *Path(model_folder).glob("*")])
    tagger = _Tagger(model_folder, batch, device)
    encoder = tagger.encoder
    found = Predictions(encoder.classes)
    check_columns(keep, source.columns, "the jets")
    rows = _predicted(tagger, _Columns(encoder, source, keep), source, found, progress)
    if out is None:
        found.rows = concatenate(list(rows))
    else:
        with _WRITERS[Path(out).suffix](Path(out)) as append:
            for part in rows:
                append(part)
        found.path = Path(out)
    found.replaced = {name: count for name, count in encoder.replaced.items() if count}
    return found


def probabilities(rows: Jets, classes: Sequence[str]) -> Array:
    """The probabilities of `rows` in the order of `classes`, shape (B, C).

    Raises:
        InputError: a class has no column of scores.
    """
    missing = [name for name in classes if SCORE + name not in rows.scalars]
    if missing:
        raise InputError(f"the predictions have no column {SCORE}{missing[0]}")
    return np.stack([rows.scalars[SCORE + name] for name in classes], axis=1)


def _predicted(
    tagger: "_Tagger", columns: "_Columns", source: JetSource, found: Predictions, progress: Progress | None
) -> Iterator[Jets]:
    """The rows chunk by chunk; counts go to `found`."""
    encoder = tagger.encoder
    found.absent = columns.absent
    done = 0
    # Reading and encoding the next chunk overlaps with the network's work on this one.
    for known, encoded, before in run_ahead(_encoded(encoder, source, columns), 2):
        scores_BC = tagger(encoded)
        found.jets += len(encoded)
        found.left_out += before - len(encoded)
        found.truncated += encoded.truncated
        found.not_finite += int(np.sum(~np.isfinite(scores_BC).all(axis=1)))
        scores = {SCORE + name: scores_BC[:, k].copy() for k, name in enumerate(encoder.classes)}
        yield Jets(np.zeros(len(encoded) + 1, np.int64), {}, known | scores)
        done += before
        if progress is not None:
            progress(done, len(source))


def _encoded(
    encoder: Encoder, source: JetSource, columns: "_Columns"
) -> Generator[tuple[dict[str, Array], Encoded, int], None, None]:
    """Of each chunk: the known columns of its selected jets, these encoded, and how many jets it had."""
    for jets in source.read_chunks(columns.read):
        selected = encoder.select(jets)
        encoded = encoder.encode(selected)
        yield columns.known(selected, encoded), encoded, len(jets)


class _Columns:
    """Choose the columns to read, and those of them to write beside the scores.

    Attributes:
        read: the columns to read.
        absent: observers that the source lacks.
    """

    def __init__(self, encoder: Encoder, source: JetSource, keep: Sequence[str]) -> None:
        config, there = encoder.config, set(source.columns)
        kept = [name for name in source.columns if name.startswith((JET, LABEL)) or name in keep]
        truth = config.columns(
            name for text in config.labels.expressions for name in columns_of(config.tree(text))
        )
        self._config = config
        self._labelled = set(truth) <= there
        observers = {name: set(config.columns([name])) for name in config.observers}
        self.absent = tuple(name for name, needed in observers.items() if not needed <= there)
        self._observers = [name for name in observers if name not in self.absent and name not in kept]
        wanted = {*encoder.columns, *kept, *(truth if self._labelled else ())}
        self.read = sorted(wanted.union(*(observers[name] for name in self._observers)))
        self._kept = kept

    def known(self, jets: Jets, encoded: Encoded) -> dict[str, Array]:
        """The known columns of the jets, by name."""
        known = {name: jets.scalars[name] for name in self._kept if name in jets.scalars}
        frame = FlatFrame(jets, self._config.variables)
        for name in self._observers:
            known[name] = np.array(frame.of_jets(self._config.tree(name), f"the observer {name}"))
        if self._labelled:
            known |= {label_column(name): encoded.labels == k for k, name in enumerate(self._config.classes)}
        return known


class _Tagger:
    """A saved network on its device; gives the probabilities of encoded jets."""

    def __init__(self, folder: Path, batch: int, device: str | None) -> None:
        torch: Any = require("torch", "prediction", "jets")
        from yukawa.jets.models.tagger import load_model

        network, data_config = load_model(Path(folder))
        self.encoder = network.encoder(data_config, prediction=True)
        self._torch, self._batch = torch, batch
        try:
            self._device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
            self._network = network.to(self._device).eval()
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"the device {device!r} cannot be used: {str(error).splitlines()[0]}") from None

    def __call__(self, encoded: Encoded) -> Array:
        """Probabilities, float32, shape (B, C)."""
        # Jets of similar length together waste less of a batch on padding.
        order = np.argsort(encoded.counts, kind="stable")
        scores_BC = np.empty((len(encoded), len(self.encoder.classes)), np.float32)
        with self._torch.inference_mode():
            for start in range(0, len(order), self._batch):
                where = order[start : start + self._batch]
                given = {name: t.to(self._device) for name, t in tensors(encoded.take(where)).items()}
                scores_BC[where] = self._network(**given).float().softmax(dim=1).cpu().numpy()
        return scores_BC
