"""GivenSettings given again, in every kind of file: one law for all."""

from __future__ import annotations

import pytest

from yukawa.generators.checking import check
from yukawa.generators.repeats import GivenSettings, given_again

END = "Decay B0\n1.0 K+ pi- PHSP;\nEnddecay\nEnd\n"
# A setting, another value of it, by the kind of file.
SETTINGS = {
    "card.dec": [
        ("Define x 1.0", "Define x 2.0"), ("Particle rho0 0.7 0.1", "Particle rho0 0.75 0.1"),
        ("ChangeMassMin rho0 0.3", "ChangeMassMin rho0 0.4"), ("ChangeMassMax rho0 1.3", "ChangeMassMax rho0 1.4"),
        ("IncludeBirthFactor rho0 yes", "IncludeBirthFactor rho0 no"), ("BlattWeisskopf rho0 1.0", "BlattWeisskopf rho0 3.0"),
        ("LSFLAT rho0", "LSNONRELBW rho0"), ("yesPhotos", "noPhotos"), ("normalPhotos", "yesPhotos"), ("yesFSR", "noFSR"),
        ("yesIncoherentB0Mixing 0.5 1", "noIncoherentB0Mixing"), ("yesIncoherentBsMixing 17 0.1", "yesIncoherentBsMixing 18 0.1"),
        ("JetSetPar MSTJ(26)=0", "JetSetPar MSTJ(26)=1"), ("PythiaGenericParam A:b=on", "PythiaGenericParam A:b=off"),
        ("ModelAlias FLAT PHSP;", "ModelAlias FLAT VSS;"), ("SetLineshapePW D_1+ D*+ pi0 2", "SetLineshapePW D_1+ D*+ pi0 0"),
    ],
    "jobOptions.txt": [
        ("KKMC.CMSEnergy = 3.097;", "KKMC.CMSEnergy = 3.098;"), ("ApplicationMgr.EvtMax = 10;", "ApplicationMgr.EvtMax = 20;"),
        ('EvtDecay.userDecayTableName = "a.dec";', 'EvtDecay.userDecayTableName = "b.dec";'),
        ("BesRndmGenSvc.RndmSeed = 1;", "BesRndmGenSvc.RndmSeed = 2;"),
    ],
    "run.cmnd": [
        ("Beams:eCM = 91.2", "Beams:eCM = 240"), ("HardQCD:all = on", "HardQCD:all = off"), ("23:onMode = off", "23:onMode = on"),
        ("Main:numberOfEvents = 10", "Main:numberOfEvents = 20"),
        ("443:oneChannel = 1 1.0 0 11 -11", "443:oneChannel = 1 1.0 0 13 -13"),
    ],
}  # fmt: skip
ROWS = [(name, one, other) for name, rows in SETTINGS.items() for one, other in rows]


def found(name: str, *lines: str) -> list[tuple[str, int]]:
    text = "\n".join((*lines, END if name == "card.dec" else ""))
    return [(each.code, each.line) for each in check(text, name=name)]


@pytest.mark.parametrize(("name", "one", "other"), ROWS)
def test_what_is_given_again_is_found_at_the_second_and_once_is_not(name, one, other):
    before = {*found(name, one, ""), *found(name, other, "")}
    assert not [each for each in before if each[0] in ("W-DEF", "I-TWICE")]
    assert {*found(name, one, other)} - before == {("W-DEF", 2)}
    assert {*found(name, one, one)} - before == {("I-TWICE", 2)}
    assert {*found(name, one, other, one)} - before == {("W-DEF", 2), ("W-DEF", 3)}


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("card.dec", ["Define x 0.10", "Define y 0.1"]), ("card.dec", ["LSFLAT rho0", "LSFLAT rho+"]),
        ("card.dec", ["JetSetPar MSTJ(26)=0", "JetSetPar MSTJ(27)=1"]),
        ("run.cmnd", ["23:onMode = off", "23:onIfAny = 11", "23:onIfAny = 13"]),
        ("run.cmnd", ["443:oneChannel = 1 0.5 0 11 -11", "443:addChannel = 1 0.2 0 13 -13", "443:addChannel = 1 0.2 0 13 -13"]),
        ("run.cmnd", ["Main:subrun = 1", "Beams:eCM = 91.2", "Main:subrun = 2", "Beams:eCM = 240"]),
        ("jobOptions.txt", ['ApplicationMgr.DLLs += {"A"};', 'ApplicationMgr.DLLs += {"B"};']),
    ],
)  # fmt: skip
def test_what_only_looks_alike_is_no_finding(name, lines):
    assert not [each for each in found(name, *lines) if each[0] in ("W-DEF", "I-TWICE")]


def test_numbers_are_compared_as_numbers():
    assert ("I-TWICE", 2) in found("card.dec", "Define x 0.10", "Define x 0.1")
    assert ("I-TWICE", 2) in found("run.cmnd", "HardQCD:all = on", "HardQCD:all = ON")


def test_the_last_counts():
    settings = GivenSettings()
    assert settings.given("a", "1", 3) is None
    assert settings.given("a", "2", 5) == ("1", 3)
    assert (settings.last("a"), settings.last("b"), list(settings)) == (("2", 5), None, ["a"])
    assert given_again("a", "2", ("1", 3), (5, 1)).message == "a is set already in line 3, to 1"


class TestContradictions:
    @pytest.mark.parametrize(
        ("lines", "code", "line"),
        [
            (["ChangeMassMin rho0 0.9"], "W-RANGE", 1),
            (["ChangeMassMax rho0 0.5"], "W-RANGE", 1),
            (["Particle rho0 0.5 0.1", "ChangeMassMin rho0 0.6"], "W-RANGE", 2),
            (["ChangeMassMin rho0 0.6", "Particle rho0 0.5 0.1"], "W-RANGE", 1),
            (["ChangeMassMin rho0 0.7", "ChangeMassMax rho0 0.6"], "E-VALUE", 2),
            (["ChangeMassMax rho0 0.6", "ChangeMassMin rho0 0.7"], "E-VALUE", 1),
            (["ChangeMassMin rho0 0,3"], "E-VALUE", 1),
            (["ChangeMassMin rho0 -0.3"], "E-VALUE", 1),
            (["CopyDecay B0 B_s0"], "W-REDECAY", 2),
            (["noPhotos", "Decay B_s0", "1.0 K+ K- PHOTOS PHSP;", "Enddecay"], "W-DEF", 3),
        ],
    )
    def test_of_cards(self, lines, code, line):
        assert found("card.dec", *lines) == [(code, line)]

    def test_of_cards_without_one(self):
        for lines in (
            ["ChangeMassMin rho0 0.3", "ChangeMassMax rho0 1.5"],
            ["yesPhotos", "Decay B_s0", "1.0 K+ K- PHOTOS PHSP;", "Enddecay"],
            ["noPhotos"],
        ):
            assert not found("card.dec", *lines)

    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            (["KKMC.GenerateJPsi = true;", "KKMC.GeneratePsiPrime = true;"], [("E-ECMS", 2)]),
            (["KKMC.GeneratePsiPrime = true;", "KKMC.GenerateJPsi = true;"], [("E-ECMS", 2)]),
            (["KKMC.GenerateJPsi = true;", "KKMC.GeneratePsiPrime = false;"], []),
            (["KKMC.CMSEnergy = 4.2;", "KKMC.GeneratePsi4160 = true;", "KKMC.GeneratePsi4260 = true;"], [("W-DEF", 3)]),
            (["KKMC.CMSEnergy = 3.686;", "KKMC.GenerateJPsi = true;", "KKMC.GeneratePsiPrime = true;"], [("E-ECMS", 2)]),
            (["KKMC.CMSEnergy = 3686;", "KKMC.GeneratePsiPrime = true;"], [("E-ECMS", 1)]),
            (["ApplicationMgr.EvtMax = 0;"], [("E-VALUE", 1)]),
            (["ApplicationMgr.EvtMax = 00;"], [("E-VALUE", 1)]),
            (['#include "$KKMCROOT/share/jobOptions_KKMC.txt"', '#include "$KKMCROOT/share/jobOptions_KKMC.txt"'], [("I-TWICE", 2)]),
        ],
    )  # fmt: skip
    def test_of_job_options(self, lines, expected):
        assert found("jobOptions.txt", *lines) == expected

    @pytest.mark.parametrize(
        ("lines", "expected"),
        [
            (["ProcessLevel:all = off", "HardQCD:all = on"], [("W-DEF", 2)]),
            (["HardQCD:all = on", "ProcessLevel:all = off"], [("W-DEF", 1)]),
            (["ProcessLevel:all = off", "HardQCD:all = off"], []),
            (["Main:numberOfEvents = 0"], [("E-VALUE", 1)]),
            (["23:mMin = 95"], [("W-RANGE", 1)]),
            (["23:mMin = 50", "23:mMax = 80"], [("W-RANGE", 2)]),
            (["23:mMin = 50", "23:mMax = 40"], []),
            (["25:m0 = 90", "25:mMin = 50", "25:mMax = 80"], [("W-RANGE", 3)]),
        ],
    )
    def test_of_pythia(self, lines, expected):
        assert found("run.cmnd", *lines) == expected
