"""Sends a whole model to the Hugging Face Hub, with a card that says what it was made of."""

import re
from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, ModelError, require
from yukawa.core.files import read_object, read_text
from yukawa.llm.folders import CONFIG, first_line, is_hub_name
from yukawa.llm.packaged import LOCAL, ON_HUB
from yukawa.runs.run import CARD, run_folder
from yukawa.training.gguf_export import whole_model
from yukawa.training.recipe import TextRecipe

README = "README.md"
_NAME = re.compile(r"\w[\w.-]{0,95}/\w[\w.-]{0,95}")
_KEPT_BACK = ("*.bin", "*.pt", "*.pth", "*.pkl", ".*")  # pickles, and what tools leave
_PURPOSE = "sending a model to the Hub"


def check_hub_place(name: str) -> None:
    """Refuse what cannot name a repository of a person or an organisation.

    Raises:
        InputError: says what a name looks like.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"{name!r} does not name a place on the Hub", hint="type: --push NAME/MODEL")


def push(place: Path, name: str, *, public: bool = False) -> str:
    """Send a model to the Hub in one commit; its repository is made if need be.

    What is sent are weights in safetensors, configuration, tokenizer, a GGUF file and its Modelfile where they lie there,
    pictures, and the card. The access is the one of `hf auth login`.

    Args:
        place: a merged model, or a run that trained all weights.
        name: of the repository, such as `ihep/xiwu`.
        public: whether everyone may read a repository that is made; one that exists keeps what it is.

    Returns:
        Its address.

    Raises:
        InputError: there is no whole model, it has no card, or the name is none.
        ModelError: the Hub refuses, or cannot be reached.
    """
    check_hub_place(name)
    folder = whole_model(place)
    card = hub_card(folder)
    hub, errors = (require(package, _PURPOSE) for package in ("huggingface_hub", "huggingface_hub.errors"))
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.name != README]
    sent = [path for path in files if not any(path.match(pattern) for pattern in _KEPT_BACK)]
    operations = [
        hub.CommitOperationAdd(README, card.encode()),
        *(hub.CommitOperationAdd(path.name, str(path)) for path in sent),
    ]
    try:
        made = hub.create_repo(name, private=not public, exist_ok=True)
        hub.create_commit(name, operations, commit_message="Model and card made with Yukawa")
    except (OSError, ValueError, RuntimeError, errors.HfHubHTTPError) as error:
        reason = error.__cause__ if isinstance(error.__cause__, Exception) else error
        raise ModelError(
            f"{name} could not be sent to the Hub: {first_line(reason)}",
            hint="check the network (HF_HUB_OFFLINE forbids it) and your access (hf auth login)",
        ) from error
    return str(made)


def hub_card(folder: Path) -> str:
    """The card of a model with the head that the Hub reads: base, licence where it is known, and what it can do.

    Raises:
        InputError: there is no card.
    """
    run = run_folder(folder) or run_folder(folder.parent)
    places = [folder / README, *([run / CARD] if run else [])]
    card = next((path for path in places if path.is_file()), None)
    if card is None:
        raise InputError(f"{folder} has no card ({README})", hint="name the folder that yukawa merge made")
    facts: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation"}
    base = TextRecipe.of_run(run).model.base if run else ""
    if base.startswith(LOCAL):
        facts |= ON_HUB
    elif is_hub_name(base):
        facts["base_model"] = base
    facts["tags"] = ["yukawa", "physics", str(read_object(folder / CONFIG).get("model_type", "llama"))]
    lines = [
        f"{key}: {value if isinstance(value, str) else ', '.join(value).join('[]')}"
        for key, value in facts.items()
    ]
    return "\n".join(["---", *lines, "---", "", read_text(card)])
