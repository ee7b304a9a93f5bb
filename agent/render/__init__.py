"""A report in each format: one module a format, each with `render(report) -> str`."""
