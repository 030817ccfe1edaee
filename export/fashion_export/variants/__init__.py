"""Every variant of a bundle, in one table; each is one module with one function, `convert(job) -> bytes`."""

from fashion_export.variants.table import ALL, STANDARD, Recipe, convert

__all__ = ["ALL", "STANDARD", "Recipe", "convert"]
