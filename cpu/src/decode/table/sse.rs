//! Rows of the sse instructions.

use super::{Rows, rows};

pub(crate) const ROWS: Rows = rows! {};
