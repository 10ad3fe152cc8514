"""A small base for the data engine, and a scripted model in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from yukawa.knowledge import KnowledgeBase

ROOT = Path(__file__).parents[3]
SAID = {
    "mass": {"W boson": "80.37 GeV", "Z boson": "91.19 GeV", "J/psi": "3096.9 MeV", "psi(2S)": "3686.1 MeV", "tau": "1776.9 MeV",
             "muon": "105.66 MeV", "neutron": "939.57 MeV", "proton": "938.27 MeV", "K+": "493.68 MeV", "K0": "497.61 MeV",
             "pi0": "134.98 MeV", "pi+": "139.57 MeV", "eta": "547.86 MeV", "D0": "1864.8 MeV", "D+": "1869.7 MeV"},
    "full width": {"W boson": "2.085 GeV", "Z boson": "2.495 GeV", "J/psi": "92.6 keV", "psi(2S)": "294 keV", "eta": "1.31 keV"},
    "mean lifetime": {"tau": "2.903 × 10⁻¹³ s", "muon": "2.197 × 10⁻⁶ s", "neutron": "878.4 s", "K+": "1.238 × 10⁻⁸ s",
                      "pi0": "8.43 × 10⁻¹⁷ s", "pi+": "2.6033 × 10⁻⁸ s", "D0": "4.103 × 10⁻¹³ s", "D+": "1.033 × 10⁻¹² s"},
}  # fmt: skip
Serve = Callable[..., str]


def teach_all(base: KnowledgeBase) -> None:
    for name, values in SAID.items():
        for particle, value in values.items():
            base.teach(
                f"The {name} of the {particle} is {value}.",
                source="handbook",
                author="ada",
                licence="CC-BY-4.0",
            )


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a home whose base states masses, widths and lifetimes of fifteen particles."""
    home = tmp_path_factory.mktemp("home")
    with KnowledgeBase.open(home / "knowledge", embedding="none") as base:
        base.set_meta("pdg", "test")
        teach_all(base)
    return home


@pytest.fixture(scope="module")
def small(taught: Path) -> Iterator[KnowledgeBase]:
    with KnowledgeBase.open(taught / "knowledge", embedding="none") as base:
        yield base


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve("--faults", "cut")` starts the scripted model and gives its address."""
    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> str:
        command = [sys.executable, str(ROOT / "benchmarks" / "engine_server.py"), *words]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        started.append(server)
        assert server.stdout is not None
        return f"http://127.0.0.1:{server.stdout.readline().strip()}/v1"

    yield start
    for server in started:
        server.kill()
        server.wait()
        if server.stdout is not None:
            server.stdout.close()
