"""How good a tagger is: predictions, figures with uncertainties, plots and reports."""
