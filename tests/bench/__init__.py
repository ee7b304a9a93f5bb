"""The benchmarks: promises about performance, which are measured as ratios in one run. They are not tests, so nothing
fails here.
"""
