"""One interface to any language model: `open_model` a row of `yukawa.toml`, then `chat` or `stream`."""

import lazy_loader

# Imported when first used, so that `import yukawa.llm` costs nothing.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
