"""Answers judged by people, models and rules: rankings, rates, agreement and calibration, each with its interval."""

import lazy_loader

# Imported when first used, so that `import yukawa.evaluation.judging` costs nothing.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
