"""Pictures of avatars: their latents by principal components (Fig. 7 and 11), random samples (Fig. 8), fits
beside the truth (Fig. 13 and 14)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from facekit.avatar.fitting import FitSettings, fit
from facekit.avatar.models import Avatar, Prior
from facekit.avatar.scoring import Test, shown
from facekit.avatar.search import prior_of
from facekit.avatar.targets import make_target
from facekit.metrics.scatter import scatter_picture
from facekit.records import ByteArray, FloatArray

SIGNALS, SAMPLES = 15, 100  # of Fig. 7
FACES = 8
CAPTION = 18  # px


def latent_picture(avatar: Avatar, test: Test, generator: torch.Generator) -> tuple[ByteArray, FloatArray]:
    """Samples of the priors of 15 frames in the spaces of P and Q, and their variances (2, 15)."""
    which = np.linspace(0, len(test.frames) - 1, min(SIGNALS, len(test.frames))).astype(int)
    prior = prior_of(avatar, test.capture, test.frames[which])
    spaces: list[list[FloatArray]] = [[], []]
    with torch.no_grad():
        for k in range(len(which)):
            one = Prior(
                type(prior.start)(*(part[k].expand(SAMPLES, -1) for part in prior.start)),
                None if prior.h is None else prior.h[k].expand(SAMPLES, -1),
            )
            drawn = one.start.sample(torch.randn(SAMPLES, avatar.sizes.latent, generator=generator))
            spaces[0].append(drawn.numpy())
            spaces[1].append(avatar.from_prior(drawn, one).numpy())
    variances = np.array([[float(group.var(0).mean()) for group in groups] for groups in spaces])
    panels = []
    for groups, name, variance in zip(spaces, ("P", "Q"), variances, strict=True):
        labels = [f"{value:.3g}" for value in variance]
        panels.append(scatter_picture(_principal(groups), f"space of {name}; variances", labels))
    return np.concatenate(panels, 1), variances


def sample_picture(avatar: Avatar, test: Test, generator: torch.Generator) -> ByteArray:
    """Random latents of N(0, I), decoded for the view from the front; for models without a signal."""
    noise = torch.randn(FACES, avatar.sizes.latent, generator=generator)
    with torch.no_grad():
        z = avatar.from_prior(noise, avatar.prior(None, FACES))
    few = Test(test.capture, np.resize(test.frames, FACES), test.cameras)
    return np.concatenate(list(shown(avatar, few, z, test.cameras[0])[0]), 1)


def comparison(avatars: Mapping[str, tuple[Avatar, FitSettings]], test: Test) -> ByteArray:
    """The truth, and what each avatar makes of its own signal, in some of the frames."""
    which = test.frames[np.linspace(0, len(test.frames) - 1, min(FACES, len(test.frames))).astype(int)]
    few = Test(test.capture, which, test.cameras)
    rows: list[ByteArray] = []
    for name, (avatar, settings) in avatars.items():
        target = make_target(avatar.signal, avatar, test.capture, which)
        z = fit(avatar, prior_of(avatar, test.capture, which), target, settings).z
        pictures, truths, masks = shown(avatar, few, z, test.cameras[0])
        if not rows:
            rows.append(_captioned(np.concatenate(list(truths), 1), "truth"))
        kept = np.where(masks[..., None], pictures, 0)
        rows.append(_captioned(np.concatenate(list(kept), 1), name))
    return np.concatenate(rows)


def _captioned(row: ByteArray, words: str) -> ByteArray:
    image = Image.new("RGB", (row.shape[1], row.shape[0] + CAPTION), "white")
    image.paste(Image.fromarray(row), (0, CAPTION))
    ImageDraw.Draw(image).text((4, 2), words, fill="black", font=ImageFont.load_default(size=12))
    return np.asarray(image)


def _principal(groups: list[FloatArray]) -> list[FloatArray]:
    """The first two principal components of all groups together."""
    every = np.concatenate(groups)
    mean = every.mean(0)
    _, _, axes = np.linalg.svd(every - mean, full_matrices=False)
    return [(group - mean) @ axes[:2].T for group in groups]
