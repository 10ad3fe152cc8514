from .dry_run import describe as describe
from .merge import merge as merge
from .recipe import load_recipe as load_recipe
from .train import train as train
