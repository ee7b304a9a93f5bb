-- A code is asked of everywhere.
INSERT INTO area SELECT q, 'everywhere', 0, services FROM code_question
