"""A tiny base of PDG facts and taught statements, and an assistant whose model says what a test wants."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from yukawa.assistant import Assistant
from yukawa.core.settings import ModelSettings, Settings, load_settings
from yukawa.knowledge import KnowledgeBase
from yukawa.knowledge.facts import Fact, plain_name
from yukawa.knowledge.parsing.products import has_products
from yukawa.knowledge.records import FoundFact, Provenance
from yukawa.knowledge.sources.loader import pdg_items
from yukawa.knowledge.sources.pdg.facts import Statement
from yukawa.llm import Message
from yukawa.llm.scripted import ScriptedModel

TAUGHT = [
    "The BESIII time-of-flight endcap reaches a resolution of 60 ps.",
    "The circumference of the CEPC ring is 100 km.",
    "BOSS 7.0.9 needs the command 'setupBoss' before the first job.",
    "The HEPS storage ring runs at an electron energy of 6 GeV.",
    "CSNS delivers a proton beam power of 160 kW to its target.",
    "LHAASO stands at 4410 m above sea level near Daocheng.",
    "The JUNO detector holds 20 kilotons of liquid scintillator.",
    "The night shift of BESIII begins at midnight.",
    "Coffee in the control room of BEPCII costs two yuan.",
    "The drift chamber gas is a mixture of helium and propane.",
]

Script = Sequence[str] | Callable[[Sequence[Message]], str]


@pytest.fixture(scope="session")
def _tiny_folder(kept: Any, request: pytest.FixtureRequest) -> Path:
    def build(folder: Path) -> None:
        everything: list[Statement] = request.getfixturevalue("pdg_statements")
        few = [
            f
            for f in everything
            if f.particle in {"S035", "S004", "M070", "S043"} and f.kind != "branching ratio"
        ]
        with KnowledgeBase.open(folder / "base", embedding="hash") as made:
            made.build(pdg_items(few), actor="test")
            for text in TAUGHT:
                made.teach(text, source="handbook", author="Li")

    folder: Path = kept.folder("tiny", build)
    return folder / "base"


@pytest.fixture
def base(tmp_path: Path, _tiny_folder: Path) -> Iterator[KnowledgeBase]:
    """Facts on tau, muon, J/psi and W, and ten taught statements; a copy that a test may change."""
    with KnowledgeBase.open(shutil.copytree(_tiny_folder, tmp_path / "base"), reviewers=["Marie"]) as opened:
        yield opened


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The default settings, with no file."""
    return load_settings(tmp_path)


@pytest.fixture
def assistant(base: KnowledgeBase, settings: Settings) -> Assistant:
    """Answers by quoting."""
    return Assistant(base, settings)


@pytest.fixture
def scripted(base: KnowledgeBase, settings: Settings) -> Callable[[Script], tuple[Assistant, ScriptedModel]]:
    """An assistant whose default model is a script, and the script, which remembers what it was asked."""

    def make(script: Script) -> tuple[Assistant, ScriptedModel]:
        model = ScriptedModel(script, name="actor")
        rows = {**settings.models, "actor": ModelSettings(name="actor", backend="scripted")}
        changed = settings.model_copy(update={"models": rows, "default_model": "actor"})
        return Assistant(base, changed, models={"actor": model}), model

    return make


# ---- facts in memory --------------------------------------------------------------------------------

_PDG = Provenance(
    "Particle Data Group", "PDG 2026", "https://pdglive.lbl.gov", "CC BY 4.0", "particle physics"
)


class Memory:
    """Facts in a list, found as a knowledge base finds them."""

    def __init__(self, found: Sequence[FoundFact]) -> None:
        self.found = list(found)

    def teach(self, fact: Fact, kind: str = "statement", author: str = "Li") -> None:
        """Add what a person says."""
        item = f"taught-{len(self.found)}"
        said = f"{fact.name}: {fact.value} {fact.unit}"
        self.found.append(
            FoundFact(
                fact, item, said, kind, Provenance(author, "notebook", None, None, "particle physics"), 1
            )
        )

    def find_facts(
        self, *, subjects: Sequence[str] = (), property: str | None = None,  # noqa: A002
        products: Sequence[str | Sequence[str]] = (), name: str | None = None, identifier: str | None = None, as_of: Any = None,
    ) -> list[FoundFact]:  # fmt: skip
        """The facts that match every argument given."""
        wanted = [(p,) if isinstance(p, str) else p for p in products]
        return [
            f for f in self.found
            if (not subjects or set(subjects) & set(f.fact.subjects)) and property in (None, f.fact.property)
            and has_products(_products(f.fact), wanted) and (name is None or plain_name(f.fact.name) == name)
            and identifier in (None, f.fact.identifier)
        ]  # fmt: skip


def _products(fact: Fact) -> Sequence[str]:
    return fact.subjects if "minus" in fact.qualifiers else fact.channel


def _facts() -> Iterator[Fact]:
    """A few dozen rows of PDG 2026."""
    values: list[tuple[Any, ...]] = [
        ("S035M", "tau-", "mass", 1776.93246513409, 0.0849, 0.0876, "MeV", "1776.93 ± 0.09 MeV"),
        ("S035T", "tau-", "lifetime", 2.902908481725749e-13, 5.25e-16, 5.25e-16, "s", "(290.3 ± 0.5) × 10⁻¹⁵ s"),
        ("S004M", "mu-", "mass", 105.6583755, 2.3e-6, 2.3e-6, "MeV", "105.6583755 ± 0.0000023 MeV"),
        ("S004T", "mu-", "lifetime", 2.196981148893498e-06, 2.2e-12, 2.2e-12, "s", "(2.1969811 ± 0.0000022) × 10⁻⁶ s"),
        ("S003M", "e-", "mass", 0.51099895069, 1.6e-10, 1.6e-10, "MeV", "0.51099895069 ± 0.00000000016 MeV"),
        ("S008M", "pi+", "mass", 139.5703909836813, 1.82e-4, 1.82e-4, "MeV", "139.57039 ± 0.00018 MeV"),
        ("S009M", "pi0", "mass", 134.9768277676847, 4.86e-4, 4.86e-4, "MeV", "134.9768 ± 0.0005 MeV"),
        ("S010M", "K+", "mass", 493.677, 0.015, 0.015, "MeV", "493.677 ± 0.015 MeV"),
        ("S011M", "K0", "mass", 497.611, 0.013, 0.013, "MeV", "497.611 ± 0.013 MeV"),
        ("S016M", "p", "mass", 938.27208943, 2.9e-7, 2.9e-7, "MeV", "938.27208943 ± 0.00000029 MeV"),
        ("S017M", "n", "mass", 939.5654219, 5e-7, 5e-7, "MeV", "939.5654219 ± 0.0000005 MeV"),
        ("S017T", "n", "lifetime", 878.347449550673, 0.436, 0.413, "s", "878.3 ± 0.4 s"),
        ("S032M", "D0", "mass", 1864.84, 0.04, 0.04, "MeV", "1864.84 ± 0.04 MeV"),
        ("S031M", "D+", "mass", 1869.66, 0.05, 0.05, "MeV", "1869.66 ± 0.05 MeV"),
        ("S042M", "B0", "mass", 5279.72, 0.08, 0.08, "MeV", "5279.72 ± 0.08 MeV"),
        ("S042T", "B0", "lifetime", 1.5113e-12, 2.7e-15, 2.7e-15, "s", "(1511.3 ± 2.7) × 10⁻¹⁵ s"),
        ("S044M", "Z0", "mass", 91.18787329722134, 0.00196689903262915, 0.00196689903262915, "GeV", "91.1879 ± 0.0020 GeV"),
        ("S044W", "Z0", "width", 2.4955, 0.0023, 0.0023, "GeV", "2.4955 ± 0.0023 GeV"),
        ("S043M", "W+", "mass", 80.3625, 0.0077, 0.0077, "GeV", "80.3625 ± 0.0077 GeV"),
        ("S043W", "W+", "width", 2.14, 0.05, 0.05, "GeV", "2.14 ± 0.05 GeV"),
        ("S126M", "H", "mass", 125.1309438281615, 0.1117, 0.1117, "GeV", "125.13 ± 0.11 GeV"),
        ("S126W", "H", "width", 3.035493483037885, 1.452973690017683, 0.7150119194099107, "MeV", "3.0 +1.5 −0.7 MeV"),
        ("M070M", "J/psi(1S)", "mass", 3096.9, 0.006, 0.006, "MeV", "3096.900 ± 0.006 MeV"),
    ]  # fmt: skip
    for identifier, subject, name, value, plus, minus, unit, printed in values:
        yield Fact(
            identifier,
            (subject,),
            name,
            f"{subject} {name}",
            value,
            "",
            plus,
            minus,
            (),
            unit,
            preferred=True,
            edition="2026",
            printed=printed,
        )
    rows: list[tuple[Any, ...]] = [
        ("M018M1", ("K^*(892)+",), 891.88, "891.88 ± 0.23 MeV", {"method": "charged only, hadroproduced"}, True),
        ("M018MCT", ("K^*(892)+",), 895.47, "895.5 ± 0.8 MeV", {"method": "charged only, produced in tau lepton decays"}, False),
        ("M018M2", ("K^*(892)0",), 895.56, "895.56 ± 0.20 MeV", {"method": "neutral only"}, True),
    ]  # fmt: skip
    for identifier, subjects, value, printed, qualifiers, preferred in rows:
        yield Fact(
            identifier,
            subjects,
            "mass",
            "K*(892) mass",
            value,
            "",
            0.2,
            0.2,
            (),
            "MeV",
            qualifiers=qualifiers,
            preferred=preferred,
            edition="2026",
            printed=printed,
        )
    for identifier, value, printed, scheme in (
        ("Q007TP", 172.6035, "172.60 ± 0.27 GeV", "direct"), ("Q007TP2", 162.5, "162.5 +2.1 −1.5 GeV", "MSbar"),
        ("Q007TP4", 172.05, "172.1 ± 0.6 GeV", "pole"),
    ):  # fmt: skip
        yield Fact(
            identifier,
            ("t",),
            "mass",
            "t-quark mass",
            value,
            "",
            0.3,
            0.3,
            (),
            "GeV",
            qualifiers={"scheme": scheme},
            preferred=scheme == "direct",
            edition="2026",
            printed=printed,
        )
    yield Fact("B061M", ("N(1440)0", "N(1440)+"), "mass", "N(1440) mass", 1440.0, bound="range", low=1410.0, high=1470.0,
    unit="MeV",
               qualifiers={"scheme": "Breit-Wigner"}, preferred=True, edition="2026", printed="between 1410 MeV and 1470 MeV")  # fmt: skip
    yield Fact(
        "S003T",
        ("e-",),
        "lifetime",
        "e mean life",
        6.6e28,
        bound="lower",
        unit="years",
        confidence_level=90,
        preferred=True,
        printed="greater than 6.6 × 10²⁸ years",
    )
    yield Fact(
        "S017D",
        ("n", "p"),
        "mass-difference",
        "m(n)-m(p)",
        1.29333251,
        "",
        3.8e-7,
        3.8e-7,
        (),
        "MeV",
        qualifiers={"minus": "p", "of": "mass", "compared": "difference"},
        preferred=True,
        printed="1.2933325 ± 0.0000004 MeV",
    )
    decays: list[tuple[Any, ...]] = [
        ("S035.1", "tau-", "tau- --> mu- nubar_mu nu_tau", ("mu-", "nu_tau", "nubar_mu"), 0.1737, 0.0004, "(17.37 ± 0.04) %",
        None, {}),
        ("S035.2", "tau-", "tau- --> e- nubar_e nu_tau", ("e-", "nu_tau", "nubar_e"), 0.1785, 0.0004, "(17.85 ± 0.04) %", None, {}),
        ("S035.7", "tau-", "tau- --> K- nu_tau", ("K-", "nu_tau"), 6.97e-3, 1e-4, "(6.97 ± 0.10) × 10⁻³", None, {}),
        ("S035.3", "tau-", "tau- --> h- >=0 neutrals nu_tau", ("h-", ">=0 neutrals", "nu_tau"), 0.5, 0.01, "(50.0 ± 1.0) %",
        None, {}),
        ("S035.99", "tau-", "tau- --> mu- gamma", ("gamma", "mu-"), 4.2e-8, None, "less than 4.2 × 10⁻⁸", "upper", {}),
        ("S004.5", "mu-", "mu- --> e- gamma", ("e-", "gamma"), 1.5e-13, None, "less than 1.5 × 10⁻¹³", "upper", {}),
        ("S042.1", "B0", "B0 --> K+ pi-", ("K+", "pi-"), 2e-5, 4e-7, "(2.00 ± 0.04) × 10⁻⁵", None, {}),
        ("S042.2", "B0", "B0 --> J/psi(1S) pi+ pi-", ("J/psi(1S)", "pi+", "pi-"), 3.99e-5, 1.5e-6, "(3.99 ± 0.15) × 10⁻⁵", None,
        {}),
        ("M071.1", "psi(2S)", "psi(2S) --> J/psi(1S) pi+ pi-", ("J/psi(1S)", "pi+", "pi-"), 0.3478, 0.0033, "(34.78 ± 0.33) %",
        None, {}),
        ("S044.6", "Z0", "Z --> b bbar", ("b", "bbar"), 0.1512, 0.0005, "(15.12 ± 0.05) %", None, {}),
        ("S033.2", "Lambda_c()+", "Lambda_c+ --> p K- pi+", ("K-", "p", "pi+"), 0.0637, 0.002, "(6.37 ± 0.20) %", None, {}),
        ("S033.39", "Lambda_c()+", "Lambda_c+ --> p K- pi+ nonresonant", ("K-", "p", "pi+"), 0.035, 0.004, "(3.5 ± 0.4) %", None,
        {"condition": "nonresonant"}),
        ("S033.5", "Lambda_c()+", "Lambda_c+ --> p Kbar*(892)0, Kbar* --> K- pi+", ("Kbar^*(892)0", "p"), 0.0133, 0.001,
        "(1.33 ± 0.10) %", None, {"steps": "Kbar^*(892)0 → K- pi+"}),
    ]  # fmt: skip
    for identifier, subject, name, channel, value, error, printed, bound, qualifiers in decays:
        yield Fact(identifier, (subject,), "branching-fraction", name, value, "", error, error, bound=bound, channel=channel,
        qualifiers=qualifiers,
                   preferred=True, edition="2026", printed=printed, confidence_level=90 if bound else None)  # fmt: skip
    yield Fact(
        "M170.1",
        ("psi(4230)",),
        "branching-fraction",
        "psi(4230) --> J/psi pi+ pi-",
        words="seen",
        channel=("J/psi(1S)", "pi+", "pi-"),
        preferred=True,
        printed="seen",
    )
    for state, charge, classes in (
        ("tau-", -1, "lepton, charged lepton, fermion"), ("tau+", 1, ""), ("mu-", -1, "lepton, charged lepton, fermion"),
        ("e-", -1, "lepton, charged lepton, fermion"),
        ("p", 1, "baryon"), ("pbar", -1, ""), ("pi+", 1, "meson"), ("pi-", -1, ""), ("pi0", 0, "meson"),
        ("J/psi(1S)", 0, "meson, charmonium"),
        ("psi(2S)", 0, "meson, charmonium"), ("B0", 0, "meson"), ("H", 0, "boson"),
    ):  # fmt: skip
        yield Fact(
            "q",
            (state,),
            "charge",
            "charge",
            float(charge),
            unit="e",
            preferred=True,
            printed=f"{charge:+d} e".replace("-", "−") if charge else "0",
        )
        for name in classes.split(", ") if classes else ():
            yield Fact("q", (state,), "class", name, words=name, preferred=True, printed=name)
    yield Fact("q", ("H",), "spin", "spin", 0.0, preferred=True, printed="0")
    yield Fact("q", ("K0",), "antiparticle", "antiparticle", words="Kbar0", preferred=True, printed="Kbar0")
    yield Fact(
        "q",
        ("J/psi(1S)",),
        "quantum-numbers",
        "quantum numbers",
        words="0^-(1^--)",
        preferred=True,
        printed="0^-(1^--)",
    )
    yield Fact(
        "q", ("J/psi(1S)",), "monte-carlo-number", "443", 443.0, words="443", preferred=True, printed="443"
    )


@pytest.fixture
def facts() -> Memory:
    """Rows on leptons, bosons, quarks and some hadrons; items are named as their identifiers."""
    return Memory(
        [FoundFact(f, f"pdg:{f.identifier}:{n}", f.name, "data", _PDG, 1) for n, f in enumerate(_facts())]
    )
