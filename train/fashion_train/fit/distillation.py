"""Knowledge distillation: a teacher gives training pictures soft labels, from which the small network is trained.

The teacher is EfficientNet-Lite0 with ImageNet weights, fine-tuned on the labels. It is too large for the device. A
recoloured, blurred or cropped picture does not always show what its label says; the teacher sees what is left of it.
Pictures are made and labelled once and shown many times, so the teacher takes a few minutes, not a share of every step.
Source: Hinton et al., "Distilling the knowledge in a neural network", 2015; the same picture for both networks:
Beyer et al., "Knowledge distillation: a good teacher is patient and consistent", 2022.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import keras
import msgspec
import numpy as np
from keras import layers

from fashion_edge.opencv import cv2
from fashion_edge.progress import Progress
from fashion_train.data.augment import Rng, Size
from fashion_train.data.cache import PixelStore
from fashion_train.data.dataset import Targets
from fashion_train.data.prepare import Prepared, teacher_size
from fashion_train.data.samples import PhotoSampler, Sample
from fashion_train.fit.checkpoints import TEACHER
from fashion_train.fit.epochs import fit
from fashion_train.networks import precision, scores_layer
from fashion_train.networks.efficientnet_lite0 import build_features
from fashion_train.options import Recipe, TrainOptions
from fashion_train.tune.evaluate import Predict

MAX_PICTURES = 60_000  # 2.1 GB of disk at 96 x 120
STREAM = 99  # separates these random numbers from those of the steps
CHUNK = 256


@dataclass(frozen=True)
class TransferSet:
    """Several augmented views of every item of an epoch with soft labels; a sampler for training."""

    store: PixelStore
    targets: Targets  # (views x items, labels): weighted mean of soft label and label
    views: int

    def __len__(self) -> int:
        return len(self.targets) // self.views

    def draw(self, item: int, rng: Rng) -> Sample:
        """A random view of an item, half of them mirrored: (h, w, 3) uint8 and its target (labels,)."""
        index = int(rng.integers(self.views)) * len(self) + item
        picture = self.store.read(index)
        return (picture[:, ::-1] if rng.random() < 0.5 else picture), self.targets[index]


def distill(options: TrainOptions, prepared: Prepared, sampler: PhotoSampler) -> TransferSet:
    """Fit the teacher, then let it label the training pictures of the small network."""
    recipe, sampler = options.recipe, replace(sampler, size=teacher_size(prepared.size))
    with precision(recipe.mixed_precision):
        network = build_teacher(sampler.size, prepared.targets.shape[1], options.task, options.seed)
    teacher, result = fit(TEACHER, network, teacher_recipe(recipe), options, prepared, sampler)
    if result.interrupted:
        raise KeyboardInterrupt
    return make_transfer_set(sampler, teacher.predict, prepared.size, options.seed, options.progress)


def teacher_recipe(recipe: Recipe) -> Recipe:
    """How the teacher is fine-tuned on the pictures of a recipe: few epochs, small steps, a short moving average."""
    return msgspec.structs.replace(
        recipe,
        epochs=recipe.teacher_epochs,
        optimizer="adamw",
        learning_rate=4e-4,
        weight_decay=0.02,
        warmup_epochs=1.0,
        ema=0.98,
        keep="last",  # the learning rate of so few epochs has decayed only at their end
    )


def build_teacher(size: Size, labels: int, task: str, seed: int) -> keras.Model:
    """EfficientNet-Lite0 with a layer of scores (labels,); batch normalisation is frozen."""
    features = build_features(size)
    for layer in features.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False  # statistics of a few thousand photos are worse than those of ImageNet
    x = layers.Dropout(0.3, seed=seed)(features.outputs[0])
    return keras.Model(features.inputs, scores_layer(labels, task, seed)(x), name="teacher")


def make_transfer_set(
    sampler: PhotoSampler, teacher: Predict, size: Size, seed: int, progress: Progress
) -> TransferSet:
    """Draw pictures in the teacher's size, let it score them, and store them in the small network's `size`."""
    items, recipe = len(sampler), sampler.recipe
    views = max(1, min(recipe.views, MAX_PICTURES // items))
    total, weight = views * items, recipe.distillation_weight
    store = PixelStore((*size, 3))
    targets = np.zeros((total, sampler.prepared.targets.shape[1]), np.float32)
    with ThreadPoolExecutor(2) as pool, progress:
        for start in range(0, total, CHUNK):
            numbers = range(start, min(start + CHUNK, total))
            drawn = list(pool.map(lambda n: sampler.draw(n % items, np.random.default_rng([seed, STREAM, n])), numbers))
            scores = teacher(np.stack([picture for picture, _ in drawn]))
            labels = np.stack([target for _, target in drawn])
            targets[numbers.start : numbers.stop] = weight * scores + (1 - weight) * labels
            for number, (picture, _) in zip(numbers, drawn, strict=True):
                store.write(number, cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA))
            progress.update("soft labels", numbers.stop, total)
    return TransferSet(store, targets, views)
