//! SSE state and instructions.

use serde::{Deserialize, Serialize};

/// XMM registers and MXCSR.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SseState {
    /// XMM0-15.
    pub xmm: [u128; 16],
    /// MXCSR.
    pub mxcsr: u32,
}

impl SseState {
    /// After RESET.
    pub fn new() -> Self {
        Self { xmm: [0; 16], mxcsr: 0x1f80 }
    }
}

impl Default for SseState {
    fn default() -> Self {
        Self::new()
    }
}
