"""A recipe becomes a run: continued pre-training, questions and answers, preferences; adapters or all weights."""

import lazy_loader

# Imported when first used, so that `import yukawa.training` costs nothing.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
