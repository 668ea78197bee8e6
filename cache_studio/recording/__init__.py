"""The recorder's file format: writer, reader, and where it lies for a target."""
