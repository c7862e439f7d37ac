"""Voice activity detection, and segmentation into utterances and windows of speech."""
