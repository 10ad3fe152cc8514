from .dry_run import describe as describe
from .merge import merge as merge
from .recipe import TextRecipe as TextRecipe
from .train import train as train
