"""What stories are about: the codebook, its words in each language, and the tagger that finds them."""
