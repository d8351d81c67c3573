"""What is in deploy/scaling/."""
