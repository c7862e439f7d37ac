"""Helpers of the tests, the benchmarks and the check scripts: brokers, daemons, voices, microphones."""
