"""The pages of the site, one module each: a function from the subject to a page."""
