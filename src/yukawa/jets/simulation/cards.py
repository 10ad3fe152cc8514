"""Cards of a simulation: the detector's resolution and the physics process, each with its defaults."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from yukawa.core import yaml_files
from yukawa.core.errors import InputError, nearest
from yukawa.core.files import read_text
from yukawa.core.validation import NotNegative, Positive, StrictModel, checked
from yukawa.jets.table import PDG_ID

CARDS, PROCESSES = Path(__file__).parent / "cards", Path(__file__).parent / "processes"

Resolution = NotNegative
Length = Positive
Efficiency = Annotated[float, Field(ge=0, le=1)]


class Volume(StrictModel):
    """The tracker: a cylinder about the beam, within which particles decay and leave tracks."""

    radius: Length = Field(description="mm")
    half_length: Length = Field(description="mm")


class EfficiencyStep(StrictModel):
    """The track efficiency from a transverse momentum up to that of the next step."""

    pt_min: float = Field(ge=0, description="GeV")
    efficiency: Efficiency


class MomentumStep(StrictModel):
    """sigma(pT)/pT = constant (+) slope pT up to a pseudorapidity; (+) is the quadratic sum."""

    eta_max: Length
    constant: Resolution
    slope: Resolution = Field(description="1/GeV")


class ImpactParameter(StrictModel):
    """sigma = constant (+) scattering / pT^power, with pT in GeV."""

    constant: Resolution = Field(description="um")
    scattering: Resolution = Field(description="um GeV^power")
    power: Length = 1.0


class Tracking(StrictModel):
    """Where, how often and how well charged particles are measured."""

    eta_max: Length
    efficiency: tuple[EfficiencyStep, ...] = Field(min_length=1)
    momentum: tuple[MomentumStep, ...] = Field(min_length=1)
    d0: ImpactParameter
    z0: ImpactParameter

    @model_validator(mode="after")
    def _steps_rise(self) -> Self:
        if _falls([step.pt_min for step in self.efficiency]):
            raise ValueError("pt_min must increase from one step of efficiency to the next")
        if _falls([step.eta_max for step in self.momentum]):
            raise ValueError("eta_max must increase from one step of momentum to the next")
        if self.momentum[-1].eta_max < self.eta_max:
            raise ValueError(
                f"the steps of momentum end at |eta| = {self.momentum[-1].eta_max}, "
                f"below the tracking's eta_max = {self.eta_max}"
            )
        return self


class Calorimeter(StrictModel):
    """sigma(E)/E = stochastic/sqrt(E) (+) constant (+) noise/E, with E in GeV."""

    eta_max: Length
    stochastic: Resolution = Field(description="sqrt(GeV)")
    constant: Resolution
    noise: Resolution = Field(description="GeV")
    threshold: Resolution = Field(description="GeV, of the measured energy")


class TimeOfFlight(StrictModel):
    """A clock on the inner side of the calorimeter: barrel at `radius`, end caps where the tracker ends."""

    resolution: Length = Field(description="ps")
    radius: Length = Field(description="mm")


class Card(StrictModel):
    """A detector: lengths in mm, impact parameters in um, times in ps, energies in GeV.

    Attributes:
        field: field of the solenoid along +z in T; 0 for none.
        tracker: the volume of the tracker.
        tracking: acceptance, efficiency and resolutions of tracks.
        ecal: for photons and electrons.
        hcal: for hadrons.
        time_of_flight: of charged particles.
        dedx_resolution: relative resolution of the energy loss (or of the number of clusters) along a track.
        identification: how charged hadrons are identified: by `truth`, or by `dedx+tof`.
        jet_energy_scale: the factor on energy and momentum of a jet (not of its particles).
    """

    name: str
    description: str = ""
    field: float = Field(ge=0, le=20)
    tracker: Volume
    tracking: Tracking
    ecal: Calorimeter
    hcal: Calorimeter
    time_of_flight: TimeOfFlight
    dedx_resolution: Length
    identification: Literal["truth", "dedx+tof"] = "truth"
    jet_energy_scale: Length = 1.0


def load_card(name_or_path: str | Path = "cepc") -> Card:
    """A shipped detector card (`cepc`, `idea`, `ild`) by its name, or your own by the path of its YAML file.

    A card may begin with `base: cepc` (a shipped name, or a path from the card's folder) and then holds only
    what differs.

    Raises:
        InputError: there is no such card, or a key or value is wrong; the first one is named.
    """
    path = yaml_files.find(name_or_path, CARDS, "detector card")
    table = yaml_files.read_on_base(path, _base, _over)
    table.setdefault("name", path.stem)
    return checked(Card, table, path)


def _base(path: Path, base: str) -> Path:
    beside = path.parent / base
    return yaml_files.find(beside if beside.is_file() else base, CARDS, "detector card")


def _over(below: yaml_files.Table, table: yaml_files.Table) -> yaml_files.Table:
    """A card put over its base; the name of the base is not inherited."""
    return yaml_files.merged({key: below[key] for key in below if key not in ("name", "description")}, table)


def _falls(values: list[float]) -> bool:
    return any(right <= left for left, right in pairwise(values))


class ProcessSample(StrictModel):
    """One kind of event of a process.

    Attributes:
        name: name of the sample.
        settings: lines for Pythia, after those of the process.
        yields: how many jets of each class one event gives; where cuts decide, about how many.
    """

    name: str = Field(min_length=1)
    settings: tuple[str, ...] = ()
    yields: dict[str, Positive] = Field(min_length=1)

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of its jets."""
        return tuple(self.yields)


class Clustering(StrictModel):
    """A jet algorithm of fastjet and which of its jets are kept.

    Attributes:
        algorithm: `ee_genkt` (generalised kT for e+e-), `durham` (e+e- kT), or `antikt` (hadron colliders).
        radius: radius of `ee_genkt` and `antikt` jets.
        power: p of `ee_genkt`: 1 is kT-like, -1 anti-kT-like.
        exclusive: cluster each event to exactly this number of jets; None keeps all jets within the cuts.
        pt_min: in GeV, after the card's jet energy scale; with `pt_max` and `eta_max` a cut on inclusive jets.
    """

    algorithm: Literal["ee_genkt", "durham", "antikt"]
    radius: Positive | None = None
    power: float = 1.0
    exclusive: int | None = Field(default=None, ge=1)
    pt_min: float = Field(default=0.0, ge=0)
    pt_max: Positive | None = None
    eta_max: Positive | None = None

    @property
    def hadronic(self) -> bool:
        """Whether jets and particles are ordered by transverse momentum, rather than by energy."""
        return self.algorithm == "antikt"

    @model_validator(mode="after")
    def _fits_the_algorithm(self) -> Self:
        if (self.radius is None) != (self.algorithm == "durham"):
            raise ValueError("durham has no radius" if self.radius else f"{self.algorithm} needs a radius")
        if self.algorithm == "antikt" and self.exclusive:
            raise ValueError("exclusive jets have no meaning for antikt; omit `exclusive`")
        if self.exclusive and (self.pt_min or self.pt_max or self.eta_max):
            raise ValueError("pt_min, pt_max and eta_max cut on inclusive jets; omit them or `exclusive`")
        if self.algorithm == "durham" and not self.exclusive:
            raise ValueError("durham needs `exclusive`, the number of jets")
        return self


class LabelRule(StrictModel):
    """What gives a jet its class.

    Attributes:
        rule: `pairing`: the two jets and the two partons of the hard process are paired so that the sum of
            the two angles is least. `parton-match`: the nearest parton or resonance of the hard process
            whose class the sample has, within `radius` in (eta, phi); jets without one are dropped.
            `sample`: the one class of the sample.
        radius: largest distance of `parton-match`.
        resonance: PDG code; take only partons that come from it (such as 25, from the Higgs boson).
        particles: class to the PDG codes that stand for it; classes named as in jet-origin need none.
    """

    rule: Literal["pairing", "parton-match", "sample"]
    radius: Positive | None = None
    resonance: int | None = None
    particles: dict[str, tuple[int, ...]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_the_rule(self) -> Self:
        if (self.radius is None) == (self.rule == "parton-match"):
            raise ValueError(f"{self.rule} {'has no' if self.radius else 'needs a'} radius")
        return self

    def codes(self, name: str) -> tuple[int, ...]:
        """The PDG codes that stand for the class `name`."""
        return self.particles.get(name) or ((PDG_ID[name],) if name in PDG_ID else ())


class Process(StrictModel):
    """Collisions, jets and classes.

    Attributes:
        name: name of the process.
        settings: lines for Pythia that all samples share (beams, hard process, …), in Pythia's own words.
        samples: kinds of events.
        clustering: how jets are found.
        label: what gives a jet its class.
    """

    name: str
    description: str = ""
    settings: tuple[str, ...] = ()
    samples: tuple[ProcessSample, ...] = Field(min_length=1)
    clustering: Clustering
    label: LabelRule

    @property
    def classes(self) -> tuple[str, ...]:
        """All classes, in the order in which the samples name them."""
        return tuple(dict.fromkeys(name for sample in self.samples for name in sample.yields))

    def sample(self, name: str) -> ProcessSample:
        """The sample called `name`.

        Raises:
            InputError: there is none.
        """
        for sample in self.samples:
            if sample.name == name:
                return sample
        names = [sample.name for sample in self.samples]
        guess = nearest(name, names)
        raise InputError(
            f"the process {self.name} has no sample {name!r}; it has: {', '.join(names)}",
            hint=f"did you mean {guess}?" if guess else "",
        )

    @model_validator(mode="after")
    def _labels_can_be_given(self) -> Self:
        """Refuse a process whose samples have one name twice, or whose label rule cannot give every class."""
        names = [sample.name for sample in self.samples]
        if len(set(names)) < len(names):
            raise ValueError("two samples have the same name")
        for sample in self.samples:
            if self.label.rule == "sample" and len(sample.yields) != 1:
                raise ValueError(
                    f"the label rule `sample` needs one class per sample; {sample.name} has several"
                )
        if self.label.rule == "pairing" and self.clustering.exclusive != 2:
            raise ValueError("the label rule `pairing` needs `exclusive: 2` jets per event")
        unknown = [name for name in self.classes if not self.label.codes(name)]
        if self.label.rule != "sample" and unknown:
            raise ValueError(
                f"the class {unknown[0]} has no particle; write `particles: {{{unknown[0]}: [6, -6]}}` "
                "with its PDG codes under `label:`"
            )
        return self


def load_process(name_or_path: str | Path = "jet-origin") -> Process:
    """A shipped process (`jet-origin`, `hadron-jets`) by its name, or your own by the path of its YAML file.

    `command_file:` of the process or of a sample names a Pythia file (.cmnd), looked for from the YAML file's
    folder; its lines come before the `settings:` beside it.

    Raises:
        InputError: there is no such process, or a key or value is wrong; the first one is named.
    """
    path = yaml_files.find(name_or_path, PROCESSES, "process")
    table = yaml_files.read_table(path)
    table.setdefault("name", path.stem)
    samples = table.get("samples")
    for part in (table, *(samples if isinstance(samples, list) else ())):
        _take_in_command_file(part, path.parent)
    return checked(Process, table, path)


def _take_in_command_file(part: Any, folder: Path) -> None:
    """Replace `command_file` in a table by the lines of that file, so that a process needs no other file."""
    if not isinstance(part, dict) or "command_file" not in part:
        return
    path = folder / str(part.pop("command_file"))
    try:
        lines = read_text(path).splitlines()
    except InputError as error:
        raise InputError(f"the command file {error.message}", hint=error.hint) from None
    settings = part.get("settings") or []
    # Pythia takes a line that does not begin with a letter or digit for a comment.
    part["settings"] = [line.strip() for line in lines if line.strip()[:1].isalnum()] + list(settings)
