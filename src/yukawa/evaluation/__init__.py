"""How good a language model is at physics texts: perplexity, completions, and what separates two models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yukawa.facades import from_homes

if TYPE_CHECKING:
    from yukawa.evaluation.completions import complete, complete_by_chat, split_prompt
    from yukawa.evaluation.entropy import completion_entropies
    from yukawa.evaluation.models import LanguageModel, open_language_model
    from yukawa.evaluation.perplexity import Losses, document_losses
    from yukawa.evaluation.report import Report, make_report
    from yukawa.evaluation.semscore import semscore
    from yukawa.evaluation.shares import binomial_test, clopper_pearson, holm, wilson
    from yukawa.evaluation.statistics import Sample, compare, difference, estimate

__all__ = [
    "LanguageModel",
    "Losses",
    "Report",
    "Sample",
    "binomial_test",
    "clopper_pearson",
    "compare",
    "complete",
    "complete_by_chat",
    "completion_entropies",
    "difference",
    "document_losses",
    "estimate",
    "holm",
    "make_report",
    "open_language_model",
    "semscore",
    "split_prompt",
    "wilson",
]
_HOMES = {
    "LanguageModel": "models",
    "Losses": "perplexity",
    "Report": "report",
    "Sample": "statistics",
    "binomial_test": "shares",
    "clopper_pearson": "shares",
    "compare": "statistics",
    "complete": "completions",
    "complete_by_chat": "completions",
    "completion_entropies": "entropy",
    "difference": "statistics",
    "document_losses": "perplexity",
    "estimate": "statistics",
    "holm": "shares",
    "make_report": "report",
    "open_language_model": "models",
    "semscore": "semscore",
    "split_prompt": "completions",
    "wilson": "shares",
}
# Imported when first used, so that `import yukawa.evaluation` costs nothing.
__getattr__ = from_homes(__name__, _HOMES)
