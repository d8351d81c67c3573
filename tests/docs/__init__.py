"""The documentation: what is generated in it (`python -m tests.docs`), and how tests read it."""
