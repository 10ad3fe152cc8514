"""Every decay mode of the PDG reads the same in each notation, and as its own products."""

from __future__ import annotations

import random
import sqlite3
from collections import defaultdict
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from yukawa.knowledge.parsing.channels import Mode, canonical, channel_key, mode, pair_condition, read_channel
from yukawa.knowledge.parsing.final_state import states, title
from yukawa.knowledge.parsing.particles import database_path, particle_table
from yukawa.knowledge.parsing.spelling import plain_ascii
from yukawa.knowledge.sources.pdg.text import ascii_text, unicode_text

Modes = dict[str, str]  # descriptions by identifier
FORMS = {"printed": str, "ascii": ascii_text, "unicode": unicode_text}


def decay_table() -> dict[str, list[tuple[str, int, str]]]:
    """The PDG's own products of each mode: name, multiplier, kind of entry."""
    found: dict[str, list[tuple[str, int, str]]] = defaultdict(list)
    with closing(sqlite3.connect(f"file:{database_path()}?mode=ro", uri=True)) as connection:
        for identifier, *item in connection.execute(
            "SELECT d.pdgid, d.name, d.multiplier, t.item_type FROM pdgdecay d JOIN pdgitem t ON t.id = d.pdgitem_id"
            " WHERE d.is_outgoing = 1 ORDER BY d.pdgid, d.sort, d.id"
        ):
            found[identifier].append((item[0], item[1], item[2]))
    return found


def read(description: str) -> Mode:
    text = plain_ascii(description)
    arrow = text.find("→")
    channel, _ = read_channel(text, arrow + 1, len(text))
    return mode(replace(channel, conditions=channel.conditions + pair_condition(text[:arrow])))


# ---- laws -------------------------------------------------------------------------------------------


def differing(modes: dict[str, str]) -> dict[str, list[str]]:
    own = {identifier: canonical(description) for identifier, description in modes.items()}
    return {
        name: [i for i, description in modes.items() if read(form(description)) != own[i]]
        for name, form in FORMS.items()
    }


def test_a_mode_reads_alike_in_every_notation(decay_modes: Modes) -> None:
    sample = dict(random.Random(14).sample(sorted(decay_modes.items()), 800))
    for wrong in differing(sample).values():
        assert len(wrong) <= 8, wrong


@pytest.mark.slow
def test_all_modes_read_alike_in_every_notation(decay_modes: Modes) -> None:
    for wrong in differing(decay_modes).values():
        assert len(wrong) <= len(decay_modes) // 400, wrong


def test_a_mode_of_known_particles_reads_alike_in_latex(
    decay_modes: Modes, latex: Callable[[str], str]
) -> None:
    particles = particle_table().particles
    wrong, asked = [], 0
    for description in random.Random(3).sample(sorted(decay_modes.values()), 1500):
        words = description.replace("-->", r"\to").split()
        if all(word in particles or word == r"\to" for word in words):
            asked += 1
            written = "$" + " ".join(latex(word).strip("$") for word in words) + "$"
            wrong += [written] if read(written) != canonical(description) else []
    assert asked > 300
    assert wrong == []


def test_products_are_those_of_the_decay_table(decay_modes: Modes) -> None:
    table = particle_table().particles
    wrong, compared = [], 0
    for identifier, items in decay_table().items():
        plain = all(kind == "P" and name in table for name, _, kind in items)
        if identifier not in decay_modes or not plain:
            continue
        expected = sorted(name for name, count, _ in items for _ in range(count))
        compared += 1
        if list(canonical(decay_modes[identifier]).channel) != expected:
            wrong.append(identifier)
    assert compared > 1500
    # Of two decaying nucleons ('p n → pi+ pi0') the table lists one as outgoing.
    assert all(identifier.startswith("S016.") for identifier in wrong), wrong
    assert len(wrong) <= 11


def test_different_modes_of_a_particle_have_different_keys(decay_modes: Modes) -> None:
    found: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for identifier, description in decay_modes.items():
        key = canonical(description)
        found[identifier.partition(".")[0], key.channel, tuple(key.qualifiers.items())].add(
            plain_ascii(description)
        )
    alike = [names for names in found.values() if len(names) > 1]
    assert len(alike) <= 16, alike  # the same products in another order or with a name in full


def test_every_product_is_a_name_of_states_or_a_literal(decay_modes: Modes) -> None:
    for description in random.Random(1).sample(sorted(decay_modes.values()), 500):
        for product in canonical(description).channel:
            assert states(product) == () or title(states(product)) == product


# ---- examples ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("texts", [
    "→ K^*(892)0 mu+ mu- | → K*0 μ⁺μ⁻ | -> K*(892)0 mu- mu+ | → $K^{*0}\\mu^+\\mu^-$",
    "→ 2(pi+ pi-) | → pi+ pi- pi+ pi- | → 2pi+ 2pi- | → two pi+ and two pi-",
    "→ (K- pi+)(S-wave) K(S)0 | → K_S^0 (π⁺ K⁻) (S-wave) | → K0S [pi+ K-](S-wave)",
    "→ gamma f_0(1500) → gamma K+ K- | → f_0(1500) γ , f_0 → K- K+ | → γ f_0(1500), f_0(1500) → K⁺K⁻",
    "→ K- pi+ nonresonant | → K- pi+ (non-resonant) | → K⁻π⁺ (NR)",
    "→ J/psi anything | → J/ψ X | → J/psi(1S) X",
    "→ K^*(892)+ K- + c.c. | → K*+ K- +c.c. | → K- K^*(892)+ and charge conjugate",
])  # fmt: skip
def test_notations_of_one_mode(texts: str) -> None:
    found = {str(read(text)) for text in texts.split(" | ")}
    assert len(found) == 1, found


@pytest.mark.parametrize(("one", "other"), [
    ("→ K- pi+", "→ (K- pi+)(S-wave)"), ("→ K- pi+", "→ K- pi+ nonresonant"), ("→ 4pi", "→ 2pi0 pi+ pi-"),
    ("→ gamma f_0(1500)", "→ gamma f_0(1500) → gamma K+ K-"), ("→ K+ gamma (SD+)", "→ K+ gamma"), ("→ pi+ pi-", "→ pi+ pi- gamma"),
    ("→ 3pi pi0 (ex. K0)", "→ 3pi pi0"), ("→ N rho, S=1/2", "→ N rho, S=3/2"), ("→ D_s^(*)- K+", "→ D_s^*- K+"),
    ("→ K0 pi", "→ K(S)0 pi"), ("→ K+ K-", "→ K+ K- + c.c."), ("→ p anything", "→ pbar anything"),
])  # fmt: skip
def test_different_modes(one: str, other: str) -> None:
    assert read(one) != read(other)


def test_a_channel_has_a_key() -> None:
    text = "K- pi+"
    channel, end = read_channel(text, 0, len(text))
    assert end == len(text)
    assert channel_key("D0", channel) == "D0 | K- pi+"


def test_another_decay_is_not_a_step() -> None:
    text = "mu+ mu-, B0 → K+ pi-"
    channel, end = read_channel(text, 0, len(text))
    assert text[:end] == "mu+ mu-"
    assert channel.steps == ()
