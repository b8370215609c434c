"""Evidence packs: what a run claims, each claim with the digests of what shows it, in a folder that can be checked anywhere."""
