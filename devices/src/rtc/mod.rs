//! Placeholder until the device is written.
