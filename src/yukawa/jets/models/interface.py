"""What every jet tagger is: a network that takes packed rows of jets and gives one logit a class."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn

from yukawa.core.errors import InputError

if TYPE_CHECKING:
    from yukawa.jets.features.config import DataConfig
    from yukawa.jets.features.encoded import Encoder

OF_THE_OLD = "give the new model the sizes of the old"


class TaggerConfig(BaseModel):
    """What a network needs to be built; each architecture adds its own sizes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str
    features: int
    classes: tuple[str, ...]


class Tagger(nn.Module, ABC):
    """A network over jets: `forward` takes the rows of its encoder by their names, and `counts_B`.

    It gives logits of shape (B, C). Dimensions: B jets, P particles a jet, N particles in all, F features,
    C classes.
    """

    Config: ClassVar[type[TaggerConfig]]

    def __init__(self, config: TaggerConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def encoder(self, data_config: DataConfig, *, prediction: bool = False) -> Encoder:
        """What turns jets into this network's rows.

        Raises:
            InputError: the data config does not fit the network.
        """

    def start_from(self, saved: Tagger, where: str) -> None:
        """Begin with the weights of a trained tagger, read from `where`.

        Raises:
            InputError: it is of another architecture, of other classes or of other sizes; nothing has changed.
        """
        for name in ("architecture", "classes"):
            came, wanted = getattr(saved.config, name), getattr(self.config, name)
            if came != wanted:
                raise InputError(f"{where} has the {name} {came!r}, {wanted!r} is expected")
        came, wanted = settings_of(saved), settings_of(self)
        if _shapes(saved) != _shapes(self):
            odd = [f"{name} {came[name]!r}, {wanted[name]!r}" for name in came if came[name] != wanted[name]]
            raise InputError(f"{where} has {' is expected; '.join(odd)} is expected", hint=OF_THE_OLD)
        self.load_state_dict(saved.state_dict())


class ParticleTagger(Tagger):
    """A network over particles.

    It has two entrances with one result: `forward` takes packed particles, without any padding, and is fast;
    `forward_padded` takes padded particles and a mask, and is what is exported.
    """

    def encoder(self, data_config: DataConfig, *, prediction: bool = False) -> Encoder:
        """See `Tagger.encoder`."""
        from yukawa.jets.features.encoder import FeatureEncoder

        return FeatureEncoder(data_config, prediction=prediction)

    @abstractmethod
    def forward(self, features_NF: Tensor, momenta_N4: Tensor, points_N2: Tensor, counts_B: Tensor) -> Tensor:
        """Logits of shape (B, C).

        Args:
            features_NF: standardised features of each particle.
            momenta_N4: px, py, pz, E in GeV.
            points_N2: coordinates in which neighbours are sought, usually (deta, dphi).
            counts_B: int64, particles of each jet; they sum to N. A jet may be empty.
        """

    @abstractmethod
    def forward_padded(
        self, features_BPF: Tensor, momenta_BP4: Tensor, points_BP2: Tensor, mask_BP: Tensor
    ) -> Tensor:
        """Logits of shape (B, C); `mask_BP` is true where there is a particle, and padding comes last."""


def pack(padded_BPX: Tensor, mask_BP: Tensor) -> Tensor:
    """The particles under the mask, one jet after another, shape (N, X)."""
    return padded_BPX[mask_BP]


def unpack(packed_NX: Tensor, counts_B: Tensor, length: int | None = None) -> tuple[Tensor, Tensor]:
    """Padded particles (B, P, X), zero where there is none, and their mask (B, P); P is the longest jet's."""
    length = int(counts_B.max()) if length is None else length
    mask_BP = torch.arange(length, device=packed_NX.device) < counts_B[:, None]
    padded = packed_NX.new_zeros((*mask_BP.shape, *packed_NX.shape[1:]))
    padded[mask_BP] = packed_NX
    return padded, mask_BP


def settings_of(tagger: Tagger) -> dict[str, Any]:
    """The tagger's configuration as plain values, for JSON."""
    return tagger.config.model_dump(mode="json")


def _shapes(tagger: Tagger) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in tagger.state_dict().items()}
