"""Keeps one comment of a pull request up to date: a stored report is verified, written anew as Markdown, and posted.

The report comes from a job that strangers control. Nothing of it is posted as it came: only known fields of the right type and size are
read, and Markdown is made of them here.
"""
