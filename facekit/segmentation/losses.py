"""What the segmenter is trained with."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

GAMMA = 2.0  # of Lin et al.


def focal_loss(logits: Tensor, labels: Tensor, gamma: float = GAMMA, balance: Tensor | None = None) -> Tensor:
    """Mean over the labelled pixels of ``-balance[c] (1 - p_c)^gamma log p_c``, c the pixel's class.

    logits (B, C, H, W); labels (B, H, W) int64, -1 where a pixel does not count; balance (C,), 1 by default.
    0 where no pixel counts. Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, Eq. 5.
    """
    counts = labels >= 0
    logarithms = functional.log_softmax(logits, 1)
    own = logarithms.gather(1, labels.clamp_min(0)[:, None])[:, 0]
    loss = -((1 - own.exp()) ** gamma) * own
    if balance is not None:
        loss = loss * balance[labels.clamp_min(0)]
    return torch.where(counts, loss, 0.0).sum() / counts.sum().clamp_min(1)


def focal_posterior(scores: Tensor, gamma: float = GAMMA) -> Tensor:
    """Chances of the classes (B, C, ...) from a softmax (B, C, ...) that was trained with ``focal_loss``,
    which leaves it less sure than it should be.

    Charoenphakdee et al., "On Focal Loss for Class-Posterior Probability Estimation: A Theoretical
    Perspective", CVPR 2021.
    """
    q = scores.clamp(1e-6, 1 - 1e-6)
    rest = 1 - q
    unscaled = q / (rest**gamma - gamma * rest ** (gamma - 1) * q * q.log())
    return unscaled / unscaled.sum(1, keepdim=True)
