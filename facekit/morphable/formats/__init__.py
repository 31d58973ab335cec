"""Face models of other makers as :class:`FaceModel`: pure functions from the arrays of their files.

Every model arrives in facekit's units and axes: metres, y up, the face looks along +z, subject's left at +x;
modes in metres per standard deviation. Models without their own chart get a cylinder chart; models without 68
landmarks get them from named points and the default face, or stay without, and a fit that needs them says so.
"""
