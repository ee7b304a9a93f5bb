"""What to do about a finding: the commands of fixes, what they change, and what the predictor says of that."""
