"""Exports taggers to ONNX with their preprocessing inside, and checks each export against the tagger itself."""

import copy
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from yukawa import __version__
from yukawa.core.errors import InputError, YukawaError, require
from yukawa.core.files import atomic_write, check_output
from yukawa.jets.features.config import DataConfig
from yukawa.jets.features.encoder import FeatureEncoder, encode_padded
from yukawa.jets.features.frames import PaddedFrame
from yukawa.jets.io.loader import tensors
from yukawa.jets.models.tagger import ParticleTagger, load_model
from yukawa.jets.table import JET, PARTICLE_COLUMNS, Array, Jets

MASK, OUTPUT = "mask", "probabilities"
TOLERANCE = 1e-5
ROUNDINGS = 10

_TRUTHS = frozenset(column.name for column in PARTICLE_COLUMNS if column.dtype == "bool")
# Jets, and particles of the longest, at which an export is checked.
_SHAPES = ((1, 1), (1, 7), (3, 2), (5, 33))


class Preprocessed(nn.Module):
    """A tagger that takes columns of jets, padded, and gives probabilities.

    Inputs are named after the columns that the data config reads, each float32: (B, P) for particles, (B, 1) for
    those of jets, whose names begin with `jet_`; last is `mask`, bool (B, P), true where there is a particle.
    """

    def __init__(self, tagger: ParticleTagger, config: DataConfig) -> None:
        super().__init__()
        self.tagger = tagger
        self.config = config
        self.columns = FeatureEncoder(config, prediction=True).columns
        self.input_names = (*self.columns, MASK)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Probabilities (B, C) of the classes."""
        *columns, mask_BP = inputs
        given = dict(zip(self.columns, columns, strict=True))
        particles = {
            name: value != 0 if name in _TRUTHS else value
            for name, value in given.items()
            if not name.startswith(JET)
        }
        scalars = {name: value for name, value in given.items() if name.startswith(JET)}
        encoded = encode_padded(self.config, particles, scalars, mask_BP)
        if self.config.length is not None:
            frame = PaddedFrame(particles, scalars, mask_BP, self.config.variables)
            encoded["mask_BP"] = encoded["mask_BP"] & self._within_length(frame, mask_BP)
        encoded = _padding_last(encoded)
        return torch.softmax(self.tagger.forward_padded(**encoded), dim=1)

    def _within_length(self, frame: PaddedFrame, mask_BP: Tensor) -> Tensor:
        """Where a particle is among the `length` first of its jet, or greatest in `sort_by`, (B, P)."""
        number = torch.arange(mask_BP.shape[1], device=mask_BP.device)
        before = (number < number[:, None])[None]  # (B, i, j): j comes before i
        if self.config.sort_by is not None:
            key = frame.column(self.config.sort_by).data
            key = torch.where(mask_BP, key.to(torch.float32), -torch.inf)
            greater = key[:, None, :] > key[:, :, None]
            before = greater | ((key[:, None, :] == key[:, :, None]) & before)
        return (before & mask_BP[:, None, :]).sum(dim=2) < self.config.length


def export_onnx(model: Path, out: Path, jets: Jets | None = None, *, force: bool = False) -> None:
    """Export a saved model to one ONNX file, any number of jets and particles.

    The file is written only after ONNX Runtime has given the tagger's own probabilities for several numbers of jets and
    particles, to 1e-5 and ten times what single precision costs the tagger itself. It names its classes, columns, data
    config and Yukawa's version as metadata.

    Args:
        model: a model folder.
        out: the file, usually `*.onnx`.
        jets: jets on which to check too; they have the data config's columns.
        force: whether a file at `out` is replaced, unless it is of the model.

    Raises:
        InputError: the model cannot be read, `out` is there without `force` or is of the model, or its data config cannot be exported.
        YukawaError: the exported network gives other results.
        StoreError: the file cannot be written.
    """
    check_output(out, force=force, inputs=model.glob("*"))
    onnx = require("onnx", "exporting to ONNX")
    require("onnxscript", "exporting to ONNX")
    require("onnxruntime", "checking an ONNX export")
    tagger, config = load_model(model)
    if not isinstance(tagger, ParticleTagger):
        raise InputError(
            f"{model} is a {tagger.config.architecture}, only networks over particles are exported to ONNX",
            hint="save it for transformers instead, see docs/bytelm.md",
        )
    network = Preprocessed(tagger, config).eval()
    proto = _translate(network)
    onnx.helper.set_model_props(
        proto,
        {
            "yukawa": __version__,
            "architecture": tagger.config.architecture,
            "classes": json.dumps(tagger.config.classes),
            "columns": json.dumps(network.columns),
            "data_config": config.to_yaml(),
        },
    )
    content: bytes = proto.SerializeToString()
    trials = [made_up(network.columns, *shape) for shape in _SHAPES]
    check(content, network, [*trials, *([] if jets is None else [jets])])
    atomic_write(out, content)


def check(content: bytes, network: Preprocessed, trials: list[Jets]) -> None:
    """Compare an exported network with the tagger and its encoder, on packed particles.

    Raises:
        InputError: the jets cannot be encoded.
        YukawaError: the network cannot be run, or the probabilities differ by more than `TOLERANCE` and `ROUNDINGS`
            times the model's own rounding, which is what they change by in double precision: a particle's angle to
            itself and the mass of a collinear pair are rounding errors, whose logarithms trained networks see.
    """
    runtime = require("onnxruntime", "checking an ONNX export")
    encoder = FeatureEncoder(network.config, prediction=True)
    options = runtime.SessionOptions()
    options.log_severity_level = 3
    known = vars(runtime.capi.onnxruntime_pybind11_state).values()
    failures = tuple(x for x in known if isinstance(x, type) and issubclass(x, Exception))
    try:
        session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        found = [session.run([OUTPUT], padded_inputs(jets, network.columns))[0] for jets in trials]
    except failures as error:
        raise YukawaError(f"ONNX Runtime cannot run the exported network: {error}") from None
    for jets, probabilities in zip(trials, found, strict=True):
        own = predict(network, encoder, jets)
        difference = float(np.abs(probabilities - own).max())
        rounding = float(np.abs(own - predict(network, encoder, jets, torch.float64)).max())
        allowed = TOLERANCE + ROUNDINGS * rounding
        if not difference <= allowed:  # NaN too is a difference
            raise YukawaError(
                f"the exported network differs from the model by {difference:.1g} in probability (at most "
                f"{allowed:.1g} is allowed) for {len(jets)} jets of at most {jets.counts.max()} particles"
            )


def predict(
    network: Preprocessed, encoder: FeatureEncoder, jets: Jets, precision: torch.dtype = torch.float32
) -> Array:
    """The tagger's own probabilities, (B, C), from packed particles, computed in `precision`."""
    tagger = copy.deepcopy(network.tagger).to(precision)
    given = tensors(encoder.encode(jets))
    with torch.no_grad():
        logits = tagger(
            **{name: x.to(precision) if x.is_floating_point() else x for name, x in given.items()}
        )
    probabilities: Array = torch.softmax(logits, dim=1).numpy()
    return probabilities


def padded_inputs(jets: Jets, columns: tuple[str, ...]) -> dict[str, Array]:
    """The inputs of an exported network: particle columns and the mask (jets, longest jet), jet columns (jets, 1)."""
    length = max(1, int(jets.counts.max()))
    mask = np.arange(length) < jets.counts[:, None]
    inputs = {}
    for name in columns:
        if name.startswith(JET):
            inputs[name] = jets.scalars[name].astype(np.float32)[:, None]
        else:
            inputs[name] = np.zeros(mask.shape, np.float32)
            inputs[name][mask] = jets.particles[name]
    return inputs | {MASK: mask}


def made_up(columns: tuple[str, ...], jets: int, longest: int) -> Jets:
    """Jets of 1 to `longest` particles with these columns: momenta of massive particles, other values in (0, 1)."""
    random = np.random.default_rng(longest)
    counts = random.integers(1, longest + 1, jets)
    counts[0] = longest
    particles = {name: random.uniform(0.05, 1, counts.sum()) for name in columns if not name.startswith(JET)}
    square = np.full(counts.sum(), 0.1)
    for name in ("part_px", "part_py", "part_pz"):
        if name in particles:
            particles[name] = random.normal(0, 3, counts.sum())
            square += particles[name] ** 2
    if "part_energy" in particles:
        particles["part_energy"] = np.sqrt(square)
    for name in _TRUTHS & particles.keys():
        particles[name] = random.integers(0, 2, counts.sum()) == 1
    scalars = {name: random.uniform(0.05, 1, jets) for name in columns if name.startswith(JET)}
    single = {name: x if x.dtype == bool else x.astype(np.float32) for name, x in particles.items()}
    return Jets.from_counts(counts, single, {name: x.astype(np.float32) for name, x in scalars.items()})


def _padding_last(encoded: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same particles with those under the mask first, in their order."""
    mask_BP = encoded["mask_BP"]
    number = torch.arange(mask_BP.shape[1], device=mask_BP.device)
    order_BP = torch.sort(torch.where(mask_BP, number, number + mask_BP.shape[1]), dim=1)[1]
    moved = {
        name: torch.gather(x, 1, order_BP[:, :, None].expand(-1, -1, x.shape[2]))
        for name, x in encoded.items()
        if name != "mask_BP"
    }
    return moved | {"mask_BP": torch.gather(mask_BP, 1, order_BP)}


def _translate(network: Preprocessed) -> Any:
    """The network as an ONNX model, by PyTorch's exporter."""
    jets, length = torch.export.Dim("jets"), torch.export.Dim("particles")
    example, shapes = [], []
    sample = padded_inputs(made_up(network.columns, 3, 5), network.columns)
    for name in network.input_names:
        example.append(torch.from_numpy(sample[name]))
        shapes.append({0: jets} if name.startswith(JET) else {0: jets, 1: length})
    try:
        with _quiet(), torch.no_grad():
            # Given the network itself, the exporter would fall back to one fixed size where this step fails.
            program = torch.export.export(network, tuple(example), dynamic_shapes=(tuple(shapes),))
            translated = torch.onnx.export(
                program,
                input_names=list(network.input_names),
                output_names=[OUTPUT],
                dynamo=True,
                verbose=False,
            )
    except (RuntimeError, TypeError, ValueError) as error:  # what PyTorch answers to what it cannot translate
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise InputError(f"the model cannot be exported to ONNX: {reason}") from None
    return translated.model_proto


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's chatter."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logging.disable(before)
