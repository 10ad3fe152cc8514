"""A question is classified, routed, grounded in passages, answered with checked citations, or declined."""

import lazy_loader

# Imported when first used, so that `import yukawa.assistant` costs nothing.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
