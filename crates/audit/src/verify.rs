//! Walking a chain and saying where it breaks.
