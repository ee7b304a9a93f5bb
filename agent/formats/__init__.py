"""Each way of writing a report: one module a format."""
