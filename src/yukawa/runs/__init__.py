"""An engine of runs that knows neither text nor jets: run folders, checkpoints, callbacks."""
