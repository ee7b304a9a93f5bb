"""Documents for people: a tree of blocks, and what writes it as text, as Markdown and as a page."""
