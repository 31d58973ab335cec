"""The face model: a Gaussian over meshes of one topology."""

from facekit.morphable.model import Block, FaceModel
from facekit.morphable.posterior import CodePosterior
from facekit.morphable.topology import PARTS, REGIONS, Embedding, Topology

__all__ = ["PARTS", "REGIONS", "Block", "CodePosterior", "Embedding", "FaceModel", "Topology"]
