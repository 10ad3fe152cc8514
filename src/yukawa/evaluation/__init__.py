"""How good a language model is at physics texts: perplexity, completions, and differences of models."""

import lazy_loader

# Imported when first used, so that `import yukawa.evaluation` costs nothing.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
