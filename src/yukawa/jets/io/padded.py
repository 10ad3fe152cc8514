"""Particle features as padded arrays hold them: columns, their logarithms and tanh, and numbered kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from yukawa.core.errors import InputError
from yukawa.jets.columns import PARTICLE, check_columns
from yukawa.jets.table import Array, Jets

KIND = "part_kind"
# The features of OmniLearned (arXiv:2510.24066), in its order; it cannot do without the first four.
FEATURES = (
    "part_deta",
    "part_dphi",
    "log part_pt",
    "log part_energy",
    KIND,
    "tanh part_d0val",
    "part_d0err",
    "tanh part_dzval",
    "part_dzerr",
)
KINEMATIC = FEATURES[:4]
GLOBALS = ("jet_pt", "jet_eta", "jet_mass", "jet_nparticles")
JET_FEATURES = ("jet_pt", "jet_eta", "jet_phi", "jet_energy", "jet_mass")

# A kind is a place in this sorted list of PDG codes, 0 for what is not identified; hadrons stand for their like.
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


def check_names(path: Path, features: Sequence[str]) -> None:
    """Refuse names that are no `part_` column, alone or behind `log` or `tanh`.

    Raises:
        InputError: names the first that is not.
    """
    for feature in features:
        function, name = _parse(feature)
        if function not in _FUNCTIONS or not name.startswith(PARTICLE):
            raise InputError(
                f"{path}: {feature!r} is no feature",
                hint="write a column such as part_px, alone or as 'log part_px' or 'tanh part_d0val'",
            )


def columns_of(features: Sequence[str]) -> tuple[str, ...]:
    """The particle columns that `decode` makes of these features."""
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


def encode(jets: Jets, features: Sequence[str]) -> Array:
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


def decode(
    rows: Array, features: Sequence[str], counts: Array, scalars: Mapping[str, Array]
) -> dict[str, Array]:
    """The particle columns of features, shape (particles, features), of jets with these counts and jet columns.

    A tanh that has run into 1 comes back as the largest value below it would.

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
