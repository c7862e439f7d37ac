"""The network: its recipe, training, conversion and card."""
