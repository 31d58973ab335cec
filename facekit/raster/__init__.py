"""Rasterising meshes and shading them.

fragments.py makes Fragments (``rasterize``, ``rasterize_numpy``), interpolate.py and texture.py read
attributes through them, shade.py lights, visibility.py asks what a photo shows, scene.py makes whole
pictures.
"""
