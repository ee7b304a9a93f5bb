"""Writes the golden files again; read the diff."""

from tests.golden import FOLDER, rendered

for name, content in rendered().items():
    (FOLDER / name).write_text(content, "utf-8")
