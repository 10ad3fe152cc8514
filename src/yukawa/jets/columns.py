"""Columns of a jet, named as in JetClass, with units and types; the jet-origin classes and their antiparticles."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from yukawa.core.errors import InputError, nearest

PARTICLE, JET, LABEL = "part_", "jet_", "label_"

# The order of the published matrices (arXiv:2310.03440). Codes in the field number these classes
# differently, so files and checkpoints carry names, never numbers.
JET_ORIGIN = ("b", "bbar", "c", "cbar", "s", "sbar", "u", "ubar", "d", "dbar", "g")

PDG_ID = {"d": 1, "u": 2, "s": 3, "c": 4, "b": 5, "g": 21}
PDG_ID |= {f"{quark}bar": -PDG_ID[quark] for quark in "duscb"}
NAME_OF_PDG_ID = {pdg: name for name, pdg in PDG_ID.items()}


@dataclass(frozen=True)
class Column:
    """One column: its name, NumPy type, unit ("" where it has none) and meaning."""

    name: str
    dtype: str
    unit: str
    meaning: str

    @property
    def of_particles(self) -> bool:
        """Whether each particle has a value, rather than each jet."""
        return self.name.startswith(PARTICLE)


PARTICLE_COLUMNS = (
    Column("part_px", "float32", "GeV", "momentum along x"),
    Column("part_py", "float32", "GeV", "momentum along y"),
    Column("part_pz", "float32", "GeV", "momentum along the beam"),
    Column("part_energy", "float32", "GeV", "energy"),
    Column("part_deta", "float32", "", "pseudorapidity minus that of the jet axis"),
    Column("part_dphi", "float32", "rad", "azimuth minus that of the jet axis, in (-pi, pi]"),
    Column("part_d0val", "float32", "mm", "signed transverse impact parameter; 0 for neutral particles"),
    Column("part_d0err", "float32", "mm", "its uncertainty; 0 for neutral particles"),
    Column("part_dzval", "float32", "mm", "longitudinal impact parameter; 0 for neutral particles"),
    Column("part_dzerr", "float32", "mm", "its uncertainty; 0 for neutral particles"),
    Column("part_charge", "int8", "e", "electric charge"),
    Column("part_isElectron", "bool", "", "identified as an electron"),
    Column("part_isMuon", "bool", "", "identified as a muon"),
    Column("part_isChargedKaon", "bool", "", "identified as a charged kaon"),
    Column("part_isChargedPion", "bool", "", "identified as a charged pion"),
    Column("part_isProton", "bool", "", "identified as a proton"),
    Column("part_isChargedHadron", "bool", "", "identified as a charged hadron of any kind"),
    Column("part_isNeutralHadron", "bool", "", "identified as a neutral hadron"),
    Column("part_isPhoton", "bool", "", "identified as a photon"),
    Column("part_truth_pdg", "int32", "", "true PDG code; for checks, never an input"),
)

JET_COLUMNS = (
    Column("jet_pt", "float32", "GeV", "transverse momentum"),
    Column("jet_eta", "float32", "", "pseudorapidity"),
    Column("jet_phi", "float32", "rad", "azimuth"),
    Column("jet_energy", "float32", "GeV", "energy"),
    Column("jet_mass", "float32", "GeV", "invariant mass"),
    Column("jet_nparticles", "int32", "", "number of particles"),
    Column(
        "jet_event", "int64", "", "number of the event within its data set; two jets of one event share it"
    ),
    Column("jet_parton_angle", "float32", "rad", "angle to the parton that gave the label"),
)


def label_column(name: str) -> str:
    """The column that says whether a jet is of class `name`, such as `label_b`."""
    return LABEL + name


def check_columns(wanted: Collection[str], there: Collection[str], place: str) -> None:
    """Refuse columns that `place` (a file, or "the jets") does not have.

    Raises:
        InputError: names the columns that are missing, and those nearest to them in spelling.
    """
    missing = [name for name in wanted if name not in there]
    if missing:
        near = sorted({match for name in missing if (match := nearest(name, there))})
        hint = f"near it: {', '.join(near)}" if near else f"it has: {', '.join(there) or 'none'}"
        raise InputError(f"{place}: no column {', '.join(missing)}", hint=hint)


def conjugate(name: str) -> str:
    """The class of the antiparticle: `b` and `bbar` are each other's, `g` and unknown names are their own."""
    other = name.removesuffix("bar") if name.endswith("bar") else f"{name}bar"
    return other if name in PDG_ID and other in PDG_ID else name


def flavours(classes: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The (quark, antiquark) pairs of which both are in `classes`, in its order."""
    return tuple((name, f"{name}bar") for name in classes if f"{name}bar" in classes)
