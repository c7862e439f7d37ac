"""The network and what belongs to it: features, card, runtime, smoothing, speaker adaptation."""
