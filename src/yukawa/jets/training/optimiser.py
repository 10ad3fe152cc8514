"""Ranger, the optimiser of the published recipes: rectified Adam whose weights look ahead."""

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

# Below this many effective samples the variance of Adam's step cannot be rectified (arXiv:1908.03265).
FEWEST_SAMPLES = 5


class Ranger(torch.optim.Optimizer):
    """RAdam (arXiv:1908.03265) inside Lookahead (arXiv:1907.08610), without gradient centralisation.

    Every `k` steps the slow weights move the share `alpha` towards the fast ones, which begin anew from there.
    The slow weights and the number of steps are part of the state, so a resumed training is the unbroken one.
    All parameters of a group count steps together; one without a gradient stays where it is.

    Args:
        params: parameters or groups of them.
        lr: learning rate.
        betas: decay of the running mean and of the running mean square of the gradient.
        eps: added to the root of the mean square.
        weight_decay: share of the weights, times `lr`, taken off at each step.
        k: steps between two moves of the slow weights.
        alpha: how far the slow weights move.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        *,
        betas: tuple[float, float] = (0.95, 0.999),
        eps: float = 1e-5,
        weight_decay: float = 0.0,
        k: int = 6,
        alpha: float = 0.5,
    ) -> None:
        rates = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, {**rates, "k": k, "alpha": alpha, "step": 0})

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step along the gradients; returns what `closure` returns, if there is one."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._step(group)
        return loss

    def _step(self, group: dict[str, Any]) -> None:
        weights = [weight for weight in group["params"] if weight.grad is not None]
        group["step"] += 1
        if not weights:
            return
        gradients = [weight.grad for weight in weights]
        means, squares, slow = self._state(weights)
        (beta1, beta2), rate = group["betas"], float(group["lr"])

        torch._foreach_lerp_(means, gradients, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, 1 - beta2)
        if group["weight_decay"]:
            torch._foreach_mul_(weights, 1 - group["weight_decay"] * rate)
        rectification = rectified(group["step"], beta2)
        length = rate / (1 - beta1 ** group["step"])
        if rectification is None:  # too early for a variance: plain momentum
            torch._foreach_add_(weights, means, alpha=-length)
        else:
            scales = torch._foreach_sqrt(squares)
            torch._foreach_add_(scales, group["eps"])
            torch._foreach_addcdiv_(weights, means, scales, -length * rectification)

        if group["step"] % group["k"] == 0:
            torch._foreach_lerp_(slow, weights, group["alpha"])
            torch._foreach_copy_(weights, slow)

    def _state(self, weights: list[Tensor]) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
        for weight in weights:
            if not self.state[weight]:
                self.state[weight] = {
                    "mean": torch.zeros_like(weight),
                    "square": torch.zeros_like(weight),
                    "slow": weight.detach().clone(),
                }
        states = [self.state[weight] for weight in weights]
        return [s["mean"] for s in states], [s["square"] for s in states], [s["slow"] for s in states]


def rectified(step: int, beta2: float) -> float | None:
    """RAdam's factor on the step, Adam's correction of the mean square included; None while it is undefined.

    Section 4 of arXiv:1908.03265: the simple moving average of `step` squares is as good as `samples` squares.
    """
    most = 2 / (1 - beta2) - 1
    power = beta2**step
    samples = most - 2 * step * power / (1 - power)
    if samples < FEWEST_SAMPLES:
        return None
    ratio = (samples - 4) * (samples - 2) * most / ((most - 4) * (most - 2) * samples)
    return math.sqrt((1 - power) * ratio)
