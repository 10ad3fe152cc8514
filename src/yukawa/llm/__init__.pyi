from .base import Capabilities as Capabilities
from .base import ChatModel as ChatModel
from .base import Message as Message
from .base import Reply as Reply
from .base import TokenLogprob as TokenLogprob
from .base import open_model as open_model
from .base import structured as structured
from .sync import SyncChat as SyncChat
