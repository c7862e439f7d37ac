"""What tests, benchmarks and the checks in scripts share: brokers, daemons, voices, microphones."""
