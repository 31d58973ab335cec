"""Which pixels of a photo show the face, what is in front of it, and what is neither."""
