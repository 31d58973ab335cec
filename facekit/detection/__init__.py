"""Faces and their landmarks in photos: boxes, crops, two landmark networks, and how far to trust each point."""
