"""What serd costs, measured beside what somebody would pick instead, in one run: ``make bench``.

Each part measures one thing and gives plain JSON; ``report`` makes docs/benchmarks.md of it. Nothing of
this is in the wheel.
"""
