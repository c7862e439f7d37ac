"""Benchmarks of serd and the alternatives to it, all in one run: ``make bench``.

Each part measures one thing and returns plain JSON, of which ``report`` writes docs/benchmarks.md. The
wheel does not contain this package.
"""
