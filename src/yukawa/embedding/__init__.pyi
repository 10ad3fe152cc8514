from .base import Embedder as Embedder
from .registry import DEFAULT as DEFAULT
from .registry import open_embedder as open_embedder
from .registry import settle as settle
