"""The article's experiments: small TOML files beside this module, and what runs and compares them.

A run is one folder, and finished when its ``metrics.json`` is there, which is written last.
"""
