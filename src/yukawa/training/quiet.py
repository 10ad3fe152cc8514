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
    # PEFT and TRL ask transformers by the old name.
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
