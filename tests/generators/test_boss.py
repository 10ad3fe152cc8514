"""Job options of BOSS: statements over lines, properties of KKMC and EvtDecay, energies."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from yukawa.generators.boss import INCLUDES, properties, read_options
from yukawa.generators.checking import check
from yukawa.generators.mending import mended_fully

HEAD = "".join(f'#include "{include}"\n' for include in INCLUDES[:3])
GOOD = (
    HEAD + 'KKMC.CMSEnergy = 3.686; // the psi(2S)\nKKMC.BeamEnergySpread=0.0013;\nKKMC.GeneratePsiPrime = true;\n'
    'EvtDecay.userDecayTableName = "jpsi.dec";\nRealizationSvc.RunIdList = {-8093,\n 0, -9025};\nApplicationMgr.EvtMax = 5000;\n'
)  # fmt: skip


def codes(text: str) -> list[tuple[str, int]]:
    return [(each.code, each.line) for each in check(text, name="jobOptions.txt")]


def test_good_options():
    assert not codes(GOOD)
    statements, _ = read_options(GOOD)
    assert [each.value for each in statements if each.key == "RealizationSvc.RunIdList"] == [
        "{-8093,\n 0, -9025}"
    ]


def test_the_keys_of_the_public_table_are_known():
    file = Path(os.environ.get("YUKAWA_TEST_DATA", "../shared/data")) / "decay" / "boss_job_options.tsv"
    if not file.exists():
        pytest.skip("the keys of the test data are absent")
    keys = [row["key"] for row in csv.DictReader(file.open(encoding="utf-8"), delimiter="\t")]
    assert {key for key in keys if "/" not in key and "#" not in key} <= set(properties())


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("KKMC.BeamEnergySpread", "KKMC.CMSEnergySpread", "E-KEY", 5),
        ("KKMC.GeneratePsiPrime", "KKMC.GenerateJPsi", "E-ECMS", 6),
        ("KKMC.GeneratePsiPrime", "KKMC.GeneratePsiprime", "E-KEY", 6),
        ("= true", "= yes", "E-VALUE", 6),
        ('"jpsi.dec"', "jpsi.dec", "E-VALUE", 7),
        ("3.686", "3,686", "E-VALUE", 4),
        ("0.0013", "0.13", "E-VALUE", 5),
        ("-8093", "8093", "E-VALUE", 8),
        ("5000", "-1", "E-VALUE", 10),
        ("true;", "true", "E-NOSEMI", 6),
        ("ApplicationMgr.EvtMax", "ApplicationMgr.EvtMaxx", "E-KEY", 10),
        ("KKMC.GeneratePsiPrime = true;", "KKMC.CMSEnergy = 3.7;", "W-DEF", 6),
        ("KKMC.GeneratePsiPrime = true;", "these are words", "E-KEY", 6),
        ("KKMC.GeneratePsiPrime = true;", 'EvtDecay.ParentParticle = "vpho";', "E-VALUE", 6),
    ],
)  # fmt: skip
def test_a_mistake(old, new, code, line):
    assert (code, line) in codes(GOOD.replace(old, new))


def test_includes_come_in_their_order():
    lines = HEAD.splitlines()
    assert codes("\n".join([lines[1], lines[0], lines[2]])) == [("W-ORDER", 2)]
    assert codes("KKMC.CMSEnergy = 3.1;\n" + HEAD)[0] == ("W-ORDER", 1)


def test_mended_options_are_clean():
    wrong = GOOD.replace("BeamEnergySpread", "CMSEnergySpread").replace("true;", "true")
    better, left = mended_fully(wrong, lambda text: check(text, name="jobOptions.txt"))
    assert not left
    assert "KKMC.BeamEnergySpread=0.0013;" in better
