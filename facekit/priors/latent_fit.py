"""Fit latents to observations, for many items at once: L-BFGS with a strong Wolfe line search, or Adam.

Nocedal and Wright, Numerical Optimization, Algorithms 7.4, 7.5 and conditions 3.7; Kingma and Ba, 2015. Each
item has a history, a step and an end of its own, as if it were fitted alone; only the evaluations are shared.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

# Latents (b, D) of the items (b,) to the values (b,) to be minimised, item by item.
Objective = Callable[[Tensor, Tensor], Tensor]

HISTORY = 10
ARMIJO, WOLFE = 1e-4, 0.9  # c1, c2
SEARCH = 12  # evaluations of one line search
FLAT = 1e-7  # largest component of a gradient that counts as none
STALLED = 1e-9  # relative change of the value
BETAS, TINY = (0.9, 0.999), 1e-8  # of Adam
BETTER = 1e-4  # relative fall of the value that Adam counts as progress


@dataclass(frozen=True)
class LatentFit:
    """What came out."""

    z: Tensor  # (B, D)
    value: Tensor  # (B,)
    path: dict[int, Tensor] = field(default_factory=dict)  # z after so many iterations


@dataclass
class _State:
    """Where all items are."""

    z: Tensor  # (B, D)
    value: Tensor  # (B,)
    slope: Tensor  # (B, D) gradient


def minimise(
    objective: Objective, start: Tensor, iterations: int, *, watch: Sequence[int] = (), history: int = HISTORY
) -> LatentFit:
    """Latents (B, D) after at most ``iterations`` from ``start``; no item ends above where it began.

    ``watch`` names iterations after which the latents are kept.
    """
    now = _State(start.detach().clone(), *_evaluate(objective, start, _all(start)))
    memory = _Memory(start, history)
    path = {0: now.z.clone()} if 0 in watch else {}
    active = now.slope.abs().amax(1) > FLAT
    for count in range(1, iterations + 1):
        items = active.nonzero()[:, 0]
        if len(items):
            direction = memory.direction(now.slope)[items]
            first = _first_step(now.slope[items]) if count == 1 else torch.ones_like(now.value[items])
            found = _search(objective, items, now, direction, first)
            memory.remember(items, found.z - now.z[items], found.slope - now.slope[items])
            change = (now.value[items] - found.value).abs()
            going = (found.slope.abs().amax(1) > FLAT) & (change > STALLED * now.value[items].abs())
            now.z[items], now.value[items], now.slope[items] = found.z, found.value, found.slope
            active[items] = going
        if count in watch:
            path[count] = now.z.clone()
    return LatentFit(now.z, now.value, path)


def adam(
    objective: Objective,
    start: Tensor,
    steps: int,
    rate: float | Tensor,
    *,
    patience: int = 20,
    tick: Callable[[], object] = lambda: None,
) -> LatentFit:
    """The best latents (B, D) of at most ``steps`` from ``start``; an item ends where ``patience`` steps
    brought no progress.

    ``rate`` for all coordinates or each (D,); ``tick`` is called after each step.
    """
    z = start.detach().clone()
    best, value = z.clone(), torch.full_like(z[:, 0], torch.inf)
    mean, square = torch.zeros_like(z), torch.zeros_like(z)
    level, waited = value.clone(), torch.zeros(len(z), dtype=torch.long, device=z.device)
    for step in range(1, steps + 2):  # the last evaluates what the last step found
        items = (waited < patience).nonzero()[:, 0]
        if not len(items):
            break
        found, slope = _evaluate(objective, z[items], items)
        lower = found < value[items]
        value[items[lower]], best[items[lower]] = found[lower], z[items[lower]]
        progress = found < level[items] - BETTER * level[items].abs().nan_to_num(posinf=0.0)
        level[items[progress]] = found[progress]
        waited[items] = torch.where(progress, 0, waited[items] + 1)
        if step > steps:
            break
        mean[items] = BETAS[0] * mean[items] + (1 - BETAS[0]) * slope
        square[items] = BETAS[1] * square[items] + (1 - BETAS[1]) * slope.square()
        size = (square[items] / (1 - BETAS[1] ** step)).sqrt() + TINY
        z[items] = z[items] - rate * (mean[items] / (1 - BETAS[0] ** step)) / size
        tick()
    return LatentFit(best, value)


def distance_to(z: Tensor, centre: Tensor) -> Tensor:
    """||z - centre|| (B,), the regulariser of FLAG's optimisation, with a gradient at the centre."""
    return ((z - centre).square().sum(-1) + 1e-8).sqrt() - 1e-4


class _Memory:
    """The last steps and changes of the gradient of each item; an empty place has weight 0."""

    def __init__(self, start: Tensor, size: int) -> None:
        shape = (size, *start.shape)
        self.steps, self.changes = start.new_zeros(shape), start.new_zeros(shape)
        self.weights = start.new_zeros(size, len(start))
        self.scale = start.new_ones(len(start))

    def direction(self, slope: Tensor) -> Tensor:
        """-H g (B, D) by the two loops; steepest descent where that does not go down."""
        q, shares = slope, []
        for step, change, weight in zip(self.steps, self.changes, self.weights, strict=True):  # newest first
            share = weight * (step * q).sum(1)
            q = q - share[:, None] * change
            shares.append(share)
        r = self.scale[:, None] * q
        stored = zip(self.steps, self.changes, self.weights, shares, strict=True)
        for step, change, weight, share in reversed(list(stored)):
            r = r + (share - weight * (change * r).sum(1))[:, None] * step
        down = (r * slope).sum(1) > 1e-12 * slope.square().sum(1)
        return -torch.where(down[:, None], r, slope)

    def remember(self, items: Tensor, steps: Tensor, changes: Tensor) -> None:
        """Put a pair in front for the items whose curvature is positive."""
        curved = (steps * changes).sum(1)
        good = curved > 1e-10
        items, steps, changes, curved = items[good], steps[good], changes[good], curved[good]
        for kept, new in ((self.steps, steps), (self.changes, changes), (self.weights, 1 / curved)):
            kept[1:, items] = kept[:-1, items].clone()
            kept[0, items] = new
        self.scale[items] = curved / changes.square().sum(1)


def _search(objective: Objective, items: Tensor, now: _State, direction: Tensor, first: Tensor) -> _State:
    """Points along the directions (b, D) at which the strong Wolfe conditions hold.

    Between ``low``, which descends enough but is still steep, and ``high``, beyond a minimum, lies such a
    point. An item that finds none in time takes ``low``.
    """
    begin = now.z[items]
    f0, g0 = now.value[items], (now.slope[items] * direction).sum(1)
    low_t, low_f, low_g = torch.zeros_like(f0), f0.clone(), g0.clone()
    high_t = torch.full_like(f0, torch.inf)
    high_f, high_g = torch.zeros_like(f0), torch.zeros_like(f0)
    best = _State(begin.clone(), f0.clone(), now.slope[items].clone())
    t, open_ = first.clone(), torch.ones_like(f0, dtype=torch.bool)
    for _ in range(SEARCH):
        part = open_.nonzero()[:, 0]
        if not len(part):
            break
        z = begin[part] + t[part, None] * direction[part]
        f, slope = _evaluate(objective, z, items[part])
        g = (slope * direction[part]).sum(1)
        enough = f <= f0[part] + ARMIJO * t[part] * g0[part]
        enough &= torch.isfinite(f) & torch.isfinite(slope).all(1)
        done = enough & (g.abs() <= WOLFE * g0[part].abs())
        steep = enough & (g < 0) & ~done
        beyond = ~done & ~steep
        for kept, new in ((low_t, t[part]), (low_f, f), (low_g, g)):
            kept[part[steep]] = new[steep]
        for kept, new in ((high_t, t[part]), (high_f, f), (high_g, g)):
            kept[part[beyond]] = new[beyond]
        take = part[done | steep], done | steep
        best.z[take[0]], best.value[take[0]], best.slope[take[0]] = z[take[1]], f[take[1]], slope[take[1]]
        open_[part[done]] = False
        t = _between(low_t, low_f, low_g, high_t, high_f, high_g)
    return best


def _between(
    low_t: Tensor, low_f: Tensor, low_g: Tensor, high_t: Tensor, high_f: Tensor, high_g: Tensor
) -> Tensor:
    """The next step to try: the minimum of the cubic through both ends, kept inside; twice ``low`` without
    ``high``.
    """
    width = high_t - low_t
    d = low_g + high_g - 3 * (high_f - low_f) / width
    root = (d * d - low_g * high_g).clamp(min=0).sqrt()
    part = 1 - (high_g + root - d) / (high_g - low_g + 2 * root)
    part = torch.where(torch.isfinite(part), part, 0.5).clamp(0.1, 0.9)
    return torch.where(torch.isinf(high_t), (2 * low_t).clamp(min=1e-3), low_t + part * width)


def _evaluate(objective: Objective, z: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
    """Values (b,) and gradients (b, D)."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        values = objective(z, items)
        (slope,) = torch.autograd.grad(values.sum(), z)
    return values.detach(), slope


def _first_step(slope: Tensor) -> Tensor:
    """Before anything is known of the curvature: at most a step of one."""
    return (1 / slope.abs().sum(1)).clamp(max=1.0)


def _all(start: Tensor) -> Tensor:
    return torch.arange(len(start), device=start.device)
