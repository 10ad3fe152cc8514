"""Makes the table of the particles that decay cards name, with the properties that a check of a card needs.

    python tools/decay_particles.py evtgen_names.tsv

The file lists names of EvtGen and BESIII with Monte Carlo number, three times the charge and twice the spin; the package
`particle` maps further names that LHCb uses to numbers. Masses, widths, parities come from the Particle Data Group, whose
data the package `pdg` holds; what they lack, and names of effective states, are in `EXTRA` below.

Each line has name, number, three times the charge, twice the spin, mass and width in GeV, P and C; '' is unknown.
"""

from __future__ import annotations

import csv
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import pdg
from particle import InvalidParticle, Particle, ParticleNotFound

TABLE = Path(__file__).parents[1] / "src/yukawa/generators/particles.tsv"
HBAR = 6.582119569e-25  # GeV s

# Name: number, three times the charge, twice the spin, mass, width, P, C. Effective states, states that the newest Review
# renames, and old names for numbers that the Review knows.
EXTRA: dict[str, tuple[int, int, int | str, float | str, float | str, str, str]] = {
    "vpho": (10022, 0, 2, "", "", "-", "-"),
    "xvpho": (20022, 0, 2, "", "", "-", "-"),
    "gamma*": (30022, 0, 2, "", "", "-", "-"),
    "psi(4260)": (9000443, 0, 2, 4.2215, 0.049, "-", "-"),
    "psi(4360)": (9010443, 0, 2, 4.374, 0.118, "-", "-"),
    "Y(4260)": (9000443, 0, 2, 4.2215, 0.049, "-", "-"),
    "X_1(3872)": (9120443, 0, 2, 3.87164, 0.00119, "+", "+"),
    "X(3872)": (9120443, 0, 2, 3.87164, 0.00119, "+", "+"),
    "f_0(980)": (9010221, 0, 0, 0.99, 0.06, "+", "+"),
    "f_0(1500)": (9030221, 0, 0, 1.522, 0.108, "+", "+"),
    "f_0(500)": (9000221, 0, 0, 0.475, 0.55, "+", "+"),
    "f_0(600)": (9000221, 0, 0, 0.475, 0.55, "+", "+"),
    "sigma_0": (9000221, 0, 0, 0.475, 0.55, "+", "+"),
    "f_0(1370)": (10221, 0, 0, 1.35, 0.35, "+", "+"),
    "f_0": (9010221, 0, 0, 0.99, 0.06, "+", "+"),
    "a_0+": (9000211, 3, 0, 0.98, 0.075, "+", ""),
    "a_0-": (-9000211, -3, 0, 0.98, 0.075, "+", ""),
    "a_00": (9000111, 0, 0, 0.98, 0.075, "+", "+"),
    "a_1+": (20213, 3, 2, 1.23, 0.42, "+", ""),
    "a_1-": (-20213, -3, 2, 1.23, 0.42, "+", ""),
    "a_10": (20113, 0, 2, 1.23, 0.42, "+", "+"),
    "Xi_cc++": (4422, 6, 1, 3.6216, 2.6e-12, "+", ""),
    "anti-Xi_cc--": (-4422, -6, 1, 3.6216, 2.6e-12, "+", ""),
    "Xi_cc+": (4412, 3, 1, 3.6216, 1e-11, "+", ""),
    "anti-Xi_cc-": (-4412, -3, 1, 3.6216, 1e-11, "+", ""),
    "B_c*(2S)+": (100543, 3, 2, 6.899, 0.0, "-", ""),
    "B_c*(2S)-": (-100543, -3, 2, 6.899, 0.0, "-", ""),
    "Omega_cc+": (4432, 3, 1, 3.74, 3e-12, "+", ""),
    "anti-Omega_cc-": (-4432, -3, 1, 3.74, 3e-12, "+", ""),
    "x(1835)": (99443, 0, 0, 1.826, 0.242, "-", "+"),
}  # fmt: skip

# Mass and width in GeV by number, of states whose number in event generators is not the Review's.
MASSES: dict[int, tuple[float, float]] = {
    12: (0, 0), 14: (0, 0), 16: (0, 0), 20413: (2.412, 0.314), 100411: (2.549, 0.165), 100421: (2.549, 0.165),
    100413: (2.627, 0.141), 100423: (2.627, 0.141), 10513: (5.7261, 0.0275), 10523: (5.7259, 0.031), 20513: (5.75, 0.128),
    20523: (5.75, 0.128), 10511: (5.71, 0.16), 10521: (5.71, 0.16), 10531: (5.71, 0.16), 10533: (5.8287, 0.0005),
    20533: (5.76, 0.13), 543: (6.332, 1e-6),
    100541: (6.8712, 1e-6), 4124: (2.628, 0.00097), 5212: (5.8131, 0.005), 5214: (5.8327, 0.0098), 5312: (5.935, 3e-5),
    5322: (5.935, 3e-5), 5314: (5.9557, 0.0017), 5324: (5.9523, 0.0009), 20445: (3.8237, 0.003), 447: (3.8427, 0.0028),
    120443: (3.87164, 0.00119), 110441: (3.9221, 0.02), 220443: (4.1465, 0.083), 320443: (4.286, 0.051),
    300443: (4.2215, 0.049), 600443: (4.623, 0.055), 8000333: (2.162, 0.1), 8000313: (1.414, 0.232), 8000323: (1.414, 0.232),
    30221: (1.35, 0.35), 9042413: (4.478, 0.181), 5334: (6.08, 1e-6),
}  # fmt: skip


def properties(number: int, api: Any) -> tuple[str, str, str, str]:
    """Mass and width in GeV, P and C of a Monte Carlo number, as far as the Review gives them."""
    mass = width = None
    parity = c_parity = ""
    try:
        found = api.get_particle_by_mcid(number)
        parity, c_parity = found.quantum_P or "", found.quantum_C or ""
        mass, width = _value(found, "mass"), _value(found, "width")
    except ValueError:
        pass
    try:
        listed = Particle.from_pdgid(number)
    except (ParticleNotFound, InvalidParticle):
        listed = None
    if listed is not None:
        if mass is None and listed.mass is not None:
            mass = listed.mass / 1000
        if width is None and listed.width is not None:
            width = listed.width / 1000
    if mass is None:
        mass, width = MASSES.get(abs(number), (mass, width))
    antibaryon = number < 0 and parity and str(abs(number))[-4:-1].find("0") < 0 and abs(number) > 1000
    if antibaryon:  # the Review prints the parity of the baryon
        parity = {"+": "-", "-": "+"}.get(parity, "")
    return (
        _text(mass),
        _text(width),
        parity if parity in ("+", "-") else "",
        c_parity if c_parity in ("+", "-") else "",
    )


def _value(found: Any, name: str) -> float | None:
    try:
        value = getattr(found, name)
    except Exception:  # noqa: BLE001 - the package raises several kinds for what the Review lacks
        return None
    return None if value is None or value == float("inf") else float(value)


def _text(value: float | None) -> str:
    return "" if value is None else f"{value:.7g}"


def _charge(name: str) -> int:
    """Three times the charge of a hadron, from its name."""
    marks = re.search(r"[+-]*$", name)
    return 3 * sum(1 if mark == "+" else -1 for mark in marks[0]) if marks else 0


def main(names: Path) -> None:
    rows: dict[str, tuple[int, int, str]] = {}
    for row in csv.DictReader(names.open(encoding="utf-8"), delimiter="\t"):
        spins = set(re.findall(r"(\d+)\)", row["in"]))  # of EvtGen and of BESIII, where these differ
        spin = row["spin_x2"] if len(spins) < 2 else ""
        rows[row["name"]] = (int(row["pdg_code"]), int(row["charge_x3"]), spin)
    import particle.data

    listed = particle.data.basepath / "pdgid_to_evtgenname.csv"
    for line in listed.read_text(encoding="utf-8").splitlines():
        digits, _, key = line.partition(",")
        if key and key not in rows and digits.lstrip("-").isdigit():
            rows[key] = (int(digits), _charge(key), str(int(digits[-1]) - 1))
    api = pdg.connect()
    lines = ["# name\tnumber\t3 charge\t2 spin\tmass (GeV)\twidth (GeV)\tP\tC"]
    for key in sorted({*rows, *EXTRA}):
        if key in EXTRA:
            own, *extra = EXTRA[key]
            lines.append("\t".join(map(str, (key, rows[key][0] if key in rows else own, *extra))))
            continue
        number, charge, spin = rows[key]
        lines.append("\t".join((key, str(number), str(charge), spin, *properties(number, api))))
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(Path(sys.argv[1]))
