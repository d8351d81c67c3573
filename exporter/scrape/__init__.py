"""The engine: runs collectors side by side under a deadline, and knows nothing of formats."""
