"""The doctor: looks at each configured target, and says what is missing and how to mend it.

One file for each family holds an async function from a source to findings; `trial.py` runs each
collector once, `examination.py` does all of it side by side, `report.py` writes it down. The command
`explain` shares the trial: `explanation.py` and `explanation_text.py`.
"""
