"""The daemon: its loop, its sources, and what keeps it alive."""
