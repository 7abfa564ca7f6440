"""Pages for people: one self-contained file each, without script or request."""
