//! Pure functions over slices: how good scores are. Labels and scores in, numbers out.

pub mod binary;
pub mod calibration;
pub mod curve;
pub mod drift;
pub mod ranking;
pub mod resample;
