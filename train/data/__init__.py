"""Corpora of emotional speech: clips, actors, splits and protocols."""
