"""The rendered world: garments and things drawn by a seeded program, with their labels known.

    rng = np.random.default_rng(1)
    photo = render_photo(rng, "dress", "red")          # (320, 240, 3) uint8 B, G, R
"""
