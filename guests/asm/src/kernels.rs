//! k

/// x
pub const ALL: &[(&str, fn() -> Vec<u8>)] = &[("demo_pvh", crate::demo::pvh_only)];
