//! Pure functions over slices: how good scores are.
