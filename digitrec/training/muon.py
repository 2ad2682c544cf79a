"""Muon for the hidden matrices of a network, AdamW for all else, as one optimizer."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

COEFFICIENTS = 3.4445, -4.7750, 2.0315
"""Of the Newton-Schulz polynomial, by Jordan et al.: singular values come near 1 in few steps."""


class MuonAdamW(Optimizer):
    """Train the hidden matrices with Muon, and all other parameters with AdamW.

    Muon (Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024) makes the momentum
    of a matrix orthogonal and takes that for the update. The last matrix is the output layer, which AdamW
    trains, as it does biases, norms and convolutions. ``torch.optim.Muon`` takes matrices only, and computes
    in bfloat16, which is slow on a CPU without instructions for it.

    There are two parameter groups, Muon's and AdamW's. A schedule may give each a learning rate of its own,
    such as ``max_lr: [0.004, 0.012]`` of OneCycleLR. AdamW trains a network without a hidden matrix alone.

    Args:
        params: the parameters of a network, in the order of its layers.
        lr: learning rate of Muon.
        adamw_lr: learning rate of AdamW.
        weight_decay: of both, decoupled from the gradient.
        momentum: of Muon, 0 to 1; Nesterov's.
        ns_steps: Newton-Schulz steps, at least 1.
        betas: of AdamW.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 0.004,
        adamw_lr: float = 0.012,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        ns_steps: int = 3,
        betas: tuple[float, float] = (0.9, 0.999),
    ) -> None:
        params = list(params)
        hidden = [each for each in params if each.ndim == 2][:-1]
        chosen = {id(each) for each in hidden}
        others = [each for each in params if id(each) not in chosen]
        self._adamw = AdamW(others, adamw_lr, (betas[0], betas[1]), weight_decay=weight_decay, fused=True)
        muon = {"params": hidden, "lr": lr, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__([{**muon, "ns_steps": ns_steps}, *self._adamw.param_groups], {})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step, after calling the closure if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        muon, adamw = self.param_groups
        for matrix in muon["params"]:
            if matrix.grad is not None:
                self._step_matrix(matrix, matrix.grad, muon)
        self._adamw.param_groups, self._adamw.state = [adamw], self.state  # also after load_state_dict
        self._adamw.step()
        return loss

    def _step_matrix(self, matrix: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state, momentum = self.state[matrix], group["momentum"]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        average = state["momentum_buffer"].lerp_(gradient, 1 - momentum)
        update = orthogonal(gradient.lerp(average, momentum), group["ns_steps"])
        rows, columns = matrix.shape
        matrix.mul_(1 - group["lr"] * group["weight_decay"])
        matrix.add_(update, alpha=-group["lr"] * max(1, rows / columns) ** 0.5)


def orthogonal(matrix: Tensor, steps: int) -> Tensor:
    """Return about the nearest matrix with orthonormal rows or columns, by Newton-Schulz iteration."""
    first, second, third = COEFFICIENTS
    wide = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    wide = wide.div(wide.norm() + 1e-7)
    for _ in range(steps):
        square = wide @ wide.T
        wide = torch.addmm(wide, second * square + third * square @ square, wide, beta=first)
    return wide if matrix.shape[0] <= matrix.shape[1] else wide.T
