"""Fitting a face model to a photo: landmarks first (pose, camera, shape), then pixels (light, albedo)."""
