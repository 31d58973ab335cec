"""Avatars of one person: capture data, and the networks that learn a face from it."""
