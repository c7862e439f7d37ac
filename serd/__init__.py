"""serd listens to speech and publishes the emotion it hears."""

__version__ = "0.1.0"
