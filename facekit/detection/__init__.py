"""Faces and their landmarks in photos: boxes, crops, two networks, and how far to trust each point."""
