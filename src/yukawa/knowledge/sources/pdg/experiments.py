"""The experiments and techniques behind the four-letter codes of the Listings."""

# After the list of abbreviations in the Listings; codes that name themselves (CMS, OPAL, E791) are not repeated.
_NAMES = {
    "BABR": "BaBar", "BELL": "Belle", "BEL2": "Belle II", "LHCB": "LHCb", "BES3": "BESIII", "BES2": "BESII", "ATLS": "ATLAS",
    "ATL": "ATLAS", "ALCE": "ALICE", "CLE2": "CLEO II", "CLE3": "CLEO III", "CDF2": "CDF II", "ARG": "ARGUS",
    "ARGD": "ARGUS", "ALEP": "ALEPH", "DLPH": "DELPHI", "TEVA": "Tevatron", "FOCS": "FOCUS", "CMD2": "CMD-2",
    "CMD3": "CMD-3", "KTEV": "KTeV", "OMEG": "Omega spectrometer", "CBAR": "Crystal Barrel", "CBAL": "Crystal Ball",
    "CBOX": "Crystal Box", "CRYB": "Crystal Ball", "MRK1": "Mark I", "MRK2": "Mark II", "MRK3": "Mark III", "MRKJ": "Mark J",
    "OBLX": "OBELIX", "SKAM": "Super-Kamiokande", "SK": "Super-Kamiokande", "SKT2": "Super-Kamiokande and T2K",
    "KAMI": "Kamiokande", "KAM2": "Kamiokande II", "ICCB": "IceCube", "NOVA": "NOvA", "MINS": "MINOS", "MBNE": "MiniBooNE",
    "MCBN": "MicroBooNE", "DAYA": "Daya Bay", "DCHZ": "Double Chooz", "BORX": "Borexino", "KLND": "KamLAND",
    "KLNZ": "KamLAND-Zen", "PLUT": "PLUTO", "TASS": "TASSO", "CELL": "CELLO", "TOPZ": "TOPAZ", "VNS": "VENUS",
    "ISTR": "ISTRA", "SELX": "SELEX", "GAM2": "GAMS-2000", "GAM4": "GAMS-4000", "GAMS": "GAMS", "PNDX": "PandaX",
    "XE1T": "XENON1T", "XENT": "XENONnT", "X100": "XENON100", "XE10": "XENON10", "XMAS": "XMASS", "CRES": "CRESST",
    "EDEL": "EDELWEISS", "CDM2": "CDMS II", "SCDM": "SuperCDMS", "COUP": "COUPP", "DS50": "DarkSide-50", "SMPL": "SIMPLE",
    "ANTR": "ANTARES", "FLAT": "Fermi-LAT", "HESS": "H.E.S.S.", "MGIC": "MAGIC", "VRTS": "VERITAS", "MCRO": "MACRO",
    "FREJ": "Frejus", "NUSX": "NUSEX", "SOUD": "Soudan 1", "SOU2": "Soudan 2", "BAKS": "Baksan", "BAIK": "Baikal",
    "CHRM": "CHARM", "CHM2": "CHARM II", "CHRS": "CHORUS", "NOMD": "NOMAD", "OPER": "OPERA", "ICAR": "ICARUS",
    "GOLI": "Goliath", "TWST": "TWIST", "PIBE": "PIBETA", "PIEN": "PIENU", "SAPH": "SAPHIR", "MAJD": "MAJORANA Demonstrator",
    "TEXO": "TEXONO", "EXO2": "EXO-200", "K246": "KEK E246", "K391": "KEK E391a", "K470": "KEK E470", "B787": "BNL E787",
    "B949": "BNL E949", "B852": "BNL E852", "B865": "BNL E865", "B871": "BNL E871", "B791": "BNL E791", "B845": "BNL E845",
    "MUG2": "Muon g-2", "LEP": "combination of LEP experiments", "LHC": "combination of LHC experiments", "GERD": "GERDA",
    "LHAS": "LHAASO", "KM3N": "KM3NeT", "AUGE": "Pierre Auger Observatory", "STRC": "streamer chamber",
    "DPWA": "energy-dependent partial-wave analysis", "IPWA": "energy-independent partial-wave analysis",
    "MPWA": "model-dependent partial-wave analysis", "PWA": "partial-wave analysis", "RVUE": "review of previous data",
    "HBC": "hydrogen bubble chamber", "DBC": "deuterium bubble chamber", "HLBC": "heavy-liquid bubble chamber",
    "HDBC": "hydrogen and deuterium bubble chambers", "FBC": "Freon bubble chamber", "SPEC": "spectrometer",
    "CNTR": "counters", "COSM": "cosmology and astrophysics", "ASTR": "astronomy", "FIT": "fit to earlier data",
    "OSPK": "optical spark chamber", "ASPK": "automatic spark chambers", "THEO": "theoretical analysis",
    "LATT": "lattice calculation", "EMUL": "emulsion", "PLAS": "plastic detector", "INDU": "magnetic induction",
    "MMS": "missing-mass spectrometer", "CALO": "calorimeter", "WIRE": "wire chamber", "ELEC": "electronic combination",
    "SPRK": "spark chamber", "HYBR": "hybrid: bubble chamber and electronics", "MPS": "Multiparticle Spectrometer",
    "TRAP": "Penning trap", "NMR": "nuclear magnetic resonance", "CC": "cloud chamber", "TPC": "TPC/Two-Gamma",
    "HPGE": "germanium detector", "BOLO": "bolometer", "ACCM": "ACCMOR",
}  # fmt: skip


def experiment_name(code: str) -> str:
    """The name of an experiment or technique by its code in the Listings; a code that is not listed stays as it is."""
    return _NAMES.get(code, code)


def same_experiment(name: str, wanted: str) -> bool:
    """Whether `wanted`, as people write it, is the experiment `name`: 'babar', 'BES III', 'BABR', 'Belle-II'."""
    return _plain(name) == _plain(experiment_name(wanted.upper().strip())) or _plain(name) == _plain(wanted)


def experiments() -> tuple[str, ...]:
    """Every name in the table, for those who look for one in a question."""
    return tuple(dict.fromkeys(_NAMES.values()))


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum() or c == "+")
