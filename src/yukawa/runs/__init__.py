"""An engine of runs that knows neither text nor jets: recipes, run folders, training, checkpoints, sweeps."""

import logging

# The trainers of transformers import it where it is installed, and it complains of processors without its kernels.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
