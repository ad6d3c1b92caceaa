//! k

/// x
pub const ALL: &[(&str, fn() -> Vec<u8>)] = &[];
