from .dry_run import describe as describe
from .export import merge as merge
from .gguf_export import export_gguf as export_gguf
from .hub import push as push
from .recipe import TextRecipe as TextRecipe
from .text_task import train as train
