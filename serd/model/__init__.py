"""The network, its features, card and runtime, smoothing, and speaker adaptation."""
