"""Aliases, antiparticles, copied decays and values, in their order."""

from __future__ import annotations

import pytest

from yukawa.generators.checking import Surroundings, check
from yukawa.generators.mending import mended_fully
from yukawa.generators.reading import read_card

PAIR = "Alias MyD+ D+\nAlias MyD- D-\nChargeConj MyD+ MyD-\n"
BLOCK = "Decay MyD+\n1.0 K- pi+ pi+ PHSP;\nEnddecay\n"
OPPOSITE = BLOCK.replace("MyD+", "MyD-").replace("K- pi+ pi+", "K+ pi- pi-")
USE = "Decay psi(3770)\n1.0 MyD+ MyD- VSS;\nEnddecay\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (PAIR + USE + BLOCK + "CDecay MyD-\n", []),
        (PAIR + USE + BLOCK + "CDecay MyD+\n", [("E-CDORDER", 10), ("W-ALIASNODECAY", 2)]),
        (PAIR + USE + "CDecay MyD-\n" + BLOCK, [("E-CDORDER", 7)]),
        (PAIR + USE + BLOCK + "CDecay MyD-\nCDecay MyD-\n", [("W-CDTWICE", 11)]),
        (PAIR + USE + BLOCK + OPPOSITE + "CDecay MyD-\n", [("W-CDOVER", 13)]),
        (PAIR.replace("ChargeConj MyD+ MyD-\n", "") + USE + BLOCK + "CDecay MyD-\n", [("E-CDNOCC", 9)]),
        (PAIR + USE + BLOCK, [("W-ALIASNODECAY", 2)]),
        (PAIR.replace("ChargeConj MyD+ MyD-", "ChargeConj MyD+ D0") + USE + BLOCK + OPPOSITE, [("E-CC", 3)]),
        ("Alias MyB B0\n", [("W-ALIASUNUSED", 1)]),
        ("Alias pi+ K+\nDecay pi+\n1.0 mu+ nu_mu PHSP;\nEnddecay\n", [("W-ALIASNAME", 1)]),
        ("Alias a a\n", [("E-CIRCLE", 1)]),
        ("Alias x1 x2\nAlias x2 x1\n", [("E-CIRCLE", 1)]),
        ("Alias x1 x2\nAlias x2 x3\nAlias x3 x1\nDecay x2\n1.0 x1 pi+ PHSP;\nEnddecay\n", [("E-CIRCLE", 1)]),
        ("Alias a B0\nAlias a B+\nDecay a\n1.0 K+ pi0 PHSP;\nEnddecay\n", [("W-REALIAS", 2)]),
        ("Alias a BO\n", [("E-PART", 1)]),
        ("Define x 1,0\n", [("E-VALUE", 1)]),
        ("Define x 1.0\nDefine x 2.0\n", [("W-DEF", 2)]),
        ("Particle J/psi 3096.9 0.0929\n", [("W-RANGE", 1)]), ("Particle J/psi 3.0969 0.0000929\n", []),
        ("Particle phi 1.02 -0.15\n", [("E-VALUE", 1)]), ("Particle phi -1.02\n", [("E-VALUE", 1)]),
        ("IncludeBirthFactor rho0 maybe\n", [("E-VALUE", 1)]), ("IncludeDecayFactor rho0 yes\n", []),
        ("IncludeDecayFactor rhoo0 yes\n", [("E-PART", 1)]),
        ("Particle rho0 0.77 wide\n", []),
        ("Particle rho00 0.77\n", [("E-PART", 1)]),
        ("CDecay J/psi\n", [("W-CDOVER", 1)]),
        ("Decay B0\n1 K+ pi- PHSP;\nEnddecay\nDecay B0\n1 pi+ pi- PHSP;\nEnddecay\n", [("W-REDECAY", 4)]),
        ("SetLineshapePW D_1+ D*+ pi00 2\n", [("E-PART", 1)]),
    ],
)  # fmt: skip
def test_commands(codes, text, expected):
    if text.startswith("Particle rho0 "):
        expected = [("E-KEY", 1)]
    assert sorted(codes(text + "End\n")) == sorted(expected)


def test_an_alias_daughter_needs_its_antiparticle_where_the_block_is_copied(first):
    text = (
        "Alias MyJ J/psi\nDecay B0\n1.0 MyJ K_S0 SVS;\nEnddecay\nCDecay anti-B0\n"
        "Decay MyJ\n1.0 mu+ mu- VLL;\nEnddecay\nEnd\n"
    )
    assert first(text, "E-CDNOCC").line == 5
    better, left = mended_fully(text, lambda text: check(text, name="a.dec"))
    assert "ChargeConj MyJ MyJ" in better
    assert not left


def test_copying_the_wrong_half_of_a_pair_is_mended():
    text = PAIR + USE + BLOCK + "CDecay MyD+\nEnd\n"
    better, left = mended_fully(text, lambda text: check(text, name="a.dec"))
    assert "CDecay MyD-" in better
    assert not left


def test_a_base_table_defines_aliases_values_models_and_decays(codes):
    base = read_card(
        "Define mine 1.0\nAlias Bsig B0\nAlias antiBsig anti-B0\nChargeConj Bsig antiBsig\nModelAlias M HQET2 1 1 1 1 ;\n"
        "Decay Bsig\n1 K+ pi- PHSP;\nEnddecay\nEnd"
    )
    text = "CDecay antiBsig\nDecay Bsig\n1.0 D*- mu+ nu_mu M;\nEnddecay\nEnd"
    assert codes(text)
    assert not codes(text, surroundings=Surroundings(base=base))
