"""Pictures of the screen are SVG files."""

from pytest_textual_snapshot import SVGImageExtension

# The plugin names the file ending as syrupy did before version 5, whose own attribute would make it "raw".
SVGImageExtension.file_extension = "svg"
