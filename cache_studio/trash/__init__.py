"""Where removed entries wait for undo. Knows no format: copies are opaque."""
