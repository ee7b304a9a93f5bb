"""From measurements to a report: evidence, rules, causes and the verdict. All functions here are pure."""
