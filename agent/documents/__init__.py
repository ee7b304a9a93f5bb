"""Documents for people: a tree of blocks, and the renderers that write it as text, Markdown or a page."""
