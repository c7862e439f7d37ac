"""Model files for tests that need one that is not quite the one that comes with serd."""

import hashlib
from dataclasses import replace
from pathlib import Path

from serd.model.card import ModelCard
from serd.model.file import pack_model

Model = tuple[bytes, ModelCard]
"""A network and its card."""


def write_model(path: Path, network: bytes, card: ModelCard) -> Path:
    """A model file with a card that knows the network's checksum."""
    known = replace(card, network_sha256=hashlib.sha256(network).hexdigest())
    path.write_bytes(pack_model(network, known))
    return path
