"""The data engine: questions and answers from a seed, from chats and papers, reviewed by people and composed into a data set."""

import lazy_loader

# Imported when first used, so that `import yukawa.data.engine` costs nothing.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
