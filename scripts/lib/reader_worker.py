"""Read pictures with the digitrec that PYTHONPATH holds: pickled pictures come in, lines of JSON go out.

It runs in a process of its own, see ``readers.py``, and imports nothing of this repository.
"""

import json
import pickle
import sys

import digitrec
from digitrec.reading.reader import Reader

reader = Reader.pretrained()
print(json.dumps(digitrec.__file__), flush=True)
while True:
    try:
        picture = pickle.load(sys.stdin.buffer)  # from the process that started this one
    except EOFError:
        break
    found = [
        (each.digit, float(each.confidence), [int(side) for side in each.box], each.line, each.position)
        for each in reader.read(picture).digits
    ]
    print(json.dumps(found), flush=True)
