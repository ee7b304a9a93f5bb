"""The promises about performance, measured as ratios in one run. Benchmarks are not tests: nothing fails here."""
