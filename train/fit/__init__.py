"""Runs of ``fit``, ``ablate`` and ``export``."""
