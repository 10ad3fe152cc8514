"""Text for training: typed rows, their files, arXiv's abstracts, questions and answers, and filters."""

import lazy_loader

# Imported when first used, so that `import yukawa.data` costs nothing.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
