"""The trash page: what waits for undo, how much room it takes, and a way back for single entries."""
