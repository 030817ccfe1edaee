"""Classify photos.

python classify_photo.py PHOTO ...
"""

import sys

from fashion_edge import Classifier, ImageError

if len(sys.argv) < 2:
    print("usage: python classify_photo.py PHOTO ...", file=sys.stderr)
    sys.exit(2)
classifier = Classifier.load()  # the newest bundle in ./bundles, else the one that comes with the package
status = 0
for path in sys.argv[1:]:
    try:
        result = classifier.classify(path)
    except ImageError as error:
        print(error, file=sys.stderr)
        status = 1
        continue
    print(f"{path}: {result.text}")
    for label, score in sorted(result.scores.items(), key=lambda item: -item[1]):
        print(f"  {score:.3f} {label}{'  <- ' if label in result.labels else ''}")
sys.exit(status)
