"""Sound from microphones, files and pipes, in serd's one format: 16 kHz, mono, 16 bits."""
