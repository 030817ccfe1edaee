"""Photos on disk to training pictures: data sets, splits, augmentation, recolouring."""
