"""Convolution on meshes with a kernel of its own at every vertex (Zhou et al. 2020, vcConv and vdPool)."""
