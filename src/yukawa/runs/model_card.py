"""The card that goes with a model: its level and base, titled tables, and the commands that use it."""

from collections.abc import Mapping

from yukawa.core.reports import facts

# The stages of the Xiwu system's models.
LEVELS = {
    "L0": "a foundation model",
    "L1": "a foundation model tuned to converse",
    "L2": "a model taught the domain",
}
Section = Mapping[str, object] | str


def model_card(
    title: str,
    summary: str,
    *,
    level: str | None,
    base: str | None,
    sections: Mapping[str, Section],
    commands: Mapping[str, str],
    advice: str = "",
) -> str:
    """The card in Markdown.

    Args:
        title: the name of the model.
        summary: one or two sentences: what it is and how it was made.
        level: one of `LEVELS`; None for a model that is not a language model.
        base: what the training began with; None for new weights.
        sections: by their titles, tables (the name of each fact, and the fact) or text.
        commands: command lines that use the model, each with what it does; shown as code.
        advice: the last paragraph.
    """
    kind = "not a language model" if level is None else f"{level}: {LEVELS[level]}"
    blocks = [f"# {title}", summary, facts({"level": kind, "base": base or "none: all weights are new"})]
    for name, section in sections.items():
        blocks += [f"## {name}", section if isinstance(section, str) else facts(section)]
    width = max(map(len, commands), default=0)
    lines = [f"    {command:<{width}}  # {purpose}" for command, purpose in commands.items()]
    blocks += ["## Use", *(["\n".join(lines)] if lines else []), *([advice] if advice else [])]
    return "\n\n".join(blocks) + "\n"


def metrics_table(metrics: Mapping[str, float], digits: int = 4) -> dict[str, str]:
    """Metrics by their names for people, as a table of a card takes them."""
    return {name.replace("_", " "): f"{value:.{digits}g}" for name, value in sorted(metrics.items())}
