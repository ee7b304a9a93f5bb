"""Reports of runs of `packaging/acceptance` in real VPCs: a folder for each run, and one with reports of the simulated
VPC.
"""
