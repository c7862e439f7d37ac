"""The daemon: its loop, sources, saved state, statistics, log and service manager."""
