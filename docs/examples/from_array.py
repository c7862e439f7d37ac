"""Recognizes sound in a NumPy array, of any sample rate.

python from_array.py talk.wav
"""

import sys

import soundfile

import serd

samples, rate = soundfile.read(sys.argv[1])
events = serd.Recognizer(model="tiny").array(samples, rate)
whole = events[-1]
print(f"{len(events) - 1} events, the whole: {whole.emotion} ({whole.confidence:.0%})")
