"""What draws and what asks. Widgets draw lines that are given to them and post messages; the app decides."""
