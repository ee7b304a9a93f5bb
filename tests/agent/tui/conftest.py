"""Pictures of the screen are files of SVG."""

from pytest_textual_snapshot import SVGImageExtension

# The plugin names the ending as syrupy did before 5, whose own attribute would make it "raw".
SVGImageExtension.file_extension = "svg"
