"""Renders comparisons: text for people; Markdown for a pull request; JSON, SARIF and GitHub annotations for programs."""
