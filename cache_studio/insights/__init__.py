"""Pure calculations on columns and access logs. Empty until the insight features arrive."""
