"""Chat templates that mark what the assistant says, so that the loss runs over that alone."""

from pathlib import Path
from typing import Any

from yukawa.core.errors import InputError, nearest

_SHIPPED = Path(__file__).with_name("templates")
_PROBE = [{"role": "user", "content": "ping"}, {"role": "assistant", "content": "pong"}]


def shipped_templates() -> list[str]:
    """Names of the templates that come with Yukawa."""
    return sorted(path.stem for path in _SHIPPED.glob("*.jinja"))


def read_template(name_or_path: str) -> str:
    """A shipped template by its name, or your own by its path.

    Raises:
        InputError: there is neither.
    """
    shipped = shipped_templates()
    path = _SHIPPED / f"{name_or_path}.jinja" if name_or_path in shipped else Path(name_or_path).expanduser()
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        near = nearest(name_or_path, shipped)
        raise InputError(
            f"there is no chat template {name_or_path!r}; shipped are {', '.join(shipped)}",
            hint=f"did you mean {near}?" if near else "name one of them, or a Jinja file",
        ) from None


def prepare_template(tokenizer: Any, wanted: str | None, *, marks: bool) -> None:
    """Give the tokenizer the template of a recipe, and see that it does what training needs.

    Args:
        tokenizer: changed in place; it is saved with the model, so that serving uses what training used.
        wanted: a shipped name or a path; None keeps the base's own.
        marks: whether it must mark what the assistant says.

    Raises:
        InputError: there is no template, it cannot be used, or it does not mark the assistant.
    """
    names = ", ".join(shipped_templates())
    hint = f"type: data.template=NAME, one of {names}, or a Jinja file with {{% generation %}}"
    if wanted is not None:
        tokenizer.chat_template = read_template(wanted)
    if not tokenizer.chat_template:
        raise InputError("the base has no chat template", hint=hint)
    try:
        masks = tokenizer.apply_chat_template(
            _PROBE, tokenize=True, return_dict=True, return_assistant_tokens_mask=True
        )["assistant_masks"]
    except Exception as error:
        raise InputError(f"the chat template cannot be used: {error}", hint=hint) from error
    if marks and not any(masks):
        raise InputError("the chat template does not mark what the assistant says", hint=hint)
