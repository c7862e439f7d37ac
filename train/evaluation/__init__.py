"""Models scored on clips of actors that they were not trained on."""
