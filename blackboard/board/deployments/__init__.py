"""Making a deployment active, and previewing it."""
