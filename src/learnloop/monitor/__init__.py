"""monitor: reference and current data in, drift verdicts, gates and operational metrics out."""
