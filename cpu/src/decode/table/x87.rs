//! Rows of the x87 instructions.

use super::{Rows, rows};

pub(crate) const ROWS: Rows = rows! {};
