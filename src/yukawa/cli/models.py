"""`yukawa models`: the language models of `yukawa.toml`, and whether they answer."""

import os
from dataclasses import asdict
from typing import Annotated, Any

import typer

from yukawa.cli import session
from yukawa.cli.options import Json, option
from yukawa.cli.output import first_line, print_json, say
from yukawa.core.addresses import shown_address
from yukawa.core.errors import YukawaError
from yukawa.core.settings import ModelSettings

_MANNER = ("system", "temperature", "top_p", "max_tokens", "context_length")
_SHOWN = ("model", "base_url", "level", "domains", "kinds", *_MANNER)


def models(
    check: Annotated[
        bool, option("--check", None, "Ask each model a short question; exit with 1 if one fails.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List the models of yukawa.toml, and whether their keys are set.

    With --check each model answers a short question in at most 32 tokens, which a service may charge for; the time and the
    speed are shown, or why there was no answer.
    """
    settings = session.read_settings()
    failed = False
    rows = []
    for name, model in settings.models.items():
        row = _model_json(model, default=name == settings.default_model)
        if check:
            row["check"] = _checked(model)
            failed |= "error" in row["check"]
        rows.append(row)
        if not as_json:
            _show(row)
    if as_json:
        print_json(rows)
    if failed:
        raise typer.Exit(1)


def _model_json(model: ModelSettings, *, default: bool) -> dict[str, Any]:
    variable, url = model.key_variable, model.base_url
    return {
        "name": model.name, "default": default, "backend": model.backend, "model": model.model,
        "base_url": url and shown_address(url), "level": model.level, "domains": list(model.domains), "kinds": list(model.kinds),
        **{key: getattr(model, key) for key in _MANNER},
        "key_variable": variable, "key_set": bool(os.environ.get(variable)) if variable else None,
    }  # fmt: skip


def _checked(model: ModelSettings) -> dict[str, Any]:
    """What came of one real question."""
    import asyncio  # slow to import, as are the backends

    from yukawa.llm import open_model
    from yukawa.llm.probe import probe

    async def ask() -> dict[str, Any]:
        opened = open_model(model)
        try:
            return asdict(await probe(opened))
        finally:
            await opened.aclose()

    try:
        return asyncio.run(ask())
    except YukawaError as error:
        return {"error": str(error)}


def _show(row: dict[str, Any]) -> None:
    say((row["name"], "bold"), (" (default)", "green") if row["default"] else "", f"  {row['backend']}")
    for name in _SHOWN:
        value = row[name]
        if value is not None and value != []:
            words = ", ".join(value) if isinstance(value, list) else first_line(str(value))
            say((f"  {name}: ", "dim"), words)
    if row["key_variable"]:
        say(
            ("  key: ", "dim"),
            row["key_variable"],
            " is set" if row["key_set"] else (" is not set", "yellow"),
        )
    if "error" in row.get("check", {}):
        say(("  failed: ", "bold red"), row["check"]["error"])
    elif "check" in row:
        _show_probe(row["check"])


def _show_probe(found: dict[str, Any]) -> None:
    rate = found["tokens_per_second"]
    say(
        ("  answers: ", "bold green"),
        f"first words after {found['first_s']:.2f} s, all after {found['seconds']:.2f} s",
        f", {rate:.3g} tokens/s" if rate else "",
        f": {first_line(found['text'])}",
    )
    abilities = found["capabilities"]
    can = [name.replace("_", " ") for name, value in abilities.items() if value is True]
    say(
        ("  can: ", "dim"),
        ", ".join(can) or "plain chat",
        f"; context {abilities['context_length'] or 'unknown'}",
    )
