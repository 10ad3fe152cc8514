"""Jets as the text lines that BBT-Neutron reads: one jet per line, one sentence per particle."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np

from yukawa.core.errors import InputError, unreadable
from yukawa.core.files import open_file, parse_row, replacement, report_write_errors
from yukawa.core.guarded import lines_of
from yukawa.jets.io.chunks import JetChunk, JetSource
from yukawa.jets.table import JET_ORIGIN, Array, Jets, check_columns, label_column

LINES = 1024  # jets of a chunk

# The names of kinds of particles, and the flags of each. If several flags are set, the first kind counts.
SPECIES = {
    "electron": ("part_isElectron",),
    "muon": ("part_isMuon",),
    "charged kaon": ("part_isChargedKaon", "part_isChargedHadron"),
    "charged pion": ("part_isChargedPion", "part_isChargedHadron"),
    "proton": ("part_isProton", "part_isChargedHadron"),
    "charged hadron": ("part_isChargedHadron",),
    "neutral hadron": ("part_isNeutralHadron",),
    "photon": ("part_isPhoton",),
    "unknown": (),
}
_KINDS = list(SPECIES)
_FLAGS = tuple(dict.fromkeys(flag for flags in SPECIES.values() for flag in flags))
_MOMENTA = ("part_energy", "part_px", "part_py", "part_pz")
_ANGLES = ("part_deta", "part_dphi")
_IMPACT = ("part_d0val", "part_d0err", "part_dzval", "part_dzerr")
_JET = ("jet_pt", "jet_eta", "jet_phi", "jet_energy", "jet_nparticles")
_NUMBERS = (*_MOMENTA, *_ANGLES, *_IMPACT)
_PARTICLE_COLUMNS = (*_NUMBERS, "part_charge", *_FLAGS)
_AXIS_COLUMNS = ("jet_pt", "jet_energy", "jet_eta")
TEXT_COLUMNS = (*_PARTICLE_COLUMNS, *_AXIS_COLUMNS)

_AXIS = 1e-5  # by how much rounding may move an axis across eta = 0
_NUMBER = r"([-+]?(?:\d+(?:\.\d*)?(?:[eE][-+]?\d+)?|nan|inf))"
_PARTICLE = re.compile(
    rf"(\d+): (-?\d\d?), {_NUMBER}, \({_NUMBER}, {_NUMBER}, {_NUMBER}\), "
    + rf"{_NUMBER}, " * 11
    + rf"({'|'.join(SPECIES)})"
)

_QUANTITIES = (
    "E", "px", "py", "pz", "ln E", "ln pT", "d_eta", "d_phi", "ln(pT / jet pT)", "ln(E / jet E)", "dR",
    "d0", "d0err", "z0", "z0err",
)  # fmt: skip
_SENTENCE = "%d: %d, %.6f, (%.6f, %.6f, %.6f), " + "%.6f, " * 11 + "%s."


def format_jets(jets: Jets) -> list[str]:
    """One line of text for each jet.

    A particle reads `index: charge, E, (px, py, pz), ln E, ln pT, d_eta, d_phi, ln(pT / jet pT), ln(E / jet E),
    dR, d0, d0err, z0, z0err, kind.` with six decimals. Impact parameters d in mm are given as
    tanh(0.2 sgn(d) |d|^(1/4)); d_eta is mirrored where the jet's pseudorapidity is negative, as in JetClass.

    Raises:
        InputError: the jets lack a column.
    """
    texts = _sentences(jets)
    return [" ".join(texts[begin:end]) for begin, end in pairwise(jets.offsets.tolist())]


def sentences(jets: Jets, *, finite: bool = False) -> tuple[Array, Array, Array]:
    """The sentences of all particles, each followed by a space; those of a jet are its line in `format_jets`.

    Returns:
        the characters, uint8; and where the sentence of each particle begins and ends among them, int64 (N,).

    Raises:
        InputError: the jets lack a column, a charge is not a number from -99 to 99, or another number is NaN or
            infinite although `finite` ones are required.
    """
    texts = _sentences(jets, finite=finite)
    ends_N = np.cumsum([len(text) + 1 for text in texts], dtype=np.int64) - 1
    characters = np.frombuffer(" ".join([*texts, ""]).encode(), np.uint8)
    return characters, np.concatenate([[0], ends_N + 1])[:-1], ends_N


def _sentences(jets: Jets, *, finite: bool = False) -> list[str]:
    """The sentence of each particle."""
    check_columns(TEXT_COLUMNS, jets.columns, "the jets")
    charges = jets.particles["part_charge"]
    if not np.isfinite(charges).all():
        raise InputError("a particle has no charge, part_charge is not finite")
    if len(far := charges[(charges > 99) | (charges < -99)]):
        raise InputError(f"a particle has the charge {far[0]:g}, but only -99 to 99 can be written")
    values = _quantities(jets)
    if finite and not np.isfinite(values).all():
        odd, particle = np.argwhere(~np.isfinite(values))[0]
        raise InputError(
            f"{_QUANTITIES[odd]} of a particle is {values[odd, particle]}",
            hint="clean the data, or set `nonfinite: replace` under preprocess",
        )
    numbers = np.arange(jets.offsets[-1]) - np.repeat(jets.offsets[:-1], jets.counts)
    flags = [jets.particles[flags[0]].astype(bool) for flags in SPECIES.values() if flags]
    kinds = map(_KINDS.__getitem__, np.select(flags, np.arange(len(flags)), len(flags)).tolist())
    rows = zip(numbers.tolist(), charges.tolist(), *values.tolist(), kinds, strict=True)
    return [_SENTENCE % row for row in rows]


def _quantities(jets: Jets) -> Array:
    """The numbers of each particle in the order of its sentence, (15, N)."""
    columns = {name: jets.particles[name].astype(np.float64) for name in _NUMBERS}
    whole = {name: np.repeat(jets.scalars[name], jets.counts).astype(np.float64) for name in _AXIS_COLUMNS}
    with np.errstate(divide="ignore", invalid="ignore"):
        energy = np.log(columns["part_energy"])
        pt = np.log(np.hypot(columns["part_px"], columns["part_py"]))
        relative = pt - np.log(whole["jet_pt"]), energy - np.log(whole["jet_energy"])
    deta, dphi = columns["part_deta"], columns["part_dphi"]
    angles = np.where(whole["jet_eta"] < 0, -deta, deta) + 0.0, dphi  # never -0
    impact = [_shrink(columns[name]) for name in _IMPACT]
    momenta = [columns[name] for name in _MOMENTA]
    return np.stack([*momenta, energy, pt, *angles, *relative, np.hypot(deta, dphi), *impact])


def parse_jets(lines: Sequence[str], place: str = "the text", first: int = 0) -> Jets:
    """The jets of lines as `format_jets` writes them, without labels; numbers keep their printed precision (float64).

    The jet's energy, pT and axis are those that its particles' relative quantities were taken from; they are NaN
    for a jet without particles. Messages name `place` and count jets from `first`.

    Raises:
        InputError: a line is damaged; names the jet and the particle.
    """
    rows: list[list[float]] = []
    kinds: list[int] = []
    counts = np.zeros(len(lines), np.int64)
    for jet, line in enumerate(lines):
        sentences = line.strip().removesuffix(".").split(". ") if line.strip() else []
        counts[jet] = len(sentences)
        for index, sentence in enumerate(sentences):
            match = _PARTICLE.fullmatch(sentence)
            if match is None or match[1] != str(index):
                raise InputError(
                    f"{place}, jet {first + jet}: particle {index} is damaged: {sentence[:60]!r}",
                    hint="expected: index: charge, E, (px, py, pz), eleven numbers, kind.",
                )
            _, *printed, kind = match.groups()
            rows.append([float(number) for number in printed])
            kinds.append(_KINDS.index(kind))
    numbers = np.array(rows, np.float64).reshape(len(rows), 16)
    flags = {
        flag: np.array([flag in flags for flags in SPECIES.values()])[np.array(kinds, int)] for flag in _FLAGS
    }
    deta, scalars = _jet_of(numbers, counts)
    columns = [*numbers[:, 1:5].T, deta, numbers[:, 8], *map(_expand, numbers[:, 12:].T)]
    particles = dict(zip((*_MOMENTA, *_ANGLES, *_IMPACT), columns, strict=True))
    particles |= {"part_charge": numbers[:, 0].astype(np.int8), **flags}
    return Jets.from_counts(counts, particles, scalars)


@dataclass(frozen=True)
class TextChunk(JetChunk):
    """The jets of some lines.

    Attributes:
        start: the byte at which the first begins.
        first: the number of jets before it.
        classes: the class of each label; none where the lines have no labels.
    """

    start: int
    first: int
    classes: tuple[str, ...]

    def _read(self, columns: tuple[str, ...]) -> Jets:
        with open_file(self.path) as handle:
            handle.seek(self.start)
            lines = list(islice(_lines(handle, self.path), self.count))
        if len(lines) < self.count:
            raise InputError(f"{self.path} has become shorter since it was opened")
        rows = [_row(line, f"{self.path}, jet {self.first + at}") for at, line in enumerate(lines)]
        jets = parse_jets([row["data"] for row in rows], str(self.path), self.first)
        scalars = dict(jets.scalars)
        if self.classes:
            labels = np.array([self._label(row, self.first + at) for at, row in enumerate(rows)])
            scalars |= {label_column(name): labels == index for index, name in enumerate(self.classes)}
        return Jets(jets.offsets, jets.particles, scalars).pick(columns)

    def _label(self, row: dict[str, Any], jet: int) -> int:
        label = row.get("label")
        if type(label) is int and -1 <= label < len(self.classes):
            return label
        raise InputError(
            f"{self.path}, jet {jet} has the label {label!r}, 0 to {len(self.classes) - 1} are allowed, "
            "and -1 for no class"
        )


def _lines(handle: IO[bytes], path: Path) -> Iterator[bytes]:
    """The lines from here on that are not blank, each of a size that does not fill the memory."""
    return (line for line in lines_of(handle.readline, str(path)) if line.strip())


def open_text(path: Path, classes: Sequence[str] = JET_ORIGIN) -> JetSource:
    """The jets of a file of lines: `{"data": text, "label": number}`, or bare text, which has no labels.

    `classes` names the numbers, by default in the published order.

    Raises:
        InputError: the file cannot be read, or its first line is not a jet.
    """
    starts, total, labelled = [0], 0, True
    try:
        with open_file(path) as handle:
            for line in _lines(handle, path):
                if total == 0:
                    labelled = "label" in _row(line, f"{path}, jet 0")
                total += 1
                if total % LINES == 0:
                    starts.append(handle.tell())
    except OSError as error:
        raise unreadable(path, error) from None
    firsts = range(0, max(total, 1), LINES)
    names = tuple(classes) if labelled else ()
    columns = (*_PARTICLE_COLUMNS, *_JET, *map(label_column, names))
    chunks = (
        TextChunk(path, min(LINES, total - first), columns, start, first, names)
        for first, start in zip(firsts, starts, strict=False)
    )
    return JetSource(columns, tuple(chunks))


@contextmanager
def text_writer(path: Path, classes: Sequence[str] = JET_ORIGIN) -> Iterator[Callable[[Jets], None]]:
    """A function that appends jets to a new file of lines, which is put at `path` when the block ends without an error.

    The label is the place of the jet's class in `classes`, -1 for none; jets without label columns get none.

    Raises:
        InputError: the jets lack a column, or have a class that `classes` does not.
        StoreError: the disk refuses; an existing file is kept.
    """
    with replacement(path) as handle:

        def append(jets: Jets) -> None:
            """Write a line for each jet."""
            odd = [name for name in jets.classes if name not in classes]
            if odd:
                raise InputError(
                    f"{path}: the class {odd[0]} has no number, only {', '.join(classes)} have one",
                    hint="give the classes in the order of their numbers",
                )
            there = [name for name in classes if name in jets.classes]
            place = np.array([*(list(classes).index(name) for name in there), -1])
            rows: list[dict[str, Any]] = [{"data": text} for text in format_jets(jets)]
            if there:
                for row, label in zip(rows, place[jets.labels(there)].tolist(), strict=True):
                    row["label"] = label
            with report_write_errors(path):
                handle.writelines(json.dumps(row).encode() + b"\n" for row in rows)

        yield append


def _row(line: bytes, place: str) -> dict[str, Any]:
    """Text and label of a line."""
    if line.lstrip()[:1] != b"{":
        return {"data": line.decode("utf-8", errors="replace")}
    row = parse_row(line, place)
    if not isinstance(row.get("data"), str):
        raise InputError(f"{place}: no text under 'data'")
    return row


def _shrink(length: Array) -> Array:
    """tanh(0.2 sgn(d) |d|^(1/4)) of lengths in mm."""
    return np.tanh(0.2 * np.sign(length) * np.sqrt(np.sqrt(np.abs(length))))


def _expand(shrunk: Array) -> Array:
    """The length in mm of which `_shrink` gives this value; infinite for 1."""
    with np.errstate(divide="ignore"):
        return np.sign(shrunk) * (np.arctanh(np.abs(shrunk)) / 0.2) ** 4


def _jet_of(numbers: Array, counts: Array) -> tuple[Array, dict[str, Array]]:
    """d_eta relative to the true axis, and the quantities of the jets, from the numbers of their particles."""
    jet = np.repeat(np.arange(len(counts)), counts)

    def mean(values: Array) -> Array:
        with np.errstate(invalid="ignore"):
            good = np.isfinite(values)
            sums = np.bincount(jet[good], values[good], len(counts))
            return sums / np.bincount(jet[good], minlength=len(counts))

    px, py, pz, log_energy, log_pt, deta, dphi, relative_pt, relative_energy = numbers[:, 2:11].T
    with np.errstate(divide="ignore", invalid="ignore"):
        eta = np.arcsinh(pz / np.hypot(px, py))
        turned = np.exp(1j * (np.arctan2(py, px) - dphi))
        # The axis is where all particles agree on it, once d_eta is mirrored or not.
        plain, mirrored = mean(eta - deta), mean(eta + deta)
        plain_off, mirrored_off = (
            mean((eta - deta - plain[jet]) ** 2),
            mean((eta + deta - mirrored[jet]) ** 2),
        )
        plain_off[plain < -_AXIS] = np.inf
        mirrored_off[mirrored > _AXIS] = np.inf
        mirror = mirrored_off < plain_off
        scalars = {
            "jet_pt": np.exp(mean(log_pt - relative_pt)),
            "jet_eta": np.where(mirror, mirrored, plain),
            "jet_phi": np.arctan2(mean(turned.imag), mean(turned.real)),
            "jet_energy": np.exp(mean(log_energy - relative_energy)),
            "jet_nparticles": counts.astype(np.int32),
        }
    return np.where(mirror[jet], -deta, deta) + 0.0, scalars
