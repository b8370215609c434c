"""Images: files to pixels, pixels to what a network reads, the same for a table and for a request."""
