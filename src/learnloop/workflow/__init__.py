"""workflow: the offline story, one file a step; each loads, computes and saves."""
