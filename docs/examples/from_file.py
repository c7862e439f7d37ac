"""Prints the emotion of each utterance in a sound file.

python from_file.py talk.mp3
"""

import sys

import serd

recognizer = serd.Recognizer()
for event in recognizer.file(sys.argv[1]):
    if event.kind != "window":
        print(f"{event.kind:<9} {event.start_s:6.1f} to {event.end_s:6.1f} s  {event.emotion}")
