"""Laws over the whole PDG data base, agreement with the official API, and examples."""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest

from yukawa.core.errors import MissingPackage, NotFound, StoreError
from yukawa.knowledge.parsing.particles import database_path
from yukawa.knowledge.sources.pdg import facts as source
from yukawa.knowledge.sources.pdg.facts import Fact, edition, excluded, facts

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")


@pytest.fixture(scope="module")
def all_facts() -> list[Fact]:
    return list(facts())


@pytest.fixture(scope="module")
def by_id(all_facts: list[Fact]) -> dict[str, Fact]:
    return {fact.external_id: fact for fact in all_facts}


@pytest.fixture(scope="module")
def out() -> dict[str, str]:
    return dict(excluded())


@pytest.fixture(scope="module")
def rows() -> dict[str, sqlite3.Row]:
    """Every value of the data base by the external identifier that it must have."""
    connection = sqlite3.connect(database_path())
    connection.row_factory = sqlite3.Row
    seen: Counter[str] = Counter()
    found = {}
    query = "SELECT d.*, i.data_type FROM pdgdata d JOIN pdgid i ON i.pdgid = d.pdgid"
    for row in connection.execute(f"{query} ORDER BY d.pdgid, d.sort, d.id"):
        seen[row["pdgid"]] += 1
        number = seen[row["pdgid"]]
        found[f"pdg:{row['pdgid']}" + (f"#{number}" if number > 1 else "")] = row
    connection.close()
    return found


def test_every_value_is_in_one_fact_or_excluded_for_a_reason(
    all_facts: list[Fact], rows: dict[str, sqlite3.Row], out: dict[str, str]
) -> None:
    stated = [fact.external_id for fact in all_facts if not re.search(r"#(decays|quantum)", fact.external_id)]
    assert not set(stated) & set(out)
    assert set(stated) | set(out) == set(rows)
    assert Counter(out.values()) == {
        "branching ratio to the total width, given as branching fraction": 5428,
        "no value": 13,
        "number and text disagree": 1,
    }


def test_excluded_branching_ratios_are_stated_as_branching_fraction(
    by_id: dict[str, Fact], rows: dict[str, sqlite3.Row], out: dict[str, str]
) -> None:
    connection = sqlite3.connect(database_path())
    sources = dict(connection.execute("SELECT target, source FROM pdgid_map"))
    connection.close()
    for external_id, reason in out.items():
        if reason.startswith("branching ratio"):
            assert rows[external_id]["data_type"] == "BR"
            fraction = f"pdg:{sources[rows[external_id]['pdgid']]}"
            assert fraction in by_id or fraction in out


def test_identifiers_are_unique_and_every_particle_has_a_fact(all_facts: list[Fact]) -> None:
    assert len({fact.external_id for fact in all_facts}) == len(all_facts)
    connection = sqlite3.connect(database_path())
    particles = {row[0] for row in connection.execute("SELECT DISTINCT pdgid FROM pdgparticle")}
    names = connection.execute("SELECT COUNT(DISTINCT pdgid || name) FROM pdgparticle").fetchone()[0]
    connection.close()
    assert len(particles) == 438
    assert particles <= {fact.particle for fact in all_facts}
    assert 438 <= sum(fact.property == "quantum numbers" for fact in all_facts) <= names


NUMBER = r"[−]?\d+(?:\.\d+)?"
SCALED = re.compile(
    rf"(?P<bracket>\()?(?P<value>{NUMBER})(?P<errors>(?: ± [\d.]+| \+[\d.]+ −[\d.]+)*)(?(bracket)\))"
    r"(?P<percent> %)?(?: × 10(?P<power>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+))?"
)


def read_back(text: str) -> tuple[float, float, float | None, float | None]:
    """Value, unit of its last digit, upper and lower error that the words after the last ' is ' state."""
    match = SCALED.match(re.sub(r"^(less than|greater than|about) ", "", text))
    assert match is not None, text
    power = int(match["power"].translate(SUPERSCRIPTS)) if match["power"] else (-2 if match["percent"] else 0)
    digits = match["value"].replace("−", "-")
    value, step = float(digits + f"e{power}"), 10.0 ** (power - len(digits.partition(".")[2]))
    pairs = [(a or b, a or c) for a, b, c in re.findall(r"± ([\d.]+)|\+([\d.]+) −([\d.]+)", match["errors"])]
    if not pairs:
        return value, step, None, None
    if all(x.endswith("0") and "." not in x for x in (digits, *pairs[0])):
        step = 10.0 * step  # '350 ± 50', '(90 +110 −120) × 10⁻⁵'
    upper, lower = (sum(float(f"{pair[side]}e{power}") ** 2 for pair in pairs) ** 0.5 for side in (0, 1))
    return value, step, upper, lower


def test_numbers_in_texts_are_those_of_the_data_base(
    by_id: dict[str, Fact], rows: dict[str, sqlite3.Row]
) -> None:
    checked = 0
    for external_id, fact in by_id.items():
        row = rows.get(external_id)
        if row is None or row["value"] is None or row["limit_type"] == "R":
            continue
        stated = re.split(r" is (?=less|greater|about|[(−\d])", fact.text)[-1]
        value, step, upper, lower = read_back(stated)
        assert abs(value - row["value"]) <= 0.51 * step + 1e-9 * abs(value), fact.text
        assert fact.value == row["value"]
        if upper is not None and stated.count(" ± ") < 2:
            assert upper == pytest.approx(row["error_positive"], rel=0.35), fact.text
            assert lower == pytest.approx(row["error_negative"], rel=0.35), fact.text
        if row["limit_type"] in ("U", "L"):
            assert stated.startswith({"U": "less than", "L": "greater than"}[row["limit_type"]]), fact.text
        if row["unit_text"] in ("MeV", "GeV", "s", "u", "degrees", "fm"):
            assert f" {row['unit_text']}" in stated, fact.text
        checked += 1
    assert checked > 11_000


def test_digits_of_texts_stand_in_the_data_base(by_id: dict[str, Fact], rows: dict[str, sqlite3.Row]) -> None:
    for external_id, fact in by_id.items():
        row = rows.get(external_id)
        if row is None or row["limit_type"] is not None or row["value"] is None:
            continue
        source_digits = re.findall(r"[\d.]+", f"{row['display_value_text']} {row['value_text']}")
        stated = re.split(r" is (?=about|[(−\d])", fact.text)[-1]
        match = SCALED.match(stated.removeprefix("about "))
        assert match is not None
        for digits in re.findall(r"[\d.]+", match["value"] + match["errors"]):
            assert digits in source_digits, fact.text


def test_limits_and_levels_are_told(by_id: dict[str, Fact], rows: dict[str, sqlite3.Row]) -> None:
    for external_id, fact in by_id.items():
        row = rows.get(external_id)
        if row is None:
            continue
        assert fact.confidence_level == row["confidence_level"]
        if row["confidence_level"]:
            assert f"{row['confidence_level']:g} % confidence level" in fact.text
        if fact.limit == "upper":
            assert " less than " in fact.text
        if fact.limit == "lower":
            assert " greater than " in fact.text
        if (
            row["scale_factor"]
            and row["scale_factor"] >= 1.05
            and fact.limit is None
            and fact.value is not None
        ):
            assert f"scale factor {row['scale_factor']:.1f}" in fact.text


def test_texts_hold_no_typesetting(all_facts: list[Fact]) -> None:
    junk = re.compile(
        r"[\\${}`]|bgroup|egroup|hbox|allowbreak|justify|mathit|ensuremath|\(\)|\^\*|\^'|g-factor|  | ,|-->\S"
    )
    for fact in all_facts:
        for text in (fact.text, fact.label, fact.subject):
            assert not junk.search(text), text


def test_texts_are_sentences(all_facts: list[Fact]) -> None:
    for fact in all_facts:
        assert fact.text.endswith("."), fact.text
        assert fact.text[0].isupper()
        assert len(fact.text) < 500, fact.text
    long = sum(len(fact.text) > 300 for fact in all_facts)
    assert long < 0.02 * len(all_facts)


def test_decays_are_named_in_unicode_and_ascii(all_facts: list[Fact]) -> None:
    for fact in all_facts:
        if fact.property == "branching fraction":
            assert " → " in fact.text
            assert fact.channel
            ascii_form = fact.label.partition(": ")[2].rpartition(" (")[0]
            assert ascii_form.isascii()
            assert f"({ascii_form})" in fact.text or f" {ascii_form.replace('-->', '→')} " in fact.text, (
                fact.text
            )


def test_charges_in_texts_are_those_of_the_table(by_id: dict[str, Fact]) -> None:
    connection = sqlite3.connect(database_path())
    for pdgid, name, charge in connection.execute("SELECT pdgid, name, charge FROM pdgparticle"):
        fact = by_id.get(f"pdg:{pdgid}#quantum-numbers:{name}")
        if fact is None:
            continue
        shown = re.search(r"charge ([+−]?)(\d)(/3)?", fact.text)
        assert shown is not None
        stated = int(shown[2]) / (3 if shown[3] else 1) * (-1 if shown[1] == "−" else 1)
        assert stated == pytest.approx(charge)
    connection.close()


def test_antiparticles_are_not_told_twice(by_id: dict[str, Fact]) -> None:
    assert "antitau" in by_id["pdg:S035#quantum-numbers:tau-"].text
    assert "pdg:S035#quantum-numbers:tau+" not in by_id
    assert "its own antiparticle" in by_id["pdg:S009#quantum-numbers:pi0"].text


def test_two_runs_are_identical(all_facts: list[Fact]) -> None:
    assert list(facts()) == all_facts


def test_speed() -> None:
    start = time.process_time()
    count = sum(1 for _ in facts())
    assert time.process_time() - start < 6.0  # 1.6 s on a free core; room for a loaded machine
    assert 12_000 <= count <= 20_000


@pytest.mark.parametrize("name", ["tau-", "mu-", "J/psi(1S)", "B_s()0", "K(S)0", "p", "Z", "Lambda_c()+"])
def test_the_official_api_has_the_same_numbers(name: str, by_id: dict[str, Fact]) -> None:
    import pdg

    particle = pdg.connect(f"sqlite:///{database_path()}", pedantic=False).get_particle_by_name(name)
    properties = [
        *particle.masses(),
        *particle.lifetimes(),
        *particle.widths(),
        *particle.branching_fractions(),
    ]
    assert properties
    for block in properties:
        for number, summary in enumerate(block.summary_values(), start=1):
            if not summary.value_text or block.baseid in ("M070.33",) or block.baseid.startswith("S016."):
                continue  # no value, '3 or 1', and nucleon decays, for which the API lacks the unit
            fact = by_id[f"pdg:{block.baseid}" + (f"#{number}" if number > 1 else "")]
            assert summary.value is None or fact.value == summary.value
            if summary.value is not None and summary.error_positive and not summary.is_limit:
                assert fact.error_plus == pytest.approx(summary.error_positive, rel=0.35)


def test_the_preferred_mass_is_the_apis_mass(all_facts: list[Fact]) -> None:
    import pdg

    api = pdg.connect(f"sqlite:///{database_path()}", pedantic=False)
    for name in (
        "e-",
        "mu-",
        "tau-",
        "p",
        "n",
        "pi+",
        "K+",
        "D0",
        "B+",
        "H",
        "Z",
        "t",
        "Upsilon(4S)",
        "Omega-",
    ):
        particle = api.get_particle_by_name(name)
        (fact,) = [
            f for f in all_facts if f.particle == particle.baseid and f.property == "mass" and f.preferred
        ]
        assert fact.value is not None
        assert fact.value / {"MeV": 1e3, "GeV": 1.0}[fact.unit] == pytest.approx(particle.mass, rel=1e-9)


@pytest.mark.parametrize(
    ("external_id", "text"),
    [
        ("pdg:S035M", "The mass of the tau lepton (τ, tau) is 1776.93 ± 0.09 MeV (PDG average)."),
        ("pdg:S035T", "The lifetime (mean life) of the tau lepton (τ, tau) is (290.3 ± 0.5) × 10⁻¹⁵ s "
         "(PDG average)."),
        ("pdg:S035.1", "The branching fraction of τ⁻ → μ⁻ ν\u0304_μ ν_τ (tau- --> mu- nubar_mu nu_tau) is "
         "(17.37 ± 0.04) % (PDG fit); largest decay momentum 885 MeV/c (computed from PDG masses)."),
        ("pdg:M018M1", "The mass of the K star meson (K*(892)), charged only, hadroproduced, is "
         "891.88 ± 0.23 MeV (PDG average)."),
        ("pdg:S003AMU", "The mass of the electron (e) is (548.579909044 ± 0.000000010) × 10⁻⁶ u "
         "(PDG average)."),
        ("pdg:S016MM", "The magnetic moment of the proton (p) is 2.7928473446 ± 0.0000000008 μ_N "
         "(PDG average)."),
        ("pdg:M117.3", "The decay f_2(1640) → K K\u0304 (f_2(1640) --> K Kbar) has been seen."),
        ("pdg:S012R3", "The branching ratio Γ(K_S⁰ → π⁺ π⁻)/Γ(K_S⁰ → π⁰ π⁰) "
         "(G(K_S0 --> pi+ pi-)/G(K_S0 --> pi0 pi0)) is 2.255 ± 0.005 (PDG fit)."),
        ("pdg:S016.6", "The partial mean life for the decay N → e⁺ π (N --> e+ pi) is greater than "
         "5300 × 10³⁰ years (for n) and greater than 24000 × 10³⁰ years (for p) at 90 % confidence level (PDG limit)."),
    ],
)  # fmt: skip
def test_sentences(external_id: str, text: str, by_id: dict[str, Fact]) -> None:
    assert by_id[external_id].text == text


def test_a_fact_in_full(by_id: dict[str, Fact]) -> None:
    fact = by_id["pdg:S035.1"]
    assert (fact.particle, fact.property, fact.unit, fact.limit) == ("S035", "branching fraction", "", None)
    assert fact.channel == ("mu-", "nubar_mu", "nu_tau")
    assert fact.label == "PDG 2026: tau- --> mu- nubar_mu nu_tau (S035.1)"
    assert fact.url == "https://pdglive.lbl.gov/view/S035.1"
    assert fact.preferred
    assert fact.year == "2026"
    assert fact.momentum == pytest.approx(885.3, abs=0.1)


def test_nucleon_lifetimes_have_the_unit_of_the_listings(
    by_id: dict[str, Fact], rows: dict[str, sqlite3.Row], out: dict[str, str]
) -> None:
    connection = sqlite3.connect(database_path())
    pairs = connection.execute("SELECT source, target FROM pdgid_map WHERE source LIKE 'S016.%'").fetchall()
    connection.close()
    checked = 0
    for fraction, ratio in pairs:
        fact, row = by_id.get(f"pdg:{fraction}"), rows.get(f"pdg:{ratio}")
        if (
            fact is not None
            and row is not None
            and None not in (fact.value, row["value"])
            and f"pdg:{ratio}" in out
        ):
            assert fact.value == pytest.approx(row["value"]), fact.text
            checked += 1
    assert checked > 60


def test_main_decays_are_sorted_and_short(by_id: dict[str, Fact]) -> None:
    text = by_id["pdg:S012#decays"].text
    assert text.index("π⁺ π⁻: (69.20 ± 0.05) %") < text.index("π⁰ π⁰: (30.69 ± 0.05) %")
    assert text.count(";") == 9
    assert "neutrals" not in by_id["pdg:S035#decays"].text


def test_edition_names_year_citation_and_licence() -> None:
    info = edition()
    assert info["edition"] == "2026"
    assert info["license"] == source.LICENCE == "CC BY 4.0"
    assert info["citation"].startswith("F. Takahashi et al. (Particle Data Group)")


def test_a_missing_package_says_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("yukawa.core.errors.find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match="pip install pdg"):
        next(facts())


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        next(facts(tmp_path / "nowhere.sqlite"))


def test_a_file_that_is_no_data_base_is_refused(tmp_path: Path) -> None:
    for content in (b"no data base at all" * 100, b""):
        path = tmp_path / "other.sqlite"
        path.write_bytes(content)
        with pytest.raises(StoreError, match="not a PDG database"):
            edition(path)
