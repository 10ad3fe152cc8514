"""Jets in HDF5 as padded arrays: `data` (jets, particles, features), `pid` (class numbers) and `global` (of jets)."""

import math
import mmap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from yukawa.core.errors import InputError, require
from yukawa.core.files import open_file, replacement, report_write_errors
from yukawa.jets.io.chunks import ChunkWriter, JetChunk, JetSource, check_declared, report_damage
from yukawa.jets.table import PARTICLE, Array, Jets, check_columns, label_column

JETS = 2048  # jets of a chunk
DATA, LABELS, GLOBAL = "data", "pid", "global"
_MOST_CLASSES = 10_000  # a label beyond is taken for damage
_CHUNK = (512, 32)  # jets and particles that are compressed together

_HEAP = b"GCOL\x01\0\0\0"

KIND = "part_kind"
# The features of OmniLearned (arXiv:2510.24066), in its order; it needs the first four.
FEATURES = (
    "part_deta", "part_dphi", "log part_pt", "log part_energy", KIND, "tanh part_d0val", "part_d0err",
    "tanh part_dzval", "part_dzerr",
)  # fmt: skip
KINEMATIC = FEATURES[:4]
GLOBALS = ("jet_pt", "jet_eta", "jet_mass", "jet_nparticles")
JET_FEATURES = ("jet_pt", "jet_eta", "jet_phi", "jet_energy", "jet_mass")

# A kind is a place in this sorted list of PDG codes, 0 for what is not identified; a pion or K_L represents all hadrons of its charge.
KINDS = (-211, -13, -11, 0, 11, 13, 22, 130, 211)
_CHARGES = np.array([-1, 1, 1, 0, -1, -1, 0, 0, 1], np.int8)
_IDENTIFIED = {
    "part_isElectron": (-11, 11),
    "part_isMuon": (-13, 13),
    "part_isChargedHadron": (-211, 211),
    "part_isNeutralHadron": (130,),
    "part_isPhoton": (22,),
}
_FUNCTIONS = {"": (np.positive, np.positive), "log": (np.log, np.exp), "tanh": (np.tanh, np.arctanh)}
_POLAR, _CARTESIAN = ("part_pt", "part_deta", "part_dphi"), ("part_px", "part_py", "part_pz")


@dataclass(frozen=True)
class Hdf5Chunk(JetChunk):
    """The jets of a range of rows.

    Attributes:
        features: what each column of `data` is.
        jet_features: what each column of `global` is.
        classes: the name of each number in `pid`.
    """

    start: int
    features: tuple[str, ...]
    jet_features: tuple[str, ...]
    classes: tuple[str, ...]

    def _read(self, columns: tuple[str, ...]) -> Jets:
        rows = slice(self.start, self.start + self.count)
        with _opened(self.path) as file:
            data = file[DATA][rows]
            scalars = {}
            if self.jet_features:
                scalars = dict(zip(self.jet_features, file[GLOBAL][rows].T, strict=True))
            if self.classes:
                scalars |= self._labels(file[LABELS][rows])
        there = _filled(data, self.features)
        counts = there.sum(axis=1)
        try:
            particles = decode_features(data[there], self.features, counts, scalars)
        except InputError as error:
            raise InputError(f"{self.path}: {error.message}") from None
        return Jets.from_counts(counts, particles, scalars).pick(columns)

    def _labels(self, numbers: Array) -> dict[str, Array]:
        odd = ~np.isin(numbers, np.arange(-1, len(self.classes)))
        if odd.any():
            at = int(np.flatnonzero(odd)[0])
            raise InputError(
                f"{self.path}: jet {self.start + at} has the label {numbers[at]}, "
                f"labels are 0 to {len(self.classes) - 1}, and -1 for none"
            )
        return {label_column(name): numbers == index for index, name in enumerate(self.classes)}


def open_hdf5(
    path: Path,
    *,
    features: Sequence[str] | None = None,
    jet_features: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
) -> JetSource:
    """The jets of one HDF5 file; a chunk is a range of rows.

    Names come from the arguments, else from the file, which carries them if we wrote it. Without either,
    4, 5 or 9 features of `data` are taken as those of OmniLearned, `FEATURES`; 4 of `global` as the jet's
    pt, eta, mass and number of particles; and classes are called by their numbers. A row of `data` whose
    features are all zero, the kind of particle aside, is padding. Where transverse momenta and angles to the
    jet axis are stored, Cartesian momenta are made of them; an axis that is not stored lies at eta = phi = 0.

    Raises:
        InputError: the file is damaged or not an HDF5 file, has no `data`, or names and shapes disagree.
    """
    with _opened(path) as file:
        total = _check_shapes(path, file)
        known = {width: FEATURES[:width] for width in (len(KINEMATIC), 5, len(FEATURES))}
        found = _names(path, file, DATA, features, known)
        found_jet = _names(path, file, GLOBAL, jet_features, {len(GLOBALS): GLOBALS})
        found_classes = _class_names(path, file, classes)
    check_names(path, found)
    starts = range(0, max(total, 1), JETS)
    columns = (*columns_of(found), *found_jet, *map(label_column, found_classes))
    chunks = (
        Hdf5Chunk(path, min(JETS, total - at), columns, at, found, found_jet, found_classes) for at in starts
    )
    return JetSource(columns, tuple(chunks))


@contextmanager
def hdf5_writer(path: Path, *, features: Sequence[str] | None = None) -> Iterator[Callable[[Jets], None]]:
    """A function that appends jets to a new HDF5 file, which is put at `path` when the block ends without an error.

    Without `features`, those of OmniLearned are written: all nine where the jets have the columns, else the four
    of kinematics. `global` takes the jet columns that OmniLearned knows, the number of particles last. No
    particle is cut off: the arrays grow as wide as the jet with the most particles. Other columns are omitted.

    Raises:
        InputError: the jets lack what a feature needs, or a particle would read as padding.
        StoreError: the disk refuses; an existing file is kept.
    """
    h5py = require("h5py", "writing HDF5 files")
    with replacement(path) as handle, report_write_errors(path), h5py.File(handle.name, "w") as file:
        chosen: tuple[str, ...] = ()

        def write(jets: Jets) -> None:
            """Append a chunk of jets; the first one decides the features."""
            nonlocal chosen
            chosen = chosen or tuple(features or best_features(jets))
            _append(path, file, jets, chosen)

        writer = ChunkWriter(path, JETS, write)
        yield writer.append
        writer.close()


def _append(path: Path, file: Any, jets: Jets, features: tuple[str, ...]) -> None:
    """Put jets behind those that the file holds."""
    rows = encode_features(jets, features)
    if not _filled(rows[None], features).all():
        raise InputError(f"{path}: a particle with all features zero would be taken for padding")
    jet_features = (*(name for name in JET_FEATURES if name in jets.scalars), "jet_nparticles")
    scalars = {**jets.scalars, "jet_nparticles": jets.counts}
    columns = np.stack([scalars[name].astype(np.float32) for name in jet_features], axis=1)
    wide = int(jets.counts.max(initial=0))
    data = np.zeros((len(jets), wide, len(features)), np.float32)
    data[np.arange(wide) < jets.counts[:, None]] = rows
    _extend(file, DATA, data, features)
    _extend(file, GLOBAL, columns, jet_features)
    if jets.classes:
        _extend(file, LABELS, jets.labels(jets.classes), jets.classes)


def _extend(file: Any, name: str, values: Array, names: Sequence[str]) -> None:
    """Let a dataset grow by `values` along the jets, and along the particles if need be; new places are zero."""
    if name not in file:
        chunks = (*_CHUNK, *values.shape[2:]) if name == DATA else (JETS, *values.shape[1:])
        options = {"chunks": chunks, "compression": "gzip", "compression_opts": 1, "shuffle": True}
        free, shape = (None,) * values.ndim, (0, *values.shape[1:])
        file.create_dataset(name, shape, values.dtype, maxshape=free, **options)
        file[name].attrs["names"] = np.array(
            [one.encode() for one in names], "S"
        )  # texts of a fixed length: no heap
    dataset = file[name]
    begin, *widths = dataset.shape
    dataset.resize((begin + len(values), *map(max, widths, values.shape[1:])))
    dataset[(slice(begin, None), *map(slice, values.shape[1:]))] = values


def _filled(data: Array, features: Sequence[str]) -> Array:
    """Which places of `data`, shape (jets, particles, features), hold a particle rather than padding."""
    telling = [index for index, name in enumerate(features) if name != KIND]
    return np.any(data[..., telling] != 0, axis=-1)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The open HDF5 file; see `report_damage`."""
    h5py = require("h5py", "reading HDF5 files")
    with report_damage(path, "HDF5", (OSError, RuntimeError, KeyError)), h5py.File(path, "r") as file:
        yield file


def _check_shapes(path: Path, file: Any) -> int:
    """The number of jets, once the shapes of all datasets agree."""
    if DATA not in file:
        raise InputError(f"{path} has no dataset {DATA!r}; it has: {', '.join(map(str, file)) or 'none'}")
    for name, dimensions in ((DATA, 3), (GLOBAL, 2), (LABELS, 1)):
        if name not in file:
            continue
        _check_inside(path, file, name)
        shape = file[name].shape
        if len(shape) != dimensions or shape[0] != file[DATA].shape[0]:
            raise InputError(
                f"{path}: {name} has the shape {shape}, expected are {dimensions} dimensions, "
                f"the first as long as that of {DATA} ({file[DATA].shape[0]})"
            )
        if file[name].dtype.kind not in "biuf":
            raise InputError(f"{path}: {name} holds {file[name].dtype}, numbers are expected")
        size = file[name].dtype.itemsize * math.prod(shape[1:])
        check_declared(path, f"{name} of the shape {shape}", size * min(JETS, shape[0]), size * shape[0])
    return int(file[DATA].shape[0])


def _check_inside(path: Path, file: Any, name: str) -> None:
    """Refuse what is not a dataset, and one whose numbers lie in other files, which nobody named."""
    h5py = require("h5py", "reading HDF5 files")
    dataset = file[name]
    if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
        raise InputError(f"{path}: {name} is not an array")
    linked = not isinstance(file.get(name, getlink=True), h5py.HardLink)
    if linked or dataset.is_virtual or dataset.external:
        raise InputError(f"{path}: {name} lies in another file", hint="copy it into one file, as by h5repack")
    check_declared(path, f"a block of {name}", dataset.dtype.itemsize * math.prod(dataset.chunks or ()), 0)


def _names(
    path: Path, file: Any, dataset: str, given: Sequence[str] | None, known: dict[int, tuple[str, ...]]
) -> tuple[str, ...]:
    """The name of each column of a dataset: as given, as stored in the file, or as usual at this width."""
    if dataset not in file:
        return ()
    width = file[dataset].shape[-1]
    names = given or _stored_names(path, file[dataset]) or known.get(width)
    argument = "features" if dataset == DATA else "jet_features"
    if names is None:
        widths = ", ".join(map(str, known))
        raise InputError(
            f"{path}: the meaning of the {width} columns of {dataset} is not known, only that of {widths}",
            hint=f"give their names as {argument}",
        )
    if len(names) != width:
        raise InputError(f"{path}: {dataset} has {width} columns, {argument} names {len(names)}")
    return tuple(map(str, names))


def _stored_names(path: Path, dataset: Any) -> tuple[str, ...]:
    """The names that a file gives the columns of a dataset, or the classes; none if it does not."""
    if "names" not in dataset.attrs:
        return ()
    kind = require("h5py", "reading HDF5 files").check_string_dtype(dataset.attrs.get_id("names").dtype)
    if kind is None:
        raise InputError(f"{path}: the names of {dataset.name} are not texts")
    if kind.length is None:
        _check_heaps(path)
    names = [dataset.attrs["names"]] if dataset.attrs.get_id("names").shape == () else dataset.attrs["names"]
    return tuple(name.decode(errors="replace") if isinstance(name, bytes) else str(name) for name in names)


def _check_heaps(path: Path) -> None:
    """Refuse a file with a damaged heap of texts, in which the library would go round for ever.

    A heap is `GCOL`, version, its size, and objects, each with number and size; see section III.E of the HDF5 File Format
    Specification.
    """
    with open_file(path) as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = data.find(_HEAP)
        while at >= 0:
            end = min(at + int.from_bytes(data[at + 8 : at + 16], "little"), len(data))
            place = at + 16
            while place + 16 <= end:
                size = int.from_bytes(data[place + 8 : place + 16], "little")
                step = 16 + size + -size % 8 if data[place : place + 2] != b"\0\0" else size
                if not 16 <= step <= end - place:
                    raise InputError(f"{path} is a damaged HDF5 file: its texts cannot be found")
                place += step
            at = data.find(_HEAP, at + 1)


def _class_names(path: Path, file: Any, given: Sequence[str] | None) -> tuple[str, ...]:
    """The name of each class number: as given, as stored in the file, or the number itself."""
    if LABELS not in file:
        return ()
    names: Sequence[object] = given or _stored_names(path, file[LABELS])
    if not names:
        labels, step = file[LABELS], 100 * JETS
        blocks = (labels[start : start + step] for start in range(0, len(labels), step))
        highest = max((np.max(block, initial=-1, where=np.isfinite(block)) for block in blocks), default=-1)
        if highest >= _MOST_CLASSES:
            raise InputError(f"{path}: {LABELS} holds {highest}, which is not the number of a class")
        names = range(int(highest) + 1)
    return tuple(map(str, names))


# ---- features ----


def check_names(path: Path, features: Sequence[str]) -> None:
    """Refuse names other than `part_` columns, alone or after `log` or `tanh`.

    Raises:
        InputError: names the first that is not.
    """
    for feature in features:
        function, name = _parse(feature)
        if function not in _FUNCTIONS or not name.startswith(PARTICLE):
            raise InputError(
                f"{path}: {feature!r} is not a feature",
                hint="write a column such as part_px, alone or as 'log part_px' or 'tanh part_d0val'",
            )


def columns_of(features: Sequence[str]) -> tuple[str, ...]:
    """The particle columns that `decode_features` makes of these features."""
    names = [_parse(feature)[1] for feature in features]
    columns = [name for name in names if name != KIND]
    if set(_POLAR) <= set(names):
        columns = [*_CARTESIAN, *(name for name in columns if name not in ("part_pt", *_CARTESIAN))]
    if KIND in names:
        columns += ["part_charge", *_IDENTIFIED]
    return tuple(dict.fromkeys(columns))


def best_features(jets: Jets) -> tuple[str, ...]:
    """All of `FEATURES` where the jets have the columns for it, else the kinematic ones."""
    needed = {_parse(feature)[1] for feature in FEATURES[5:]} | {"part_charge", *_IDENTIFIED}
    return FEATURES if needed <= set(jets.particles) else KINEMATIC


def encode_features(jets: Jets, features: Sequence[str]) -> Array:
    """The features of all particles, float32, shape (particles, features).

    Raises:
        InputError: the jets lack a column.
    """
    columns = dict(jets.particles)
    names = {_parse(feature)[1] for feature in features}
    if "part_pt" in names - set(columns):
        check_columns(_CARTESIAN[:2], columns, "the jets")
        columns["part_pt"] = np.hypot(columns["part_px"], columns["part_py"])
    if KIND in names - set(columns):
        check_columns(("part_charge", *_IDENTIFIED), columns, "the jets")
        columns[KIND] = _kinds(columns)
    check_columns(names, columns, "the jets")
    rows = np.empty((int(jets.offsets[-1]), len(features)), np.float32)
    with np.errstate(divide="ignore", invalid="ignore"):
        for index, feature in enumerate(features):
            function, name = _parse(feature)
            rows[:, index] = _FUNCTIONS[function][0](columns[name].astype(np.float64))
    return rows


def decode_features(
    rows: Array, features: Sequence[str], counts: Array, scalars: Mapping[str, Array]
) -> dict[str, Array]:
    """The particle columns of features, shape (particles, features), of jets with these counts and jet columns.

    A tanh that was rounded to 1 is read as the largest value below 1.

    Raises:
        InputError: a kind of particle is none of `KINDS`.
    """
    columns: dict[str, Array] = {}
    for index, feature in enumerate(features):
        function, name = _parse(feature)
        values = rows[:, index].astype(np.float64)
        if function == "tanh":
            below = float(np.nextafter(np.float32(1), np.float32(0)))
            values = np.clip(values, -below, below)
        columns[name] = _FUNCTIONS[function][1](values)
    if KIND in columns:
        columns |= _identified(columns.pop(KIND))
    if set(_POLAR) <= set(columns):
        columns |= _cartesian(columns, counts, scalars)
    return {
        name: columns[name].astype(np.float32) if columns[name].dtype == np.float64 else columns[name]
        for name in columns_of(features)
    }


def _parse(feature: str) -> tuple[str, str]:
    """Function and column of a feature, such as ("log", "part_pt")."""
    function, _, name = feature.rpartition(" ")
    return function, name


def _cartesian(columns: Mapping[str, Array], counts: Array, scalars: Mapping[str, Array]) -> dict[str, Array]:
    """Momenta from transverse momentum and angles to the jet axis."""
    nowhere = np.zeros(len(counts))
    eta = columns["part_deta"] + np.repeat(scalars.get("jet_eta", nowhere), counts)
    phi = columns["part_dphi"] + np.repeat(scalars.get("jet_phi", nowhere), counts)
    pt = columns["part_pt"]
    with np.errstate(invalid="ignore", over="ignore"):
        return dict(zip(_CARTESIAN, (pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)), strict=True))


def _kinds(columns: Mapping[str, Array]) -> Array:
    """The kind of each particle."""
    charge = columns["part_charge"]
    codes = np.zeros(len(charge), np.int64)
    for name, allowed in _IDENTIFIED.items():
        is_so = columns[name].astype(bool)
        sign = 1 if len(allowed) == 1 else np.sign(charge[is_so]).astype(np.int64)
        # The negative lepton has the positive code.
        codes[is_so] = allowed[-1] * (-sign if allowed[-1] in (11, 13) else sign)
    return np.searchsorted(KINDS, codes)


def _identified(kinds: Array) -> dict[str, Array]:
    """Charge and identification from kinds."""
    odd = ~np.isin(kinds, np.arange(len(KINDS)))
    if odd.any():
        raise InputError(f"a particle is of kind {kinds[odd][0]:g}, the kinds are 0 to {len(KINDS) - 1}")
    numbers = kinds.astype(np.int64)
    codes = np.array(KINDS)[numbers]
    flags = {name: np.isin(codes, allowed) for name, allowed in _IDENTIFIED.items()}
    return {"part_charge": _CHARGES[numbers], **flags}
