"""Takes networks over from weaver-core: a checkpoint and its data config become one of our model folders."""

import io
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from yukawa.core.errors import InputError, NotFound, unknown_name
from yukawa.core.files import check_made_folder, check_output, read_bytes
from yukawa.jets.features.config import DataConfig, load_data_config
from yukawa.jets.models.particle_net import ParticleNet
from yukawa.jets.models.particle_transformer import ParticleTransformer
from yukawa.jets.models.tagger import CONFIG, DATA_CONFIG, WEIGHTS, Tagger, save_model

# The end of a name that only this architecture has.
_MARKS: dict[str, tuple[str, Callable[[Mapping[str, Tensor], Mapping[str, Any]], Tagger]]] = {
    "edge_convs.0.convs.0.weight": ("particle-net", ParticleNet.from_weaver),
    "cls_token": ("particle-transformer", ParticleTransformer.from_weaver),
}
# What weights do not show, by weaver-core's names: the values that our networks have, and what its networks take where
# nothing is said. JetClass's are the networks of arXiv:2202.03772, by the files that come with its checkpoints.
_SUPPORTED: dict[str, dict[str, tuple[Any, ...]]] = {
    "particle-transformer": {
        "activation": ("gelu",),
        "pair_input_type": ("pp", "ee"),
        "remove_self_pair": (False,),
        "use_pre_activation_pair": (True, False),
        "block_ids_with_attn_mask": (None,),
        "block_params": (None,),
        "cls_block_params": (None,),
    },
    "particle-net": {"k": (), "use_counts": (True,)},
}
_DEFAULTS: dict[str, dict[str, Any]] = {
    "particle-transformer": {
        "activation": "gelu",
        "pair_input_type": "pp",
        "remove_self_pair": False,
        "use_pre_activation_pair": True,
        "block_ids_with_attn_mask": None,
        "block_params": None,
        "cls_block_params": None,
    },
    "particle-net": {"k": 7, "use_counts": True},
}
# Of `block_params`: what does not change a network, or is seen in the shapes of its weights.
_HARMLESS = {"dropout", "attn_dropout", "activation_dropout", "drop_path_rate", "ffn_ratio"}
_JETCLASS: dict[str, dict[str, Any]] = {
    "particle-transformer": {"use_pre_activation_pair": False},
    "particle-net": {"k": 16},
}
NETWORKS = ("jetclass", "weaver")
_LARGEST = 4 << 30  # bytes; the official networks have 10 MB
# Raised by torch.load for files that are cut off, of another kind, or hold more than weights.
_DAMAGE = (
    pickle.UnpicklingError, RuntimeError, OSError, EOFError, LookupError, ValueError, TypeError, AttributeError,
)  # fmt: skip


def import_weaver(
    checkpoint: Path,
    data_config: str | Path,
    out: Path,
    options: Mapping[str, Any] | None = None,
    *,
    network: str | None = None,
    force: bool = False,
) -> Tagger:
    """Save the network of a weaver checkpoint as a model folder, and give it ready for inference.

    The official JetClass checkpoints (`ParticleNet_*.pt`, `ParT_*.pt`) come in with the built-in data configs
    `jetclass-kin`, `jetclass-kinpid` and `jetclass-full`, and `network="jetclass"`. Weights of equal shapes may belong to
    networks that compute something else: what weights do not show must be stated, and what ours do not do is refused.

    Args:
        checkpoint: a state dict as weaver writes it (`*_state.pt`).
        data_config: name or path of the data config it was trained with; where that left the standardisation
            to be computed, the `.auto.yaml` that weaver wrote.
        out: the new model folder.
        options: what the network was built with, by weaver's names: of a Particle Transformer `activation`,
            `pair_input_type`, `remove_self_pair`, `use_pre_activation_pair`, `block_ids_with_attn_mask`, `block_params`,
            `cls_block_params`; of a ParticleNet `k` (of all convolutions, or a list) and `use_counts`. Dropouts by our
            own names, see `ParticleTransformerConfig` and `ParticleNetConfig`.
        network: whose values all other options have: "jetclass", the networks of arXiv:2202.03772, or "weaver", the
            defaults of weaver-core's classes.
        force: whether a model at `out` is replaced, unless the checkpoint lies in it.

    Raises:
        NotFound: the checkpoint or the data config is not there.
        InputError: the checkpoint is not a state dict of a known network, or does not fit the data config; an option is
            not stated, or our networks lack it; `out` is not a new folder, nor a model that may be replaced.
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
    name, build = _architecture(state, checkpoint)
    try:
        hints = _hints(name, dict(options or {}), network)
        tagger = build(state, hints)
        _check_fit(tagger, config)
        tagger = build(state, hints | {"classes": config.classes})
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
) -> tuple[str, Callable[[Mapping[str, Tensor], Mapping[str, Any]], Tagger]]:
    for mark, found in _MARKS.items():
        if any(name.endswith(mark) for name in state):
            return found
    raise InputError(
        f"{source} is neither a ParticleNet nor a Particle Transformer of weaver-core; "
        f"its weights begin with {next(iter(state))}"
    )


def _hints(architecture: str, options: dict[str, Any], network: str | None) -> dict[str, Any]:
    """The settings of our network: all options are stated, and it has them."""
    if network is not None and network not in NETWORKS:
        raise unknown_name("network", network, NETWORKS)
    supported = _SUPPORTED[architecture]
    stated = dict(_DEFAULTS[architecture]) if network else {}
    stated |= _JETCLASS[architecture] if network == "jetclass" else {}
    stated |= {key: options.pop(key) for key in [*options] if key in supported}
    if missing := [key for key in supported if key not in stated]:
        raise InputError(
            f"weights do not show {', '.join(missing)} of a {architecture}",
            hint="state them as KEY=VALUE, or name whose they are: --network jetclass for the networks of "
            "arXiv:2202.03772, --network weaver for the defaults of weaver-core",
        )
    for key, value in stated.items():
        plain = None if key.endswith("block_params") and _harmless(value) else value
        if key != "k" and not any(plain is known or plain == known for known in supported[key]):
            allowed = " or ".join(map(str, supported[key]))
            raise InputError(f"{key} is {value!r}; Yukawa's {architecture} has only {allowed}")
    if architecture == "particle-net":
        return {"neighbours": stated["k"], **options}
    return {
        "pair_features": stated["pair_input_type"],
        "pair_activated": not stated["use_pre_activation_pair"],
        **options,
    }


def _harmless(block: object) -> bool:
    return isinstance(block, Mapping) and block.keys() <= _HARMLESS


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
