"""Bodies that move: skeletons, motion clips, and what a headset sees of them."""
