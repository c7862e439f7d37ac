"""Windows of MFCCs from clips: augmentation, noise, pitch and the store of windows."""
