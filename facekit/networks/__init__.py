"""Convolutional networks of 3DFaceFill, their blocks and losses."""
