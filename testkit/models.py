"""A model card for tests that need one and no network."""

from dataclasses import replace
from typing import Any

from serd.model.card import ModelCard
from serd.model.features import MFCC40_V1
from serd.model.labels import EMOTIONS

_CARD = ModelCard(
    name="test",
    version="1.2.3",
    labels=EMOTIONS,
    feature_set=MFCC40_V1,
    window_s=3.0,
    padding="repeat",
    mean=(0.0,) * 40,
    std=(1.0,) * 40,
    network_sha256="0123456789abcdef" * 4,
    licence="none",
)


def made_card(**changes: Any) -> ModelCard:  # noqa: ANN401
    """A card that is fine, but for what is changed."""
    return replace(_CARD, **changes)
