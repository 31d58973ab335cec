"""Cameras, rotations and triangle meshes."""
