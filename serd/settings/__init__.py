"""Settings from file, environment and flags, and the template of the file."""
