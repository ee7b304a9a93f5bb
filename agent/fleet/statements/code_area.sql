-- Adds the areas of the questions about codes: hosts everywhere could have the fault.
INSERT INTO area SELECT q, 'everywhere', 0, services FROM code_question
