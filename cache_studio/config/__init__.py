"""Settings, profiles and paths; opens our own databases."""
