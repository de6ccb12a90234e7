"""Search: stories found by what is said in them, with the moment where it is said."""
