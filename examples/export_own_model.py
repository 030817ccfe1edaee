"""Train a small Keras model on folders named by labels, such as `red_dress`, and export it to a bundle.

Run: python export_own_model.py [PHOTOS [OUT]]. Without PHOTOS some are rendered. Needs fashion-edge[export].
"""

import sys
import tempfile
from pathlib import Path

import keras
import numpy as np

from fashion_edge.images import find_images, read_folder_name
from fashion_export import export
from fashion_render import render_dataset

LABELS = ["black", "blue", "red", "dress", "jeans", "shirt"]

photos = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
if len(sys.argv) < 2:
    render_dataset(photos, 20, 0)

files = list(find_images(photos))
images = np.stack([keras.utils.img_to_array(keras.utils.load_img(file, target_size=(48, 48))) for file in files])
targets = np.array([[label in read_folder_name(file.parent.name, LABELS)[0] for label in LABELS] for file in files])

layers = [keras.Input((48, 48, 3)), keras.layers.Rescaling(1 / 255)]
for filters in (16, 32, 64):
    layers += [keras.layers.Conv2D(filters, 3, activation="relu"), keras.layers.MaxPooling2D()]
layers += [keras.layers.Flatten(), keras.layers.Dense(len(LABELS), activation="sigmoid")]
model = keras.Sequential(layers, name="own")
model.compile("adam", "binary_crossentropy")
model.fit(images, targets.astype(np.float32), epochs=8, verbose=0)

out = sys.argv[2] if len(sys.argv) > 2 else "bundles/own"
bundle = export(model, out, labels=LABELS, groups={"colour": LABELS[:3], "garment": LABELS[3:]}, dataset=photos)
print(bundle.path, bundle.verdict)
