"""Chooses the decay model of a mode by spins, parities and experiment, with the order of daughters that the model takes."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from yukawa.generators.models import decay_models
from yukawa.generators.species import Species

_LEPTONS = frozenset({11, 13, 15})
_PIONS = frozenset({111, 211})
_NU_TAU = 16
_HEAVY_BARYONS = 4000  # Monte Carlo numbers of baryons with charm or beauty begin here
_CHARMED_MESONS = 400  # and those of mesons with charm


@dataclass(frozen=True, slots=True)
class Amplitude:
    """A model for one mode.

    Args:
        model: its name.
        arguments: its numbers.
        daughters: in the order that it takes.
        photos: whether photons are radiated from charged leptons.
        note: why this one, and what is approximate.
    """

    model: str
    arguments: tuple[str, ...]
    daughters: tuple[Species, ...]
    photos: bool
    note: str


@dataclass(frozen=True, slots=True)
class _Rule:
    applies: Callable[[Species, Sequence[Species]], bool]
    model: str
    arguments: str
    note: str


def _spins(parent: str, *daughters: str) -> Callable[[Species, Sequence[Species]], bool]:
    wanted = sorted(daughters)
    return lambda own, species: (
        own.spin_type == parent and sorted(each.spin_type for each in species) == wanted
    )


def _names(parent: str, *daughters: str) -> Callable[[Species, Sequence[Species]], bool]:
    """A decay by names, or its conjugate by charges alone where the names differ in sign."""
    wanted = sorted(daughters)
    return lambda own, species: own.base == parent and sorted(each.base for each in species) == wanted


def _lepton_pair(parent: str) -> Callable[[Species, Sequence[Species]], bool]:
    return lambda own, species: (
        own.spin_type == parent
        and len(species) == 2
        and all(abs(each.number) in _LEPTONS for each in species)
    )


def _both_neutrino(parent: str, *more: str) -> Callable[[Species, Sequence[Species]], bool]:
    """A charged lepton, neutrinos, and particles of these spins."""

    def applies(own: Species, species: Sequence[Species]) -> bool:
        leptons = [each for each in species if abs(each.number) in _LEPTONS]
        rest = sorted(each.spin_type for each in species if abs(each.number) not in _LEPTONS)
        return own.spin_type == parent and len(leptons) == 1 and rest == sorted(more)

    return applies


def _semileptonic(digits: str) -> Callable[[Species, Sequence[Species]], bool]:
    """A meson to another one, a lepton and its neutrino, of mesons whose number begins with one of these digits."""
    kinds = [_both_neutrino("S", kind, "N") for kind in "SVT"]
    return lambda own, species: (
        str(abs(own.number))[0] in digits and any(applies(own, species) for applies in kinds)
    )


def _with_pair(own: Species, species: Sequence[Species], kind: str) -> bool:
    """A meson with a charged lepton and its antiparticle."""
    leptons = [each for each in species if abs(each.number) in _LEPTONS]
    rest = [each for each in species if abs(each.number) not in _LEPTONS]
    pair = len(leptons) == 2 and leptons[0].number == -leptons[1].number
    light = all(each.spin_type in ("S", "V") and abs(each.number) < _CHARMED_MESONS for each in rest)
    return own.spin_type == kind and pair and len(species) == 3 and light


def _two_pions(own: Species, species: Sequence[Species]) -> bool:
    """Two pions without charge from a heavy quarkonium to another; a particle of spin 1 and parity + is an axial vector."""
    rest = [each for each in species if abs(each.number) not in _PIONS]
    if not all(str(abs(each.number))[-3:-1] in ("44", "55") for each in rest):
        return False
    return (
        len(species) == 3
        and len(rest) == 1
        and all(each.spin_type == "V" and each.parity != "+" for each in (own, *rest))
        and rest[0].charge3 == own.charge3
    )


def _is_tau(own: Species, species: Sequence[Species], hadrons: int) -> bool:
    pions = [each for each in species if abs(each.number) in _PIONS]
    return abs(own.number) == 15 and len(pions) == hadrons and len(species) == hadrons + 1


def _d_to_kpipi(own: Species, species: Sequence[Species]) -> bool:
    kaons = [each for each in species if each.base in ("K+", "K-", "K_S0", "K_L0", "K0", "anti-K0")]
    return (
        own.base in ("D+", "D-", "D0", "anti-D0")
        and len(species) == 3
        and len(kaons) == 1
        and sum(abs(e.number) in _PIONS for e in species) == 2
    )


def _to_even(species: Sequence[Species]) -> bool:
    """Whether the particle beside the photon has parity +, as chi_c0 and f_0 have."""
    return any(each.parity == "+" for each in species if each.spin_type != "G")


def _same_parity(own: Species, species: Sequence[Species]) -> bool:
    return own.parity != "" and own.parity == ("+" if species[0].parity == species[1].parity else "-")


# alpha of the angle to the beam as BESIII measured it, and the publication by its name in the Review.
BARYON_PAIRS = (
    ("J/psi", "p+ anti-p-", "0.595", "PR D86 032014"), ("J/psi", "n0 anti-n0", "0.50", "PR D86 032014"),
    ("J/psi", "Lambda0 anti-Lambda0", "0.475", "PRL 129 131801"), ("J/psi", "Sigma+ anti-Sigma-", "-0.508", "PRL 125 052004"),
    ("J/psi", "Sigma0 anti-Sigma0", "-0.449", "PR D95 052003"), ("J/psi", "Xi- anti-Xi+", "0.586", "NAT 606 64"),
    ("J/psi", "Xi0 anti-Xi0", "0.514", "PR D108 L031106"), ("psi(2S)", "n0 anti-n0", "0.68", "PR D98 032006"),
    ("psi(2S)", "p+ anti-p-", "1.0", "PR D98 032006"),  # which has 1.03, more than the largest possible
    ("psi(2S)", "Lambda0 anti-Lambda0", "0.82", "PR D95 052003"), ("psi(2S)", "Sigma+ anti-Sigma-", "0.682", "PRL 125 052004"),
    ("psi(2S)", "Sigma0 anti-Sigma0", "0.71", "PR D95 052003"), ("psi(2S)", "Xi- anti-Xi+", "0.693", "PR D106 L091101"),
    ("psi(2S)", "Xi0 anti-Xi0", "0.665", "PR D108 L011101"),
)  # fmt: skip
_BES = (
    _Rule(
        lambda own, species: own.base == "psi(2S)" and _two_pions(own, species),
        "JPIPI",
        "",
        "the BESIII amplitude; in plain EvtGen use VVPIPI",
    ),
    _Rule(_names("psi(2S)", "gamma", "chi_c0"), "P2GC0", "", "E1 transition, 1 + cos^2"),
    _Rule(_names("psi(2S)", "gamma", "chi_c1"), "P2GC1", "", "E1 transition, 1 - cos^2 / 3"),
    _Rule(_names("psi(2S)", "gamma", "chi_c2"), "P2GC2", "", "E1 transition, 1 + cos^2 / 13"),
    _Rule(
        lambda own, species: (
            _spins("V", "G", "S")(own, species) and own.c_parity == "-" and not _to_even(species)
        ),
        "JPE",
        "",
        "photon and pseudoscalar, photon first",
    ),
    _Rule(_names("chi_c1", "gamma", "J/psi"), "AV2GV", "", "axial vector to photon and vector"),
    *(
        _Rule(
            _names(parent, *pair.split()),
            "J2BB1",
            alpha,
            f"1 + alpha cos^2, alpha {alpha} of BESIII ({source})",
        )
        for parent, pair, alpha, source in BARYON_PAIRS
    ),
    _Rule(
        lambda own, species: (
            own.spin_type == "D"
            and own.sums[1] != 0
            and abs(own.number) < _HEAVY_BARYONS
            and _spins("D", "D", "S")(own, species)
        ),
        "HypWK",
        "",
        "weak decay of a hyperon, baryon first",
    ),
)
_RULES = (
    _Rule(_lepton_pair("V"), "VLL", "", "lepton pair through a virtual photon"),
    _Rule(_lepton_pair("S"), "SLL", "", "scalar to two leptons"),
    _Rule(_both_neutrino("S", "N"), "SLN", "", "leptonic decay"),
    _Rule(lambda own, species: _both_neutrino("D", "N", "N")(own, species), "TAULNUNU", "", "V - A"),
    _Rule(lambda own, species: _is_tau(own, species, 1), "TAUSCALARNU", "", "V - A"),
    _Rule(_spins("D", "V", "N"), "TAUVECTORNU", "", "V - A"),
    _Rule(
        lambda own, species: _is_tau(own, species, 2),
        "TAUHADNU",
        "-0.108 0.775 0.149 1.364 0.400",
        "rho and rho' in the pion pair",
    ),
    _Rule(
        lambda own, species: _is_tau(own, species, 3),
        "TAUHADNU",
        "-0.108 0.775 0.149 1.364 0.400 1.23 0.4",
        "a_1 in three pions",
    ),
    _Rule(
        lambda own, species: abs(own.number) == 541 and _both_neutrino("S", "V", "N")(own, species),
        "BC_VMN",
        "1",
        "form factors of the B_c",
    ),
    _Rule(
        lambda own, species: abs(own.number) == 541 and _both_neutrino("S", "S", "N")(own, species),
        "BC_SMN",
        "1",
        "form factors of the B_c",
    ),
    *(
        _Rule(_semileptonic(digits), "ISGW2", "", f"semileptonic form factors of ISGW2{measured}")
        for digits, measured in (
            ("5", "; measured ones are in tables: HQET2 or BGL for B -> D(*)"),
            ("4", "; measured ones are in tables: SLBKPOLE for K and pi, SLPOLE for K* and rho"),
            ("1236789", ""),
        )
    ),
    _Rule(
        lambda own, species: _with_pair(own, species, "S") and abs(own.number) > 500,
        "BTOSLLBALL",
        "",
        "b to s l l with form factors of Ball and Zwicky",
    ),
    _Rule(
        lambda own, species: (
            _names("B0", "K*0", "nu_e", "anti-nu_e")(own, species) or _spins("S", "V", "N", "N")(own, species)
        ),
        "KSTARNUNU",
        "",
        "b to s nu nu",
    ),
    _Rule(lambda own, species: own.base == "pi0" and len(species) == 3, "PI0_DALITZ", "", "Dalitz decay"),
    _Rule(_names("eta", "pi+", "pi-", "pi0"), "ETA_DALITZ", "", "measured Dalitz plot"),
    _Rule(_names("omega", "pi+", "pi-", "pi0"), "OMEGA_DALITZ", "", "P wave of three pions"),
    _Rule(_names("phi", "pi+", "pi-", "pi0"), "PHI_DALITZ", "", "rho pi and direct"),
    _Rule(_d_to_kpipi, "D_DALITZ", "", "measured Dalitz plot"),
    _Rule(_two_pions, "VVPIPI", "", "soft-pion amplitude of two vectors and two pions"),
    _Rule(_names("Lambda0", "p+", "pi-"), "HypNonLepton", "0.748 -6.5", "measured asymmetry"),
    _Rule(_names("anti-Lambda0", "anti-p-", "pi+"), "HypNonLepton", "-0.748 -6.5", "measured asymmetry"),
    _Rule(_spins("V", "S", "S"), "VSS", "", "vector to two scalars"),
    _Rule(_spins("T", "S", "S"), "TSS", "", "tensor to two scalars"),
    _Rule(_spins("S", "V", "S"), "SVS", "", "the vector has helicity 0"),
    _Rule(_spins("S", "T", "S"), "STS", "", "the tensor has helicity 0"),
    _Rule(
        _spins("S", "V", "G"),
        "SVP_HELAMP",
        "1.0 0.0 1.0 0.0",
        "equal helicity amplitudes; fill in measured ones",
    ),
    _Rule(
        _spins("S", "V", "V"),
        "SVV_HELAMP",
        "0.0 0.0 1.0 0.0 0.0 0.0",
        "longitudinal alone; fill in measured amplitudes",
    ),
    _Rule(
        lambda own, species: _spins("V", "S", "G")(own, species) and own.parity == "-" and _to_even(species),
        "HELAMP",
        "1.0 0.0 1.0 0.0",
        "E1 transition",
    ),
    _Rule(_spins("V", "S", "G"), "VSP_PWAVE", "", "P wave"),
    _Rule(
        lambda own, species: own.c_parity == "-" and _spins("V", "G", "V")(own, species),
        "HELAMP",
        "1.0 0.0 1.0 0.0 -1.0 0.0 -1.0 0.0",
        "E1 transition",
    ),
    _Rule(
        lambda own, species: own.c_parity == "-" and _spins("V", "G", "T")(own, species),
        "HELAMP",
        "2.4494897 0.0 1.7320508 0.0 1.0 0.0 1.0 0.0 1.7320508 0.0 2.4494897 0.0",
        "E1 transition",
    ),
    _Rule(
        lambda own, species: _spins("V", "S", "V")(own, species) and _same_parity(own, species),
        "VVS_PWAVE",
        "1.0 0.0 0.0 0.0 0.0 0.0",
        "S wave alone",
    ),
    _Rule(
        lambda own, species: _spins("V", "S", "V")(own, species) and own.parity != "",
        "VVS_PWAVE",
        "0.0 0.0 1.0 0.0 0.0 0.0",
        "P wave alone",
    ),
)


def choose_amplitude(parent: Species, daughters: Sequence[Species], experiment: str) -> Amplitude:
    """The model of the first rule that fits; flat phase space, as the output says, if none does."""
    photos = any(abs(each.number) in (11, 13) for each in daughters)
    for rule in (*(_BES if experiment == "besiii" else ()), *_RULES):
        if not rule.applies(parent, daughters):
            continue
        model = decay_models()[rule.model]
        wanted = ordered(rule.model, daughters)
        if (
            wanted is not None
            and model.takes_parent(parent)
            and (not model.daughters or len(daughters) in model.daughters)
        ):
            return Amplitude(
                rule.model, tuple(rule.arguments.split()), wanted, photos, f"{rule.model}: {rule.note}"
            )
    return Amplitude("PHSP", (), tuple(daughters), photos, f"PHSP: {_flat(parent, daughters)}")


def _flat(parent: Species, daughters: Sequence[Species]) -> str:
    """What phase space ignores in a decay."""
    if parent.spin2 == 0 and len(daughters) == 2:
        return "exact: a particle without spin decays alike in all directions"
    without = all(each.spin2 == 0 for each in (parent, *daughters))
    return f"flat phase space; {'resonances' if without else 'the spins of the decay'} are ignored"


def ordered(name: str, daughters: Sequence[Species]) -> tuple[Species, ...] | None:
    """The order of daughters that a model takes: the given one, or else that with positive particles first."""
    model = decay_models()[name]
    fixed = name.endswith("_DALITZ") or name == "HELAMP"
    by_charge = sorted(daughters, key=_rank) if fixed else list(daughters)
    if name == "TAULNUNU":
        by_charge.sort(key=lambda each: abs(each.number) == _NU_TAU)  # which is the last of the two
    for order in (by_charge, *itertools.permutations(sorted(daughters, key=_rank))):
        if model.takes(order):
            return tuple(order)
    return None


def _rank(species: Species) -> tuple[int, int, str]:
    """Photons first, kaons before pions, positive before negative before neutral."""
    charge = {3: 0, -3: 1}.get(species.charge3, 2)
    return (
        0 if species.spin_type == "G" else 1 if abs(species.number) in (321, 310, 130, 311) else 2,
        charge,
        species.name,
    )
