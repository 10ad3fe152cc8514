"""The eight fields around high-energy physics, and a guess which one a text belongs to."""

from __future__ import annotations

import re

# The fields named by Xiwu (arXiv:2404.08001, section 3.2), each with words that speak for it.
DOMAINS: dict[str, tuple[str, ...]] = {
    "particle physics": (
        "meson", "baryon", "quark", "lepton", "boson", "hadron", "branching", "lifetime", "width", "decay", "pdg", "higgs",
        "neutrino", "gluon", "muon", "kaon", "pion", "flavour", "flavor", "cp violation", "standard model", "resonance",
    ),
    "particle astrophysics": (
        "cosmic ray", "dark matter", "gamma-ray", "gamma ray burst", "supernova", "astroparticle", "lhaaso", "icecube", "pulsar",
        "neutron star", "black hole", "gravitational wave", "cosmology", "dark energy", "galaxy", "air shower", "crab nebula",
        "hubble", "axion", "big bang", "telescope", "redshift", "wimp",
    ),
    "experimental physics": (
        "detector", "calorimeter", "trigger", "tracker", "drift chamber", "time projection", "scintillator", "photomultiplier",
        "silicon", "besiii", "atlas", "cms", "lhcb", "belle", "alice", "juno", "daya bay", "luminosity", "data taking", "rpc",
        "muon chamber", "readout", "efficiency", "resolution", "cepc", "d0 experiment", "test beam",
    ),
    "theoretical physics": (
        "lagrangian", "string theory", "supersymmetry", "gauge theory", "renormalization", "renormalisation", "holography",
        "conformal", "quantum field", "effective field theory", "feynman", "loop", "amplitude", "lattice", "symmetry breaking",
        "brane", "duality", "anomaly", "qcd", "path integral", "relativity", "ads/cft",
    ),
    "accelerator physics": (
        "accelerator", "linac", "booster", "storage ring", "beam", "bunch", "magnet", "dipole magnet", "quadrupole", "emittance",
        "cavity", "collider", "injector", "klystron", "bepcii", "bepc", "undulator", "superconducting", "cyclotron", "lattice design",
        "circumference", "synchrotron ring", "wiggler",
    ),
    "synchrotron radiation": (
        "synchrotron radiation", "heps", "high energy photon source", "light source", "beamline", "x-ray", "xfel", "exafs", "xanes",
        "diffraction", "tomography", "bsrf", "photon source", "free electron laser", "crystallography", "monochromator",
    ),
    "neutron science": (
        "neutron scattering", "spallation", "csns", "neutron source", "neutron beam", "diffractometer", "reflectometer", "moderator",
        "small-angle neutron", "neutron imaging", "target station", "neutron diffraction", "reactor",
    ),
    "computer science": (
        "software", "algorithm", "python", "c++", "code", "git", "framework", "grid computing", "gpu", "machine learning",
        "neural network", "database", "dataset", "boss software", "geant4", "root file", "docker", "server", "cluster",
        "language model", "transformer", "compile", "linux", "ssh", "install", "slurm", "container", "shell", "script",
    ),
}  # fmt: skip
_PATTERNS = {
    domain: [(re.compile(rf"(?<![a-z]){re.escape(word)}s?(?![a-z])"), 1 + word.count(" ")) for word in words]
    for domain, words in DOMAINS.items()
}


def guess_domain(text: str, *, names_particle: bool = False) -> str:
    """The domain whose words `text` holds most; particle physics where nothing speaks for another.

    Args:
        text: a taught text or a question.
        names_particle: whether a particle is named in it, which speaks for particle physics.
    """
    lowered = text[:20_000].lower()
    scores = dict.fromkeys(DOMAINS, 0.0)
    for domain, patterns in _PATTERNS.items():
        scores[domain] = float(sum(weight for pattern, weight in patterns if pattern.search(lowered)))
    scores["particle physics"] += 1.5 if names_particle else 0.5
    return max(scores, key=lambda d: scores[d])
