"""Detector cards: what a detector measures, how well, and how it is written down in YAML."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from yukawa.core.config import NotNegative, Positive, StrictModel, Table, checked, find, merged, read_on_base

SHIPPED = Path(__file__).parent / "cards"

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
            raise ValueError("pt_min must rise from step to step of efficiency")
        if _falls([step.eta_max for step in self.momentum]):
            raise ValueError("eta_max must rise from step to step of momentum")
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
    path = find(name_or_path, SHIPPED, "detector card")
    table = read_on_base(path, _base, _over)
    table.setdefault("name", path.stem)
    return checked(Card, table, path)


def _base(path: Path, base: str) -> Path:
    beside = path.parent / base
    return find(beside if beside.is_file() else base, SHIPPED, "detector card")


def _over(below: Table, table: Table) -> Table:
    """A card put over its base; the name of the base is not inherited."""
    return merged({key: below[key] for key in below if key not in ("name", "description")}, table)


def _falls(values: list[float]) -> bool:
    return any(right <= left for left, right in pairwise(values))
