"""The objectives of all models as one task for ``train.loop``, with early stopping (Sec. 14.1)."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from facekit.avatar.batches import Batch, faces_batch, signal_batch, views_batch
from facekit.avatar.capture import Capture, hmc_batch, project_keypoints
from facekit.avatar.capture_augment import augment_hmc, disturb_keypoints
from facekit.avatar.components import begin_at_components
from facekit.avatar.encoder import Gaussian
from facekit.avatar.losses import Weights, entropy, image_loss, kl, kl_to_standard, mesh_loss
from facekit.avatar.models import WITHOUT_SIGNAL, Avatar, Prior
from facekit.avatar.regression import begin_at_regression
from facekit.avatar.render import Cameras, Renderer
from facekit.priors.flow import gaussian
from facekit.records import IntArray
from facekit.train.loop import step_generator

CHECKED = 48  # held-out frames that the early stopping looks at, at most
HIDDEN = 0.2  # share of the items of which training hides keypoints
MOST = 0.3  # largest share of an item's keypoints that is hidden
DRAWN = 4  # of each frame, with other noise, for the first weights of P
CLEAN = 0.25  # share of the items whose headset pictures stay as they are


@dataclass(frozen=True)
class Objective:
    """What is asked of a model besides its kind."""

    weights: Weights
    cycle: bool = True  # lip-flow: decode F^-1(F(z)); without it z itself (Table 5)
    decode_prior: bool = False  # lip-flow: decode samples of P as well (Table 5)


class Kept(nn.Module):
    """A model that learns, and the best of it so far: a checkpoint has both."""

    best_loss: Tensor
    best_step: Tensor

    def __init__(self, avatar: Avatar) -> None:
        super().__init__()
        self.avatar = avatar
        self.best = copy.deepcopy(avatar).requires_grad_(False)
        self.register_buffer("best_loss", torch.tensor(float("inf"), dtype=torch.float64))
        self.register_buffer("best_step", torch.tensor(0))

    def note(self, loss: float, step: int) -> None:
        """Keep the weights of a step where the held-out loss is least."""
        if loss < self.best_loss.item():
            self.best.load_state_dict(self.avatar.state_dict())
            self.best_loss.fill_(loss)
            self.best_step.fill_(step)


class AvatarTask:
    """Learns an avatar from the training frames of a capture."""

    def __init__(self, avatar: Avatar, capture: Capture, batch: int, objective: Objective, seed: int) -> None:
        """Sets the avatar's scales, and ActNorm's first values from a first batch."""
        self.kept, self.capture, self.size, self.objective = Kept(avatar), capture, batch, objective
        mesh = capture.mesh
        self.renderer = Renderer(mesh.faces, mesh.uv, mesh.uv_faces)
        self.frames, self.others = capture.frames("training"), capture.frames("held-out")
        with torch.no_grad():
            faces = faces_batch(capture, self.frames, avatar.sizes.texels)
            latents = None
            if avatar.kind != "dam-reg":
                points = None if capture.keypoints is None else signal_batch(capture, self.frames, "kpt")
                avatar.learn_scales(faces["vertices"], faces["textures"], points)
                if avatar.sizes.components:
                    latents = begin_at_components(avatar, faces["vertices"])
            avatar.train()
            self.losses(self.batch(0.0, step_generator(seed, 0)), 0.0)
            if avatar.sizes.components and avatar.look is not None:
                self._begin_prior(faces, latents, step_generator(seed, 0))

    def _begin_prior(self, faces: Batch, latents: Tensor | None, generator: torch.Generator) -> None:
        """First weights of P, from the latents that Q gives ``faces``; those of the mesh without Q."""
        avatar = self.avatar
        if avatar.encoder is not None:
            latents = avatar.posterior(faces["vertices"], faces["textures"]).mean
        assert latents is not None
        made = {"signal": signal_batch(self.capture, self.frames, avatar.signal)} | faces
        drawn = [self._augmented(made, self.frames, generator) for _ in range(DRAWN)]
        begin_at_regression(avatar, torch.cat(drawn), latents.repeat(DRAWN, 1))

    @property
    def avatar(self) -> Avatar:
        """The model that learns."""
        return self.kept.avatar

    @property
    def model(self) -> Kept:
        """The model that learns, with the best of it."""
        return self.kept

    def batch(self, progress: float, generator: torch.Generator) -> Batch:
        """Frames, each by one camera, and all noise."""
        which = torch.randint(len(self.frames), (self.size,), generator=generator).numpy()
        cameras = torch.randint(self.avatar.shape.cameras, (self.size,), generator=generator).numpy()
        made = self.gather(self.frames[which], cameras)
        made["noise"] = torch.randn(self.size, self.avatar.sizes.latent, generator=generator)
        if "signal" in made:
            made["signal"] = self._augmented(made, self.frames[which], generator)
        return made

    def gather(self, frames: IntArray, cameras: IntArray) -> Batch:
        """Meshes, textures, views and signals of frames, as they are."""
        avatar = self.avatar
        made = faces_batch(self.capture, frames, avatar.sizes.texels)
        made |= views_batch(self.capture, frames, cameras)
        if avatar.kind not in WITHOUT_SIGNAL:
            made["signal"] = signal_batch(self.capture, frames, avatar.signal)
        return made

    def _augmented(self, made: Batch, frames: IntArray, generator: torch.Generator) -> Tensor:
        """Headset pictures under other light before other backgrounds; keypoints with other noise, of which
        some are hidden.
        """
        signal, (count, points) = made["signal"], made["signal"].shape[:2]
        seed = int(torch.randint(2**62, (), generator=generator))
        if self.avatar.signal == "hmc":
            masks = hmc_batch(self.capture, frames).masks
            other = augment_hmc(signal.numpy(), masks, np.random.default_rng(seed))
            clean = torch.rand(count, 1, 1, 1, generator=generator) < CLEAN
            return torch.where(clean, signal, torch.from_numpy(other))
        where = self.capture.keypoints
        if where is not None and where.noise:
            exact = project_keypoints(where, made["vertices"].numpy())
            signal = torch.from_numpy(disturb_keypoints(exact, np.random.default_rng(seed), where.noise))
        some = torch.rand(count, 1, generator=generator) < HIDDEN
        share = MOST * torch.rand(count, 1, generator=generator)
        gone = some & (torch.rand(count, points, generator=generator) < share)
        return torch.where(gone[..., None], torch.nan, signal)

    def losses(self, batch: Batch, progress: float) -> dict[str, Tensor]:
        """loss; image, mesh and latent terms."""
        avatar, weights = self.avatar, self.objective.weights
        prior = avatar.prior(batch.get("signal"), len(batch["noise"]))
        if avatar.kind == "dam-reg":
            with torch.no_grad():
                target = avatar.posterior(batch["vertices"], batch["textures"]).mean
            latent = -gaussian(target, *prior.start).mean() / target.shape[1]
            return {"loss": latent, "latent": latent}
        if avatar.kind == "dam-enc":
            q = prior.start
        else:
            q = avatar.posterior(batch["vertices"], batch["textures"])
        z = q.sample(batch["noise"])
        z, latent = self._latent(q, z, prior)
        image, mesh = self._reconstruction(z, batch)
        if self.objective.decode_prior:
            drawn = avatar.from_prior(prior.start.sample(batch["noise"]), prior)
            more = self._reconstruction(drawn, batch)
            image, mesh = 0.5 * (image + more[0]), 0.5 * (mesh + more[1])
        loss = weights.image * image + weights.mesh * mesh + weights.latent * latent
        terms = {"loss": loss, "image": image, "mesh": mesh, "latent": latent}
        if weights.entropy and avatar.look is not None:
            terms["entropy"] = entropy(prior.start)
            terms["loss"] = loss + weights.entropy * terms["entropy"]
        return terms

    def _latent(self, q: Gaussian, z: Tensor, prior: Prior) -> tuple[Tensor, Tensor]:
        """What is decoded, and the term of Eq. 4, 7 or 9."""
        avatar = self.avatar
        if avatar.kind == "lip-kl":
            return z, kl(q, prior.start)
        if avatar.flow is None:
            return z, kl_to_standard(q)
        there, logdet = avatar.to_prior(z, prior)
        nll = -(gaussian(there, *prior.start) + logdet).mean() / z.shape[1]
        return (avatar.from_prior(there, prior) if self.objective.cycle else z), nll

    def _reconstruction(self, z: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Image and mesh term of decoded latents."""
        avatar = self.avatar
        vertices, textures = avatar.decode(z, batch["towards"])
        size = (int(batch["images"].shape[1]), int(batch["images"].shape[2]))
        cameras = Cameras(batch["K"], batch["R"], batch["t"])
        pictures, shown = self.renderer(vertices, textures, cameras, size)
        pictures = avatar.colours(pictures, batch["camera"])
        masks = batch["masks"] & shown
        image = image_loss(pictures, batch["images"], masks)
        return image, mesh_loss(vertices, batch["vertices"], avatar.vertex_scale)

    def check(self, step: int) -> float:
        """The loss on held-out frames without noise; keeps the weights where it is least."""
        frames = self.others[np.linspace(0, len(self.others) - 1, min(CHECKED, len(self.others))).astype(int)]
        cameras = np.arange(len(frames)) % self.avatar.shape.cameras
        self.avatar.eval()
        total = 0.0
        with torch.no_grad():
            for first in range(0, len(frames), self.size):
                part = slice(first, first + self.size)
                made = self.gather(frames[part], cameras[part])
                made["noise"] = torch.zeros(len(frames[part]), self.avatar.sizes.latent)
                device = self.avatar.vertex_mean.device
                made = {name: value.to(device) for name, value in made.items()}
                total += self.losses(made, 1.0)["loss"].item() * len(frames[part])
        self.avatar.train()
        self.kept.note(total / len(frames), step)
        return total / len(frames)

    def waited(self, step: int) -> int:
        """Steps since the held-out loss was least."""
        return step - int(self.kept.best_step.item())
