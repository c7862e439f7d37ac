"""Everything that is measured of a recipe: the folds of a protocol, under all that a daemon meets."""
