"""What a photo shows of the skin of a fitted face: light, and the albedo of the texels that are seen."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np

from facekit.geometry.mesh import vertex_normals
from facekit.morphable.model import FaceModel
from facekit.raster.shade import srgb_to_linear
from facekit.records import Fit, FloatArray, Light
from facekit.texture.albedo import Ground, SeenAlbedo, is_symmetric, seen_albedo
from facekit.texture.chart import Chart, chart_of
from facekit.texture.options import WHOLE, TextureOptions
from facekit.texture.places import ground
from facekit.texture.shading import even_light, exposure, shading, shelter, trusted_light, unit, whiteness
from facekit.texture.unwrap import Unwrapped, unwrap
from facekit.texture.window import Window


@dataclass(frozen=True)
class Laid:
    """A shape laid under the photo."""

    vertices: FloatArray  # (V, 3) m
    reached: FloatArray  # (V,) float32, see texture.shading.shelter
    shade: FloatArray  # (N, 3) linear RGB, the light on its texels
    seen: SeenAlbedo  # what the photo shows on it


@dataclass(frozen=True)
class Skin:
    """What the photo says of the skin of any shape that is laid under it."""

    model: FaceModel
    light: Light
    window: Window
    linear: FloatArray  # (h, w, 3) float32, the window in linear RGB
    chart: Chart
    ground: Ground
    symmetric: bool  # whether texels have mirror partners
    exposure: float  # of the textures, see texture.shading

    @classmethod
    def of(
        cls, window: Window, fit: Fit, model: FaceModel, texture_size: int, options: TextureOptions = WHOLE
    ) -> Skin:
        """The skin in a window of the fit's photo."""
        chart = chart_of(model.topology, texture_size)
        symmetric = options.symmetric and is_symmetric(chart) and bool((model.topology.mirror >= 0).all())
        linear = srgb_to_linear(window.scene.picture).astype(np.float32)
        normals = vertex_normals(np.asarray(fit.vertices, np.float64), fit.faces)[fit.visible]
        residual = json.loads(fit.stats).get("photometric_residual_srgb") or 0.0
        light = trusted_light(fit.light, normals, residual)
        if not options.separate_light:
            light = even_light(light, normals)
        brighter = exposure(fit.light, normals)
        skin = cls(model, light, window, linear, chart, ground(model, chart), symmetric, brighter)
        stronger = skin.overexposed(fit.vertices)
        if stronger == 1.0:
            return skin
        return replace(skin, light=Light(light.sh * np.float32(stronger), light.order), exposure=1.0)

    def overexposed(self, vertices: FloatArray) -> float:
        """What to multiply the light by, so that the skin seen on a shape (V, 3) m is no whiter than skin."""
        shown = self._unwrapped(vertices)
        on_face = shown.trust * self.ground.face.ravel()[self.chart.index] > 0.5
        shade = self._shade(vertices, shelter(self.model.topology, vertices))
        return whiteness(shown.colour[on_face], shade[on_face])

    def lay(self, vertices: FloatArray) -> Laid:
        """A shape (V, 3) m under the photo."""
        reached = shelter(self.model.topology, vertices)
        shade, shown = self._shade(vertices, reached), self._unwrapped(vertices)
        return Laid(vertices, reached, shade, seen_albedo(self.chart, shown.colour, shade, shown.trust))

    def _shade(self, vertices: FloatArray, reached: FloatArray) -> FloatArray:
        normals = vertex_normals(np.asarray(vertices, np.float64), self.model.topology.faces)
        return shading(unit(self.chart.at(normals)), self.light) * self.chart.at(reached)[:, None]

    def _unwrapped(self, vertices: FloatArray) -> Unwrapped:
        faces, scene = self.model.topology.faces, self.window.scene
        normals = vertex_normals(np.asarray(vertices, np.float64), faces)
        return unwrap(self.linear, scene.hidden, scene.camera, vertices, normals, faces, self.chart)
