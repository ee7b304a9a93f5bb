"""Rewrites the golden files. Read the diff before you commit it."""

from tests.agent.audit import documents
from tests.agent.catalog import text_rows
from tests.agent.judge import findings
from tests.agent.network import ways
from tests.agent.predict import not_judged
from tests.golden import FOLDER, rendered

for name, content in rendered().items():
    (FOLDER / name).write_text(content, "utf-8")
text_rows.FILE.write_text(text_rows.text_rows(), "ascii")
not_judged.FILE.write_text(not_judged.not_judged(), "ascii")
for file, rows in findings.golden_files().items():
    file.write_text(findings.written(rows), "utf-8")
documents.FILE.write_text(documents.written(), "utf-8")
ways.FILE.write_text(ways.written(), "utf-8")
