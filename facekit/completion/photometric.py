"""How well shapes explain the photo where it shows the face: the photometric term of Eq. 12-13.

Each shape is drawn with the camera, albedo and light of the fit, small, and compared with the photo over the
pixels that show visible skin of the fit.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch.nn.functional import grid_sample

from facekit.errors import UsageError
from facekit.fitting.skin_pixels import face_window, skin_weight
from facekit.geometry.camera import project, project_points
from facekit.geometry.normals_torch import normals_torch
from facekit.morphable.model import FaceModel
from facekit.raster.fragments import rasterize, rasterize_numpy
from facekit.raster.interpolate import interpolate
from facekit.raster.shade import linear_to_srgb, shade
from facekit.records import ByteArray, Fit, FloatArray

SIDE = 96  # px, of the picture compared
EDGE = 1  # px: pixels as near to what is not visible skin are left out
FEWEST = 50  # pixels to compare with


class Photometric:
    """The photo that shapes are compared with."""

    def __init__(self, photo: ByteArray, fit: Fit, model: FaceModel, side: int = SIDE) -> None:
        """photo (H, W, 3) uint8 sRGB, the one that was fitted.

        Raises UsageError for a photo of another size, a model without albedo, or a face of which next to
        nothing is seen.
        """
        if tuple(photo.shape[1::-1]) != tuple(int(x) for x in fit.camera.image_size):
            raise UsageError("the photo is not the one of this fit: its size differs")
        if model.albedo is None or not len(fit.code.albedo):
            raise UsageError("the fit has no albedo to draw faces with; leave out the photo")
        self.faces = model.topology.faces
        skin = fit.visible & (skin_weight(model) > 0.5)
        vertices = np.asarray(fit.vertices, np.float64)
        if not skin.any():
            raise UsageError("the photo shows nothing of the face to compare with; leave it out")
        window = face_window(photo, None, vertices[skin], fit.camera, side)
        self.size = window.linear.shape[:2]
        camera = window.camera
        self.camera = tuple(
            torch.from_numpy(np.asarray(x, np.float64)) for x in (camera.K, camera.R, camera.t)
        )
        screen = project_points(camera, vertices)[None].astype(np.float32)
        fragments = rasterize_numpy(screen, self.faces, (self.size[0], self.size[1]))
        seen = fragments.mask[0].copy()
        seen[seen] = skin[self.faces[fragments.pix_to_face[0][seen]]].all(axis=1)
        seen = cv2.erode(seen.astype(np.uint8), np.ones((2 * EDGE + 1,) * 2, np.uint8), borderValue=0) > 0
        if np.count_nonzero(seen) < FEWEST:
            raise UsageError("the photo shows too little of the face to compare with; leave it out")
        self.pixels = torch.from_numpy(seen)
        self.photo = torch.from_numpy(linear_to_srgb(window.linear[seen]).astype(np.float64))
        self.albedo = _vertex_albedo(model, fit.code.albedo)
        self.sh = torch.from_numpy(np.asarray(fit.light.sh, np.float64))

    def __call__(self, shapes: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Mean absolute difference, sRGB 0 to 1, of each shape (n, V, 3) m: (n,), and its gradient by the
        shape (n, V, 3), per m.
        """
        vertices = torch.from_numpy(np.ascontiguousarray(shapes, np.float64)).requires_grad_()
        off = (self.draw(vertices)[:, self.pixels] - self.photo).abs().mean(dim=(1, 2))
        gradient = torch.autograd.grad(off.sum(), vertices)[0]
        return off.detach().numpy(), gradient.numpy()

    def draw(self, vertices: torch.Tensor) -> torch.Tensor:
        """Pictures (n, h, w, 3), sRGB 0 to 1, of shapes (n, V, 3) float64 m; black where there is no face."""
        K, R, t = self.camera
        screen = project(K, R, t, vertices)
        fragments = rasterize(screen, self.faces, (self.size[0], self.size[1]))
        light = shade(normals_torch(vertices, self.faces), self.sh).clamp(min=0)
        colours = interpolate(fragments, self.faces, self.albedo * light)
        return linear_to_srgb(colours.clamp(0, 1))


def _vertex_albedo(model: FaceModel, code: FloatArray) -> torch.Tensor:
    """(V, 3) float64 linear RGB."""
    assert model.albedo is not None
    topology = model.topology
    texture = torch.from_numpy(np.clip(model.albedo.instance(np.asarray(code)), 0, 1).astype(np.float32))
    place = np.zeros((len(topology.parts), 2), np.float32)
    place[topology.faces.ravel()] = topology.uv[topology.uv_faces.ravel()]
    at = torch.from_numpy(np.stack([2 * place[:, 0] - 1, 1 - 2 * place[:, 1]], -1))[None, None]
    read = grid_sample(texture.permute(2, 0, 1)[None], at, padding_mode="border", align_corners=False)
    return read[0, :, 0].T.double()
