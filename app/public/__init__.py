"""The public site: published collections and their stories, for everybody, without signing in."""
