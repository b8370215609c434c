"""The site of a spec: pages for people who read what the system is, from the checked spec and, where there is one, its stored run."""
