"""Learned priors: flows, encoders of what is seen, and the search in their latent spaces."""
