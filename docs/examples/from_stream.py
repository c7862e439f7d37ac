"""Recognizes sound that arrives in blocks, here from a file.

python from_stream.py talk.wav
"""

import sys

import soundfile

import serd

with soundfile.SoundFile(sys.argv[1]) as sound:
    recognizer = serd.Recognizer()
    stream = recognizer.stream(rate=sound.samplerate, channels=sound.channels)
    for block in sound.blocks(blocksize=sound.samplerate // 10, dtype="float32"):
        for event in stream.push(block):
            print(f"{event.end_s:6.1f} s  {event.emotion}")
    for event in stream.close():
        print(f"{event.end_s:6.1f} s  {event.emotion}")
