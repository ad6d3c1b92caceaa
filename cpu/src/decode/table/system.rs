//! Rows of the system instructions.

use super::{Rows, rows};

pub(crate) const ROWS: Rows = rows! {};
