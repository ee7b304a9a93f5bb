"""Writes the golden files again; read the diff."""

from tests.agent.predict import not_judged
from tests.golden import FOLDER, rendered

for name, content in rendered().items():
    (FOLDER / name).write_text(content, "utf-8")
not_judged.FILE.write_text(not_judged.not_judged(), "ascii")
