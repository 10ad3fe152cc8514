"""Leaves the terminal to our progress bar: what the libraries would print, they raise or need not say."""

from __future__ import annotations

import warnings
from logging import ERROR, getLogger

from yukawa.core.optional import require


def quiet() -> None:
    """Turn off progress bars, advice and notices of the libraries that train; errors are still raised."""
    getLogger("bitsandbytes").setLevel(ERROR)  # before its import, at which it speaks
    logging = require("transformers.utils.logging", "training")
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    # A key that TRL itself sets, and what transformers asks of itself.
    for key in ("gradient_checkpointing", "is_gradient_checkpointing"):
        warnings.filterwarnings("ignore", f"`{key}` is deprecated", FutureWarning)
