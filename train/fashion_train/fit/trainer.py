"""Training of one network: optimizer, compiled step, moving average of the weights, and the state for a checkpoint.

Keras' callbacks are not used for checkpoints and early stopping: BackupAndRestore does not save the moving average of
the weights, nor the epoch to keep, so a resumed training would not end with the same weights.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from fashion_edge.errors import RunError
from fashion_train.fit.batches import connect_workers, find_workers
from fashion_train.fit.checkpoints import Weights
from fashion_train.options import Recipe
from fashion_train.tune.evaluate import make_predict

MOMENTUM = 0.95
QUINTIC = (3.4445, -4.7750, 2.0315)  # five rounds move singular values from (0, 1] to about 1
ROUNDS = 5
RMS = 0.2  # of an update, as of a typical step of Adam, so learning rate and decay mean the same for both
ADAM_SHARE = 0.5  # of the learning rate, for variables that are not filters


class Muon(keras.optimizers.AdamW):  # type: ignore[misc]
    """Muon for filters, the variables with four axes, and AdamW for the rest.

    Keras' own Muon handles variables with two axes only.
    Source: K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.
    """

    def build(self, variables: Sequence[Any]) -> None:
        """Add a momentum variable for every filter."""
        if self.built:
            return
        super().build(variables)
        self._momenta = [
            self.add_variable_from_reference(variable, name="muon") if _is_filter(variable) else None
            for variable in variables
        ]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable by its gradient."""
        if not _is_filter(variable):
            super().update_step(gradient, variable, learning_rate * ADAM_SHARE)
            return
        momentum = self._momenta[self._get_variable_index(variable)]
        self.assign(momentum, MOMENTUM * momentum + gradient)
        matrix = ops.reshape(gradient + MOMENTUM * momentum, (-1, variable.shape[-1]))  # Nesterov momentum
        size = RMS * max(matrix.shape) ** 0.5
        step = ops.reshape(orthogonal(matrix), variable.shape)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * size * step)


def orthogonal(matrix: Any) -> Any:
    """Approximately the orthogonal matrix nearest to a matrix (n, m): its singular values are between 0.7 and 1.2."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = ops.transpose(matrix) if tall else matrix
    x = x / (ops.norm(x) + 1e-7)
    a, b, c = QUINTIC
    for _ in range(ROUNDS):
        square = ops.matmul(x, ops.transpose(x))
        x = a * x + ops.matmul(b * square + c * ops.matmul(square, square), x)
    return ops.transpose(x) if tall else x


def _is_filter(variable: Any) -> bool:
    return len(variable.shape) == 4


MICRO_BATCH = 8  # pictures at once, where that changes nothing: gradients of 32 pictures of the teacher take 0.8 GB


def make_optimizer(recipe: Recipe, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Muon or AdamW with warm-up and cosine decay, or the tutorial's Adam with its decay by 1/(1 + decay x step)."""
    steps = recipe.epochs * steps_per_epoch
    if recipe.optimizer == "adam":
        rate, decay = recipe.learning_rate, recipe.learning_rate / recipe.epochs
        return keras.optimizers.Adam(keras.optimizers.schedules.InverseTimeDecay(rate, 1, decay))
    warmup = min(steps // 4, int(recipe.warmup_epochs * steps_per_epoch))
    cosine = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=recipe.learning_rate / 20 if warmup else recipe.learning_rate,
        decay_steps=max(1, steps - warmup),
        alpha=0.01,
        warmup_target=recipe.learning_rate if warmup else None,
        warmup_steps=warmup,
    )
    kind = Muon if recipe.optimizer == "muon" else keras.optimizers.AdamW
    optimizer = kind(cosine, weight_decay=recipe.weight_decay, clipnorm=5.0)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


class Trainer:
    """A model, its optimizer and the exponential moving average of its weights."""

    def __init__(self, name: str, model: keras.Model, recipe: Recipe, steps_per_epoch: int, task: str) -> None:
        self.name, self.model, self.recipe, self.task = name, model, recipe, task
        optimizer = make_optimizer(recipe, steps_per_epoch)
        self.optimizer = keras.optimizers.LossScaleOptimizer(optimizer) if recipe.mixed_precision else optimizer
        self.optimizer.build(self.model.trainable_variables)
        averaged = [v for v in model.variables if "seed" not in v.path] if recipe.ema else []
        self._averages = [(tf.Variable(v.value, trainable=False), v) for v in averaged]
        self._state = [*model.variables, *self.optimizer.variables, *(average for average, _ in self._averages)]
        trainable = [layer for layer in model.layers if layer.trainable]
        self._statistics = [v for layer in trainable for v in layer.non_trainable_variables if "seed" not in v.path]
        self._workers = find_workers()
        self._step = tf.function(self._train_step)
        self.predict = make_predict(model)

    def _train_step(self, pictures: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One step of all workers; loss and label accuracy of the whole batch."""
        if self._workers.size == 1:
            loss, right, gradients = self._gradients(pictures, targets)
        else:
            loss, right, gradients = connect_workers().run(self._common_gradients, (pictures, targets))
        variables = self.model.trainable_variables
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        keep = tf.minimum(self.recipe.ema, (1.0 + tf.cast(self.optimizer.iterations, tf.float32)) / 10.0)
        for average, variable in self._averages:
            average.assign(keep * average + (1 - keep) * variable.value)
        return loss, right

    def _gradients(self, pictures: tf.Tensor, targets: tf.Tensor) -> tuple[Any, Any, list[Any]]:
        """Loss, label accuracy, and gradients: means over a batch.

        A network without batch statistics gets the batch in micro-batches: the same sums in a quarter of the memory.
        """
        parts = pictures.shape[0] // MICRO_BATCH
        if self._statistics or pictures.shape[0] % MICRO_BATCH:
            return self._gradients_at_once(pictures, targets)

        def add_part(number: Any, *sums: Any) -> tuple[Any, ...]:
            rows = slice(number * MICRO_BATCH, (number + 1) * MICRO_BATCH)
            loss, right, gradients = self._gradients_at_once(pictures[rows], targets[rows])
            more = zip(sums, (loss, right, *gradients), strict=True)
            return number + 1, *(total + value / parts for total, value in more)

        start = [tf.zeros(()), tf.zeros(()), *(tf.zeros(v.shape) for v in self.model.trainable_variables)]
        _, loss, right, *gradients = tf.while_loop(
            lambda number, *_: number < parts, add_part, [0, *start], parallel_iterations=1
        )
        return loss, right, gradients

    def _gradients_at_once(self, pictures: tf.Tensor, targets: tf.Tensor) -> tuple[Any, Any, list[Any]]:
        losses, smoothing = keras.losses, self.recipe.label_smoothing
        loss_function = losses.binary_crossentropy if self.task == "multi-label" else losses.categorical_crossentropy
        with tf.GradientTape() as tape:
            scores = self.model(tf.cast(pictures, tf.float32), training=True)
            loss = tf.reduce_mean(loss_function(targets, scores, label_smoothing=smoothing))
            scaled = self.optimizer.scale_loss(loss)
        right = tf.equal(scores >= 0.5, targets >= 0.5)
        gradients = tape.gradient(scaled, self.model.trainable_variables)
        return loss, tf.reduce_mean(tf.cast(right, tf.float32)), gradients

    def _common_gradients(self, pictures: tf.Tensor, targets: tf.Tensor) -> tuple[Any, Any, list[Any]]:
        """The same for the batch of all workers; the statistics of batch normalisation are averaged, too."""
        loss, right, gradients = self._gradients(pictures, targets)
        own = [variable.value.read_value() for variable in self._statistics]
        mean = tf.distribute.get_replica_context().all_reduce
        loss, right, *common = mean(tf.distribute.ReduceOp.MEAN, [loss, right, *gradients, *own])
        for variable, value in zip(self._statistics, common[len(gradients) :], strict=True):
            variable.value.assign(value)
        return loss, right, common[: len(gradients)]

    def train(self, batches: Iterator[Any], steps: int, tick: Callable[[int], None]) -> tuple[float, float]:
        """Run `steps` steps; returns mean loss and label accuracy."""
        losses, accuracies = [], []
        for step in range(steps):
            loss, accuracy = self._step(*next(batches))
            losses.append(float(loss))
            accuracies.append(float(accuracy))
            if not math.isfinite(losses[-1]):
                raise RunError(f"the loss became {losses[-1]}; try a lower --learning-rate")
            tick(step + 1)
        return float(np.mean(losses)), float(np.mean(accuracies))

    def swap_average(self) -> None:
        """Exchange the model's weights and their moving average; a second call undoes it."""
        for average, variable in self._averages:
            held = variable.value.numpy()
            variable.assign(average.value())
            average.assign(held)

    def state(self) -> Weights:
        """Everything needed to resume: weights, optimizer variables and moving average."""
        return [np.asarray(variable) for variable in self._state]

    def restore(self, state: Weights) -> None:
        """Set the state that `state` returned."""
        for variable, value in zip(self._state, state, strict=True):
            variable.assign(value)

    @property
    def learning_rate(self) -> float:
        """Learning rate of the next step."""
        return float(np.asarray(self.optimizer.learning_rate))
