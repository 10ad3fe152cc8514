from .base import DEFAULT as DEFAULT
from .base import Embedder as Embedder
from .base import open_embedder as open_embedder
from .base import settle as settle
