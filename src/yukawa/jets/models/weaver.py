"""Takes networks over from weaver-core: a checkpoint and its data config become one of our model folders."""

import io
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from yukawa.core.errors import InputError, NotFound
from yukawa.core.files import check_made_folder, check_output, read_bytes
from yukawa.jets.features.config import DataConfig, load_data_config
from yukawa.jets.models.particle_net import ParticleNet
from yukawa.jets.models.particle_transformer import ParticleTransformer
from yukawa.jets.models.tagger import CONFIG, DATA_CONFIG, WEIGHTS, Tagger, save_model

# The end of a name that only this architecture has.
_MARKS: dict[str, Callable[[Mapping[str, Tensor], Mapping[str, Any]], Tagger]] = {
    "edge_convs.0.convs.0.weight": ParticleNet.from_weaver,
    "cls_token": ParticleTransformer.from_weaver,
}
_WRAPPED = "mod."
_LARGEST = 4 << 30  # bytes; the official networks have 10 MB
# Raised by torch.load for files that are cut off, of another kind, or hold more than weights.
_DAMAGE = (
    pickle.UnpicklingError, RuntimeError, OSError, EOFError, LookupError, ValueError, TypeError, AttributeError,
)  # fmt: skip


def import_weaver(
    checkpoint: Path,
    data_config: str | Path,
    out: Path,
    hints: Mapping[str, Any] | None = None,
    *,
    force: bool = False,
) -> Tagger:
    """Save the network of a weaver checkpoint as a model folder, and give it ready for inference.

    The official JetClass checkpoints (`ParticleNet_*.pt`, `ParT_*.pt`) come in with the built-in data configs
    `jetclass-kin`, `jetclass-kinpid` and `jetclass-full`.

    Args:
        checkpoint: a state dict as weaver writes it (`*_state.pt`).
        data_config: name or path of the data config it was trained with; where that left the standardisation
            to be computed, the `.auto.yaml` that weaver wrote.
        out: the new model folder.
        hints: settings that weights do not show, see each architecture's `from_weaver`. For a Particle
            Transformer out of weaver's example network file, of which the names begin with `mod.`,
            `pair_activated` is true unless given.
        force: whether a model at `out` is replaced, unless the checkpoint lies in it.

    Raises:
        NotFound: the checkpoint or the data config is not there.
        InputError: the checkpoint is not a state dict of a known network, or does not fit the data config; `out`
            is not a new folder, nor a model that may be replaced.
        StoreError: the folder cannot be written.
    """
    check_made_folder(Path(out), (DATA_CONFIG,), (WEIGHTS, CONFIG), force=force)
    check_output(Path(out) / WEIGHTS, force=True, inputs=[checkpoint])
    config = load_data_config(data_config)
    if not config.resolved:
        raise InputError(
            f"the data config {data_config} leaves its standardisation to be computed from data",
            hint="give the .auto.yaml that weaver wrote beside it",
        )
    state = read_checkpoint(checkpoint)
    build = _architecture(state, checkpoint)
    given = dict(hints or {})
    if build == ParticleTransformer.from_weaver and any(name.startswith(_WRAPPED) for name in state):
        given.setdefault("pair_activated", True)
    try:
        tagger = build(state, given)
        _check_fit(tagger, config)
        tagger = build(state, given | {"classes": config.classes})
    except InputError as error:
        raise InputError(f"{checkpoint}: {error.message}", hint=error.hint) from None
    save_model(out, tagger, config, force=force)
    return tagger.eval()


def read_checkpoint(path: Path) -> dict[str, Tensor]:
    """The weights in a file written by `torch.save`; nothing in it is executed.

    Raises:
        NotFound: there is no such file.
        InputError: it is damaged, or holds more or something else than weights.
    """
    hint = "give the state dict that weaver wrote, such as net_best_epoch_state.pt"
    if not path.exists():
        raise NotFound(f"there is no checkpoint {path}")
    content = read_bytes(path, _LARGEST)
    try:
        # A pickle can run any program: only plain weights are read.
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except _DAMAGE:
        raise InputError(f"{path} is damaged, or holds more than weights", hint=hint) from None
    if not isinstance(state, dict) or not state or not all(isinstance(x, Tensor) for x in state.values()):
        raise InputError(f"{path} is not a state dict: a table of named tensors is expected", hint=hint)
    return {str(name): value for name, value in state.items()}


def _architecture(
    state: Mapping[str, Tensor], source: Path
) -> Callable[[Mapping[str, Tensor], Mapping[str, Any]], Tagger]:
    for mark, build in _MARKS.items():
        if any(name.endswith(mark) for name in state):
            return build
    raise InputError(
        f"{source} is neither a ParticleNet nor a Particle Transformer of weaver-core; "
        f"its weights begin with {next(iter(state))}"
    )


def _check_fit(tagger: Tagger, config: DataConfig) -> None:
    """Refuse a network that takes other features or gives other classes than the data config has."""
    features, classes = tagger.config.features, len(tagger.config.classes)
    if features != len(config.features):
        raise InputError(
            f"the network takes {features} features, the data config has {len(config.features)}",
            hint="give the data config it was trained with",
        )
    if classes != len(config.classes):
        raise InputError(
            f"the network has {classes} outputs, the data config {len(config.classes)} classes",
            hint="give the data config it was trained with",
        )
